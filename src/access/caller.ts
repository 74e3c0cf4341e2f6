import { badUserInput, DomainError, notFound } from '../errors';
import type { Instant } from '../clock';
import { parsePublicId, type NodeIdentity, type NodeKind } from '../public-id';
import type { ApiKeyRole } from './api-key-secret';

/** Who calls: an API key's role and what it is bound to. */
export interface Caller {
  readonly role: ApiKeyRole;
  /** The key's own identity: (owner, number), where the owner of an ADMIN key is 0. */
  readonly keyOwnerId: number;
  readonly keyNumber: number;
  /** null with an ADMIN key. */
  readonly ownerId: number | null;
  /** null with an ADMIN or OWNER key. */
  readonly appId: number | null;
  readonly expiresAt: Instant | null;
}

/** The app that a key is bound to; null with an ADMIN or OWNER key. */
export function ownAppOf(caller: Caller): { ownerId: number; appId: number } | null {
  return caller.ownerId !== null && caller.appId !== null ? { ownerId: caller.ownerId, appId: caller.appId } : null;
}

/**
 * The owner that a field is about: the caller's own, or with an ADMIN key the one that `id` names. BAD_USER_INPUT where an
 * ADMIN key gives none, NOT_FOUND where it is not the caller's.
 */
export function ownerScope(caller: Caller, id: string | null | undefined, path = 'ownerId'): number {
  const named = id === null || id === undefined ? null : idOf('owner', id).ownerId;
  if (caller.ownerId === null) {
    if (named === null) throw badUserInput([{ path, message: 'is required with an ADMIN key' }]);
    return named;
  }
  if (named !== null && named !== caller.ownerId) throw notFound('owner');
  return caller.ownerId;
}

const NOUNS: Record<NodeKind, string> = {
  plan: 'plan',
  owner: 'owner',
  app: 'app',
  apiKey: 'API key',
  action: 'action',
  grant: 'grant',
  ledgerEntry: 'ledger entry',
};

/** Reads an id of one kind. NOT_FOUND where it is none: a malformed id reads like one that does not exist. */
export function idOf(kind: NodeKind, id: string): NodeIdentity {
  const identity = parsePublicId(id);
  if (identity?.kind !== kind) throw notFound(NOUNS[kind]);
  return identity;
}

/** The same, of something that belongs to an owner. NOT_FOUND where it belongs to another owner, or to another app. */
export function ownIdOf(caller: Caller, kind: NodeKind, id: string): NodeIdentity {
  const identity = idOf(kind, id);
  if (caller.ownerId !== null && identity.ownerId !== caller.ownerId) throw notFound(NOUNS[kind]);
  if (kind === 'app' && caller.appId !== null && identity.number !== caller.appId) throw notFound(NOUNS[kind]);
  return identity;
}

export function forbidden(): DomainError {
  return new DomainError('FORBIDDEN', 'This API key may not do that.');
}

export function unauthenticated(): DomainError {
  return new DomainError('UNAUTHENTICATED', 'A valid API key is required, as "Authorization: Bearer <key>".');
}
