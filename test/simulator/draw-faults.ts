import { MINUTE_MS, SECOND_MS } from '../../src/clock';
import type { Dice } from './dice';
import type { DrawnFault } from './faults';

const MOST_FAULTS_AT_ONCE = 3;

/** How fond a world is of faults: of how many in a hundred of its steps, and whether of several at once. */
export interface Fragility {
  readonly stepsPercent: number;
  readonly morePercent: number;
}

/** Half of the worlds have none. */
export function drawFragility(dice: Dice): Fragility {
  return { stepsPercent: dice.oneOf([0, 0, 0, 15, 40, 80]), morePercent: dice.oneOf([0, 20, 50]) };
}

/** The faults of one step, in the order in which they strike. */
export function drawFaults(dice: Dice, { stepsPercent, morePercent }: Fragility): readonly DrawnFault[] {
  const faults: DrawnFault[] = [];
  if (!dice.chance(stepsPercent)) return faults;
  for (;;) {
    const fault = drawFault(dice);
    faults.push(fault);
    // These make the ledger halve its batch: what another one strikes would not be all that was asked for.
    const halves = fault.kind === 'wait' || fault.kind === 'broken';
    if (halves || faults.length === MOST_FAULTS_AT_ONCE || !dice.chance(morePercent)) return faults;
  }
}

function drawFault(dice: Dice): DrawnFault {
  const operation = dice.weighted({ BEGIN: 2, READ: 3, WRITE: 5, COMMIT: 8 });
  const side = dice.oneOf(['before', 'after'] as const);
  const tookEffect = operation === 'COMMIT' && side === 'after';
  const certain = tookEffect ? 0 : 2;
  const kind = dice.weighted({
    busy: certain,
    wait: certain,
    lost: 8,
    silent: 2,
    outage: 2,
    full: certain,
    broken: certain,
    crash: 5,
    kill: 2,
  });
  const skip = operation === 'READ' || operation === 'WRITE' ? dice.oneOf([0, 0, 1, 2, 3, 5]) : 0;
  const then = dice.weighted({ retry: 6, 'retry elsewhere': 2, 'give up': 2 });
  const awayMs = dice.oneOf([0, 0, 0, SECOND_MS, dice.between(0, 20 * MINUTE_MS), dice.between(0, 1_000 * MINUTE_MS)]);
  return { kind, operation, side, skip, then, awayMs };
}
