import { formatClock, formatDay, formatWeekday } from '../design/format';

const DAY_MS = 24 * 60 * 60 * 1_000;

export interface RunwayWords {
  readonly words: string;
  readonly tone: 'good' | 'warn' | 'danger';
}

/** How long the credits last, in words. `now` in milliseconds since 1970. */
export function runwayWords(
  runway: { readonly emptyAt: string | null; readonly lastsUntilReset: boolean },
  available: number,
  now: number,
): RunwayWords {
  if (available === 0) return { words: 'Nothing is left', tone: 'danger' };
  if (runway.lastsUntilReset || runway.emptyAt === null) return { words: 'Lasts until the reset', tone: 'good' };
  const at = Date.parse(runway.emptyAt);
  const days = daysBetween(now, at);
  if (at <= now) return { words: 'Empty any moment at this rate', tone: 'danger' };
  if (days === 0) return { words: `Empty today at ${formatClock(at)} at this rate`, tone: 'danger' };
  if (days === 1) return { words: `Empty tomorrow at ${formatClock(at)} at this rate`, tone: 'danger' };
  if (days < 7) return { words: `Empty on ${formatWeekday(at)} at this rate`, tone: 'warn' };
  return { words: `Empty on ${formatDay(at)} at this rate`, tone: 'warn' };
}

/** How many midnights of the viewer's time zone lie between two instants. */
function daysBetween(from: number, to: number): number {
  return Math.round((new Date(to).setHours(0, 0, 0, 0) - new Date(from).setHours(0, 0, 0, 0)) / DAY_MS);
}
