import * as fc from 'fast-check';
import { renewal, renewalAfter } from '../../src/ledger/period';

const DAY_MS = 86_400_000;
const at = (text: string) => Date.parse(text);
const text = (instant: number) => new Date(instant).toISOString();

/** Instants of two centuries, and how many months to look ahead: up to 100 years. */
const anchors = fc.integer({ min: at('1970-01-01T00:00:00Z'), max: at('2170-01-01T00:00:00Z') });
const monthsAhead = fc.integer({ min: 0, max: 1_200 });

/** How many days a month has, by a calendar that is not the code's. */
function daysIn(year: number, month: number): number {
  const isLeap = (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0;
  return [31, isLeap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][month] as number;
}

describe('a renewal (rule 4)', () => {
  test.each([
    ['2026-01-31T10:00:00.000Z', 1, '2026-02-28T10:00:00.000Z'],
    ['2026-01-31T10:00:00.000Z', 2, '2026-03-31T10:00:00.000Z'],
    ['2027-12-31T23:59:59.999Z', 2, '2028-02-29T23:59:59.999Z'],
    ['2028-02-29T00:00:00.000Z', 12, '2029-02-28T00:00:00.000Z'],
    ['2028-02-29T00:00:00.000Z', 48, '2032-02-29T00:00:00.000Z'],
    ['2099-12-31T12:00:00.000Z', 2, '2100-02-28T12:00:00.000Z'],
    ['1999-12-31T12:00:00.000Z', 2, '2000-02-29T12:00:00.000Z'],
    ['2026-11-15T06:07:08.009Z', 2, '2027-01-15T06:07:08.009Z'],
  ])('%s and %i months later: %s', (anchor, months, expected) => {
    expect(text(renewal(at(anchor), months))).toBe(expected);
  });

  it('keeps the time of day and the anchor’s day, or takes the last day of a shorter month', () => {
    fc.assert(
      fc.property(anchors, monthsAhead, (anchor, months) => {
        const from = new Date(anchor);
        const to = new Date(renewal(anchor, months));
        const count = from.getUTCFullYear() * 12 + from.getUTCMonth() + months;
        const [year, month] = [Math.floor(count / 12), count % 12];
        expect(text(to.getTime()).slice(10)).toBe(text(anchor).slice(10));
        expect([to.getUTCFullYear(), to.getUTCMonth()]).toEqual([year, month]);
        expect(to.getUTCDate()).toBe(Math.min(from.getUTCDate(), daysIn(year, month)));
      }),
    );
  });

  it('drifts by nothing in 100 years: each is counted from the anchor', () => {
    const anchor = at('2026-01-31T10:00:00Z');
    let instant = anchor;
    for (let month = 1; month <= 1_200; month++) instant = renewalAfter(anchor, instant);
    expect(text(instant)).toBe('2126-01-31T10:00:00.000Z');
  });
});

describe('the next renewal', () => {
  it('at a renewal is the one after it', () => {
    const anchor = at('2026-01-31T10:00:00Z');
    expect(text(renewalAfter(anchor, anchor))).toBe('2026-02-28T10:00:00.000Z');
    expect(text(renewalAfter(anchor, at('2026-02-28T10:00:00Z')))).toBe('2026-03-31T10:00:00.000Z');
    expect(text(renewalAfter(anchor, at('2026-02-28T09:59:59.999Z')))).toBe('2026-02-28T10:00:00.000Z');
  });

  it('is the first one after an instant: none lies between', () => {
    fc.assert(
      fc.property(anchors, fc.integer({ min: 0, max: 36_600 * DAY_MS }), (anchor, later) => {
        const after = anchor + later;
        const next = renewalAfter(anchor, after);
        const all = Array.from({ length: 1_230 }, (_, index) => renewal(anchor, index + 1));
        expect(next).toBe(all.find((instant) => instant > after));
      }),
      { numRuns: 200 },
    );
  });

  it('never goes back when time goes on', () => {
    fc.assert(
      fc.property(anchors, fc.nat(3_000 * DAY_MS), fc.nat(40 * DAY_MS), (anchor, later, more) => {
        const next = renewalAfter(anchor, anchor + later);
        expect(renewalAfter(anchor, anchor + later + more)).toBeGreaterThanOrEqual(next);
      }),
    );
  });

  it('of an instant before the subscription is its first renewal', () => {
    const anchor = at('2026-01-31T10:00:00Z');
    expect(text(renewalAfter(anchor, at('2020-06-01T00:00:00Z')))).toBe('2026-02-28T10:00:00.000Z');
  });
});
