import type { LedgerStore, LedgerTransaction } from '../../src/ledger/ledger';
import { MemoryStage } from '../simulator/memory-stage';
import { playWorld, type StoreWrapper } from '../simulator/play';
import { shrink } from '../simulator/shrink';
import { simulate, type StoreName } from '../simulator/simulate';
import { drawWorld, type World } from '../simulator/world';

/** As many as show every fault below, whatever the first of them look like. */
const SEEDS = 60;

async function simulated(given: { store: StoreName; seeds: number; wrap?: StoreWrapper }) {
  const lines: string[] = [];
  const output = { print: (line: string) => void lines.push(line), progress: () => undefined };
  const failed = await simulate({ firstSeed: 1, verbose: false, ...given }, output);
  return { failed, text: lines.join('\n') };
}

/** A wrapper that changes what passes between the ledger and its store. */
function between(change: (transaction: LedgerTransaction) => LedgerTransaction): StoreWrapper {
  return (store): LedgerStore => ({
    transact: (work) => store.transact((transaction) => work(change(transaction))),
    isTransient: (error) => store.isTransient(error),
    isStale: (error) => store.isStale(error),
    isReplay: (error) => store.isReplay(error),
    isPartial: (error) => store.isPartial(error),
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
