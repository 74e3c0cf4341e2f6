import type { Caller } from '../access/caller';
import type { BalanceFeed } from '../balances/balance-feed';
import { BoundedQueue } from '../balances/stream';
import type { ActionRecord } from '../ledger/pool';
import { actionScope, type ActionScope } from './list-actions';

/** How many actions a watcher may be behind. What other processes did comes in bulk, that of two seconds at worst. */
const QUEUE_LIMIT = 2_000;

/** Actions as they are opened or resolved, each once, in the order of the ledger, whichever process did it. */
export class LiveActions {
  constructor(
    private readonly feed: Pick<BalanceFeed, 'watchActions'>,
    /** NOT_FOUND where there is no such owner, or no such app of it. */
    private readonly assertScope: (scope: { ownerId: number; appId: number | null }) => Promise<void>,
  ) {}

  async watch(caller: Caller, asked: ActionScope): Promise<AsyncIterableIterator<ActionRecord>> {
    const scope = actionScope(caller, asked);
    await this.assertScope(scope);
    const queue = new BoundedQueue<ActionRecord>(QUEUE_LIMIT, () => stopWatching());
    const stopWatching = await this.feed.watchActions(scope.ownerId, (recorded) => {
      queue.offerAll(scope.appId === null ? recorded : recorded.filter(({ appId }) => appId === scope.appId));
    });
    return queue;
  }
}
