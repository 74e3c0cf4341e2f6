import type { Instant } from '../clock';
import type { DomainError } from '../errors';
import type { ActionFacts, ActionRecord, BalanceSnapshot, Grant, IdempotencyKey } from './pool';

/** Opens an action by one credit: charged at once, or held for `holdSeconds`. */
export interface OpenAction {
  readonly kind: 'DEBIT' | 'HOLD';
  readonly ownerId: number;
  readonly appId: number;
  readonly key: IdempotencyKey;
  readonly facts: ActionFacts;
  /** 1 to 86,400; of a HOLD only. */
  readonly holdSeconds: number;
}

/** Resolves an action. `withinAppId`, where it is not null, is the only app whose actions the caller may resolve. */
export interface ResolveAction {
  readonly kind: 'CAPTURE' | 'VOID' | 'REFUND';
  readonly ownerId: number;
  readonly actionSequence: number;
  readonly withinAppId: number | null;
  readonly reason: string | null;
}

export interface GrantCredits {
  readonly kind: 'GRANT';
  readonly ownerId: number;
  readonly source: 'BONUS' | 'TOP_UP';
  readonly amount: number;
  /** null: never; undefined: one year for TOP_UP, never for BONUS. */
  readonly expiresAt: Instant | null | undefined;
  readonly reason: string | null;
  readonly key: IdempotencyKey;
}

export interface RevokeGrant {
  readonly kind: 'REVOKE';
  readonly ownerId: number;
  readonly grantSequence: number;
  readonly reason: string | null;
}

export interface ChangePlan {
  readonly kind: 'CHANGE_PLAN';
  readonly ownerId: number;
  readonly planId: number;
}

/** Applies what has fallen due, and nothing else. */
export interface Settle {
  readonly kind: 'SETTLE';
  readonly ownerId: number;
}

export type Command = OpenAction | ResolveAction | GrantCredits | RevokeGrant | ChangePlan | Settle;

export interface ActionOutcome {
  readonly action: ActionRecord;
  readonly balance: BalanceSnapshot;
  readonly replayed: boolean;
}

export interface GrantOutcome {
  readonly grant: Grant;
  readonly balance: BalanceSnapshot;
  readonly replayed: boolean;
}

export interface PoolOutcome {
  readonly balance: BalanceSnapshot;
}

/** What a command of each kind comes to when it is accepted. */
export type OutcomeOf<C extends Command> = C extends OpenAction | ResolveAction
  ? ActionOutcome
  : C extends GrantCredits | RevokeGrant
    ? GrantOutcome
    : PoolOutcome;

/** DEFERRED: so much had fallen due that this batch could only settle a part of it; the command must be submitted again. */
export type Decided =
  | { readonly status: 'ACCEPTED'; readonly outcome: ActionOutcome | GrantOutcome | PoolOutcome }
  | { readonly status: 'REFUSED'; readonly error: DomainError }
  | { readonly status: 'DEFERRED' };
