import { MemoryStage } from './memory-stage';
import { FAULT_KINDS, OPERATIONS, type Struck } from './faults';
import { playWorld, type Played } from './play';
import type { StoreWrapper } from './processes';
import { shrink } from './shrink';
import { openSqlStage } from './sql-stages';
import type { Stage } from './stage';
import { calmed, drawWorld, type World } from './world';

export const STORES = ['sqlite', 'memory', 'mysql'] as const;
export type StoreName = (typeof STORES)[number];

export interface Simulation {
  readonly store: StoreName;
  readonly firstSeed: number;
  readonly seeds: number;
  /** Without faults, and with one process. */
  readonly calm: boolean;
  /** Prints every world as it is played. */
  readonly verbose: boolean;
  /** Stands between the ledger and its store. */
  readonly wrap?: StoreWrapper;
}

export interface Output {
  print(line: string): void;
  progress(line: string): void;
}

/** After so many worlds that fail, the next ones would say the same. */
const MOST_FAILURES = 3;
const LAST_LINES = 24;
const MOST_VIOLATIONS = 12;

/** Plays the worlds of consecutive seeds until too many fail; returns how many did. */
export async function simulate(simulation: Simulation, output: Output): Promise<number> {
  const { firstSeed, seeds, calm, verbose, wrap } = simulation;
  const stage = await openStage(simulation.store);
  const total = { steps: 0, commands: 0, entries: 0, failed: 0, played: 0, faulty: 0, shared: 0 };
  const faults: Struck[] = [];
  try {
    for (let seed = firstSeed; seed < firstSeed + seeds && total.failed < MOST_FAILURES; seed += 1) {
      const world = calm ? calmed(drawWorld(seed)) : drawWorld(seed);
      const played = await playWorld(world, stage, wrap);
      total.played += 1;
      total.steps += played.steps;
      total.commands += played.commands;
      total.entries += played.entries;
      total.faulty += played.faults.length > 0 ? 1 : 0;
      total.shared += world.processes > 1 ? 1 : 0;
      faults.push(...played.faults);
      if (verbose) for (const line of played.history) output.print(line);
      if (played.violations.length > 0) {
        total.failed += 1;
        await report(simulation, { world, played, stage }, output);
      }
      output.progress(`${total.played} of ${seeds} seeds, ${total.commands} commands, ${total.failed} failed`);
    }
  } finally {
    await stage.close();
  }
  const { played, steps, commands, entries, failed, faulty, shared } = total;
  output.print(`${played} seeds on ${simulation.store}: ${steps} steps, ${commands} commands, ${entries} entries.`);
  output.print(`${shared} seeds had two processes; ${faults.length} faults struck in ${faulty} seeds.`);
  for (const line of faultsInNumbers(faults)) output.print(`  ${line}`);
  output.print(failed === 0 ? 'The ledger and the model agree.' : `${failed} seeds failed.`);
  return failed;
}

/** How many faults struck: of each kind, and at each step of a transaction. */
function faultsInNumbers(faults: readonly Struck[]): string[] {
  if (faults.length === 0) return [];
  const count = (counts: (fault: Struck) => boolean) => faults.filter(counts).length;
  const kinds = FAULT_KINDS.map((kind) => `${kind} ${count((fault) => fault.kind === kind)}`);
  const places = OPERATIONS.flatMap((operation) =>
    (['before', 'after'] as const).map((side) => {
      const here = count((fault) => fault.operation === operation && fault.side === side);
      return `${side} ${operation} ${here}`;
    }),
  );
  return [`kinds: ${kinds.join(', ')}`, `places: ${places.join(', ')}`];
}

async function openStage(store: StoreName): Promise<Stage> {
  return store === 'memory' ? new MemoryStage() : openSqlStage(store);
}

async function report(
  { store, calm, wrap }: Simulation,
  failure: { world: World; played: Played; stage: Stage },
  output: Output,
): Promise<void> {
  const { world, played, stage } = failure;
  const { seed, steps } = world;
  output.print(`\nSeed ${seed} fails at step ${played.steps} of ${steps.length}:`);
  printViolations(played, output);
  output.print('Its last steps:');
  for (const line of played.history.slice(-LAST_LINES)) output.print(`  ${line}`);
  const smallest = await shrink(world, async (candidate) => {
    const { violations, steps: failsAt } = await playWorld(candidate, stage, wrap);
    return violations.length > 0 ? failsAt : null;
  });
  if (smallest.steps.length < played.steps) {
    const again = await playWorld(smallest, stage, wrap);
    output.print(`With ${smallest.steps.length} of its steps it fails too:`);
    for (const line of again.history) output.print(`  ${line}`);
    printViolations(again, output);
  }
  output.print(`Replay it: ${replayCommand(store, seed, calm)}\n`);
}

function printViolations({ violations }: Played, output: Output): void {
  for (const violation of violations.slice(0, MOST_VIOLATIONS)) output.print(`  ${violation}`);
  if (violations.length > MOST_VIOLATIONS) output.print(`  and ${violations.length - MOST_VIOLATIONS} more`);
}

/** What plays one seed again, with every step printed. */
export function replayCommand(store: StoreName, seed: number, calm: boolean): string {
  return `npm run simulate -- --store ${store} --seed ${seed} ${calm ? '--calm ' : ''}--verbose`;
}
