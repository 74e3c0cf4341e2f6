const SECOND_MS = 1_000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
const MONTH_DAYS = 30.44;

const numbers = new Intl.NumberFormat();
const shortNumbers = new Intl.NumberFormat(undefined, { notation: 'compact', maximumFractionDigits: 1 });
const instants = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'long' });
const moments = new Intl.DateTimeFormat(undefined, {
  weekday: 'short',
  day: 'numeric',
  month: 'short',
  hour: 'numeric',
  minute: '2-digit',
});
const days = new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'short', year: 'numeric' });
const weekdays = new Intl.DateTimeFormat(undefined, { weekday: 'long' });
const relative = new Intl.RelativeTimeFormat(undefined, { numeric: 'auto', style: 'short' });

/** 12345 → 12,345 in the viewer's language. */
export function formatNumber(value: number): string {
  return numbers.format(value);
}

/** 12345 → 12.3K: for axes, where there is no room. */
export function formatShortNumber(value: number): string {
  return shortNumbers.format(value);
}

/** 1 credit, 1,200 credits. */
export function formatCredits(value: number): string {
  return `${numbers.format(value)} ${value === 1 ? 'credit' : 'credits'}`;
}

/** An instant to the second with its time zone. */
export function formatInstant(at: string | number): string {
  return instants.format(new Date(at));
}

/** An instant to the minute, such as Thu, 3 Dec, 14:00. */
export function formatMoment(at: string | number): string {
  return moments.format(new Date(at));
}

/** A day, such as 3 Dec 2026. */
export function formatDay(at: string | number): string {
  return days.format(new Date(at));
}

/** Monday, Tuesday… of an instant. */
export function formatWeekday(at: string | number): string {
  return weekdays.format(new Date(at));
}

/** The distance of two instants in milliseconds, in the largest unit that fits: 12 sec. ago, in 3 days. */
export function formatRelative(at: number, now: number): string {
  const distanceMs = at - now;
  const size = Math.abs(distanceMs);
  if (size < 5 * SECOND_MS) return 'just now';
  if (size < MINUTE_MS) return relative.format(Math.trunc(distanceMs / SECOND_MS), 'second');
  if (size < HOUR_MS) return relative.format(Math.trunc(distanceMs / MINUTE_MS), 'minute');
  if (size < DAY_MS) return relative.format(Math.trunc(distanceMs / HOUR_MS), 'hour');
  if (size < 60 * DAY_MS) return relative.format(Math.trunc(distanceMs / DAY_MS), 'day');
  if (size < 700 * DAY_MS) return relative.format(Math.trunc(distanceMs / DAY_MS / MONTH_DAYS), 'month');
  return relative.format(Math.trunc(distanceMs / DAY_MS / 365.25), 'year');
}

/** Time left in milliseconds: 12 d 04 h, 04 h 12 min, or 04:12 in the last hour. */
export function formatCountdown(leftMs: number): string {
  const left = Math.max(0, leftMs);
  const two = (value: number) => String(Math.floor(value)).padStart(2, '0');
  if (left >= DAY_MS) return `${Math.floor(left / DAY_MS)} d ${two((left % DAY_MS) / HOUR_MS)} h`;
  if (left >= HOUR_MS) return `${Math.floor(left / HOUR_MS)} h ${two((left % HOUR_MS) / MINUTE_MS)} min`;
  return `${two(left / MINUTE_MS)}:${two((left % MINUTE_MS) / SECOND_MS)}`;
}

const clocks = new Intl.DateTimeFormat(undefined, { hour: 'numeric', minute: '2-digit' });
const exactClocks = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit', second: '2-digit' });
const shortDays = new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'short' });
const months = new Intl.DateTimeFormat(undefined, { month: 'short', year: '2-digit' });

/** The time of day of an instant, to the minute. */
export function formatClock(at: string | number): string {
  return clocks.format(new Date(at));
}

/** The time of day of an instant, to the second; with its day where that is not the day of `now`. */
export function formatExactClock(at: string | number, now: number): string {
  const sameDay = new Date(at).toDateString() === new Date(now).toDateString();
  return `${sameDay ? '' : `${shortDays.format(new Date(at))}, `}${exactClocks.format(new Date(at))}`;
}

/** A day without its year, such as 3 Dec. */
export function formatShortDay(at: string | number): string {
  return shortDays.format(new Date(at));
}

/** A month, such as Dec 26. */
export function formatMonth(at: string | number): string {
  return months.format(new Date(at));
}
