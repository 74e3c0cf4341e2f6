import * as fc from 'fast-check';
import { hashKey } from '../../src/idempotency';
import { MINUTE_MS, SECOND_MS, type Instant } from '../../src/clock';
import type { Command } from '../../src/ledger/commands';
import { decide, type Decision } from '../../src/ledger/decide';
import type { PoolState } from '../../src/ledger/draft';
import type { AppStatus, DatedPlanTerms, IdempotencyKey, PlanTerms } from '../../src/ledger/pool';
import { InMemoryLedger, type Book } from '../support/in-memory-ledger';

export const OWNER = 7;
export const APPS = [1, 2, 3];
const PLANS = [1, 2, 3, 4];
const DAY_MS = 24 * 60 * MINUTE_MS;
/** The 31st, and a time of day: both must survive every renewal. */
export const BEGINNING = Date.parse('2026-01-31T10:30:00.250Z');
/** So few that histories run into MORE due holds than one transaction settles. */
const DUE_HOLDS_PER_BATCH = 2;

/** A command as it is drawn, before it is known which actions and grants there are: `pick` chooses among them. */
export type DrawnCommand =
  | { kind: 'DEBIT' | 'HOLD'; app: number; key: IdempotencyKey; holdSeconds: number }
  | { kind: 'CAPTURE' | 'VOID' | 'REFUND'; pick: number; withinApp: number | null }
  | {
      kind: 'GRANT';
      source: 'BONUS' | 'TOP_UP';
      amount: number;
      expiresInMs: number | null | undefined;
      key: IdempotencyKey;
    }
  | { kind: 'REVOKE'; pick: number }
  | { kind: 'CHANGE_PLAN'; plan: number }
  | { kind: 'SETTLE' };

/** In milliseconds: from where the clock is, or from when something falls due next. */
export type ClockMove = { by: number } | { toDueAnd: number };

/** One thing that happens: a batch of commands, or a change that somebody makes beside the ledger. */
export type Event =
  | { what: 'commands'; clock: ClockMove; commands: readonly DrawnCommand[] }
  | { what: 'app'; app: number; status: AppStatus; creditCap: number | null }
  | { what: 'suspension'; suspended: boolean }
  | { what: 'plan edit'; plan: number; terms: PlanTerms };

export interface History {
  readonly firstTerms: readonly PlanTerms[];
  readonly plan: number;
  readonly events: readonly Event[];
}

/** One decision of a history, with everything around it. `book` is what is kept after it. */
export interface Step {
  readonly state: PoolState;
  readonly commands: readonly Command[];
  readonly now: Instant;
  readonly decision: Decision;
  readonly book: Book;
}

/** Few keys with few inputs each, so that many repeat and some are reused for another input. */
const key = fc
  .record({ number: fc.nat(14), input: fc.oneof({ weight: 9, arbitrary: fc.constant(0) }, fc.constant(1)) })
  .map(({ number, input }): IdempotencyKey => {
    const text = `key-${number}`;
    return { text, hash: hashKey(text), fingerprint: String(input).repeat(64) };
  });

const app = fc.constantFrom(...APPS);
const pick = fc.nat(1_000);

const opening: fc.Arbitrary<DrawnCommand> = fc.record({
  kind: fc.constantFrom('DEBIT' as const, 'HOLD' as const),
  // One in a while there is no such app.
  app: fc.oneof({ weight: 30, arbitrary: app }, fc.constant(99)),
  key,
  holdSeconds: fc.constantFrom(1, 60, 900, 86_400),
});

const resolving: fc.Arbitrary<DrawnCommand> = fc.record({
  kind: fc.constantFrom('CAPTURE' as const, 'VOID' as const, 'REFUND' as const),
  pick,
  withinApp: fc.oneof({ weight: 8, arbitrary: fc.constant(null) }, app),
});

const granting: fc.Arbitrary<DrawnCommand> = fc.record({
  kind: fc.constant('GRANT' as const),
  source: fc.constantFrom('BONUS' as const, 'TOP_UP' as const),
  amount: fc.oneof({ weight: 8, arbitrary: fc.integer({ min: 1, max: 6 }) }, fc.constant(1_999_999_998)),
  expiresInMs: fc.oneof(
    fc.constant(null),
    fc.constant(undefined),
    fc.integer({ min: -SECOND_MS, max: 20 * MINUTE_MS }),
    fc.integer({ min: DAY_MS, max: 90 * DAY_MS }),
  ),
  key,
});

const command: fc.Arbitrary<DrawnCommand> = fc.oneof(
  { weight: 8, arbitrary: opening },
  { weight: 6, arbitrary: resolving },
  { weight: 3, arbitrary: granting },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('REVOKE' as const), pick }) },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant('CHANGE_PLAN' as const), plan: fc.constantFrom(...PLANS) }),
  },
  { weight: 1, arbitrary: fc.constant({ kind: 'SETTLE' as const }) },
);

/** Small steps, whole periods, many periods, clocks that go back, and the very instant at which something falls due. */
const clock: fc.Arbitrary<ClockMove> = fc.oneof(
  { weight: 8, arbitrary: by(0, 2 * SECOND_MS) },
  { weight: 5, arbitrary: by(0, 20 * MINUTE_MS) },
  { weight: 2, arbitrary: by(0, 35 * DAY_MS) },
  { weight: 1, arbitrary: by(0, 500 * DAY_MS) },
  { weight: 3, arbitrary: fc.oneof(by(-2 * SECOND_MS, 0), by(-3 * DAY_MS, 0)) },
  { weight: 3, arbitrary: fc.record({ toDueAnd: fc.constantFrom(-1, 0, 0, 1) }) },
);

function by(min: number, max: number): fc.Arbitrary<ClockMove> {
  return fc.record({ by: fc.integer({ min, max }) });
}

const terms: fc.Arbitrary<PlanTerms> = fc.record({
  monthlyCredits: fc.constantFrom(0, 0, 2, 5, 9),
  topUpsAllowed: fc.boolean(),
  rolloverLimit: fc.constantFrom(0, 1, 4),
});

const event: fc.Arbitrary<Event> = fc.oneof(
  {
    weight: 14,
    arbitrary: fc.record({
      what: fc.constant('commands' as const),
      clock,
      commands: fc.array(command, { minLength: 1, maxLength: 5 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      what: fc.constant('app' as const),
      app,
      status: fc.constantFrom<AppStatus>('ACTIVE', 'ACTIVE', 'PAUSED'),
      creditCap: fc.constantFrom(null, null, 0, 1, 3),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      what: fc.constant('suspension' as const),
      suspended: fc.constantFrom(false, false, false, true),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ what: fc.constant('plan edit' as const), plan: fc.constantFrom(...PLANS), terms }),
  },
);

export const histories: fc.Arbitrary<History> = fc.record({
  firstTerms: fc.array(terms, { minLength: PLANS.length, maxLength: PLANS.length }),
  plan: fc.constantFrom(...PLANS),
  events: fc.array(event, { minLength: 1, maxLength: 30, size: 'max' }),
});

/** Plays a history against a new ledger, one step for each decision; every state is frozen before it is decided. */
export function* play(history: History): Generator<Step> {
  const scene = new Scene(history);
  for (const happening of history.events) {
    if (happening.what === 'commands') {
      scene.move(happening.clock);
      yield* scene.submit(scene.commandsOf(happening.commands));
    } else scene.change(happening);
  }
}

/** The ledger of one history, and its clock. */
export class Scene {
  readonly ledger: InMemoryLedger;
  readonly book: Book;
  now = BEGINNING;
  /** The highest instant so far: plans are edited then. */
  latest = BEGINNING;

  constructor({ firstTerms, plan }: History, dueHoldsPerBatch = DUE_HOLDS_PER_BATCH) {
    const plans = PLANS.map((planId, i): [number, DatedPlanTerms[]] => [
      planId,
      [{ ...(firstTerms[i] as PlanTerms), effectiveFrom: 0 }],
    ]);
    this.ledger = new InMemoryLedger(new Map(plans), dueHoldsPerBatch);
    this.book = this.ledger.open({ ownerId: OWNER, planId: plan, at: BEGINNING, apps: APPS });
  }

  change(happening: Exclude<Event, { what: 'commands' }>): void {
    if (happening.what === 'app') {
      const { app, status, creditCap } = happening;
      this.ledger.setApp(OWNER, app, { status, creditCap });
    } else if (happening.what === 'suspension') {
      this.ledger.setPool(OWNER, { suspendedAt: happening.suspended ? this.now : null });
    } else {
      const all = this.ledger.plans.get(happening.plan) ?? [];
      const dated = all.filter(({ effectiveFrom }) => effectiveFrom < this.latest);
      this.ledger.plans.set(happening.plan, [...dated, { ...happening.terms, effectiveFrom: this.latest }]);
    }
  }

  move(clock: ClockMove): void {
    this.now = 'by' in clock ? this.now + clock.by : this.book.pool.nextDueAt + clock.toDueAnd;
    this.latest = Math.max(this.latest, this.now);
  }

  /** Decides the commands, again while they are deferred. */
  *submit(commands: readonly Command[]): Generator<Step> {
    for (;;) {
      const step = this.decide(commands);
      yield step;
      if (step.decision.decided.every(({ status }) => status !== 'DEFERRED')) return;
    }
  }

  private decide(commands: readonly Command[]): Step {
    const { book, now } = this;
    const state = deepFreeze(this.ledger.load(commands, now).get(OWNER) as PoolState);
    const decision = decide(state, deepFreeze(commands), now);
    this.ledger.persist([decision]);
    return { state, commands, now, decision, book };
  }

  /** The drawn commands, about actions and grants that exist now; one in a while about one that does not. */
  commandsOf(drawn: readonly DrawnCommand[]): Command[] {
    return drawn.map((draft) => this.commandOf(draft));
  }

  private commandOf(drawn: DrawnCommand): Command {
    const ownerId = OWNER;
    switch (drawn.kind) {
      case 'DEBIT':
      case 'HOLD': {
        const { kind, app: appId, key, holdSeconds } = drawn;
        const facts = { type: 'CALL_API', visitor: null, origin: null, details: '{}', metadata: null };
        return { kind, ownerId, appId, key, facts, holdSeconds };
      }
      case 'CAPTURE':
      case 'VOID':
      case 'REFUND': {
        const { kind, pick, withinApp: withinAppId } = drawn;
        const actionSequence = oneOf(this.book.actions, pick);
        return { kind, ownerId, actionSequence, withinAppId, reason: 'asked for' };
      }
      case 'GRANT': {
        const { kind, source, amount, key, expiresInMs } = drawn;
        const expiresAt = typeof expiresInMs === 'number' ? this.now + expiresInMs : expiresInMs;
        return { kind, ownerId, source, amount, expiresAt, key, reason: null };
      }
      case 'REVOKE': {
        const grantSequence = oneOf(this.book.grants, drawn.pick);
        return { kind: 'REVOKE', ownerId, grantSequence, reason: null };
      }
      case 'CHANGE_PLAN':
        return { kind: 'CHANGE_PLAN', ownerId, planId: drawn.plan };
      case 'SETTLE':
        return { kind: 'SETTLE', ownerId };
    }
  }
}

/** One of the newest, for the older ones are resolved or empty; one in a while a sequence that does not exist. */
function oneOf(bySequence: ReadonlyMap<number, unknown>, pick: number): number {
  const newest = [...bySequence.keys()].slice(-6);
  return newest[pick % (newest.length + 1)] ?? 999_999;
}

/** Freezes plain values through and through. Maps cannot be frozen: what they hold is. */
function deepFreeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value;
  for (const member of value instanceof Map ? value.values() : Object.values(value)) deepFreeze(member);
  return Object.freeze(value);
}
