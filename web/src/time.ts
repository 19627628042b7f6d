/** Times as people read them, in the time zone of the browser. */

const CLOCK = new Intl.DateTimeFormat(undefined, { timeStyle: 'short' });
const WEEKDAY = new Intl.DateTimeFormat('en', { weekday: 'long' });
const SHORT_WEEKDAY = new Intl.DateTimeFormat('en', { weekday: 'short' });
const DATE = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'long' });
const SHORT_DATE = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short' });
const DATE_AND_YEAR = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'long', year: 'numeric' });
const SHORT_DATE_AND_YEAR = new Intl.DateTimeFormat('en-GB', {
  day: 'numeric',
  month: 'short',
  year: 'numeric',
});
const EXACT = new Intl.DateTimeFormat('en-GB', { dateStyle: 'full', timeStyle: 'medium' });

export function clockTime(time: Date): string {
  return CLOCK.format(time);
}

export function exactTime(time: Date): string {
  return EXACT.format(time);
}

/** The day of a time, for day separators: Today, Yesterday, Monday, 3 March, 3 March 2024. */
export function dayName(time: Date, now: Date): string {
  const age = daysBetween(time, now);
  if (age === 0) return 'Today';
  if (age === 1) return 'Yesterday';
  if (age > 1 && age < 7) return WEEKDAY.format(time);
  return (time.getFullYear() === now.getFullYear() ? DATE : DATE_AND_YEAR).format(time);
}

/** The same, short, with the time of day for today: for lists. */
export function shortTime(time: Date, now: Date): string {
  const age = daysBetween(time, now);
  if (age === 0) return clockTime(time);
  if (age === 1) return 'Yesterday';
  if (age > 1 && age < 7) return SHORT_WEEKDAY.format(time);
  return (time.getFullYear() === now.getFullYear() ? SHORT_DATE : SHORT_DATE_AND_YEAR).format(time);
}

/** A key that all times of a local day have in common. */
export function dayKey(time: Date): string {
  return `${time.getFullYear()}-${time.getMonth() + 1}-${time.getDate()}`;
}

/** How many local days `time` lies before `now`; negative if it lies after. */
function daysBetween(time: Date, now: Date): number {
  const midnight = (date: Date): number => Date.UTC(date.getFullYear(), date.getMonth(), date.getDate());
  return Math.round((midnight(now) - midnight(time)) / 86_400_000);
}
