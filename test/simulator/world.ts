import { MINUTE_MS, SECOND_MS, type Instant } from '../../src/clock';
import type { NaiveTerms } from '../support/naive-plans';
import { Dice } from './dice';
import { drawFaults, drawFragility } from './draw-faults';
import type { DrawnFault } from './faults';

const DAY_MS = 24 * 60 * MINUTE_MS;
const FEWEST_STEPS = 10;
const MOST_STEPS = 45;
const MOST_COMMANDS_AT_ONCE = 6;
/** More than a pool may hold, so it is refused whatever is in the pool: the model keeps an object for each credit. */
const TOO_MANY_CREDITS = 2_000_000_001;
const UNKNOWN_APP = 99;
/** The clock often stands as long before a due instant as one of these, so that a hold expires at that very instant. */
const HOLD_SECONDS = [1, 60, 900, 86_400];

/** A command as it is drawn, before it is known which actions and grants there are: `pick` chooses among the newest. */
export type DrawnCommand = { readonly owner: number } & (
  | { kind: 'DEBIT' | 'HOLD'; app: number; key: string; input: number; holdSeconds: number }
  | { kind: 'CAPTURE' | 'VOID' | 'REFUND'; pick: number; withinApp: number | null }
  | {
      kind: 'GRANT';
      source: 'BONUS' | 'TOP_UP';
      amount: number;
      expiry: DrawnExpiry;
      key: string;
      input: number;
    }
  | { kind: 'REVOKE'; pick: number }
  | { kind: 'CHANGE_PLAN'; plan: number }
  | { kind: 'READ' }
);

/** `inMs`: so long after the clock; `atReset`: at the very instant at which the period ends. */
export type DrawnExpiry = 'default' | 'never' | 'atReset' | { readonly inMs: number };

/** In milliseconds: from where the clock is, or from the instant at which something falls due next. */
export type ClockMove = { readonly by: number } | { readonly toDueAnd: number };

/** One thing that happens. Owners, plans and apps are numbers that the world's places give a meaning. */
export type Happening = { readonly clock: ClockMove } & (
  | { what: 'commands'; commands: readonly DrawnCommand[] }
  | { what: 'read'; owner: number }
  | { what: 'sweep' }
  | { what: 'app'; owner: number; app: number; status: 'ACTIVE' | 'PAUSED'; creditCap: number | null }
  | { what: 'suspension'; owner: number; suspended: boolean }
  | { what: 'plan edit'; plan: number; terms: NaiveTerms }
);

/** Something that happens, which process does it, and what goes wrong meanwhile. */
export type Step = Happening & { readonly process: number; readonly faults: readonly DrawnFault[] };

/** Plain data, drawn from the seed before anything happens: the same world can be played again, whole or in part. */
export interface World {
  readonly seed: number;
  readonly beginning: Instant;
  /** How many ledgers take turns on the one database. */
  readonly processes: number;
  readonly plans: readonly NaiveTerms[];
  readonly owners: readonly { readonly plan: number; readonly apps: readonly number[] }[];
  readonly steps: readonly Step[];
}

type CommandKind = 'open' | 'resolve' | 'grant' | 'revoke' | 'changePlan' | 'read';

/** What a world is fond of. Worlds differ in it, so that some see much of what others never see. */
interface Temper {
  readonly commands: Readonly<Record<CommandKind, number>>;
  readonly clock: Readonly<Record<'still' | 'seconds' | 'minutes' | 'days' | 'years' | 'back' | 'due', number>>;
  readonly holdsPercent: number;
  readonly keys: number;
  /** Lives on top-ups, since its plans give little; and they often change whether top-ups may be used. */
  readonly onTopUps: boolean;
}

/** The world of a seed. */
export function drawWorld(seed: number): World {
  const dice = new Dice(seed);
  const temper = drawTemper(dice);
  const plans = Array.from({ length: dice.between(2, 4) }, () => drawTerms(dice, temper));
  const owners = Array.from({ length: dice.oneOf([1, 1, 2]) }, () => ({
    plan: dice.between(0, plans.length - 1),
    apps: Array.from({ length: dice.between(1, 3) }, (_, index) => index + 1),
  }));
  const beginning = drawBeginning(dice);
  const painter = new Painter(dice, temper, plans.length, owners);
  const happenings = Array.from({ length: dice.between(FEWEST_STEPS, MOST_STEPS) }, () => painter.step());
  // By dice of their own, so that a world is the same with its faults and without them.
  const mishaps = new Dice(~seed);
  const processes = mishaps.oneOf([1, 1, 2]);
  const fragility = drawFragility(mishaps);
  const steps = happenings.map((happening): Step => {
    const process = mishaps.between(0, processes - 1);
    return { ...happening, process, faults: drawFaults(mishaps, fragility) };
  });
  return { seed, beginning, processes, plans, owners, steps };
}

/** The same world where nothing goes wrong, and one process does it all. */
export function calmed(world: World): World {
  return { ...world, processes: 1, steps: world.steps.map((step) => ({ ...step, process: 0, faults: [] })) };
}

/** Often the end of a month, where renewals have no such day to fall on, and leap years too. */
function drawBeginning(dice: Dice): Instant {
  const day = dice.oneOf([dice.between(1, 28), 29, 30, 31]);
  const month = Date.UTC(dice.oneOf([2023, 2024, 2025, 2027, 2028]), dice.between(0, 11), 1);
  return month + (day - 1) * DAY_MS + dice.oneOf([0, dice.between(0, DAY_MS - 1)]);
}

function drawTemper(dice: Dice): Temper {
  const fondness = () => dice.oneOf([0, 1, 1, 2, 4]);
  return {
    commands: {
      open: 8,
      resolve: 3 * fondness(),
      grant: 2 * fondness(),
      revoke: fondness(),
      changePlan: fondness(),
      read: 1,
    },
    clock: {
      still: dice.oneOf([3, 10, 30]),
      seconds: 3,
      minutes: 2 * fondness(),
      days: fondness(),
      years: dice.oneOf([0, 0, 0, 1]),
      back: fondness(),
      due: 2 * fondness(),
    },
    holdsPercent: dice.oneOf([10, 40, 80]),
    keys: dice.oneOf([4, 12, 40]),
    onTopUps: dice.chance(30),
  };
}

function drawTerms(dice: Dice, { onTopUps }: Temper): NaiveTerms {
  return {
    monthlyCredits: dice.oneOf(onTopUps ? [0, 0, 1, 2] : [0, 1, 2, 4, 6, 9, 12]),
    topUpsAllowed: dice.chance(55),
    rolloverLimit: dice.oneOf([0, 0, 1, 3, 20]),
  };
}

/** Draws one step after the other. It knows nothing of what comes of them. */
class Painter {
  constructor(
    private readonly dice: Dice,
    private readonly temper: Temper,
    private readonly plans: number,
    private readonly owners: World['owners'],
  ) {}

  step(): Happening {
    const { dice } = this;
    const edits = this.temper.onTopUps ? 6 : 2;
    const what = dice.weighted({ commands: 24, read: 2, sweep: 1, app: 3, suspension: 1, 'plan edit': edits });
    const clock = this.clock();
    const owner = this.owner();
    switch (what) {
      case 'commands': {
        const many = dice.chance(50) ? 1 : dice.between(2, MOST_COMMANDS_AT_ONCE);
        return { what, clock, commands: Array.from({ length: many }, () => this.command()) };
      }
      case 'read':
        return { what, clock, owner };
      case 'sweep':
        return { what, clock };
      case 'app': {
        const creditCap = dice.oneOf([null, null, 0, 1, 2, 3, 5]);
        return { what, clock, owner, app: this.app(owner), status: dice.chance(20) ? 'PAUSED' : 'ACTIVE', creditCap };
      }
      case 'suspension':
        return { what, clock, owner, suspended: dice.chance(20) };
      case 'plan edit':
        return { what, clock, plan: this.plan(), terms: drawTerms(dice, this.temper) };
    }
  }

  private command(): DrawnCommand {
    const { dice, temper } = this;
    const owner = this.owner();
    const pick = dice.between(0, 999);
    switch (dice.weighted(temper.commands)) {
      case 'open': {
        const kind = dice.chance(temper.holdsPercent) ? 'HOLD' : 'DEBIT';
        const app = dice.chance(2) ? UNKNOWN_APP : this.app(owner);
        const holdSeconds = dice.oneOf(HOLD_SECONDS);
        return { owner, kind, app, ...this.key(), holdSeconds };
      }
      case 'resolve': {
        const withinApp = dice.chance(20) ? this.app(owner) : null;
        return { owner, kind: dice.oneOf(['CAPTURE', 'VOID', 'REFUND'] as const), pick, withinApp };
      }
      case 'grant': {
        const amount = dice.chance(3) ? TOO_MANY_CREDITS : dice.between(1, 7);
        const source = dice.chance(this.temper.onTopUps ? 85 : 50) ? 'TOP_UP' : 'BONUS';
        return { owner, kind: 'GRANT', source, amount, expiry: this.expiry(), ...this.key() };
      }
      case 'revoke':
        return { owner, kind: 'REVOKE', pick };
      case 'changePlan':
        return { owner, kind: 'CHANGE_PLAN', plan: this.plan() };
      case 'read':
        return { owner, kind: 'READ' };
    }
  }

  private clock(): ClockMove {
    const { dice } = this;
    switch (dice.weighted(this.temper.clock)) {
      case 'still':
        return { by: 0 };
      case 'seconds':
        return { by: dice.between(0, 2 * SECOND_MS) };
      case 'minutes':
        return { by: dice.between(0, 20 * MINUTE_MS) };
      case 'days':
        return { by: dice.between(0, 35 * DAY_MS) };
      case 'years':
        return { by: dice.between(0, 500 * DAY_MS) };
      case 'back':
        return { by: -dice.oneOf([dice.between(0, 2 * SECOND_MS), dice.between(0, 3 * DAY_MS)]) };
      case 'due':
        return { toDueAnd: dice.oneOf([-1, 0, 0, 0, 1, -SECOND_MS * dice.oneOf(HOLD_SECONDS)]) };
    }
  }

  private expiry(): DrawnExpiry {
    const { dice } = this;
    return dice.oneOf<DrawnExpiry>([
      'default',
      'never',
      'atReset',
      { inMs: dice.between(-SECOND_MS, 20 * MINUTE_MS) },
      { inMs: dice.between(DAY_MS, 90 * DAY_MS) },
    ]);
  }

  /** Few keys, so that many repeat, and some of those with another input. */
  private key(): { key: string; input: number } {
    return { key: `key-${this.dice.between(1, this.temper.keys)}`, input: this.dice.chance(10) ? 1 : 0 };
  }

  private owner(): number {
    return this.dice.between(0, this.owners.length - 1);
  }

  private app(owner: number): number {
    return this.dice.oneOf(this.owners[owner]?.apps ?? []);
  }

  private plan(): number {
    return this.dice.between(0, this.plans - 1);
  }
}
