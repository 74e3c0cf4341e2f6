import type { Instant } from '../clock';

/** available + paused + held of one pool never exceed this (I2). */
export const POOL_LIMIT_CREDITS = 2_000_000_000;

export type GrantSource = 'PLAN' | 'BONUS' | 'TOP_UP';

/** A lot of credits added to a pool. Its identity is (ownerId, sequence): the number of the entry that opened it. */
export interface Grant {
  readonly ownerId: number;
  readonly sequence: number;
  readonly source: GrantSource;
  readonly amount: number;
  readonly remaining: number;
  readonly effectiveAt: Instant;
  /** null: never. */
  readonly expiresAt: Instant | null;
  readonly revokedAt: Instant | null;
  readonly reason: string | null;
}

/** What a plan gives for one period; copied into the pool at renewal and upgrade (rule 5). */
export interface PlanTerms {
  readonly monthlyCredits: number;
  readonly topUpsAllowed: boolean;
  readonly rolloverLimit: number;
}

/** A plan's terms from an instant on. Missed renewals each take the terms that were in force at their own instant. */
export interface DatedPlanTerms extends PlanTerms {
  readonly effectiveFrom: Instant;
}

/** An owner's credits, with the running totals of I1 and the terms of the running period. */
export interface Pool {
  readonly ownerId: number;
  readonly version: number;
  readonly lastSequence: number;
  readonly lastAt: Instant;
  readonly available: number;
  readonly held: number;
  readonly paused: number;
  readonly granted: number;
  readonly spent: number;
  readonly expired: number;
  readonly revoked: number;
  readonly planId: number;
  readonly nextPlanId: number | null;
  readonly anchorAt: Instant;
  readonly periodStart: Instant;
  readonly resetsAt: Instant;
  readonly allowance: number;
  readonly usedThisPeriod: number;
  readonly monthlyCredits: number;
  readonly topUpsAllowed: boolean;
  readonly rolloverLimit: number;
  readonly suspendedAt: Instant | null;
  /** No open hold expires before this; null: there is no open hold. */
  readonly nextHoldExpiresAt: Instant | null;
  /** Nothing falls due before this: the earliest of renewal, grant expiry and hold expiry. */
  readonly nextDueAt: Instant;
  /** The app that `uncountedActions` are of. */
  readonly uncountedAppId: number | null;
  /** Actions of this period that are in `usedThisPeriod` and not yet in their app's own counter (written-behind.ts). */
  readonly uncountedActions: number;
  /** Raised by every change but debits that follow from the pool: by it they can be decided whatever its numbers are by now. */
  readonly shape: number;
}

export type AppStatus = 'ACTIVE' | 'PAUSED';

/** What a debit must know of an app, read and counted inside the debit's transaction (rule 11). */
export interface AppMeter {
  readonly ownerId: number;
  readonly appId: number;
  readonly status: AppStatus;
  readonly creditCap: number | null;
  readonly usedThisPeriod: number;
  /** The start of the period that `usedThisPeriod` counts; in any other period nothing is used yet. */
  readonly countedFrom: Instant;
}

export type ActionStatus = 'HELD' | 'CAPTURED' | 'VOIDED' | 'REFUNDED';

/** What a caller says of an action: opaque to the ledger, which knows no action types. */
export interface ActionFacts {
  readonly type: string;
  readonly visitor: string | null;
  readonly origin: string | null;
  /** JSON text. */
  readonly details: string;
  /** JSON text. */
  readonly metadata: string | null;
}

/** One integration action: its DEBIT or HOLD entry, its status, and the entry that resolved it. */
export interface ActionRecord extends ActionFacts {
  readonly ownerId: number;
  readonly sequence: number;
  readonly appId: number;
  readonly status: ActionStatus;
  readonly grantSequence: number;
  readonly idempotencyKey: string;
  readonly fingerprint: string;
  readonly holdExpiresAt: Instant | null;
  readonly createdAt: Instant;
  readonly resolvedAt: Instant | null;
  readonly reason: string | null;
  /** The receipt: available, held and paused of the pool right after the opening entry. */
  readonly availableAfter: number;
  readonly heldAfter: number;
  readonly pausedAfter: number;
}

export const LEDGER_ENTRY_KINDS = [
  'GRANT',
  'DEBIT',
  'HOLD',
  'CAPTURE',
  'VOID',
  'REFUND',
  'EXPIRE',
  'REVOKE',
  'PAUSE',
  'RESUME',
] as const;
export type LedgerEntryKind = (typeof LEDGER_ENTRY_KINDS)[number];

/** A caller's key and the fingerprint of what it was used for, as kept with the entry it opened. */
export interface IdempotencyKey {
  readonly text: string;
  /** 32 hexadecimal digits: the first 16 bytes of the SHA-256 of `text`. */
  readonly hash: string;
  /** 64 hexadecimal digits: the SHA-256 of the mutation's name and its input. */
  readonly fingerprint: string;
}

/** One movement of credits. Append-only. available, held and paused are the pool's right after it (I4). */
export interface LedgerEntry {
  readonly ownerId: number;
  readonly sequence: number;
  readonly kind: LedgerEntryKind;
  readonly credits: number;
  readonly available: number;
  readonly held: number;
  readonly paused: number;
  readonly grantSequence: number;
  /** The opening entry of the action that this entry is about; null where there is none. */
  readonly actionSequence: number | null;
  readonly at: Instant;
  readonly reason: string | null;
}

/** A pool as watchers see it at one version. `grants` are those with something left, in burn order. */
export interface BalanceSnapshot {
  readonly ownerId: number;
  readonly available: number;
  readonly held: number;
  readonly paused: number;
  readonly allowance: number;
  readonly usedThisPeriod: number;
  readonly periodStart: Instant;
  readonly resetsAt: Instant;
  readonly version: number;
  readonly lastSequence: number;
  readonly grants: readonly Grant[];
  readonly topUpsAllowed: boolean;
  readonly nextDueAt: Instant;
}

/** Top-ups are paused while the pool's terms do not allow them; nothing else ever is (rule 6). */
export function isPaused(grant: Grant, pool: { readonly topUpsAllowed: boolean }): boolean {
  return grant.source === 'TOP_UP' && !pool.topUpsAllowed;
}

/** Negative when `a` burns before `b`: PLAN and BONUS before TOP_UP, then earliest expiry, then oldest (rule 6). */
export function burnOrder(a: Grant, b: Grant): number {
  return priority(a) - priority(b) || compareExpiry(a, b) || a.sequence - b.sequence;
}

function priority(grant: Grant): number {
  return grant.source === 'TOP_UP' ? 1 : 0;
}

function compareExpiry(a: Grant, b: Grant): number {
  if (a.expiresAt === b.expiresAt) return 0;
  if (a.expiresAt === null) return 1;
  if (b.expiresAt === null) return -1;
  return a.expiresAt - b.expiresAt;
}

/** The balance of `pool` with `grants`, which are its open grants in burn order. */
export function snapshotOf(pool: Pool, grants: readonly Grant[]): BalanceSnapshot {
  return {
    ownerId: pool.ownerId,
    available: pool.available,
    held: pool.held,
    paused: pool.paused,
    allowance: pool.allowance,
    usedThisPeriod: pool.usedThisPeriod,
    periodStart: pool.periodStart,
    resetsAt: pool.resetsAt,
    version: pool.version,
    lastSequence: pool.lastSequence,
    grants,
    topUpsAllowed: pool.topUpsAllowed,
    nextDueAt: pool.nextDueAt,
  };
}
