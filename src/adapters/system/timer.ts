import type { Timer } from '../../application/ports/timer.ts';

/** The host's timer. */
export const HOST_TIMER: Timer = {
  after(milliseconds, callback) {
    const timer = setTimeout(callback, milliseconds);
    return () => {
      clearTimeout(timer);
    };
  },
};
