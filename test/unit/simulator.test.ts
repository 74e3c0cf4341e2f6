import type { LedgerStore, LedgerTransaction } from '../../src/ledger/ledger';
import { FAULT_KINDS, OPERATIONS } from '../simulator/faults';
import { MemoryStage } from '../simulator/memory-stage';
import { playWorld } from '../simulator/play';
import type { StoreWrapper } from '../simulator/processes';
import { shrink } from '../simulator/shrink';
import { simulate, type StoreName } from '../simulator/simulate';
import { openSqlStage } from '../simulator/sql-stages';
import { drawWorld, type World } from '../simulator/world';

/** As many as show every fault below, whatever the first of them look like. */
const SEEDS = 60;
/** As many as have every kind of fault at every step: on a disk, and so fewer. */
const FAULTY_SEEDS = 24;

async function simulated(given: { store: StoreName; seeds: number; calm?: boolean; wrap?: StoreWrapper }) {
  const lines: string[] = [];
  const output = { print: (line: string) => void lines.push(line), progress: () => undefined };
  const failed = await simulate({ firstSeed: 1, calm: false, verbose: false, ...given }, output);
  return { failed, text: lines.join('\n') };
}

/** A wrapper that changes what passes between the ledger and its store. */
function between(change: (transaction: LedgerTransaction) => LedgerTransaction): StoreWrapper {
  return (store): LedgerStore => ({
    transact: (work) => store.transact((transaction) => work(change(transaction))),
    persistUnseen: (decision) => store.persistUnseen(decision),
    isTransient: (error) => store.isTransient(error),
    isStale: (error) => store.isStale(error),
    isReplay: (error) => store.isReplay(error),
    isPartial: (error) => store.isPartial(error),
    isAway: (error) => store.isAway?.(error) ?? false,
    isOutOfReach: () => store.isOutOfReach?.() ?? false,
    readBalance: (ownerId) => store.readBalance(ownerId),
    readDueOwners: (now, limit) => store.readDueOwners(now, limit),
  });
}

const losesDebits = between(({ load, persist }) => ({
  load,
  persist: (decisions) => persist(decisions.filter(({ entries }) => entries.every(({ kind }) => kind !== 'DEBIT'))),
}));

const keepsHoldsForEver = between(({ load, persist }) => ({
  load: async (commands, now) => {
    const states = [...(await load(commands, now))];
    return new Map(states.map(([ownerId, state]) => [ownerId, { ...state, dueHolds: [], moreDueHolds: false }]));
  },
  persist,
}));

const datesDebitsBack = between(({ load, persist }) => ({
  load,
  persist: (decisions) =>
    persist(
      decisions.map((decision) => ({
        ...decision,
        entries: decision.entries.map((entry) => (entry.kind === 'DEBIT' ? { ...entry, at: entry.at - 1e10 } : entry)),
      })),
    ),
}));

/** Hides that a transaction failed from a ledger that had written all that it wanted to. */
const acknowledgesWhatFailed: StoreWrapper = (store) => ({
  ...between((transaction) => transaction)(store),
  transact: async <T>(work: (transaction: LedgerTransaction) => Promise<T>): Promise<T> => {
    const written: T[] = [];
    try {
      return await store.transact(async (transaction) => {
        written.push(await work(transaction));
        return written[0] as T;
      });
    } catch (error) {
      if (written.length === 0 || store.isStale(error)) throw error;
      return written[0] as T;
    }
  },
});

/** Takes a failure whose outcome is unknown for one that did not take effect, and tells nobody of what did. */
const knowsNoUnknownOutcome: StoreWrapper = (store) => ({
  ...between((transaction) => transaction)(store),
  isStale: (error) => store.isTransient(error) || store.isStale(error),
});

async function firstWorld(isIt: (world: World) => Promise<boolean>): Promise<World> {
  for (let seed = 1; seed <= SEEDS; seed += 1) {
    const world = drawWorld(seed);
    if (await isIt(world)) return world;
  }
  throw new Error('No world is like that.');
}

describe('the simulator', () => {
  it.each(['memory', 'sqlite'] as const)('finds that the ledger and the model agree on %s', async (store) => {
    const { failed, text } = await simulated({ store, seeds: 10 });
    expect(text).toContain('The ledger and the model agree.');
    expect(text).toContain(`10 seeds on ${store}`);
    expect(failed).toBe(0);
  });

  it('plays the same history twice from the same seed, and another one from another seed', async () => {
    const stage = new MemoryStage();
    const first = await playWorld(drawWorld(7), stage);
    const again = await playWorld(drawWorld(7), stage);
    const other = await playWorld(drawWorld(8), stage);
    expect(first.commands).toBeGreaterThan(0);
    expect(again.history).toEqual(first.history);
    expect(other.history).not.toEqual(first.history);
  });

  it.each([
    { fault: 'a store that loses debits', wrap: losesDebits, said: /should be/ },
    { fault: 'a ledger whose holds never expire', wrap: keepsHoldsForEver, said: /held is 1 and should be 0/ },
    { fault: 'entries that go back in time', wrap: datesDebitsBack, said: /time goes back/ },
  ])('finds out $fault, and says how to play it again', async ({ wrap, said }) => {
    const { failed, text } = await simulated({ store: 'memory', seeds: SEEDS, wrap });
    expect(failed).toBeGreaterThan(0);
    expect(text).toMatch(said);
    const [, seed] = /Seed (\d+) fails at step/.exec(text) ?? [];
    expect(text).toContain(`npm run simulate -- --store memory --seed ${seed} --verbose`);
  });

  it('lets every kind of fault happen, at every step of a transaction, and ledger and model still agree', async () => {
    const { failed, text } = await simulated({ store: 'sqlite', seeds: FAULTY_SEEDS });
    expect(failed).toBe(0);
    for (const kind of FAULT_KINDS) expect(text).toMatch(new RegExp(`${kind} [1-9]`));
    for (const operation of OPERATIONS) {
      expect(text).toMatch(new RegExp(`before ${operation} [1-9]`));
      expect(text).toMatch(new RegExp(`after ${operation} [1-9]`));
    }
  });

  it('plays the same faults twice from the same seed', async () => {
    const stage = await openSqlStage('sqlite');
    try {
      const world = await firstWorld(async (one) => {
        const { faults } = await playWorld(one, stage);
        return new Set(faults.map(({ kind }) => kind)).size > 3;
      });
      const first = await playWorld(world, stage);
      const again = await playWorld(world, stage);
      expect(again.history).toEqual(first.history);
      expect(again.faults).toEqual(first.faults);
    } finally {
      await stage.close();
    }
  });

  it.each([
    { fault: 'a ledger that acknowledges what is not committed', wrap: acknowledgesWhatFailed, said: /should be/ },
    { fault: 'a ledger that does not tell what it did not know', wrap: knowsNoUnknownOutcome, said: /told was/ },
  ])('finds out $fault, which shows by faults alone', async ({ wrap, said }) => {
    const calm = await simulated({ store: 'sqlite', seeds: 4, calm: true, wrap });
    expect(calm.failed).toBe(0);
    const { failed, text } = await simulated({ store: 'sqlite', seeds: 4, wrap });
    expect(failed).toBeGreaterThan(0);
    expect(text).toMatch(said);
  });

  it('leaves out the faults that a world does not need to fail', async () => {
    const stage = await openSqlStage('sqlite');
    const failsAt = async (world: World) => {
      const { violations, steps } = await playWorld(world, stage, acknowledgesWhatFailed);
      return violations.length > 0 ? steps : null;
    };
    const drawn = ({ steps }: World) => steps.flatMap(({ faults }) => faults).length;
    try {
      const world = await firstWorld(async (one) => drawn(one) > 5 && (await failsAt(one)) !== null);
      const smallest = await shrink(world, failsAt);
      expect(drawn(smallest)).toBeLessThan(drawn(world));
      expect(drawn(smallest)).toBeGreaterThan(0);
      expect(await failsAt(smallest)).toBe(smallest.steps.length);
    } finally {
      await stage.close();
    }
  });

  it('leaves out of a world that fails what it does not need to fail', async () => {
    const stage = new MemoryStage();
    const failsAt = async (world: World) => {
      const { violations, steps } = await playWorld(world, stage, keepsHoldsForEver);
      return violations.length > 0 ? steps : null;
    };
    const worlds = Array.from({ length: SEEDS }, (_, seed) => drawWorld(seed));
    for (const world of worlds) {
      const found = await failsAt(world);
      if (found === null || found < 5) continue;
      const smallest = await shrink(world, failsAt);
      expect(smallest.steps.length).toBeLessThan(found);
      expect(await failsAt(smallest)).toBe(smallest.steps.length);
      return;
    }
    throw new Error('No world failed late.');
  });
});
