import { isDeepStrictEqual } from 'node:util';
import * as fc from 'fast-check';
import type { Instant } from '../../src/clock';
import type { ActionOutcome, Command, Decided, OpenAction } from '../../src/ledger/commands';
import { decide, type Decision } from '../../src/ledger/decide';
import type { ActionRecord, Grant, LedgerEntry, PlanTerms, Pool } from '../../src/ledger/pool';
import { grantsOf, usedOf, type Book } from '../support/in-memory-ledger';
import { histories, play, Scene, type Step } from './ledger-histories';

const RUNS = 200;
/** Ends the search for the smallest history that fails, which may take minutes. */
const IN_TIME = { interruptAfterTimeLimit: 10_000 };

/** Checks every decision of random histories. `begin` gives each history a check of its own, for what is carried along. */
function everyStep(begin: () => (step: Step) => void, numRuns = RUNS): void {
  fc.assert(
    fc.property(histories, (history) => {
      const check = begin();
      for (const step of play(history)) check(step);
    }),
    { numRuns, ...IN_TIME },
  );
}

describe('after every decision of a random history', () => {
  it('I1: granted = available + paused + held + spent + expired + revoked', () => {
    everyStep(() => ({ decision: { pool } }) => {
      const { available, paused, held, spent, expired, revoked } = pool;
      expect(available + paused + held + spent + expired + revoked).toBe(pool.granted);
    });
  });

  it('I1: each total is what the entries of its kinds add up to', () => {
    everyStep(() => ({ book: { pool, entries } }) => {
      const moved = (...kinds: LedgerEntry['kind'][]) =>
        sum(entries.filter(({ kind }) => kinds.includes(kind)).map(({ credits }) => credits));
      expect(pool.granted).toBe(moved('GRANT'));
      expect(pool.spent).toBe(moved('DEBIT', 'CAPTURE') - moved('REFUND'));
      expect(pool.held).toBe(moved('HOLD') - moved('CAPTURE', 'VOID'));
      expect(pool.expired).toBe(moved('EXPIRE'));
      expect(pool.revoked).toBe(moved('REVOKE'));
    });
  });

  it('I2: nothing is negative, and a pool holds at most 2,000,000,000 credits', () => {
    everyStep(() => ({ decision }) => {
      for (const { available, held, paused } of [...decision.entries, decision.pool]) {
        expect(Math.min(available, held, paused)).toBeGreaterThanOrEqual(0);
        expect(available + held + paused).toBeLessThanOrEqual(2_000_000_000);
      }
      for (const { remaining, amount } of decision.grants) {
        expect(remaining).toBeGreaterThanOrEqual(0);
        expect(remaining).toBeLessThanOrEqual(amount);
      }
    });
  });

  it('I3: an app’s key has at most one action, an action one debit, a grant’s key one grant', () => {
    everyStep(() => {
      const opened = new Set<string>();
      return ({ decision, book }) => {
        for (const [sequence, { text }] of decision.openedKeys) {
          const key = `${book.actions.get(sequence)?.appId ?? 'grants'} ${text}`;
          expect(opened).not.toContain(key);
          opened.add(key);
        }
        for (const action of decision.actions) {
          const kinds = book.entries
            .filter((entry) => entry.actionSequence === action.sequence)
            .map(({ kind }) => kind);
          expect(kinds).toEqual(ENTRIES_OF[action.status](action));
        }
      };
    });
  });

  it('I4: entries are numbered 1, 2, … lastSequence without a gap', () => {
    everyStep(() => ({ book: { entries, pool } }) => {
      expect(entries.map(({ sequence }) => sequence)).toEqual(entries.map((_, index) => index + 1));
      expect(pool.lastSequence).toBe(entries.length);
    });
  });

  it('I4: an entry follows from the entry before it, by its kind, its credits and where its grant’s credits are', () => {
    everyStep(() => {
      const replayed = new Replay();
      return ({ decision, book }) => {
        for (const entry of book.entries.slice(replayed.lastSequence)) {
          replayed.apply(entry);
          const { sequence, available, held, paused } = entry;
          expect({ sequence, available, held, paused }).toEqual({ sequence, ...placesOf(replayed.pool) });
        }
        const { available, held, paused } = decision.pool;
        expect({ available, held, paused }).toEqual(placesOf(replayed.pool));
        for (const grant of decision.grants) expect(grant.remaining).toBe(replayed.remainingOf(grant.sequence));
        for (const grant of grantsOf(book)) expect(grant.remaining).toBe(replayed.remainingOf(grant.sequence));
      };
    });
  });

  it('I5: usable grants add up to available, paused ones to paused, held actions to held', () => {
    everyStep(() => ({ book }) => {
      const { pool, actions } = book;
      const all = grantsOf(book);
      const isPaused = ({ source }: Grant) => source === 'TOP_UP' && !pool.topUpsAllowed;
      expect(sum(all.filter((grant) => !isPaused(grant)).map(({ remaining }) => remaining))).toBe(pool.available);
      expect(sum(all.filter(isPaused).map(({ remaining }) => remaining))).toBe(pool.paused);
      expect([...actions.values()].filter(({ status }) => status === 'HELD')).toHaveLength(pool.held);
    });
  });

  it('every change raises the version, and what does not change is as it was (rule 12)', () => {
    everyStep(() => ({ state, decision }) => {
      const { changed, pool, entries } = decision;
      expect(changed).toBe(!isDeepStrictEqual(pool, state.pool));
      if (changed) expect(pool.version).toBeGreaterThan(state.pool.version);
      else expect([entries, decision.grants, decision.actions, decision.meters]).toEqual([[], [], [], []]);
      expect(pool.lastSequence).toBe(state.pool.lastSequence + entries.length);
    });
  });

  it('what the last command is answered is what is published (I6, rule 12)', () => {
    everyStep(() => ({ decision }) => {
      const last = decision.decided.at(-1);
      if (last?.status === 'ACCEPTED') expect(last.outcome.balance).toEqual(decision.balance);
    });
  });

  it('usedThisPeriod counts the actions opened in this period that are HELD or CAPTURED', () => {
    everyStep(() => ({ book }) => {
      expect(book.pool.usedThisPeriod).toBe(usedIn(book, book.pool.periodStart).length);
    });
  });

  it('rule 11: an app’s counter is that count of the app, and starts again with the period', () => {
    everyStep(() => ({ book }) => {
      const { periodStart } = book.pool;
      for (const app of book.apps.values()) {
        const used = usedIn(book, periodStart).filter((action) => action.appId === app.appId);
        expect(usedOf(app, book.pool)).toBe(used.length);
      }
    });
  });

  it('rule 4: no plan credit outlives its period, but for what was rolled over, which is no more than the limit', () => {
    everyStep(() => ({ state, commands, decision: { balance, pool, entries }, book }) => {
      const plan = balance.grants.filter(({ source }) => source === 'PLAN');
      expect(plan.filter(({ expiresAt }) => expiresAt !== pool.resetsAt)).toEqual([]);
      const renewedOnce = pool.periodStart === state.pool.resetsAt;
      if (!renewedOnce || commands.some(({ kind }) => kind === 'CHANGE_PLAN')) return;
      const granted = entries.filter(
        ({ kind, grantSequence }) => kind === 'GRANT' && book.grants.get(grantSequence)?.source === 'PLAN',
      );
      const limit = pool.monthlyCredits + state.pool.rolloverLimit;
      expect(sum(granted.map(({ credits }) => credits))).toBeLessThanOrEqual(limit);
    });
  });

  it('rule 5: a running period keeps its terms, whatever is edited or pending', () => {
    everyStep(() => ({ state, commands, decision: { pool } }) => {
      if (pool.periodStart !== state.pool.periodStart || commands.some(({ kind }) => kind === 'CHANGE_PLAN')) return;
      expect({ ...termsOf(pool), planId: pool.planId }).toEqual({ ...termsOf(state.pool), planId: state.pool.planId });
    });
  });

  it('time never turns back: entries are in the order of their instants, and none is opened before its period', () => {
    everyStep(() => {
      let lastAt = -Infinity;
      return ({ state, now, decision: { entries, pool, openedKeys }, book }) => {
        for (const { at } of entries) {
          expect(at).toBeGreaterThanOrEqual(lastAt);
          expect(at).toBeLessThanOrEqual(Math.max(now, state.pool.lastAt));
          lastAt = at;
        }
        expect(pool.lastAt).toBeGreaterThanOrEqual(Math.max(lastAt, state.pool.lastAt));
        expect(pool.periodStart).toBeGreaterThanOrEqual(state.pool.periodStart);
        for (const sequence of openedKeys.keys()) {
          expect(book.entries[sequence - 1]?.at).toBeGreaterThanOrEqual(pool.periodStart);
        }
      };
    });
  });

  it('nextDueAt is exact or early, never late', () => {
    everyStep(
      () =>
        ({ book }) =>
          expect(book.pool.nextDueAt).toBeLessThanOrEqual(nextDue(book)),
    );
  });

  it('what has fallen due is settled, and nextDueAt lies ahead, unless commands were deferred (rules 4 and 8)', () => {
    everyStep(() => ({ state, now, decision, book }) => {
      if (decision.decided.some(({ status }) => status === 'DEFERRED')) return;
      const at = Math.max(now, state.pool.lastAt);
      expect(nextDue(book)).toBeGreaterThan(at);
      expect(book.pool.nextDueAt).toBeGreaterThan(at);
    });
  });

  it('what falls due by itself carries its due instant (rules 4 and 8)', () => {
    everyStep(() => ({ decision, book }) => {
      for (const { kind, at, actionSequence, reason, grantSequence } of decision.entries) {
        const hold = actionSequence === null ? undefined : book.actions.get(actionSequence);
        if (reason === 'The hold expired.') expect(at).toBe(hold?.holdExpiresAt);
        if (reason === 'The plan renewed.') {
          const { effectiveAt, expiresAt } = book.grants.get(grantSequence) as Grant;
          expect(at).toBe(effectiveAt);
          expect(new Date(expiresAt ?? 0).toISOString().slice(10)).toBe('T10:30:00.250Z');
        }
        if (kind === 'EXPIRE') expect(at).toBeGreaterThanOrEqual(book.grants.get(grantSequence)?.expiresAt ?? Infinity);
      }
    });
  });

  it('decide mutates nothing that it is given, and decides the same again', () => {
    everyStep(
      () =>
        ({ state, commands, now, decision }) => {
          // The states of `play` are frozen; Maps cannot be, so they are compared.
          const before = structuredClone(state);
          const again = decide(state, commands, now);
          expect(state).toEqual(before);
          expect(again).toEqual(decision);
        },
      100,
    );
  });

  it('a refusal or a replay changes nothing: its neighbours are decided as if it had not been there', () => {
    everyStep(() => ({ state, commands, now, decision }) => {
      const idle = decision.decided.map((decided) => decided.status === 'REFUSED' || resultOf(decided) === 'REPLAYED');
      if (!idle.includes(true)) return;
      const others = decide(
        state,
        commands.filter((_, index) => !idle[index]),
        now,
      );
      expect(others.pool).toEqual(decision.pool);
      expect(others.entries).toEqual(decision.entries);
      expect(others.grants).toEqual(decision.grants);
      expect(others.actions).toEqual(decision.actions);
      expect(others.meters).toEqual(decision.meters);
      expect(others.openedKeys).toEqual(decision.openedKeys);
    });
  });
});

describe('for every command of a random history', () => {
  it('rule 1: an action moves exactly one credit, and its receipt is its entry', () => {
    everyCommand(({ command, decided, book }) => {
      if (!isOpening(command) || decided.status !== 'ACCEPTED') return;
      const { action } = decided.outcome as ActionOutcome;
      expect(book.entries[action.sequence - 1]).toMatchObject({
        kind: action.holdExpiresAt === null ? 'DEBIT' : 'HOLD',
        credits: 1,
        grantSequence: action.grantSequence,
        actionSequence: action.sequence,
        available: action.availableAfter,
        held: action.heldAfter,
        paused: action.pausedAfter,
        at: action.createdAt,
      });
    });
  });

  it('rule 2: the owner’s one pool pays, whichever app acts', () => {
    everyCommand(({ command, decided, before, after }) => {
      if (!isOpening(command) || !isFresh(decided)) return;
      expect(after.pool.available).toBe(before.pool.available - 1);
      expect(after.pool.usedThisPeriod).toBe(before.pool.usedThisPeriod + 1);
      expect(after.pool.ownerId).toBe(command.ownerId);
    });
  });

  it('rule 5: an upgrade grants the difference at once, and nothing else of the period changes', () => {
    let upgrades = 0;
    everyCommand(({ command, decided, before, after, state, now }) => {
      if (command.kind !== 'CHANGE_PLAN' || decided.status !== 'ACCEPTED') return;
      const terms = termsInForce(state, command.planId, Math.max(now, state.pool.lastAt));
      if (command.planId === before.pool.planId || terms.monthlyCredits <= before.pool.allowance) return;
      upgrades += 1;
      const { anchorAt, periodStart, resetsAt, usedThisPeriod, spent, held } = before.pool;
      expect(after.pool).toMatchObject({ anchorAt, periodStart, resetsAt, usedThisPeriod, spent, held });
      expect(after.pool).toMatchObject({ planId: command.planId, nextPlanId: null, allowance: terms.monthlyCredits });
      expect(after.pool.granted - before.pool.granted).toBe(terms.monthlyCredits - before.pool.allowance);
      expect(termsOf(after.pool)).toMatchObject(terms);
    });
    expect(upgrades).toBeGreaterThan(0);
  });

  it('rule 5: any other change of plan waits for the end of the period, and the current plan cancels it', () => {
    let pending = 0;
    everyCommand(({ command, decided, before, after, state, now }) => {
      if (command.kind !== 'CHANGE_PLAN' || decided.status !== 'ACCEPTED') return;
      const terms = termsInForce(state, command.planId, Math.max(now, state.pool.lastAt));
      const current = command.planId === before.pool.planId;
      if (!current && terms.monthlyCredits > before.pool.allowance) return;
      pending += current ? 0 : 1;
      expect(after.pool.nextPlanId).toBe(current ? null : command.planId);
      expect({ ...termsOf(after.pool), planId: after.pool.planId }).toEqual({
        ...termsOf(before.pool),
        planId: before.pool.planId,
      });
      expect(after.entries).toHaveLength(before.entries.length);
    });
    expect(pending).toBeGreaterThan(0);
  });

  it('rule 6: an action burns PLAN and BONUS before TOP_UP, then the earliest expiry, then the oldest', () => {
    everyCommand(({ command, decided, before }) => {
      if (!isOpening(command) || !isFresh(decided)) return;
      const { grants, topUpsAllowed } = before.balance;
      const usable = grants.filter(({ source }) => source !== 'TOP_UP' || topUpsAllowed);
      const first = usable.reduce((a, b) => (burnsBefore(b, a) ? b : a));
      expect((decided.outcome as ActionOutcome).action.grantSequence).toBe(first.sequence);
    });
  });

  it('rules 7, 10 and 11: an action is refused in this order: key, suspension, pause, cap, credits', () => {
    everyCommand(({ command, decided, before, state }) => {
      if (!isOpening(command)) return;
      expect(resultOf(decided)).toBe(expectedOf(command, before, state));
    });
  });

  it('rule 8 and 9: an action is resolved as its status allows, whatever its app and owner are', () => {
    everyCommand(({ command, decided, before, state }) => {
      if (command.kind !== 'CAPTURE' && command.kind !== 'VOID' && command.kind !== 'REFUND') return;
      const action = before.actions.concat(state.actions).find(({ sequence }) => sequence === command.actionSequence);
      const isOwn = command.withinAppId === null || command.withinAppId === action?.appId;
      const isFull = before.pool.available + before.pool.held + before.pool.paused === 2_000_000_000;
      const expected = action && isOwn ? RESOLVES[command.kind][action.status] : 'NOT_FOUND';
      expect(resultOf(decided)).toBe(
        isFull && command.kind === 'REFUND' && expected === 'ACCEPTED' ? 'LIMIT_REACHED' : expected,
      );
    });
  });

  it('rule 9: an action goes from HELD or CAPTURED to its end, and its receipt never changes', () => {
    everyStep(() => {
      const last = new Map<number, ActionRecord>();
      return ({ decision }) => {
        for (const action of decision.recorded) {
          const earlier = last.get(action.sequence);
          expect(FOLLOWS[earlier?.status ?? 'NEW']).toContain(action.status);
          expect(receiptOf(action)).toEqual(receiptOf(earlier ?? action));
          last.set(action.sequence, action);
        }
      };
    });
  });

  it('a batch is worth its commands one by one', () => {
    fc.assert(
      fc.property(histories, (history) => {
        const [batched, single] = [new Scene(history), new Scene(history)];
        for (const event of history.events) {
          if (event.what !== 'commands') {
            for (const scene of [batched, single]) scene.change(event);
            continue;
          }
          batched.move(event.clock);
          single.move({ by: batched.now - single.now });
          const commands = batched.commandsOf(event.commands);
          const together = lastDecided(batched, commands);
          const oneByOne = commands.flatMap((command) => lastDecided(single, [command]));
          expect(oneByOne.map(resultOf)).toEqual(together.map(resultOf));
          expect(single.book.entries).toEqual(batched.book.entries);
        }
        expect(keptOf(single.book)).toEqual(keptOf(batched.book));
      }),
      { numRuns: RUNS / 2, ...IN_TIME },
    );
  });

  it('the histories reach every kind of entry, every refusal, replays and deferrals: these tests are about something', () => {
    const reached = new Set<string>();
    const seeded = { numRuns: RUNS, seed: 1 };
    fc.assert(
      fc.property(histories, (history) => {
        for (const { decision, commands } of play(history)) {
          for (const { kind } of decision.entries) reached.add(kind);
          decision.decided.forEach((decided, i) => reached.add(`${commands[i]?.kind} ${resultOf(decided)}`));
          if (decision.entries.filter(({ reason }) => reason === 'The plan renewed.').length > 2)
            reached.add('renewals');
          if (decision.entries.some(({ reason }) => reason?.startsWith('Rolled over'))) reached.add('rollover');
          if (decision.entries.some(({ reason }) => reason === 'The plan was upgraded.')) reached.add('upgrade');
        }
      }),
      seeded,
    );
    const openings = ['ACCEPTED', 'REPLAYED', 'DEFERRED', 'NOT_FOUND', 'IDEMPOTENCY_KEY_REUSED', 'OWNER_SUSPENDED']
      .concat('ACTION_ALREADY_RESOLVED', 'APP_PAUSED', 'CAP_REACHED', 'INSUFFICIENT_CREDITS')
      .flatMap((result) => [`DEBIT ${result}`, `HOLD ${result}`]);
    const resolutions = ['ACCEPTED', 'REPLAYED', 'NOT_FOUND', 'ACTION_ALREADY_RESOLVED'];
    const grants = ['ACCEPTED', 'REPLAYED', 'IDEMPOTENCY_KEY_REUSED', 'BAD_USER_INPUT', 'LIMIT_REACHED'];
    expect([...reached]).toEqual(
      expect.arrayContaining([
        ...Object.keys(MOVES),
        ...openings,
        ...resolutions.map((result) => `CAPTURE ${result}`),
        ...resolutions.map((result) => `VOID ${result}`),
        ...[...resolutions, 'ACTION_NOT_CAPTURED'].map((result) => `REFUND ${result}`),
        ...grants.map((result) => `GRANT ${result}`),
        ...['ACCEPTED', 'REPLAYED', 'NOT_FOUND'].map((result) => `REVOKE ${result}`),
        'CHANGE_PLAN ACCEPTED',
        'SETTLE ACCEPTED',
        'renewals',
        'rollover',
        'upgrade',
      ]),
    );
  });
});

/** The table of I4, written down once more. `usable` and `gone` are of the entry's grant. */
const MOVES: Record<LedgerEntry['kind'], readonly [from: Place, to: Place]> = {
  GRANT: ['gone', 'available'],
  DEBIT: ['available', 'gone'],
  HOLD: ['available', 'held'],
  CAPTURE: ['held', 'gone'],
  VOID: ['held', 'available'],
  REFUND: ['gone', 'available'],
  PAUSE: ['available', 'paused'],
  RESUME: ['paused', 'available'],
  EXPIRE: ['available', 'gone'],
  REVOKE: ['available', 'gone'],
};
type Place = 'available' | 'held' | 'paused' | 'gone';

/** Where each grant's credits are, from the entries alone. */
class Replay {
  lastSequence = 0;
  readonly pool = { available: 0, held: 0, paused: 0, gone: 0 };
  private readonly grants = new Map<number, Record<Place, number>>();

  apply({ sequence, kind, credits, grantSequence }: LedgerEntry): void {
    const grant = this.grants.get(grantSequence) ?? { available: 0, held: 0, paused: 0, gone: 0 };
    const [from, to] = MOVES[kind];
    // What is paused expires or is revoked from where it is.
    const source = (kind === 'EXPIRE' || kind === 'REVOKE') && grant.available === 0 ? 'paused' : from;
    grant[source] -= credits;
    grant[to] += credits;
    expect(Math.min(grant.available, grant.held, grant.paused)).toBeGreaterThanOrEqual(0);
    this.grants.set(grantSequence, grant);
    this.pool[source] -= credits;
    this.pool[to] += credits;
    this.lastSequence = sequence;
  }

  remainingOf(grantSequence: number): number {
    const grant = this.grants.get(grantSequence);
    return grant ? grant.available + grant.paused : NaN;
  }
}

function placesOf({ available, held, paused }: Record<Place, number>): Omit<Record<Place, number>, 'gone'> {
  return { available, held, paused };
}

/** The entries that an action has by the time it is in a status. */
const ENTRIES_OF: Record<ActionRecord['status'], (action: ActionRecord) => string[]> = {
  HELD: () => ['HOLD'],
  CAPTURED: ({ holdExpiresAt }) => (holdExpiresAt === null ? ['DEBIT'] : ['HOLD', 'CAPTURE']),
  VOIDED: () => ['HOLD', 'VOID'],
  REFUNDED: ({ holdExpiresAt }) => (holdExpiresAt === null ? ['DEBIT', 'REFUND'] : ['HOLD', 'CAPTURE', 'REFUND']),
};

const FOLLOWS: Record<string, readonly string[]> = {
  NEW: ['HELD', 'CAPTURED'],
  HELD: ['CAPTURED', 'VOIDED'],
  CAPTURED: ['REFUNDED'],
  VOIDED: [],
  REFUNDED: [],
};

/** The table of the public contract: what resolving an action of each status comes to. */
const RESOLVES = {
  CAPTURE: {
    HELD: 'ACCEPTED',
    CAPTURED: 'REPLAYED',
    VOIDED: 'ACTION_ALREADY_RESOLVED',
    REFUNDED: 'ACTION_ALREADY_RESOLVED',
  },
  VOID: {
    HELD: 'ACCEPTED',
    CAPTURED: 'ACTION_ALREADY_RESOLVED',
    VOIDED: 'REPLAYED',
    REFUNDED: 'ACTION_ALREADY_RESOLVED',
  },
  REFUND: {
    HELD: 'ACTION_NOT_CAPTURED',
    CAPTURED: 'ACCEPTED',
    VOIDED: 'ACTION_ALREADY_RESOLVED',
    REFUNDED: 'REPLAYED',
  },
} as const;

interface DecidedCommand extends Step {
  readonly command: Command;
  readonly decided: Exclude<Decided, { status: 'DEFERRED' }>;
  /** What there was when the command's turn came: due work was settled, and the commands before it were decided. */
  readonly before: Decision;
  /** What there was when it was decided, and nothing after it. */
  readonly after: Decision;
}

function everyCommand(check: (decided: DecidedCommand) => void): void {
  everyStep(() => (step) => {
    step.commands.forEach((command, index) => {
      const decided = step.decision.decided[index];
      if (!decided || decided.status === 'DEFERRED') return;
      const before = decide(step.state, step.commands.slice(0, index), step.now);
      const after = decide(step.state, step.commands.slice(0, index + 1), step.now);
      check({ ...step, command, decided, before, after });
    });
  });
}

function termsOf({ allowance, monthlyCredits, topUpsAllowed, rolloverLimit }: Pool) {
  return { allowance, monthlyCredits, topUpsAllowed, rolloverLimit };
}

/** What a plan gives at an instant: the last of its dated terms that had begun. */
function termsInForce(state: Step['state'], planId: number, at: Instant): PlanTerms {
  const begun = (state.planTerms.get(planId) ?? []).filter(({ effectiveFrom }) => effectiveFrom <= at);
  const { monthlyCredits, topUpsAllowed, rolloverLimit } = begun.at(-1) as PlanTerms;
  return { monthlyCredits, topUpsAllowed, rolloverLimit };
}

function isOpening(command: Command): command is OpenAction {
  return command.kind === 'DEBIT' || command.kind === 'HOLD';
}

function isFresh(decided: Decided): decided is Extract<Decided, { status: 'ACCEPTED' }> {
  return resultOf(decided) === 'ACCEPTED';
}

/** ACCEPTED, REPLAYED, DEFERRED, or the code of the refusal. */
function resultOf(decided: Decided): string {
  if (decided.status === 'REFUSED') return decided.error.code;
  if (decided.status === 'DEFERRED') return 'DEFERRED';
  return 'replayed' in decided.outcome && decided.outcome.replayed ? 'REPLAYED' : 'ACCEPTED';
}

function lastDecided(scene: Scene, commands: readonly Command[]): readonly Decided[] {
  return [...scene.submit(commands)].at(-1)?.decision.decided ?? [];
}

/** What an action comes to: the order of the checks in the public contract. */
function expectedOf(command: OpenAction, before: Decision, state: Step['state']): string {
  const app = before.apps.find(({ appId }) => appId === command.appId);
  if (!app) return 'NOT_FOUND';
  const known = actionOfKey(before, state, command);
  if (known) {
    if (known.fingerprint !== command.key.fingerprint) return 'IDEMPOTENCY_KEY_REUSED';
    return known.status === 'VOIDED' || known.status === 'REFUNDED' ? 'ACTION_ALREADY_RESOLVED' : 'REPLAYED';
  }
  const used = usedOf(app, before.pool);
  if (state.pool.suspendedAt !== null) return 'OWNER_SUSPENDED';
  if (app.status === 'PAUSED') return 'APP_PAUSED';
  if (used >= (app.creditCap ?? Infinity)) return 'CAP_REACHED';
  return before.pool.available === 0 ? 'INSUFFICIENT_CREDITS' : 'ACCEPTED';
}

/** The action that the command's key opened before its turn, if it did. */
function actionOfKey(before: Decision, state: Step['state'], { appId, key }: OpenAction): ActionRecord | undefined {
  return before.actions
    .concat(state.actions)
    .find((action) => action.appId === appId && action.idempotencyKey === key.text);
}

function receiptOf(action: ActionRecord): Partial<ActionRecord> {
  return { ...action, status: undefined, resolvedAt: undefined, reason: undefined };
}

function burnsBefore(a: Grant, b: Grant): boolean {
  if ((a.source === 'TOP_UP') !== (b.source === 'TOP_UP')) return b.source === 'TOP_UP';
  const [first, second] = [a.expiresAt ?? Infinity, b.expiresAt ?? Infinity];
  return first === second ? a.sequence < b.sequence : first < second;
}

function usedIn({ actions }: Book, periodStart: Instant): ActionRecord[] {
  return [...actions.values()].filter(
    ({ status, createdAt }) => createdAt >= periodStart && (status === 'HELD' || status === 'CAPTURED'),
  );
}

/** A book as it is read: how much of it is written, and how often its version was raised, is left open. */
function keptOf(book: Book): object {
  const { entries, actions, apps } = book;
  const pool = { ...book.pool, version: 0, uncountedAppId: null, uncountedActions: 0, shape: 0 };
  const used = [...apps.values()].map((app) => [app.appId, app.status, app.creditCap, usedOf(app, book.pool)]);
  return { pool, entries, actions, grants: grantsOf(book), used };
}

/** What falls due next, found by looking at everything there is. */
function nextDue({ pool, grants, actions }: Book): Instant {
  const holds = [...actions.values()].filter(({ status }) => status === 'HELD');
  const open = [...grants.values()].filter(({ remaining }) => remaining > 0);
  return Math.min(
    pool.resetsAt,
    ...holds.map(({ holdExpiresAt }) => holdExpiresAt ?? NaN),
    ...open.map(({ expiresAt }) => expiresAt ?? Infinity),
  );
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
