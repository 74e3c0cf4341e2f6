import type { PoolDraft, MovementContext } from './draft';
import { isPaused, type ActionRecord } from './pool';

/**
 * Voids or refunds an action: its credit returns to the grant that it came from and is then, in the same transaction, paused,
 * expired or revoked if that grant is so by now (rule 9). An action of this period frees its place under the cap (rule 11).
 */
export function returnCredit(
  draft: PoolDraft,
  kind: 'VOID' | 'REFUND',
  action: ActionRecord,
  context: MovementContext,
): ActionRecord {
  const { at, reason = null } = context;
  draft.move(kind, draft.grantAt(action.grantSequence), 1, { at, reason, actionSequence: action.sequence });
  const grant = draft.grantAt(action.grantSequence);
  if (isPaused(grant, draft.pool)) draft.move('PAUSE', grant, 1, { at });
  if (grant.revokedAt !== null) draft.move('REVOKE', grant, 1, { at });
  else if (grant.expiresAt !== null && grant.expiresAt <= at) draft.move('EXPIRE', grant, 1, { at });
  if (action.createdAt >= draft.pool.periodStart) draft.count(action.appId, -1);
  const resolved: ActionRecord = {
    ...action,
    status: kind === 'VOID' ? 'VOIDED' : 'REFUNDED',
    resolvedAt: at,
    reason,
  };
  draft.recordAction(resolved);
  return resolved;
}
