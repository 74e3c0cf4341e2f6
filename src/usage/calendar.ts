import { DateTime, IANAZone } from 'luxon';
import { HOUR_MS, MINUTE_MS, type Instant } from '../clock';
import { assert, badUserInput } from '../errors';

export const USAGE_INTERVALS = ['HOUR', 'DAY', 'MONTH'] as const;
export type UsageInterval = (typeof USAGE_INTERVALS)[number];

/** Usage is counted by quarters of an hour in UTC: every zone's hours, days and months begin at the start of one. */
export const QUARTER_MS = 15 * MINUTE_MS;
const LONGEST_DAY_MS = 26 * HOUR_MS;

export const MAX_BUCKETS = 1_000;

export interface TimeSpan {
  readonly from: Instant;
  readonly to: Instant;
}

/** Buckets of one length, one after the other, from `from` to `to`. */
export interface BucketRun extends TimeSpan {
  readonly lengthMs: number;
}

/**
 * The starts of the buckets that cover `from` <= t < `to` in a time zone, and the end of the last one: the first may
 * start before `from`. A bucket is an hour, day or month of the local calendar: a day has 23 or 25 hours where the
 * clocks change, and the hour that is lived twice is two buckets. BAD_USER_INPUT where the zone is no IANA name, `to`
 * is not after `from`, or there are more than 1,000.
 */
export function bucketStarts(asked: TimeSpan & { interval: UsageInterval; timeZone: string }): Instant[] {
  const { from, to, interval, timeZone } = asked;
  const zone = zoneNamed(timeZone);
  if (to <= from) throw badUserInput([{ path: 'to', message: 'must be after from' }]);
  const next = (start: Instant) => {
    const end = NEXT_START[interval](start, zone);
    assert(end > start, 'a bucket ends after it starts, or the search for the next one would never end');
    return end;
  };
  const starts: Instant[] = [];
  // From the bucket before: a start that is lived twice is only found from before it.
  for (let start = START_BEFORE[interval](from, zone); start < to; start = next(start)) {
    if (start <= from) starts.length = 0;
    starts.push(start);
    if (starts.length > MAX_BUCKETS) {
      throw badUserInput([{ path: 'to', message: `must be at most ${MAX_BUCKETS} buckets after from` }]);
    }
  }
  const last = starts.at(-1) as Instant;
  return [...starts, next(last)];
}

/** Aliases and names in another case are names too. */
function zoneNamed(timeZone: string): IANAZone {
  try {
    // Offsets such as +05:37, which Intl takes for zones too, do not begin with a letter.
    if (/^[A-Za-z]/.test(timeZone)) {
      // By its own name: luxon keeps every name that it meets, and each has thousands of ways to mix its cases.
      return IANAZone.create(new Intl.DateTimeFormat('en', { timeZone }).resolvedOptions().timeZone);
    }
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
  }
  throw badUserInput([{ path: 'timeZone', message: 'must be the name of an IANA time zone, such as Europe/Berlin' }]);
}

/** The start of the bucket before that of an instant, or of one before it. */
const START_BEFORE: Record<UsageInterval, (instant: Instant, zone: IANAZone) => Instant> = {
  HOUR: (instant, zone) => startOf('hour', instant - HOUR_MS, zone),
  DAY: (instant, zone) => startOf('day', instant - LONGEST_DAY_MS, zone),
  MONTH: (instant, zone) => startOf('month', startOf('month', instant, zone) - LONGEST_DAY_MS, zone),
};

function startOf(unit: 'hour' | 'day' | 'month', instant: Instant, zone: IANAZone): Instant {
  return DateTime.fromMillis(instant, { zone }).startOf(unit).toMillis();
}

const NEXT_START: Record<UsageInterval, (start: Instant, zone: IANAZone) => Instant> = {
  HOUR: nextHour,
  DAY: (start, zone) => DateTime.fromMillis(start, { zone }).plus({ days: 1 }).startOf('day').toMillis(),
  MONTH: (start, zone) => DateTime.fromMillis(start, { zone }).plus({ months: 1 }).startOf('month').toMillis(),
};

/**
 * The end of the local hour, or the instant within it at which the clocks change: by half an hour on Lord Howe
 * Island.
 */
function nextHour(start: Instant, zone: IANAZone): Instant {
  const offset = (instant: Instant) => zone.offset(instant) * MINUTE_MS;
  const end = start + HOUR_MS - ((start + offset(start)) % HOUR_MS);
  if (offset(end) === offset(start)) return end;
  let change = start + QUARTER_MS;
  while (offset(change) === offset(start)) change += QUARTER_MS;
  return change;
}

/** Consecutive buckets of equal length as runs, so that what counts them needs one look per run. */
export function bucketRuns(starts: readonly Instant[]): BucketRun[] {
  const runs: { from: Instant; to: Instant; lengthMs: number }[] = [];
  for (let i = 0; i + 1 < starts.length; i++) {
    const [from, to] = [starts[i] as Instant, starts[i + 1] as Instant];
    const last = runs.at(-1);
    if (last?.lengthMs === to - from) last.to = to;
    else runs.push({ from, to, lengthMs: to - from });
  }
  return runs;
}

export function quarterOf(instant: Instant): Instant {
  return Math.floor(instant / QUARTER_MS) * QUARTER_MS;
}

export function quarterFrom(instant: Instant): Instant {
  return Math.ceil(instant / QUARTER_MS) * QUARTER_MS;
}
