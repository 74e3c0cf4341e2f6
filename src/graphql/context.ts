import type { Caller } from '../access/caller';
import type { DomainError } from '../errors';
import type { LiveBalances } from '../balances/live-balances';
import type { LedgerHistory } from '../balances/ledger-history';
import type { LiveActions } from '../actions/live-actions';

/** What a resolver knows of the request, besides its arguments. */
export interface RequestContext {
  /** Resolvers run only with a caller: `checkAccess` has refused the operation otherwise. */
  readonly caller: Caller;
  /** Why the credentials that came with the request are refused, if they are. */
  readonly refusal: DomainError | null;
  readonly live: { readonly balances: LiveBalances; readonly actions: LiveActions; readonly ledger: LedgerHistory };
}

/** The context of a request before it is known to have a caller. */
export type UncheckedContext = Omit<RequestContext, 'caller'> & { readonly caller: Caller | null };
