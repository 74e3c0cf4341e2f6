import type { Caller } from '../../src/access/caller';
import { MINUTE_MS } from '../../src/clock';
import type { TimeSpan } from '../../src/usage/calendar';
import { Usage, type UsageStore } from '../../src/usage/usage';
import { UsageFold } from '../../src/usage/usage-fold';

const at = (time: string) => Date.parse(`2026-03-10T${time}:00.000Z`);
const CALLER: Caller = { role: 'OWNER', keyOwnerId: 1, keyNumber: 1, ownerId: 1, appId: null, expiresAt: null };

/** A store with one action in every minute of the day up to `now`; what it is asked for is noted. */
class EveryMinute implements UsageStore {
  readonly asked: string[] = [];
  /** Called after each look for newer entries, as other processes go on meanwhile. */
  afterLook = () => {};

  constructor(public now: number) {}

  counted(_scope: unknown, { from, to }: TimeSpan) {
    this.asked.push(`counted ${clock(from)} ${clock(to)}`);
    return Promise.resolve([{ ...this.actions(from, to), start: at('00:00') }]);
  }

  listed(_scope: unknown, { from, to }: TimeSpan) {
    this.asked.push(`listed ${clock(from)} ${clock(to)}`);
    return Promise.resolve([this.actions(from, to)]);
  }

  hasEntriesFrom(_ownerId: number, instant: number): Promise<boolean> {
    const has = this.now >= instant;
    this.afterLook();
    return Promise.resolve(has);
  }

  usedSince(): never {
    throw new Error('It is not asked for here.');
  }

  private actions(from: number, to: number) {
    const credits = Math.max(0, Math.ceil((Math.min(to, this.now + 1) - from) / MINUTE_MS));
    return { appId: null, type: null, credits, refunded: 0 };
  }
}

function clock(instant: number): string {
  return new Date(instant).toISOString().slice(11, 16);
}

async function creditsOf(store: EveryMinute, from: string, to: string): Promise<number> {
  const fold = new UsageFold({ fold: () => Promise.resolve(false) }, () => undefined);
  const usage = new Usage({ store, fold, assertCurrent: () => Promise.resolve(), categoryOf: () => null });
  const asked = { ownerId: null, appId: null, interval: 'DAY' as const, groupBy: null, timeZone: 'UTC' };
  const { buckets } = await usage.buckets(CALLER, { ...asked, from: at(from), to: at(to) });
  return buckets.reduce((sum, { credits }) => sum + credits, 0);
}

describe('what usage is made of', () => {
  it('is whole quarters of an hour, and of the two at the ends the ledger’s own entries', async () => {
    const store = new EveryMinute(at('12:00'));
    expect(await creditsOf(store, '10:05', '10:50')).toBe(45);
    expect(store.asked).toEqual(['listed 10:05 10:15', 'counted 10:15 10:45', 'listed 10:45 10:50']);
  });

  it('is whole quarters alone where it ends now: nothing is newer', async () => {
    const store = new EveryMinute(at('10:49'));
    expect(await creditsOf(store, '10:00', '10:50')).toBe(50);
    expect(store.asked).toEqual(['counted 10:00 11:00']);
  });

  it('is the ledger’s entries alone within one quarter, and none that came later', async () => {
    for (const now of ['10:09', '10:12']) {
      const store = new EveryMinute(at(now));
      expect(await creditsOf(store, '10:05', '10:10')).toBe(5);
      expect(store.asked).toEqual(['listed 10:05 10:10']);
    }
  });

  it('leaves out what another process counts while it is read', async () => {
    const store = new EveryMinute(at('10:49'));
    store.afterLook = () => (store.now = at('10:55'));
    expect(await creditsOf(store, '10:00', '10:50')).toBe(50);
  });
});
