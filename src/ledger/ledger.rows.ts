import type { ActionRecord, AppMeter, DatedPlanTerms, Grant, LedgerEntry, LedgerEntryKind, Pool } from './pool';

/** Which column holds which property of a pool: one list for reading, inserting and updating. */
export const POOL_COLUMNS: Readonly<Record<keyof Pool, string>> = {
  ownerId: 'owner_id',
  version: 'version',
  lastSequence: 'last_sequence',
  lastAt: 'last_at',
  available: 'available',
  held: 'held',
  paused: 'paused',
  granted: 'granted',
  spent: 'spent',
  expired: 'expired',
  revoked: 'revoked',
  planId: 'plan_id',
  nextPlanId: 'next_plan_id',
  anchorAt: 'anchor_at',
  periodStart: 'period_start',
  resetsAt: 'resets_at',
  allowance: 'allowance',
  usedThisPeriod: 'used_this_period',
  monthlyCredits: 'monthly_credits',
  topUpsAllowed: 'top_ups_allowed',
  rolloverLimit: 'rollover_limit',
  suspendedAt: 'suspended_at',
  nextHoldExpiresAt: 'next_hold_expires_at',
  nextDueAt: 'next_due_at',
  uncountedAppId: 'uncounted_app_id',
  uncountedActions: 'uncounted_actions',
  shape: 'shape',
};

export type Row = Record<string, unknown>;

/** Numbers arrive as numbers or, from SQLite's and MySQL's wider types, as text: converted here and nowhere else. */
const number = (value: unknown): number => Number(value);
const numberOrNull = (value: unknown): number | null => (value === null || value === undefined ? null : Number(value));
const textOrNull = (value: unknown): string | null => (value === null || value === undefined ? null : String(value));

export function poolOf(row: Row): Pool {
  const pool: Record<string, unknown> = {};
  for (const [property, column] of Object.entries(POOL_COLUMNS)) pool[property] = numberOrNull(row[column]);
  pool['topUpsAllowed'] = number(row['top_ups_allowed']) === 1;
  return pool as unknown as Pool;
}

export const GRANT_COLUMNS =
  'owner_id, sequence, source, amount, remaining, effective_at, expires_at, revoked_at, reason';

export function grantOf(row: Row): Grant {
  return {
    ownerId: number(row['owner_id']),
    sequence: number(row['sequence']),
    source: row['source'] as Grant['source'],
    amount: number(row['amount']),
    remaining: number(row['remaining']),
    effectiveAt: number(row['effective_at']),
    expiresAt: numberOrNull(row['expires_at']),
    revokedAt: numberOrNull(row['revoked_at']),
    reason: textOrNull(row['reason']),
  };
}

export const METER_COLUMNS = 'owner_id, id, status, credit_cap, used_this_period, counted_from';

export function meterOf(row: Row): AppMeter {
  return {
    ownerId: number(row['owner_id']),
    appId: number(row['id']),
    status: row['status'] as AppMeter['status'],
    creditCap: numberOrNull(row['credit_cap']),
    usedThisPeriod: number(row['used_this_period']),
    countedFrom: number(row['counted_from']),
  };
}

export function termsOf(row: Row): DatedPlanTerms {
  return {
    effectiveFrom: number(row['effective_from']),
    monthlyCredits: number(row['monthly_credits']),
    topUpsAllowed: number(row['top_ups_allowed']) === 1,
    rolloverLimit: number(row['rollover_limit']),
  };
}

export const ACTION_COLUMNS = `owner_id, sequence, kind, app_id, action_type, status, grant_sequence, idempotency_key,
  fingerprint, key_hash, visitor, origin, details, metadata, hold_expires_at, at, available, held, paused`;

/** An action as its opening entry tells it. When and why it was resolved stands in the resolving entry. */
export function actionOf(row: Row): ActionRecord {
  return {
    ownerId: number(row['owner_id']),
    sequence: number(row['sequence']),
    appId: number(row['app_id']),
    type: String(row['action_type']),
    status: row['status'] as ActionRecord['status'],
    grantSequence: number(row['grant_sequence']),
    idempotencyKey: String(row['idempotency_key']),
    fingerprint: hexOf(row['fingerprint']),
    visitor: textOrNull(row['visitor']),
    origin: textOrNull(row['origin']),
    details: String(row['details']),
    metadata: textOrNull(row['metadata']),
    holdExpiresAt: numberOrNull(row['hold_expires_at']),
    createdAt: number(row['at']),
    resolvedAt: null,
    reason: null,
    availableAfter: number(row['available']),
    heldAfter: number(row['held']),
    pausedAfter: number(row['paused']),
  };
}

export const ENTRY_READ_COLUMNS =
  'owner_id, sequence, kind, credits, available, held, paused, grant_sequence, action_sequence, at, reason';

export function entryOf(row: Row): LedgerEntry {
  return {
    ownerId: number(row['owner_id']),
    sequence: number(row['sequence']),
    kind: row['kind'] as LedgerEntryKind,
    credits: number(row['credits']),
    available: number(row['available']),
    held: number(row['held']),
    paused: number(row['paused']),
    grantSequence: number(row['grant_sequence']),
    actionSequence: numberOrNull(row['action_sequence']),
    at: number(row['at']),
    reason: textOrNull(row['reason']),
  };
}

export function hexOf(value: unknown): string {
  return (value as Buffer).toString('hex');
}

/**
 * The unique key of the entry that resolves an action: CAPTURE and VOID share one, REFUND has its own. So the constraint that
 * keeps an action from being opened twice (I3) also keeps it from being resolved twice, and finds the resolving entry.
 */
export function resolutionKey(kind: LedgerEntryKind, actionSequence: number): Buffer {
  const key = Buffer.alloc(16);
  key.writeUInt8(kind === 'REFUND' ? 2 : 1, 7);
  key.writeBigUInt64BE(BigInt(actionSequence), 8);
  return key;
}
