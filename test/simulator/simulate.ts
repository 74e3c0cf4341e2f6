import { MemoryStage } from './memory-stage';
import { playWorld, type Played, type StoreWrapper } from './play';
import { shrink } from './shrink';
import { openSqlStage } from './sql-stages';
import type { Stage } from './stage';
import { drawWorld, type World } from './world';

export const STORES = ['sqlite', 'memory', 'mysql'] as const;
export type StoreName = (typeof STORES)[number];

export interface Simulation {
  readonly store: StoreName;
  readonly firstSeed: number;
  readonly seeds: number;
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
  const { firstSeed, seeds, verbose, wrap } = simulation;
  const stage = await openStage(simulation.store);
  const total = { steps: 0, commands: 0, entries: 0, failed: 0, played: 0 };
  try {
    for (let seed = firstSeed; seed < firstSeed + seeds && total.failed < MOST_FAILURES; seed += 1) {
      const world = drawWorld(seed);
      const played = await playWorld(world, stage, wrap);
      total.played += 1;
      total.steps += played.steps;
      total.commands += played.commands;
      total.entries += played.entries;
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
  const { played, steps, commands, entries, failed } = total;
  output.print(`${played} seeds on ${simulation.store}: ${steps} steps, ${commands} commands, ${entries} entries.`);
  output.print(failed === 0 ? 'The ledger and the model agree.' : `${failed} seeds failed.`);
  return failed;
}

async function openStage(store: StoreName): Promise<Stage> {
  return store === 'memory' ? new MemoryStage() : openSqlStage(store);
}

async function report(
  { store, wrap }: Simulation,
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
  output.print(`Replay it: ${replayCommand(store, seed)}\n`);
}

function printViolations({ violations }: Played, output: Output): void {
  for (const violation of violations.slice(0, MOST_VIOLATIONS)) output.print(`  ${violation}`);
  if (violations.length > MOST_VIOLATIONS) output.print(`  and ${violations.length - MOST_VIOLATIONS} more`);
}

/** What plays one seed again, with every step printed. */
export function replayCommand(store: StoreName, seed: number): string {
  return `npm run simulate -- --store ${store} --seed ${seed} --verbose`;
}
