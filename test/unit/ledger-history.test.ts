import type { Caller } from '../../src/access/caller';
import { BalanceFeed, type FeedReader } from '../../src/balances/balance-feed';
import { LedgerHistory } from '../../src/balances/ledger-history';
import type { LedgerReader } from '../../src/balances/ledger-reader';
import type { BalanceSnapshot, LedgerEntry } from '../../src/ledger/pool';

const OWNER = 7;
const OPERATOR: Caller = {
  role: 'OWNER',
  keyOwnerId: OWNER,
  keyNumber: 1,
  ownerId: OWNER,
  appId: null,
  expiresAt: null,
};

/** No other process commits. */
const NOTHING_ELSE: FeedReader = {
  marks: () => Promise.resolve([]),
  balances: () => Promise.resolve([]),
  recordedAfter: () => Promise.reject(new Error('Nobody watches actions.')),
};

/** A ledger of `length` entries that grows as the test says, of which each read is counted. */
function ledgerOf(length: number) {
  const feed = new BalanceFeed(NOTHING_ELSE);
  let version = 0;
  const balance = (lastSequence: number) => ({ ownerId: OWNER, lastSequence, version }) as BalanceSnapshot;
  const ledger = {
    length,
    reads: 0,
    watchers: 0,
    afterRead: null as (() => void) | null,
    failure: null as Error | null,
  };
  const entriesAfter = (_owner: number, after: number, limit: number) => {
    ledger.reads += 1;
    if (ledger.failure) return Promise.reject(ledger.failure);
    const entries = Array.from(
      { length: Math.max(0, Math.min(limit, ledger.length - after)) },
      (_, i) => ({ ownerId: OWNER, sequence: after + 1 + i }) as LedgerEntry,
    );
    const afterRead = ledger.afterRead;
    ledger.afterRead = null;
    afterRead?.();
    return Promise.resolve(entries);
  };
  const commit = (entries: number) => {
    const afterSequence = ledger.length;
    ledger.length += entries;
    version += 1;
    feed.publish({ balance: balance(ledger.length), afterSequence, recorded: [] });
  };
  const reader = { entriesAfter } as unknown as LedgerReader;
  const counting: Pick<BalanceFeed, 'watch' | 'tell'> = {
    watch: (ownerId, listener) => {
      ledger.watchers += 1;
      const stop = feed.watch(ownerId, listener);
      return () => {
        ledger.watchers -= 1;
        stop();
      };
    },
    tell: (told) => feed.tell(told),
  };
  const history = new LedgerHistory(reader, { balance: (id) => Promise.resolve(balance(id)) }, counting);
  const watch = (afterSequence: number) => history.watch(OPERATOR, { ownerId: null, afterSequence });
  return { ledger, commit, watch };
}

describe('a live ledger', () => {
  it('misses nothing that is committed right after a read that found nothing, and before it waits', async () => {
    const { ledger, commit, watch } = ledgerOf(1);
    const stream = await watch(0);
    expect((await stream.next()).value).toMatchObject({ sequence: 1 });
    ledger.afterRead = () => commit(1);
    expect((await stream.next()).value).toMatchObject({ sequence: 2 });
  });

  it('is not woken into a repeat by a commit that it has read already', async () => {
    const { ledger, commit, watch } = ledgerOf(0);
    const stream = await watch(0);
    const first = stream.next();
    commit(1);
    expect((await first).value).toMatchObject({ sequence: 1 });
    const second = stream.next();
    commit(0);
    commit(1);
    expect((await second).value).toMatchObject({ sequence: 2 });
    expect(ledger.length).toBe(2);
  });

  it('brings a long history to however slow a reader: only the live part has a bound', async () => {
    const { commit, watch } = ledgerOf(5);
    const stream = await watch(0);
    await stream.next();
    commit(250_000);
    for (let sequence = 2; sequence <= 2_500; sequence += 1) {
      expect((await stream.next()).value).toMatchObject({ sequence });
    }
  });

  it('ends a reader that falls more than 100,000 entries behind with LIMIT_REACHED, never with a gap', async () => {
    const { commit, watch } = ledgerOf(0);
    const stream = await watch(0);
    const first = stream.next();
    commit(1);
    expect((await first).value).toMatchObject({ sequence: 1 });
    commit(100_000);
    // Exactly as far behind as it may be.
    expect((await stream.next()).value).toMatchObject({ sequence: 2 });
    commit(2_000);
    for (let sequence = 3; sequence <= 1_001; sequence += 1) {
      expect((await stream.next()).value).toMatchObject({ sequence });
    }
    await expect(stream.next()).rejects.toMatchObject({ code: 'LIMIT_REACHED' });
    expect(await stream.next()).toEqual({ done: true, value: undefined });
  });

  it('ends at once where it is returned while it waits, and reads no more', async () => {
    const { ledger, commit, watch } = ledgerOf(0);
    const stream = await watch(0);
    const waiting = stream.next();
    await stream.return?.();
    expect(await waiting).toEqual({ done: true, value: undefined });
    const { reads } = ledger;
    commit(3);
    expect(await stream.next()).toEqual({ done: true, value: undefined });
    expect(ledger.reads).toBe(reads);
  });

  it('is not watched any more once a read of it has failed: its client subscribes again', async () => {
    const { ledger, commit, watch } = ledgerOf(1);
    const stream = await watch(0);
    await stream.next();
    ledger.failure = new Error('the database is away');
    await expect(stream.next()).rejects.toThrow('away');
    expect(ledger.watchers).toBe(0);
    ledger.failure = null;
    commit(1);
    expect(await stream.next()).toEqual({ done: true, value: undefined });
  });
});
