import * as fc from 'fast-check';
import { MINUTE_MS } from '../../src/clock';
import { burnOrder, type BalanceSnapshot, type Grant } from '../../src/ledger/pool';
import { runwayOf } from '../../src/usage/runway';

const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
const NOW = Date.parse('2026-03-10T12:00:00.000Z');
const RESETS_AT = NOW + 20 * DAY_MS;

type Lot = Partial<Pick<Grant, 'source' | 'remaining' | 'expiresAt'>>;

/** A balance with these grants, which are in burn order; the plan's expire at the reset where nothing else is said. */
function balanceWith(lots: readonly Lot[], topUpsAllowed = true): BalanceSnapshot {
  const grants = lots.map(({ source = 'PLAN', remaining = 1, expiresAt = RESETS_AT }, index): Grant => {
    const opened = { ownerId: 1, sequence: index + 1, effectiveAt: NOW - DAY_MS, revokedAt: null, reason: null };
    return { ...opened, source, amount: remaining, remaining, expiresAt };
  });
  return {
    ...{ ownerId: 1, available: 0, held: 0, paused: 0, allowance: 0, usedThisPeriod: 0, version: 1, lastSequence: 1 },
    ...{ periodStart: NOW - 10 * DAY_MS, resetsAt: RESETS_AT, nextDueAt: RESETS_AT },
    ...{ grants: grants.sort(burnOrder), topUpsAllowed },
  };
}

const LASTS = { emptyAt: null, lastsUntilReset: true };
const emptyAfter = (ms: number) => ({ emptyAt: NOW + ms, lastsUntilReset: false });

describe('a runway', () => {
  it('ends when the credits are used up at this pace', () => {
    expect(runwayOf(balanceWith([{ remaining: 1_000 }]), 10, NOW)).toEqual({
      ...emptyAfter(100 * HOUR_MS),
      creditsPerHour: 10,
    });
  });

  it('is not foreseen beyond the reset', () => {
    expect(runwayOf(balanceWith([{ remaining: 1_000 }]), 2, NOW)).toEqual({ ...LASTS, creditsPerHour: 2 });
  });

  it('lasts where the last credit is used at the instant of the reset, and not where it is used just before', () => {
    const hours = (RESETS_AT - NOW) / HOUR_MS;
    expect(runwayOf(balanceWith([{ remaining: hours }]), 1, NOW)).toMatchObject(LASTS);
    expect(runwayOf(balanceWith([{ remaining: hours - 1 }]), 1, NOW)).toMatchObject(emptyAfter((hours - 1) * HOUR_MS));
  });

  it('of an empty pool ends now, at any pace', () => {
    for (const pace of [0, 1, 1_000]) {
      expect(runwayOf(balanceWith([]), pace, NOW)).toEqual({ ...emptyAfter(0), creditsPerHour: pace });
    }
  });

  it('without any use lasts, unless all that is left expires before', () => {
    expect(runwayOf(balanceWith([{ remaining: 1 }]), 0, NOW)).toEqual({ ...LASTS, creditsPerHour: 0 });
    const bonus: Lot = { source: 'BONUS', remaining: 50, expiresAt: NOW + DAY_MS };
    expect(runwayOf(balanceWith([bonus]), 0, NOW)).toMatchObject(emptyAfter(DAY_MS));
    expect(runwayOf(balanceWith([{ ...bonus, expiresAt: null }]), 0, NOW)).toMatchObject(LASTS);
  });

  it('loses what is left of a grant that expires before it is used', () => {
    // 24 of the bonus are used in the first day, the others are lost; the plan's 24 last another day.
    const lots: Lot[] = [{ source: 'BONUS', remaining: 1_000, expiresAt: NOW + DAY_MS }, { remaining: 24 }];
    expect(runwayOf(balanceWith(lots), 1, NOW)).toMatchObject(emptyAfter(2 * DAY_MS));
  });

  it('loses the whole of a grant whose turn comes after its expiry', () => {
    // Top-ups burn last, however soon they expire (rule 6).
    const lots: Lot[] = [{ remaining: 48 }, { source: 'TOP_UP', remaining: 1_000, expiresAt: NOW + DAY_MS }];
    expect(runwayOf(balanceWith(lots), 1, NOW)).toMatchObject(emptyAfter(2 * DAY_MS));
  });

  it('counts top-ups where the terms allow them, and not where they are paused', () => {
    const lots: Lot[] = [{ remaining: 24 }, { source: 'TOP_UP', remaining: 24, expiresAt: NOW + 365 * DAY_MS }];
    expect(runwayOf(balanceWith(lots), 1, NOW)).toMatchObject(emptyAfter(2 * DAY_MS));
    expect(runwayOf(balanceWith(lots, false), 1, NOW)).toMatchObject(emptyAfter(DAY_MS));
    expect(runwayOf(balanceWith(lots.slice(1), false), 1, NOW)).toMatchObject(emptyAfter(0));
  });

  it('is an instant of whole milliseconds', () => {
    const { emptyAt } = runwayOf(balanceWith([{ remaining: 100 }]), 7, NOW);
    expect(emptyAt).toBe(Math.round(NOW + (100 / 7) * HOUR_MS));
  });
});

/** Uses one credit after the other: when nothing is left, or null where the reset comes first. */
function burnOneByOne(balance: BalanceSnapshot, creditsPerHour: number, now: number): number | null {
  const lots = balance.grants.map((grant) => ({ ...grant, expiry: grant.expiresAt ?? Infinity }));
  const paused = (source: string) => source === 'TOP_UP' && !balance.topUpsAllowed;
  const last = (source: string) => (source === 'TOP_UP' ? 1 : 0);
  let instant = now;
  while (instant < balance.resetsAt) {
    const [next] = lots
      .filter(({ remaining, expiry, source }) => remaining > 0 && expiry > instant && !paused(source))
      .sort((a, b) => last(a.source) - last(b.source) || (a.expiry === b.expiry ? 0 : a.expiry - b.expiry));
    if (!next) return instant;
    const usedAt = instant + HOUR_MS / creditsPerHour;
    if (usedAt <= next.expiry) next.remaining -= 1;
    instant = Math.min(usedAt, next.expiry);
  }
  return null;
}

it('a runway is that of whoever uses one credit after the other', () => {
  const lot = fc.record({
    source: fc.constantFrom('PLAN' as const, 'BONUS' as const, 'TOP_UP' as const),
    remaining: fc.integer({ min: 1, max: 60 }),
    expiresAt: fc.option(fc.integer({ min: NOW + 1, max: RESETS_AT + 5 * DAY_MS })),
  });
  const pace = fc.oneof(fc.constant(0), fc.double({ min: 0.01, max: 40, noNaN: true }));
  const seen = { lasted: 0, ended: 0 };
  fc.assert(
    fc.property(fc.array(lot, { maxLength: 6 }), fc.boolean(), pace, (lots, topUpsAllowed, creditsPerHour) => {
      const balance = balanceWith(lots, topUpsAllowed);
      const expected = burnOneByOne(balance, creditsPerHour, NOW);
      // Sums of many fractions and one product differ by less than a millisecond.
      fc.pre(expected === null || RESETS_AT - expected > 1);
      const { emptyAt, lastsUntilReset } = runwayOf(balance, creditsPerHour, NOW);
      expect(lastsUntilReset).toBe(expected === null);
      seen[expected === null ? 'lasted' : 'ended'] += 1;
      if (expected === null) expect(emptyAt).toBeNull();
      else expect(Math.abs((emptyAt as number) - expected)).toBeLessThanOrEqual(1);
    }),
    { numRuns: 1_000 },
  );
  expect(Math.min(seen.lasted, seen.ended)).toBeGreaterThan(50);
});
