import type { OpenAction } from '../../src/ledger/commands';
import { Ledger, type LedgerTransaction } from '../../src/ledger/ledger';
import { InMemoryLedger } from '../support/in-memory-ledger';

const BEGINNING = Date.parse('2026-01-10T00:00:00.000Z');
const RENEWAL = Date.parse('2026-02-10T00:00:00.000Z');
const OWNER = 1;
const APP = 1;

/** A store in which somebody else holds the pools until the test lets them go: then they are read. */
class HeldStore extends InMemoryLedger {
  transactions = 0;
  letGo: () => void = () => undefined;
  private held: Promise<void> | null = null;

  hold(): void {
    this.held = new Promise((resolve) => (this.letGo = resolve));
  }

  override transact<T>(work: (transaction: LedgerTransaction) => Promise<T>): Promise<T> {
    this.transactions += 1;
    return super.transact(({ persist }) =>
      work({
        load: async (commands, now) => {
          await this.held;
          return this.load(commands, now);
        },
        persist,
      }),
    );
  }
}

function debitOf(key: number): OpenAction {
  const hash = String(key).padStart(32, '0');
  return {
    kind: 'DEBIT',
    ownerId: OWNER,
    appId: APP,
    key: { text: `key ${key}`, hash, fingerprint: '0'.repeat(64) },
    facts: { type: 'INVOKE_LLM', visitor: null, origin: null, details: '{}', metadata: null },
    holdSeconds: 900,
  };
}

/** A ledger whose first batch waits for its pool, and debits of `keys` that come meanwhile. */
async function whileItWaits(given: { credits: number; keys: readonly number[] }) {
  const terms = { effectiveFrom: 0, monthlyCredits: given.credits, topUpsAllowed: true, rolloverLimit: 0 };
  const store = new HeldStore(new Map([[1, [terms]]]));
  store.open({ ownerId: OWNER, planId: 1, at: BEGINNING, apps: [APP] });
  const clock = { at: RENEWAL - 1_000, now: () => clock.at };
  const ledger = new Ledger(store, clock);
  store.hold();
  const first = ledger.submit(debitOf(1));
  await settled();
  const late = given.keys.map((key) => ledger.submit(debitOf(key)));
  return { store, clock, answers: Promise.allSettled([first, ...late]) };
}

/** All that can happen without a timer or the outside world has happened. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await new Promise((resume) => setImmediate(resume));
}

const receipts = (results: PromiseSettledResult<{ action: { sequence: number }; replayed: boolean }>[]) =>
  results.map((result) =>
    result.status === 'fulfilled'
      ? { sequence: result.value.action.sequence, replayed: result.value.replayed }
      : (result.reason as { code: string }).code,
  );

describe('debits that come while a pool is waited for', () => {
  it('join the batch that waits for it', async () => {
    const { store, answers } = await whileItWaits({ credits: 10, keys: [2, 3] });
    store.letGo();
    expect(receipts(await answers)).toEqual([2, 3, 4].map((sequence) => ({ sequence, replayed: false })));
    expect(store.transactions).toBe(1);
  });

  it('of which one is a replay are looked up after all, and nothing is debited twice', async () => {
    const { store, answers } = await whileItWaits({ credits: 10, keys: [2, 3] });
    // By another process, in the meantime.
    store.submit([debitOf(3)], RENEWAL - 1_000);
    store.letGo();
    expect(receipts(await answers)).toEqual([
      { sequence: 3, replayed: false },
      { sequence: 4, replayed: false },
      { sequence: 2, replayed: true },
    ]);
    expect(store.book(OWNER).pool.spent).toBe(3);
    // Once without the look-up, once with it.
    expect(store.transactions).toBe(2);
  });

  it('are not refused in it: a key that was not looked up may be known (rule 10)', async () => {
    const { store, answers } = await whileItWaits({ credits: 2, keys: [2, 3] });
    store.submit([debitOf(3)], RENEWAL - 1_000);
    store.letGo();
    expect(receipts(await answers)).toEqual([
      { sequence: 3, replayed: false },
      'INSUFFICIENT_CREDITS',
      { sequence: 2, replayed: true },
    ]);
    expect(store.transactions).toBe(2);
  });

  it('draw on the period in which they come, not on that in which the wait began (rule 4)', async () => {
    const { store, clock, answers } = await whileItWaits({ credits: 10, keys: [2] });
    clock.at = RENEWAL;
    store.letGo();
    await answers;
    expect(
      store
        .book(OWNER)
        .entries.map(({ kind, at }) => `${kind} ${at - RENEWAL}`)
        .slice(1),
    ).toEqual(['DEBIT -1000', 'EXPIRE 0', 'GRANT 0', 'DEBIT 0']);
  });

  it('are dated when the wait ends, so that a hold lasts as long as it was asked for', async () => {
    const { store, clock, answers } = await whileItWaits({ credits: 10, keys: [2] });
    clock.at = RENEWAL - 1;
    store.letGo();
    await answers;
    expect(store.book(OWNER).entries.at(-1)).toMatchObject({ kind: 'DEBIT', at: RENEWAL - 1 });
  });
});
