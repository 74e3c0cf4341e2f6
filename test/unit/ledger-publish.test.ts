import type { OpenAction } from '../../src/ledger/commands';
import { Ledger, type Committed, type LedgerTransaction } from '../../src/ledger/ledger';
import { InMemoryLedger } from '../support/in-memory-ledger';

const NOW = Date.parse('2026-01-10T00:00:00.000Z');
const terms = { effectiveFrom: 0, monthlyCredits: 100, topUpsAllowed: true, rolloverLimit: 0 };

class ConnectionLost extends Error {}

/** A store that loses the answer to its first COMMIT: what was asked for is done, and nobody knows. */
class ForgetfulStore extends InMemoryLedger {
  private lost = false;

  override async transact<T>(work: (transaction: LedgerTransaction) => Promise<T>): Promise<T> {
    const result = await super.transact(work);
    if (this.lost) return result;
    this.lost = true;
    throw new ConnectionLost();
  }

  override isTransient(error?: unknown): boolean {
    return error instanceof ConnectionLost;
  }
}

class Outdated extends Error {}

/** A store that finds what was decided by out of date, as often as it is told to. */
class OutdatedStore extends InMemoryLedger {
  timesOutdated = 0;

  override transact<T>(work: (transaction: LedgerTransaction) => Promise<T>): Promise<T> {
    if (this.timesOutdated === 0) return super.transact(work);
    this.timesOutdated -= 1;
    return Promise.reject(new Outdated());
  }

  override isTransient(error?: unknown): boolean {
    return error instanceof Outdated;
  }

  override isStale(error?: unknown): boolean {
    return error instanceof Outdated || super.isStale(error);
  }
}

function ledgerOf(store: InMemoryLedger, onError?: (error: unknown) => void) {
  store.open({ ownerId: 1, planId: 1, at: NOW, apps: [1] });
  const ledger = new Ledger(store, { now: () => NOW }, onError);
  const told: Committed[] = [];
  ledger.onCommitted((committed) => void told.push(committed));
  return { ledger, told };
}

const debit: OpenAction = {
  kind: 'DEBIT',
  ownerId: 1,
  appId: 1,
  key: { text: 'k', hash: '0'.repeat(32), fingerprint: '0'.repeat(64) },
  facts: { type: 'INVOKE_LLM', visitor: null, origin: null, details: '{}', metadata: null },
  holdSeconds: 900,
};

describe('what watchers are told', () => {
  it('shows that there is more to read when the answer to a commit was lost', async () => {
    const { ledger, told } = ledgerOf(new ForgetfulStore(new Map([[1, [terms]]])));
    const { balance } = await ledger.submit(debit);
    expect(balance.available).toBe(99);
    // The debit's entry was not there before it, and nobody was told of it.
    expect(told).toMatchObject([{ balance: { available: 99, lastSequence: 2 }, afterSequence: 2, recorded: [] }]);
  });

  it('is nothing where nothing changed', async () => {
    const { ledger, told } = ledgerOf(new InMemoryLedger(new Map([[1, [terms]]])));
    await ledger.submit(debit);
    await ledger.submit(debit);
    await ledger.submit({ kind: 'SETTLE', ownerId: 1 });
    expect(told).toHaveLength(1);
  });

  it('is not told again because something was out of date, which is certainly not committed', async () => {
    const store = new OutdatedStore(new Map([[1, [terms]]]));
    const { ledger, told } = ledgerOf(store);
    await ledger.submit(debit);
    // Once by what is known, once by what is read.
    store.timesOutdated = 2;
    await expect(ledger.submit(debit)).resolves.toMatchObject({ replayed: true });
    expect([store.timesOutdated, told.length]).toEqual([0, 1]);
  });

  it('does not depend on a listener that fails, and neither does the commit', async () => {
    const failures: unknown[] = [];
    const store = new InMemoryLedger(new Map([[1, [terms]]]));
    const { ledger, told } = ledgerOf(store, (error) => failures.push(error));
    const broken = new Error('broken');
    ledger.onCommitted(() => {
      throw broken;
    });
    await ledger.submit(debit);
    expect([told.length, failures]).toEqual([1, [broken]]);
    expect(store.book(1).pool.spent).toBe(1);
  });
});
