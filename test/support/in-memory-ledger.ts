import type { Instant } from '../../src/clock';
import { assert } from '../../src/errors';
import type { Command, Decided } from '../../src/ledger/commands';
import { decide, decideOpening, refuseUnknownOwner, type Decision } from '../../src/ledger/decide';
import { GRANTS_APP_ID, keyOf, type PoolState, type SeenKey } from '../../src/ledger/draft';
import type { DebitedUnseen, LedgerStore, LedgerTransaction } from '../../src/ledger/ledger';
import {
  snapshotOf,
  type ActionRecord,
  type AppMeter,
  type BalanceSnapshot,
  type DatedPlanTerms,
  type Grant,
  type LedgerEntry,
  type Pool,
} from '../../src/ledger/pool';
import { afterDebits, boundsOf, currentGrants, MOST_AHEAD_MS, openGrantsOf } from '../../src/ledger/written-behind';

/** All that is kept of one owner: what the database keeps in pools, grants, ledger_entries and apps. */
export interface Book {
  pool: Pool;
  readonly entries: LedgerEntry[];
  readonly grants: Map<number, Grant>;
  readonly actions: Map<number, ActionRecord>;
  readonly apps: Map<number, AppMeter>;
  readonly keys: Map<string, SeenKey>;
}

/**
 * A ledger in maps, written to be read: it loads what SQL would load, and not a row more, so that a rule that counts on more
 * fails here too. Plans are given as their dated terms, oldest first.
 */
export class InMemoryLedger implements LedgerStore {
  readonly books = new Map<number, Book>();

  constructor(
    readonly plans: Map<number, DatedPlanTerms[]>,
    private readonly dueHoldsPerBatch = 1_000,
  ) {}

  /** A new owner with its pool and one active app without a cap for each of `apps`. */
  open(owner: { ownerId: number; planId: number; at: Instant; apps?: readonly number[] }): Book {
    const { ownerId, planId, at, apps = [] } = owner;
    const terms = this.plans.get(planId)?.findLast(({ effectiveFrom }) => effectiveFrom <= at);
    assert(terms !== undefined, 'the plan has terms at the opening');
    const { monthlyCredits, topUpsAllowed, rolloverLimit } = terms;
    const decision = decideOpening({ ownerId, planId, terms: { monthlyCredits, topUpsAllowed, rolloverLimit }, at });
    const book: Book = {
      pool: decision.before,
      entries: [],
      grants: new Map(),
      actions: new Map(),
      apps: new Map(),
      keys: new Map(),
    };
    this.books.set(ownerId, book);
    for (const appId of apps) this.setApp(ownerId, appId, {});
    this.persistOne(decision);
    return book;
  }

  setApp(ownerId: number, appId: number, change: Partial<Pick<AppMeter, 'status' | 'creditCap'>>): void {
    const fresh = { ownerId, appId, status: 'ACTIVE', creditCap: null, usedThisPeriod: 0, countedFrom: 0 } as const;
    const { apps } = this.book(ownerId);
    apps.set(appId, { ...(apps.get(appId) ?? fresh), ...change });
    this.setPool(ownerId, {});
  }

  /** Any other change that is not the ledger's own, such as a suspension. It raises the version, as an app's does. */
  setPool(ownerId: number, change: Partial<Pool>): void {
    const book = this.book(ownerId);
    const { version, shape } = book.pool;
    book.pool = { ...book.pool, ...change, version: version + 1, shape: shape + 1 };
  }

  book(ownerId: number): Book {
    const book = this.books.get(ownerId);
    assert(book !== undefined, 'the owner exists');
    return book;
  }

  /** Decides commands in one transaction. They come back in their order; DEFERRED ones are not submitted again. */
  submit(commands: readonly Command[], now: Instant): Decided[] {
    const decisions = [...this.load(commands, now)].map(([ownerId, state]) => {
      const own = commands.filter((command) => command.ownerId === ownerId);
      return decide(state, own, now);
    });
    this.persist(decisions);
    const left = new Map(decisions.map(({ ownerId, decided }) => [ownerId, [...decided]]));
    return commands.map(({ ownerId }) => left.get(ownerId)?.shift() ?? refuseUnknownOwner());
  }

  load(commands: readonly Command[], now: Instant): Map<number, PoolState> {
    const states = new Map<number, PoolState>();
    for (const ownerId of new Set(commands.map((command) => command.ownerId))) {
      const book = this.books.get(ownerId);
      const own = commands.filter((command) => command.ownerId === ownerId);
      if (book) states.set(ownerId, this.stateOf(book, own, now));
    }
    return states;
  }

  persist(decisions: readonly Decision[]): void {
    const changed = decisions.filter((decision) => decision.changed);
    // All or nothing, as a transaction is.
    for (const decision of changed) this.assertFresh(decision);
    for (const decision of changed) this.persistOne(decision);
  }

  transact<T>(work: (transaction: LedgerTransaction) => Promise<T>): Promise<T> {
    return work({
      load: (commands, now) => Promise.resolve(this.load(commands, now)),
      persist: (decisions) => Promise.resolve(this.persist(decisions)),
    });
  }

  /** As the database does it: by what the decision adds to whatever is there. */
  persistUnseen(decision: Decision): Promise<DebitedUnseen> {
    const { ownerId, before } = decision;
    const { pool, grants, apps } = this.book(ownerId);
    const { availableAtLeast, uncountedAtMost } = boundsOf(decision);
    const at = Math.max(pool.lastAt, decision.pool.lastAt);
    if (pool.shape !== before.shape || pool.lastSequence < before.lastSequence) throw new Stale();
    if (at > decision.pool.lastAt + MOST_AHEAD_MS) throw new Stale();
    if (pool.available < availableAtLeast || pool.uncountedActions > (uncountedAtMost ?? Infinity)) throw new Stale();
    const debits = pool.lastSequence - before.lastSequence;
    const shift = <T extends { sequence: number }>(of: T): T => ({ ...of, sequence: of.sequence + debits });
    const state = { ...EMPTY_STATE, pool, grants: [...grants.values()], apps: [...apps.values()] };
    this.persist([
      {
        ...decision,
        before: pool,
        pool: {
          ...afterDebits({ ...state, pool: decision.pool }, debits).pool,
          version: pool.version + decision.pool.version - before.version,
          lastAt: at,
        },
        entries: decision.entries.map((entry) => ({
          ...shift(entry),
          at,
          actionSequence: (entry.actionSequence ?? 0) + debits,
          available: entry.available - debits,
        })),
        actions: decision.actions.map((action) => ({
          ...shift(action),
          createdAt: at,
          availableAfter: action.availableAfter - debits,
        })),
        openedKeys: new Map([...decision.openedKeys].map(([sequence, key]) => [sequence + debits, key])),
      },
    ]);
    return Promise.resolve({ afterSequence: pool.lastSequence, at });
  }

  isPartial(): boolean {
    return false;
  }

  isStale(error?: unknown): boolean {
    return error instanceof Stale;
  }

  isReplay(error?: unknown): boolean {
    return error instanceof KeyTaken;
  }

  isTransient(): boolean {
    return false;
  }

  readBalance(ownerId: number): Promise<BalanceSnapshot | null> {
    const book = this.books.get(ownerId);
    return Promise.resolve(book ? snapshotOf(book.pool, openGrantsOf(book.pool, [...book.grants.values()])) : null);
  }

  readDueOwners(now: Instant, limit: number): Promise<number[]> {
    const due = [...this.books.values()].map(({ pool }) => pool).filter((pool) => pool.nextDueAt <= now);
    return Promise.resolve(
      due
        .sort((a, b) => a.nextDueAt - b.nextDueAt)
        .slice(0, limit)
        .map((pool) => pool.ownerId),
    );
  }

  private stateOf(book: Book, commands: readonly Command[], now: Instant): PoolState {
    const { pool } = book;
    const at = Math.max(now, pool.lastAt);
    const wanted = wantedBy(book, commands);
    if (pool.resetsAt <= at) wanted.plans.add(pool.nextPlanId ?? pool.planId);

    const holdsDue = pool.nextHoldExpiresAt !== null && pool.nextHoldExpiresAt <= at;
    const open = [...book.actions.values()].filter(({ status }) => status === 'HELD').sort(byExpiry);
    const due = holdsDue ? open.filter((hold) => expiryOf(hold) <= at) : [];
    const dueHolds = due.slice(0, this.dueHoldsPerBatch);
    const next = open.find((hold) => expiryOf(hold) > at);

    const actions = [...book.actions.values()].filter(
      (action) => wanted.actions.has(action.sequence) || dueHolds.includes(action),
    );
    for (const action of actions) {
      wanted.apps.add(action.appId);
      wanted.grants.add(action.grantSequence);
    }
    return {
      pool,
      grants: [...book.grants.values()].filter((grant) => grant.remaining > 0 || wanted.grants.has(grant.sequence)),
      apps: [...book.apps.values()].filter(({ appId }) => wanted.apps.has(appId)),
      actions,
      seenKeys: new Map([...book.keys].filter(([key]) => wanted.keys.has(key))),
      dueHolds,
      moreDueHolds: due.length > dueHolds.length,
      nextHoldExpiresAt: holdsDue ? (next ? expiryOf(next) : null) : pool.nextHoldExpiresAt,
      planTerms: new Map([...this.plans].filter(([planId]) => wanted.plans.has(planId))),
    };
  }

  private assertFresh(decision: Decision): void {
    const book = this.book(decision.ownerId);
    if (book.pool.version !== decision.before.version) throw new Stale();
    for (const [sequence, { hash }] of decision.openedKeys) {
      const appId = decision.actions.find((action) => action.sequence === sequence)?.appId ?? GRANTS_APP_ID;
      if (book.keys.has(keyOf(appId, hash))) throw new KeyTaken();
    }
  }

  /** Fails where the database would: a number or a key that is taken. */
  private persistOne(decision: Decision): void {
    const book = this.book(decision.ownerId);
    for (const entry of decision.entries) {
      assert(entry.sequence === book.entries.length + 1, 'an entry takes the next number');
      book.entries.push(entry);
    }
    for (const grant of decision.grants) book.grants.set(grant.sequence, grant);
    for (const action of decision.actions) book.actions.set(action.sequence, action);
    for (const meter of decision.meters) book.apps.set(meter.appId, meter);
    for (const [sequence, { hash, text, fingerprint }] of decision.openedKeys) {
      const key = keyOf(book.actions.get(sequence)?.appId ?? GRANTS_APP_ID, hash);
      assert(!book.keys.has(key), 'a key opens one action or one grant');
      book.keys.set(key, { sequence, text, fingerprint });
    }
    book.pool = { ...decision.pool };
  }
}

/** All grants of a book, as they are. */
export function grantsOf({ pool, grants }: Book): readonly Grant[] {
  return currentGrants(pool, [...grants.values()]);
}

/** What an app has used of this period is in its own counter, but for what its pool has counted for it. */
export function usedOf(app: AppMeter, { periodStart, uncountedAppId, uncountedActions }: Pool): number {
  const counted = app.countedFrom === periodStart ? app.usedThisPeriod : 0;
  return counted + (app.appId === uncountedAppId ? uncountedActions : 0);
}

const EMPTY_STATE: Omit<PoolState, 'pool' | 'grants' | 'apps'> = {
  actions: [],
  seenKeys: new Map(),
  dueHolds: [],
  moreDueHolds: false,
  nextHoldExpiresAt: null,
  planTerms: new Map(),
};

/** What was read, or known, is not what is there any more. */
class Stale extends Error {}
class KeyTaken extends Stale {}

/** What commands refer to: actions and grants by sequence, apps and plans by id, keys as `keyOf` has them. */
interface Wanted {
  readonly actions: Set<number>;
  readonly grants: Set<number>;
  readonly apps: Set<number>;
  readonly plans: Set<number>;
  readonly keys: Set<string>;
}

function wantedBy(book: Book, commands: readonly Command[]): Wanted {
  const wanted: Wanted = {
    actions: new Set(),
    grants: new Set(),
    apps: new Set(),
    plans: new Set(),
    keys: new Set(),
  };
  for (const command of commands) {
    if (command.kind === 'DEBIT' || command.kind === 'HOLD') {
      const key = keyOf(command.appId, command.key.hash);
      wanted.apps.add(command.appId);
      if (book.pool.uncountedAppId !== null) wanted.apps.add(book.pool.uncountedAppId);
      wanted.keys.add(key);
      wanted.actions.add(book.keys.get(key)?.sequence ?? 0);
    } else if (command.kind === 'GRANT') {
      const key = keyOf(GRANTS_APP_ID, command.key.hash);
      wanted.keys.add(key);
      wanted.grants.add(book.keys.get(key)?.sequence ?? 0);
    } else if (command.kind === 'REVOKE') wanted.grants.add(command.grantSequence);
    else if (command.kind === 'CHANGE_PLAN') wanted.plans.add(command.planId);
    else if ('actionSequence' in command) wanted.actions.add(command.actionSequence);
  }
  return wanted;
}

function byExpiry(a: ActionRecord, b: ActionRecord): number {
  return expiryOf(a) - expiryOf(b) || a.sequence - b.sequence;
}

function expiryOf(hold: ActionRecord): Instant {
  assert(hold.holdExpiresAt !== null, 'a hold expires');
  return hold.holdExpiresAt;
}
