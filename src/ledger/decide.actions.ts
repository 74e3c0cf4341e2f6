import { SECOND_MS, type Instant } from '../clock';
import { assert, DomainError, notFound } from '../errors';
import { publicId } from '../public-id';
import type { ActionOutcome, OpenAction, ResolveAction } from './commands';
import type { PoolDraft } from './draft';
import { isPaused, type ActionRecord, type Grant, type IdempotencyKey, type Pool } from './pool';
import { returnCredit } from './returned-credit';

/**
 * Charges or holds one credit for an action (rules 1 and 8), or replays it (rule 10). Refuses, in this order, with
 * NOT_FOUND, IDEMPOTENCY_KEY_REUSED or ACTION_ALREADY_RESOLVED, OWNER_SUSPENDED, APP_PAUSED, CAP_REACHED, INSUFFICIENT_CREDITS.
 */
export function openAction(draft: PoolDraft, command: OpenAction, at: Instant): ActionOutcome {
  const meter = draft.meter(command.appId);
  if (!meter) throw notFound('app');
  const seen = draft.seenKey(command.appId, command.key.hash);
  if (seen) return replay(draft, command, seen.sequence);
  const { pool } = draft;
  if (pool.suspendedAt !== null) throw new DomainError('OWNER_SUSPENDED', 'The owner is suspended.');
  if (meter.status === 'PAUSED') throw new DomainError('APP_PAUSED', 'The app is paused.');
  if (meter.creditCap !== null && meter.usedThisPeriod >= meter.creditCap) {
    const cap = meter.creditCap;
    const details = { cap, resetsAt: resetsAtOf(pool) };
    throw new DomainError('CAP_REACHED', `The app has used the ${cap} credits of its cap.`, details);
  }
  const grant = draft.grants.find((candidate) => !isPaused(candidate, pool));
  if (!grant) {
    const details = { available: 0, resetsAt: resetsAtOf(pool) };
    throw new DomainError('INSUFFICIENT_CREDITS', 'The owner has no credit left.', details);
  }
  const action = record(draft, command, grant, at);
  return { action, balance: draft.snapshot(), replayed: false };
}

function resetsAtOf({ resetsAt }: Pool): string {
  return new Date(resetsAt).toISOString();
}

function record(draft: PoolDraft, command: OpenAction, grant: Grant, at: Instant): ActionRecord {
  const { pool } = draft;
  const sequence = pool.lastSequence + 1;
  const entry = draft.move(command.kind, grant, 1, { at, actionSequence: sequence });
  const held = command.kind === 'HOLD';
  const holdExpiresAt = held ? at + command.holdSeconds * SECOND_MS : null;
  if (holdExpiresAt !== null) {
    pool.nextHoldExpiresAt = Math.min(pool.nextHoldExpiresAt ?? Infinity, holdExpiresAt);
  }
  draft.count(command.appId, 1);
  draft.rememberKey(command.appId, sequence, command.key);
  const { type, visitor, origin, details, metadata } = command.facts;
  const action: ActionRecord = {
    type,
    visitor,
    origin,
    details,
    metadata,
    ownerId: pool.ownerId,
    sequence,
    appId: command.appId,
    status: held ? 'HELD' : 'CAPTURED',
    grantSequence: grant.sequence,
    idempotencyKey: command.key.text,
    fingerprint: command.key.fingerprint,
    holdExpiresAt,
    createdAt: at,
    resolvedAt: null,
    reason: null,
    availableAfter: entry.available,
    heldAfter: entry.held,
    pausedAfter: entry.paused,
  };
  draft.recordAction(action);
  return action;
}

function replay(draft: PoolDraft, command: OpenAction, sequence: number): ActionOutcome {
  const action = draft.action(sequence);
  assert(action !== undefined, 'the action of a known key is loaded');
  assertSameInput(command.key, { text: action.idempotencyKey, fingerprint: action.fingerprint });
  // Its credit is back, so repeating it must not be taken for leave to act.
  if (action.status === 'VOIDED' || action.status === 'REFUNDED') throw alreadyResolved(action);
  return { action, balance: draft.snapshot(), replayed: true };
}

/** Rule 10: the same key with another input is an error. */
export function assertSameInput(key: IdempotencyKey, seen: { text: string; fingerprint: string }): void {
  if (key.text === seen.text && key.fingerprint === seen.fingerprint) return;
  throw new DomainError('IDEMPOTENCY_KEY_REUSED', 'This idempotency key was used for another input.');
}

/** Spends a held credit. Replays where the action is captured; else NOT_FOUND or ACTION_ALREADY_RESOLVED. */
export function captureAction(draft: PoolDraft, command: ResolveAction, at: Instant): ActionOutcome {
  const action = resolvable(draft, command);
  if (action.status === 'CAPTURED') return { action, balance: draft.snapshot(), replayed: true };
  if (action.status !== 'HELD') throw alreadyResolved(action);
  draft.move('CAPTURE', draft.grantAt(action.grantSequence), 1, { at, actionSequence: action.sequence });
  const captured: ActionRecord = { ...action, status: 'CAPTURED', resolvedAt: at };
  draft.recordAction(captured);
  return { action: captured, balance: draft.snapshot(), replayed: false };
}

/** Gives a held credit back. Replays where the action is voided; else NOT_FOUND or ACTION_ALREADY_RESOLVED. */
export function voidAction(draft: PoolDraft, command: ResolveAction, at: Instant): ActionOutcome {
  const action = resolvable(draft, command);
  if (action.status === 'VOIDED') return { action, balance: draft.snapshot(), replayed: true };
  if (action.status !== 'HELD') throw alreadyResolved(action);
  const voided = returnCredit(draft, 'VOID', action, { at, reason: command.reason });
  return { action: voided, balance: draft.snapshot(), replayed: false };
}

/**
 * Gives a spent credit back, once (rule 9). Replays where the action is refunded; else NOT_FOUND, ACTION_NOT_CAPTURED,
 * ACTION_ALREADY_RESOLVED, or LIMIT_REACHED where the pool is full.
 */
export function refundAction(draft: PoolDraft, command: ResolveAction, at: Instant): ActionOutcome {
  const action = resolvable(draft, command);
  if (action.status === 'REFUNDED') return { action, balance: draft.snapshot(), replayed: true };
  if (action.status === 'HELD') {
    const actionId = publicId('action', action.ownerId, action.sequence);
    throw new DomainError('ACTION_NOT_CAPTURED', 'The action is held: void it instead.', { actionId });
  }
  if (action.status !== 'CAPTURED') throw alreadyResolved(action);
  draft.assertRoom(1);
  const refunded = returnCredit(draft, 'REFUND', action, { at, reason: command.reason });
  return { action: refunded, balance: draft.snapshot(), replayed: false };
}

function resolvable(draft: PoolDraft, command: ResolveAction): ActionRecord {
  const action = draft.action(command.actionSequence);
  if (!action || (command.withinAppId !== null && action.appId !== command.withinAppId)) throw notFound('action');
  return action;
}

function alreadyResolved(action: ActionRecord): DomainError {
  const actionId = publicId('action', action.ownerId, action.sequence);
  const { status } = action;
  return new DomainError('ACTION_ALREADY_RESOLVED', `The action is ${status} already.`, { status, actionId });
}
