import * as fc from 'fast-check';
import { MINUTE_MS } from '../../src/clock';
import { bucketRuns, bucketStarts, MAX_BUCKETS, type UsageInterval } from '../../src/usage/calendar';
import { WallClock } from '../support/wall-clock';

const QUARTER_MS = 15 * MINUTE_MS;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
const ZONES = Intl.supportedValuesOf('timeZone');
const INTERVALS: readonly UsageInterval[] = ['HOUR', 'DAY', 'MONTH'];

const at = (text: string) => Date.parse(text);
const text = (instant: number) => new Date(instant).toISOString().replace(':00.000Z', 'Z');

/** The starts of the buckets and the end of the last one, as text. */
function startsOf(timeZone: string, interval: UsageInterval, from: string, to: string): string[] {
  return bucketStarts({ from: at(from), to: at(to), interval, timeZone }).map(text);
}

/** How many hours each bucket lasts. */
function hoursOf(timeZone: string, interval: UsageInterval, from: string, to: string): number[] {
  return lengthsOf(bucketStarts({ from: at(from), to: at(to), interval, timeZone })).map((ms) => ms / HOUR_MS);
}

function lengthsOf(starts: readonly number[]): number[] {
  return starts.slice(1).map((end, index) => end - (starts[index] as number));
}

describe('the buckets of usage', () => {
  it('cover the span: the first may start before it, and the last may end after it', () => {
    expect(startsOf('UTC', 'HOUR', '2026-03-01T10:20Z', '2026-03-01T11:01Z')).toEqual([
      '2026-03-01T10:00Z',
      '2026-03-01T11:00Z',
      '2026-03-01T12:00Z',
    ]);
  });

  it('end with the span where it ends with a bucket: the end is not part of it', () => {
    expect(startsOf('UTC', 'DAY', '2026-03-01T00:00Z', '2026-03-02T00:00Z')).toEqual([
      '2026-03-01T00:00Z',
      '2026-03-02T00:00Z',
    ]);
    expect(startsOf('UTC', 'DAY', '2026-03-01T00:00:00.000Z', '2026-03-02T00:00:00.001Z')).toHaveLength(3);
    expect(startsOf('UTC', 'DAY', '2026-02-28T23:59:59.999Z', '2026-03-02T00:00Z')).toHaveLength(3);
  });

  it('are months of the calendar, with 29 days in a leap year’s February', () => {
    expect(hoursOf('UTC', 'MONTH', '2028-01-01T00:00Z', '2028-05-01T00:00Z')).toEqual([31, 29, 31, 30].map(inHours));
    expect(hoursOf('UTC', 'MONTH', '2027-02-15T00:00Z', '2027-02-16T00:00Z')).toEqual([28].map(inHours));
    expect(hoursOf('UTC', 'MONTH', '2100-02-01T00:00Z', '2100-02-02T00:00Z')).toEqual([28].map(inHours));
  });

  it('are months of 31 days less an hour and 31 days and an hour where the clocks change in them', () => {
    expect(hoursOf('Europe/Berlin', 'MONTH', '2026-03-10T00:00Z', '2026-03-11T00:00Z')).toEqual([31 * 24 - 1]);
    expect(hoursOf('Europe/Berlin', 'MONTH', '2026-10-10T00:00Z', '2026-10-11T00:00Z')).toEqual([31 * 24 + 1]);
  });

  it('are days of 23 and of 25 hours where the clocks change', () => {
    expect(hoursOf('Europe/Berlin', 'DAY', '2026-03-27T23:00Z', '2026-03-30T22:00Z')).toEqual([24, 23, 24]);
    expect(hoursOf('Europe/Berlin', 'DAY', '2026-10-23T22:00Z', '2026-10-26T23:00Z')).toEqual([24, 25, 24]);
    expect(startsOf('Europe/Berlin', 'DAY', '2026-03-28T23:00Z', '2026-03-29T22:00Z')).toEqual([
      '2026-03-28T23:00Z',
      '2026-03-29T22:00Z',
    ]);
  });

  it('are two hours where one is lived twice, and none where one is left out', () => {
    expect(startsOf('Europe/Berlin', 'HOUR', '2026-10-24T23:00Z', '2026-10-25T03:00Z')).toEqual([
      '2026-10-24T23:00Z',
      '2026-10-25T00:00Z',
      '2026-10-25T01:00Z',
      '2026-10-25T02:00Z',
      '2026-10-25T03:00Z',
    ]);
    expect(hoursOf('Europe/Berlin', 'HOUR', '2026-03-29T00:30Z', '2026-03-29T01:30Z')).toEqual([1, 1]);
  });

  it('are half an hour where the clocks change by half an hour, on Lord Howe Island', () => {
    expect(hoursOf('Australia/Lord_Howe', 'HOUR', '2026-04-04T13:00Z', '2026-04-04T17:00Z')).toEqual([1, 1, 0.5, 1, 1]);
    expect(hoursOf('Australia/Lord_Howe', 'HOUR', '2026-10-03T14:30Z', '2026-10-03T17:00Z')).toEqual([1, 0.5, 1]);
    expect(hoursOf('Australia/Lord_Howe', 'DAY', '2026-04-04T13:00Z', '2026-04-05T13:30Z')).toEqual([24.5]);
    expect(startsOf('Australia/Lord_Howe', 'HOUR', '2026-04-04T15:10Z', '2026-04-04T15:20Z')).toEqual([
      '2026-04-04T15:00Z',
      '2026-04-04T15:30Z',
    ]);
  });

  it('begin at a quarter to the hour in Nepal, which is 05:45 ahead', () => {
    const expected = ['2026-06-01T18:15Z', '2026-06-02T18:15Z'];
    expect(startsOf('Asia/Kathmandu', 'DAY', '2026-06-02T00:00Z', '2026-06-02T01:00Z')).toEqual(expected);
    expect(startsOf('Asia/Kathmandu', 'HOUR', '2026-06-02T00:14Z', '2026-06-02T00:16Z')).toEqual([
      '2026-06-01T23:15Z',
      '2026-06-02T00:15Z',
      '2026-06-02T01:15Z',
    ]);
  });

  it('begin with the first of two midnights, in Havana', () => {
    // At 01:00 (05:00 UTC) on 1 November the clocks go back to midnight.
    const day = ['2026-11-01T04:00Z', '2026-11-02T05:00Z'];
    expect(startsOf('America/Havana', 'DAY', '2026-11-01T04:00Z', '2026-11-01T04:30Z')).toEqual(day);
    expect(startsOf('America/Havana', 'DAY', '2026-11-01T05:00Z', '2026-11-01T05:30Z')).toEqual(day);
    expect(startsOf('America/Havana', 'MONTH', '2026-11-01T05:10Z', '2026-11-01T05:30Z')).toEqual([
      '2026-11-01T04:00Z',
      '2026-12-01T05:00Z',
    ]);
  });

  test.each([
    ['Asia/Beirut', '2026-03-28T22:00Z', 23],
    ['Africa/Cairo', '2026-04-23T22:00Z', 23],
    ['America/Santiago', '2026-09-06T04:00Z', 23],
    ['America/Havana', '2026-03-08T05:00Z', 23],
  ])('begin at one o’clock on the day without a midnight, in %s', (timeZone, start, hours) => {
    const soon = text(at(start) + HOUR_MS);
    expect(startsOf(timeZone, 'DAY', soon, text(at(soon) + HOUR_MS))[0]).toBe(start);
    expect(hoursOf(timeZone, 'DAY', start, soon)).toEqual([hours]);
    expect(startsOf(timeZone, 'DAY', text(at(start) - 1), soon)).toHaveLength(3);
  });

  it('leave out the day that Samoa left out', () => {
    // 29 December 2011 was followed by the 31st.
    expect(startsOf('Pacific/Apia', 'DAY', '2011-12-29T10:00Z', '2012-01-01T10:00Z')).toEqual([
      '2011-12-29T10:00Z',
      '2011-12-30T10:00Z',
      '2011-12-31T10:00Z',
      '2012-01-01T10:00Z',
    ]);
  });

  test.each(INTERVALS)('may be 1,000 and no more, by %s', (interval) => {
    const from = '2020-01-01T00:00Z';
    const lengthOf = { HOUR: '2020-02-11T16:00Z', DAY: '2022-09-27T00:00Z', MONTH: '2103-05-01T00:00Z' };
    const to = lengthOf[interval];
    expect(startsOf('UTC', interval, from, to)).toHaveLength(MAX_BUCKETS + 1);
    expect(() => startsOf('UTC', interval, from, text(at(to) + 1))).toThrow(/at most 1000 buckets/);
  });

  test.each(['9999-12-31T23:59Z', '2500-01-01T00:00Z'])('are counted no further than the limit until %s', (to) => {
    expect(() => startsOf('Europe/Berlin', 'HOUR', '0001-01-01T00:00Z', to)).toThrow(/1000 buckets/);
  });

  it('need an end after the beginning', () => {
    const instant = '2026-03-01T00:00Z';
    expect(() => startsOf('UTC', 'DAY', instant, instant)).toThrow(/after from/);
    expect(() => startsOf('UTC', 'DAY', instant, '2026-02-01T00:00Z')).toThrow(/after from/);
    expect(startsOf('UTC', 'DAY', instant, '2026-03-01T00:00:00.001Z')).toHaveLength(2);
  });

  test.each([
    ...['', ' ', '+05:37', '-00:00', '05:00', 'Mars/Base', 'Europe/Berlin ', 'Europe', 'UTC+3', 'GMT+5', 'local'],
    ...['null', '__proto__', 'Europe/Berlin\u0000', 'Ä'],
  ])('have no zone of the name %j', (timeZone) => {
    expect(() => startsOf(timeZone, 'DAY', '2026-03-01T00:00Z', '2026-03-02T00:00Z')).toThrow(/IANA time zone/);
  });

  test.each([
    ['europe/berlin', 'Europe/Berlin'],
    ['EUROPE/BERLIN', 'Europe/Berlin'],
    ['Asia/Katmandu', 'Asia/Kathmandu'],
    ['US/Pacific', 'America/Los_Angeles'],
    ['Zulu', 'UTC'],
    ['utc', 'UTC'],
  ])('take %s for %s', (alias, timeZone) => {
    const [from, to] = ['2026-03-01T00:00Z', '2026-04-20T00:00Z'];
    expect(startsOf(alias, 'DAY', from, to)).toEqual(startsOf(timeZone, 'DAY', from, to));
  });
});

function inHours(days: number): number {
  return days * 24;
}

/** Everything that is promised of buckets, by a calendar that is not the code's. */
function expectBuckets(asked: { from: number; to: number; interval: UsageInterval; timeZone: string }): void {
  const { from, to, interval, timeZone } = asked;
  const clock = WallClock.of(timeZone);
  const starts = bucketStarts(asked);
  const labels = starts.map((start) => clock.label(interval, start));
  const faults: string[] = [];
  const expectThat = (holds: boolean, what: string) => {
    if (!holds) faults.push(`${timeZone} ${interval}: ${what}`);
  };
  starts.forEach((start, index) => {
    expectThat(start % QUARTER_MS === 0, `${text(start)} lies on no quarter`);
    expectThat(clock.label(interval, start - 1) !== labels[index], `${text(start)} is not the first of its bucket`);
    const end = starts[index + 1];
    if (end === undefined) return;
    expectThat(end > start, `${text(end)} does not ascend`);
    expectThat(clock.label(interval, end - 1) === labels[index], `${text(start)} goes on beyond its end`);
  });
  expectThat(new Set(labels).size === labels.length, 'a bucket comes twice');
  expectThat((starts[0] as number) <= from && from < (starts[1] as number), 'the first bucket holds the beginning');
  const [lastStart, end] = starts.slice(-2) as [number, number];
  expectThat(lastStart < to && to <= end, 'the last bucket holds the end');
  const tiled = bucketRuns(starts).flatMap((run) => {
    expectThat((run.to - run.from) % run.lengthMs === 0, 'a run has a broken bucket');
    return Array.from({ length: (run.to - run.from) / run.lengthMs }, (_, index) => run.from + index * run.lengthMs);
  });
  expect(faults).toEqual([]);
  expect([...tiled, end]).toEqual(starts);
}

describe('in every time zone', () => {
  it('buckets tile the span from first instants of local hours, days and months', () => {
    const bucketMs = { HOUR: HOUR_MS, DAY: DAY_MS, MONTH: 30 * DAY_MS };
    fc.assert(
      fc.property(
        fc.constantFrom(...ZONES),
        fc.constantFrom(...INTERVALS),
        fc.integer({ min: at('1990-01-01T00:00Z'), max: at('2037-01-01T00:00Z') }),
        fc.double({ min: 0.0001, max: 30, noNaN: true }),
        (timeZone, interval, from, buckets) =>
          expectBuckets({ timeZone, interval, from, to: from + Math.ceil(buckets * bucketMs[interval]) }),
      ),
      { numRuns: 400 },
    );
  });

  it('they do where the clocks change, wherever the span begins', () => {
    let changes = 0;
    for (const timeZone of ZONES) {
      for (let month = 0; month < 12; month++) {
        const change = WallClock.of(timeZone).changeBetween(Date.UTC(2026, month, 1), Date.UTC(2026, month + 1, 1));
        if (change === null) continue;
        changes += 1;
        for (const from of [change - 40 * MINUTE_MS, change - 1, change, change + 20 * MINUTE_MS]) {
          expectBuckets({ timeZone, interval: 'HOUR', from, to: from + HOUR_MS });
        }
        for (const from of [change - 1, change]) expectBuckets({ timeZone, interval: 'DAY', from, to: from + HOUR_MS });
      }
    }
    // So that it cannot pass by finding none.
    expect(changes).toBeGreaterThan(200);
  });

  it('a span of any age has buckets, in finite time', () => {
    for (const year of ['0001', '0099', '1844', '1867', '1911', '1969', '9999']) {
      for (const timeZone of ['UTC', 'Europe/Berlin', 'Asia/Manila', 'America/Juneau', 'Africa/Monrovia']) {
        for (const interval of INTERVALS) {
          const from = at(`${year}-12-29T00:00:00Z`);
          const to = from + 50 * HOUR_MS;
          const starts = bucketStarts({ from, to, interval, timeZone });
          expect(Math.min(...lengthsOf(starts))).toBeGreaterThan(0);
          expect(starts[0]).toBeLessThanOrEqual(from);
          expect(starts.at(-1)).toBeGreaterThanOrEqual(to);
        }
      }
    }
  });
});
