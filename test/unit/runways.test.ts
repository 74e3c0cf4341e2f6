import { MINUTE_MS, SECOND_MS } from '../../src/clock';
import type { BalanceSnapshot } from '../../src/ledger/pool';
import { Runways } from '../../src/usage/runways';
import type { RecentUse } from '../../src/usage/usage';

const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
const NOW = Date.parse('2026-03-10T12:07:00.000Z');
const PERIOD_START = NOW - 10 * DAY_MS;

/** Usage that says what the test wants, and knows how often it was asked. */
function scene(use: Partial<RecentUse> = {}) {
  const clock = { instant: NOW, now: () => clock.instant };
  const asked: { ownerId: number; quarter: number }[] = [];
  const usage = {
    use: { credits: 0, createdAt: PERIOD_START, periodStart: PERIOD_START, usedThisPeriod: 0, ...use },
    failure: null as Error | null,
    usedSince: (ownerId: number, quarter: number): Promise<RecentUse> => {
      asked.push({ ownerId, quarter });
      return usage.failure ? Promise.reject(usage.failure) : Promise.resolve(usage.use);
    },
  };
  const runways = new Runways(usage, clock);
  const paceOf = async (balance: Partial<BalanceSnapshot>) =>
    (await runways.of({ ...BALANCE, ...balance })).creditsPerHour;
  return { clock, asked, usage, runways, paceOf };
}

const BALANCE: BalanceSnapshot = {
  ...{ ownerId: 1, available: 0, held: 0, paused: 0, allowance: 0, usedThisPeriod: 0, version: 1, lastSequence: 1 },
  ...{ periodStart: PERIOD_START, resetsAt: NOW + 20 * DAY_MS, nextDueAt: NOW + 20 * DAY_MS },
  ...{ grants: [], topUpsAllowed: true },
};

describe('the pace of an owner', () => {
  it('is what was used since the quarter of an hour in which the last 24 hours began, by the hour', async () => {
    const { asked, paceOf } = scene({ credits: 241.166 });
    // 12:07 a day ago lies in the quarter of 12:00.
    expect(await paceOf({})).toBeCloseTo(241.166 / (24 + 7 / 60), 10);
    expect(asked).toEqual([{ ownerId: 1, quarter: NOW - DAY_MS - 7 * MINUTE_MS }]);
  });

  it('of a new owner is that of its own time, but of one hour at least', async () => {
    expect(await scene({ credits: 30, createdAt: NOW - 3 * HOUR_MS }).paceOf({})).toBe(10);
    expect(await scene({ credits: 30, createdAt: NOW - HOUR_MS }).paceOf({})).toBe(30);
    expect(await scene({ credits: 30, createdAt: NOW - SECOND_MS }).paceOf({})).toBe(30);
    // By a clock that went back.
    expect(await scene({ credits: 30, createdAt: NOW + HOUR_MS }).paceOf({})).toBe(30);
  });

  it('is carried on from the pool itself: 10,000 debits of a minute cost one look', async () => {
    const { clock, asked, paceOf } = scene({ credits: 10, createdAt: NOW, usedThisPeriod: 100 });
    for (let debits = 1; debits <= 10_000; debits++) {
      clock.instant = NOW + debits * 5;
      expect(await paceOf({ usedThisPeriod: 100 + debits })).toBe(10 + debits);
    }
    expect(asked).toHaveLength(1);
  });

  it('is read again after a minute, and after a clock that went back', async () => {
    const { clock, asked, paceOf } = scene();
    await paceOf({});
    clock.instant = NOW + MINUTE_MS - 1;
    await paceOf({});
    expect(asked).toHaveLength(1);
    clock.instant = NOW + MINUTE_MS;
    await paceOf({});
    expect(asked).toHaveLength(2);
    clock.instant = NOW;
    await paceOf({});
    expect(asked).toHaveLength(3);
  });

  it('is read once where a thousand watchers ask at once, also when it has become old', async () => {
    const { clock, asked, paceOf } = scene();
    const all = () => Promise.all(Array.from({ length: 1_000 }, () => paceOf({})));
    await all();
    expect(asked).toHaveLength(1);
    clock.instant += MINUTE_MS;
    await all();
    expect(asked).toHaveLength(2);
  });

  it('is each owner’s own', async () => {
    const { asked, usage, paceOf } = scene({ credits: 5, createdAt: NOW });
    expect(await paceOf({ ownerId: 1 })).toBe(5);
    usage.use = { ...usage.use, credits: 7 };
    expect(await paceOf({ ownerId: 2 })).toBe(7);
    expect(await paceOf({ ownerId: 1 })).toBe(5);
    expect(asked.map(({ ownerId }) => ownerId)).toEqual([1, 2]);
  });

  it('counts nothing twice: a debit that was committed while it was read is in that moment’s pool', async () => {
    const { paceOf } = scene({ credits: 20, createdAt: NOW, usedThisPeriod: 20 });
    // Asked with the balance of the first debit; when it is read, 20 are there.
    expect(await paceOf({ usedThisPeriod: 1 })).toBe(1);
    expect(await paceOf({ usedThisPeriod: 20 })).toBe(20);
    expect(await paceOf({ usedThisPeriod: 21 })).toBe(21);
  });

  it('never falls below nothing, whatever is refunded', async () => {
    const { paceOf } = scene({ credits: 1, createdAt: NOW, usedThisPeriod: 50 });
    expect(await paceOf({ usedThisPeriod: 48 })).toBe(0);
  });

  it('is read again after a renewal, which counts from nothing, and only once', async () => {
    const { asked, usage, paceOf } = scene({ credits: 50, createdAt: NOW, usedThisPeriod: 50 });
    await paceOf({ usedThisPeriod: 50 });
    usage.use = { ...usage.use, credits: 51, periodStart: NOW, usedThisPeriod: 1 };
    expect(await paceOf({ periodStart: NOW, usedThisPeriod: 1 })).toBe(51);
    // A slow subscriber may still get the balance of the period before.
    expect(await paceOf({ usedThisPeriod: 50 })).toBe(51);
    expect(await paceOf({ periodStart: NOW, usedThisPeriod: 2 })).toBe(52);
    expect(asked).toHaveLength(2);
  });

  it('that could not be read is read again by the next one who asks', async () => {
    const { asked, usage, paceOf } = scene({ credits: 3, createdAt: NOW });
    usage.failure = new Error('The database is away.');
    await expect(Promise.all([paceOf({}), paceOf({})])).rejects.toThrow('away');
    usage.failure = null;
    expect(await paceOf({})).toBe(3);
    expect(asked).toHaveLength(2);
  });
});
