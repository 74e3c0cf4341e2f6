import { idOf } from '../access/caller';
import { checkBounds, text, wholeNumber } from '../bounds';
import type { Instant } from '../clock';
import { fingerprint, hashKey } from '../idempotency';
import type { GrantOutcome } from '../ledger/commands';
import type { Ledger } from '../ledger/ledger';
import { POOL_LIMIT_CREDITS } from '../ledger/pool';
import { publicId } from '../public-id';

export const GRANT_BOUNDS = {
  amount: wholeNumber({ min: 1, max: POOL_LIMIT_CREDITS }),
  reason: text({ max: 500 }),
  idempotencyKey: text({ max: 255 }),
};

export interface GrantInput {
  readonly ownerId: string;
  readonly amount: number;
  readonly source: 'BONUS' | 'TOP_UP';
  readonly reason?: string | null | undefined;
  /** null: never; undefined: one year for TOP_UP, never for BONUS. */
  readonly expiresAt?: Instant | null | undefined;
  readonly idempotencyKey: string;
}

/** What an operator does to an owner's pool: each is a command of the ledger. */
export class Grants {
  constructor(private readonly ledger: Ledger) {}

  /** Adds credits, or replays the key's grant. NOT_FOUND, IDEMPOTENCY_KEY_REUSED, LIMIT_REACHED, BAD_USER_INPUT. */
  grant(input: GrantInput): Promise<GrantOutcome> {
    checkBounds(input, GRANT_BOUNDS);
    const { source, amount, reason = null, expiresAt, idempotencyKey } = input;
    const { ownerId } = idOf('owner', input.ownerId);
    return this.ledger.submit({
      kind: 'GRANT',
      ownerId,
      source,
      amount,
      reason,
      expiresAt,
      key: {
        text: idempotencyKey,
        hash: hashKey(idempotencyKey),
        // "Never" is said by null and "the default" by nothing, so the two must not be told apart by leaving nulls out.
        fingerprint: fingerprint('grantCredits', {
          ownerId: publicId('owner', ownerId),
          source,
          amount,
          reason,
          expiresAt: expiresAt === null ? 'never' : expiresAt,
        }),
      },
    });
  }

  /** Takes what remains of a grant. NOT_FOUND. */
  revoke(input: { readonly grantId: string; readonly reason?: string | null | undefined }): Promise<GrantOutcome> {
    checkBounds(input, { reason: GRANT_BOUNDS.reason });
    const { ownerId, number } = idOf('grant', input.grantId);
    return this.ledger.submit({ kind: 'REVOKE', ownerId, grantSequence: number, reason: input.reason ?? null });
  }
}
