import type { UsageInterval } from './usage.generated';

const HOUR_MS = 60 * 60 * 1_000;
const HOURS = 48;
const DAYS = 30;
const MONTHS = 12;

/** From when to when usage is shown: two days, thirty days or a year, up to the end of this hour, by the viewer's calendar. */
export function usageRange(interval: UsageInterval, now: number): { readonly from: string; readonly to: string } {
  const to = (Math.floor(now / HOUR_MS) + 1) * HOUR_MS;
  const from = new Date(to - 1);
  if (interval === 'HOUR') from.setTime(to - HOURS * HOUR_MS);
  else if (interval === 'DAY') {
    from.setHours(0, 0, 0, 0);
    from.setDate(from.getDate() - DAYS + 1);
  } else {
    from.setHours(0, 0, 0, 0);
    // The first, before the month is changed: a 31st would spill over.
    from.setDate(1);
    from.setMonth(from.getMonth() - MONTHS + 1);
  }
  return { from: from.toISOString(), to: new Date(to).toISOString() };
}
