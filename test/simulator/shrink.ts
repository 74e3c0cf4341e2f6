import type { Step, World } from './world';

/** Bounds the search: a world that is still long after so many plays is told as it is. */
const MOST_PLAYS = 400;

/**
 * A world that fails too, with fewer steps, commands and faults: what can be left out is left out, first in large pieces,
 * then one by one. `failsAt` plays a world and says after which step it failed; null: it did not.
 */
export async function shrink(world: World, failsAt: (world: World) => Promise<number | null>): Promise<World> {
  let smallest = world;
  let plays = 0;
  const tryInstead = async (steps: readonly Step[]): Promise<boolean> => {
    if (plays >= MOST_PLAYS) return false;
    plays += 1;
    const candidate = { ...smallest, steps };
    const failed = await failsAt(candidate);
    if (failed === null) return false;
    smallest = { ...candidate, steps: steps.slice(0, failed) };
    return true;
  };
  await tryInstead(world.steps);
  for (let piece = Math.ceil(smallest.steps.length / 2); piece >= 1; piece = piece === 1 ? 0 : Math.ceil(piece / 2)) {
    for (let start = smallest.steps.length - piece; start >= 0; start -= piece) {
      await tryInstead(smallest.steps.toSpliced(start, piece));
    }
  }
  for (let at = smallest.steps.length - 1; at >= 0; at -= 1) {
    await dropFaults(at);
    await dropCommands(at);
  }
  return smallest;

  async function dropFaults(at: number): Promise<void> {
    for (let index = 0; ;) {
      const step = smallest.steps[at];
      if (!step || index >= step.faults.length) return;
      const fewer = { ...step, faults: step.faults.toSpliced(index, 1) };
      if (!(await tryInstead(smallest.steps.with(at, fewer)))) index += 1;
    }
  }

  async function dropCommands(at: number): Promise<void> {
    for (let index = 0; ;) {
      const step = smallest.steps[at];
      if (step?.what !== 'commands' || step.commands.length < 2 || index >= step.commands.length) return;
      const fewer = { ...step, commands: step.commands.toSpliced(index, 1) };
      if (!(await tryInstead(smallest.steps.with(at, fewer)))) index += 1;
    }
  }
}
