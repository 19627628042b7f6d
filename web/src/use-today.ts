import { useEffect, useState } from 'preact/hooks';
import { dayKey } from './time.ts';

/** The interval between two checks, in milliseconds. Timers stop while a computer sleeps. */
const INTERVAL_MS = 60_000;

/** The key of the current day. The component renders again on the next day. */
export function useToday(): string {
  const [today, setToday] = useState(() => dayKey(new Date()));
  useEffect(() => {
    const update = (): void => {
      setToday(dayKey(new Date()));
    };
    const timer = setInterval(update, INTERVAL_MS);
    document.addEventListener('visibilitychange', update);
    return () => {
      clearInterval(timer);
      document.removeEventListener('visibilitychange', update);
    };
  }, []);
  return today;
}
