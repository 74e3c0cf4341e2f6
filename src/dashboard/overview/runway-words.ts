import { formatClock, formatDay, formatWeekday } from '../design/format';

const DAY_MS = 24 * 60 * 60 * 1_000;

export interface RunwayWords {
  readonly words: string;
  /** The same where there is little room, as in a table. */
  readonly short: string;
  readonly tone: 'good' | 'warn' | 'danger';
}

/** How long the credits last, in words. `now` in milliseconds since 1970. */
export function runwayWords(
  runway: { readonly emptyAt: string | null; readonly lastsUntilReset: boolean },
  available: number,
  now: number,
): RunwayWords {
  if (available === 0) return { words: 'Nothing is left', short: 'Nothing is left', tone: 'danger' };
  if (runway.lastsUntilReset || runway.emptyAt === null) {
    return { words: 'Lasts until the reset', short: 'Until the reset', tone: 'good' };
  }
  const at = Date.parse(runway.emptyAt);
  const days = daysBetween(now, at);
  const said = (short: string, tone: 'warn' | 'danger') => ({ words: `${short} at this rate`, short, tone });
  if (at <= now) return said('Empty any moment', 'danger');
  if (days === 0) return said(`Empty today at ${formatClock(at)}`, 'danger');
  if (days === 1) return said(`Empty tomorrow at ${formatClock(at)}`, 'danger');
  if (days < 7) return said(`Empty on ${formatWeekday(at)}`, 'warn');
  return said(`Empty on ${formatDay(at)}`, 'warn');
}

/** How many midnights of the viewer's time zone lie between two instants. */
function daysBetween(from: number, to: number): number {
  return Math.round((new Date(to).setHours(0, 0, 0, 0) - new Date(from).setHours(0, 0, 0, 0)) / DAY_MS);
}
