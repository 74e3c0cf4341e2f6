import type { Instant } from '../clock';
import { assert, DomainError } from '../errors';
import {
  burnOrder,
  isPaused,
  POOL_LIMIT_CREDITS,
  snapshotOf,
  type ActionRecord,
  type AppMeter,
  type BalanceSnapshot,
  type DatedPlanTerms,
  type Grant,
  type IdempotencyKey,
  type LedgerEntry,
  type LedgerEntryKind,
  type Pool,
} from './pool';
import { currentGrants, currentMeter } from './written-behind';

/** Everything that deciding the commands of one pool may need to know, as it was read inside the transaction. */
export interface PoolState {
  readonly pool: Pool;
  /** All grants with something left, and those that the commands or due holds refer to: as they were last written. */
  readonly grants: readonly Grant[];
  /** Of the apps that the commands refer to, and of the one whose actions it would displace: as they were last written. */
  readonly apps: readonly AppMeter[];
  /** Actions that the commands refer to by key or by sequence. */
  readonly actions: readonly ActionRecord[];
  /** `keyOf(appId, hash)` of every key of the commands that is known already, with the sequence it opened. */
  readonly seenKeys: ReadonlyMap<string, SeenKey>;
  /** Open holds that have expired, by expiry; `moreDueHolds` when there are more than were read. */
  readonly dueHolds: readonly ActionRecord[];
  readonly moreDueHolds: boolean;
  /** The earliest expiry among the open holds that are not in `dueHolds`; exact only where holds are due. */
  readonly nextHoldExpiresAt: Instant | null;
  /** Dated terms, oldest first, of the plans that a renewal or a command of this batch may need. */
  readonly planTerms: ReadonlyMap<number, readonly DatedPlanTerms[]>;
}

export interface SeenKey {
  readonly sequence: number;
  readonly text: string;
  readonly fingerprint: string;
}

/** Grants are keyed under a reserved app, so that a grant's key and an app's key never meet (I3). */
export const GRANTS_APP_ID = 0;

export function keyOf(appId: number, hash: string): string {
  return `${appId}:${hash}`;
}

/** What an entry is about, besides the credits that it moves. */
export interface MovementContext {
  at: Instant;
  actionSequence?: number;
  reason?: string | null;
}

type Column = 'available' | 'held' | 'paused' | 'granted' | 'spent' | 'expired' | 'revoked';
type Effect = Partial<Record<Column, 1 | -1>> & { remaining?: 1 | -1 };

/** How each kind of entry moves the pool's totals and its grant's remainder: the table of I4. */
const EFFECTS: Record<LedgerEntryKind, Effect> = {
  GRANT: { granted: 1, available: 1, remaining: 1 },
  DEBIT: { available: -1, spent: 1, remaining: -1 },
  HOLD: { available: -1, held: 1, remaining: -1 },
  CAPTURE: { held: -1, spent: 1 },
  VOID: { held: -1, available: 1, remaining: 1 },
  REFUND: { spent: -1, available: 1, remaining: 1 },
  PAUSE: { available: -1, paused: 1 },
  RESUME: { paused: -1, available: 1 },
  EXPIRE: { available: -1, expired: 1, remaining: -1 },
  REVOKE: { available: -1, revoked: 1, remaining: -1 },
};
const EXPIRE_PAUSED: Effect = { paused: -1, expired: 1, remaining: -1 };
const REVOKE_PAUSED: Effect = { paused: -1, revoked: 1, remaining: -1 };

/** A pool while commands are being decided: the only place where its numbers change, one ledger entry at a time. */
export class PoolDraft {
  readonly pool: { -readonly [K in keyof Pool]: Pool[K] };
  readonly entries: LedgerEntry[] = [];
  readonly openedKeys = new Map<number, IdempotencyKey>();
  readonly touchedGrants = new Map<number, Grant>();
  readonly touchedActions = new Map<number, ActionRecord>();
  readonly touchedMeters = new Map<number, AppMeter>();
  /** Actions as they were opened or resolved, in order: what actionRecorded tells. */
  readonly recorded: ActionRecord[] = [];
  /** The grants that were read, as they are. */
  readonly initialGrants: readonly Grant[];
  private openGrants: readonly Grant[];
  private readonly seenKeys: Map<string, SeenKey>;

  constructor(readonly initial: PoolState) {
    this.pool = { ...initial.pool };
    this.initialGrants = currentGrants(initial.pool, initial.grants);
    this.openGrants = this.initialGrants.filter((grant) => grant.remaining > 0).sort(burnOrder);
    this.seenKeys = new Map(initial.seenKeys);
  }

  /** Grants with something left, in burn order. Never mutated: a snapshot may keep it. */
  get grants(): readonly Grant[] {
    return this.openGrants;
  }

  grant(sequence: number): Grant | undefined {
    return this.touchedGrants.get(sequence) ?? this.initialGrants.find((grant) => grant.sequence === sequence);
  }

  action(sequence: number): ActionRecord | undefined {
    return this.touchedActions.get(sequence) ?? this.initial.actions.find((action) => action.sequence === sequence);
  }

  seenKey(appId: number, hash: string): SeenKey | undefined {
    return this.seenKeys.get(keyOf(appId, hash));
  }

  /** The app's meter of the running period: a counter of an earlier one starts again at zero. */
  meter(appId: number): AppMeter | undefined {
    const meter = this.touchedMeters.get(appId) ?? this.initialMeter(appId);
    if (!meter || meter.countedFrom === this.pool.periodStart) return meter;
    return { ...meter, usedThisPeriod: 0, countedFrom: this.pool.periodStart };
  }

  private initialMeter(appId: number): AppMeter | undefined {
    const written = this.initial.apps.find((app) => app.appId === appId);
    return written && currentMeter(this.initial.pool, written);
  }

  /** Whether nothing else has moved credits. */
  get onlyOpenedActions(): boolean {
    return this.entries.every(({ kind }) => kind === 'DEBIT' || kind === 'HOLD');
  }

  /** The balance now, with what falls due next: whoever is answered waits for that instant. */
  snapshot(): BalanceSnapshot {
    this.pool.nextDueAt = this.nextDueAt();
    return snapshotOf(this.pool, this.openGrants);
  }

  private nextDueAt(): Instant {
    const { pool } = this;
    if (pool.held === 0) pool.nextHoldExpiresAt = null;
    let due = Math.min(pool.resetsAt, pool.nextHoldExpiresAt ?? Infinity);
    for (const { expiresAt } of this.openGrants) if (expiresAt !== null) due = Math.min(due, expiresAt);
    return due;
  }

  /** Adds a grant by its GRANT entry. The caller has made sure that it fits in the pool (I2). */
  open(grant: Omit<Grant, 'ownerId' | 'sequence' | 'remaining' | 'revokedAt' | 'effectiveAt'>, at: Instant): Grant {
    const opened: Grant = {
      ...grant,
      ownerId: this.pool.ownerId,
      sequence: this.pool.lastSequence + 1,
      remaining: 0,
      effectiveAt: at,
      revokedAt: null,
    };
    this.move('GRANT', opened, grant.amount, { at, reason: grant.reason });
    return this.grantAt(opened.sequence);
  }

  rememberKey(appId: number, sequence: number, key: IdempotencyKey): void {
    this.openedKeys.set(sequence, key);
    this.seenKeys.set(keyOf(appId, key.hash), { sequence, text: key.text, fingerprint: key.fingerprint });
  }

  /** Appends one entry and applies it to the pool and the grant: I1, I2 and I4 hold before and after. */
  move(kind: LedgerEntryKind, grant: Grant, credits: number, context: MovementContext): LedgerEntry {
    assert(Number.isSafeInteger(credits) && credits > 0, 'a movement moves a positive number of credits');
    const { pool } = this;
    const effect = effectOf(kind, isPaused(grant, pool));
    for (const column in effect) {
      if (column === 'remaining') continue;
      pool[column as Column] += (effect[column as Column] ?? 0) * credits;
    }
    pool.version += 1;
    pool.lastSequence += 1;
    pool.lastAt = Math.max(pool.lastAt, context.at);
    if (effect.remaining) this.setGrant({ ...grant, remaining: grant.remaining + effect.remaining * credits });
    assertPool(pool);
    const entry: LedgerEntry = {
      ownerId: pool.ownerId,
      sequence: pool.lastSequence,
      kind,
      credits,
      available: pool.available,
      held: pool.held,
      paused: pool.paused,
      grantSequence: grant.sequence,
      actionSequence: context.actionSequence ?? null,
      at: context.at,
      reason: context.reason ?? null,
    };
    this.entries.push(entry);
    return entry;
  }

  setGrant(grant: Grant): void {
    assert(grant.remaining >= 0 && grant.remaining <= grant.amount, 'I2: 0 <= remaining <= amount');
    this.touchedGrants.set(grant.sequence, grant);
    const index = this.openGrants.findIndex((open) => open.sequence === grant.sequence);
    if (index >= 0 && grant.remaining > 0) this.openGrants = this.openGrants.with(index, grant);
    else if (index >= 0) this.openGrants = this.openGrants.filter((open) => open.sequence !== grant.sequence);
    else if (grant.remaining > 0) this.openGrants = [...this.openGrants, grant].sort(burnOrder);
  }

  recordAction(action: ActionRecord): void {
    this.touchedActions.set(action.sequence, action);
    this.recorded.push(action);
  }

  /** Counts an action of this period for its owner and its app, or takes it out again (rules 9 and 11). */
  count(appId: number, change: 1 | -1): void {
    const meter = this.meter(appId);
    assert(meter !== undefined, 'the meter of an app that acts is loaded');
    this.pool.usedThisPeriod += change;
    assert(this.pool.usedThisPeriod >= 0, 'usedThisPeriod counts actions');
    this.touchedMeters.set(appId, { ...meter, usedThisPeriod: meter.usedThisPeriod + change });
  }

  /** The grant with this sequence, which must be loaded. */
  grantAt(sequence: number): Grant {
    const grant = this.grant(sequence);
    assert(grant !== undefined, 'a grant that a movement refers to is loaded');
    return grant;
  }

  /** Refuses a movement that would take the pool beyond I2. */
  assertRoom(credits: number): void {
    if (this.room < credits) {
      throw new DomainError('LIMIT_REACHED', `A pool holds at most ${POOL_LIMIT_CREDITS} credits.`);
    }
  }

  get room(): number {
    return POOL_LIMIT_CREDITS - this.pool.available - this.pool.paused - this.pool.held;
  }
}

function effectOf(kind: LedgerEntryKind, paused: boolean): Effect {
  if (paused && kind === 'EXPIRE') return EXPIRE_PAUSED;
  if (paused && kind === 'REVOKE') return REVOKE_PAUSED;
  return EFFECTS[kind];
}

function assertPool(pool: Pool): void {
  const { available, held, paused, granted, spent, expired, revoked } = pool;
  assert(granted === available + paused + held + spent + expired + revoked, 'I1: the pool adds up');
  assert(available >= 0 && held >= 0 && paused >= 0, 'I2: no part of a pool is negative');
  assert(available + paused + held <= POOL_LIMIT_CREDITS, 'I2: a pool has an upper bound');
}
