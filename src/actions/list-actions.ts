import { type Caller, idOf, ownerScope, ownIdOf } from '../access/caller';
import type { Instant } from '../clock';
import { notFound } from '../errors';
import type { ActionRecord, ActionStatus } from '../ledger/pool';

export interface ActionFilter {
  readonly ownerId: number;
  readonly appId: number | null;
  readonly type: string | null;
  readonly status: ActionStatus | null;
  readonly visitor: string | null;
  readonly from: Instant | null;
  readonly to: Instant | null;
  readonly beforeSequence: number | null;
  readonly limit: number;
}

export interface ActionStore {
  /** Newest first. */
  page(filter: ActionFilter): Promise<ActionRecord[]>;
  byId(ownerId: number, sequence: number): Promise<ActionRecord | null>;
}

/** Whose actions a list or a stream is about: ids as the caller gave them. */
export interface ActionScope {
  readonly ownerId: string | null | undefined;
  readonly appId: string | null | undefined;
}

export class ListActions {
  constructor(
    private readonly store: ActionStore,
    /** NOT_FOUND where there is no such owner, or no such app of it; and settles what is due. */
    private readonly assertCurrent: (scope: { ownerId: number; appId: number | null }) => Promise<void>,
  ) {}

  /** Actions of the caller's owner, or of its app with an APP key. NOT_FOUND for what is not the caller's. */
  async page(caller: Caller, filter: Omit<ActionFilter, 'ownerId' | 'appId'> & ActionScope): Promise<ActionRecord[]> {
    const scope = actionScope(caller, filter);
    await this.assertCurrent(scope);
    // An argument that is left out arrives as undefined.
    const { type = null, status = null, visitor = null } = filter;
    return this.store.page({ ...filter, type, status, visitor, ...scope });
  }

  /** One action. NOT_FOUND where there is none, or where it is not the caller's. */
  async byId(caller: Caller, id: string): Promise<ActionRecord> {
    const { ownerId, number } = ownIdOf(caller, 'action', id);
    const action = await this.store.byId(ownerId, number);
    if (!action || (caller.appId !== null && action.appId !== caller.appId)) throw notFound('action');
    if (action.status !== 'HELD') return action;
    // Its hold may have expired: settle what is due, then read it again.
    await this.assertCurrent({ ownerId, appId: null });
    return (await this.store.byId(ownerId, number)) ?? action;
  }
}

/** An app's id names its owner too, so an ADMIN key may give either; where both are given they must agree. */
export function actionScope(
  caller: Caller,
  { ownerId, appId }: ActionScope,
): { ownerId: number; appId: number | null } {
  if (appId === null || appId === undefined) return { ownerId: ownerScope(caller, ownerId), appId: caller.appId };
  const app = caller.ownerId === null ? idOf('app', appId) : ownIdOf(caller, 'app', appId);
  if (ownerId && ownerScope(caller, ownerId) !== app.ownerId) throw notFound('app');
  return { ownerId: app.ownerId, appId: app.number };
}
