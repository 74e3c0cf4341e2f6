import type { Committed, CommitListener } from '../ledger/ledger';

/**
 * Tells watchers of one owner what was committed. In one process it comes from the ledger itself; between processes a
 * message can carry (ownerId, version, lastSequence), and the receiving feed reads the rest from the ledger.
 */
export interface BalanceFeed {
  /** Calls `listener` after each commit that changed the owner's pool. It must not throw or wait. Returns how to stop that. */
  watch(ownerId: number, listener: CommitListener): () => void;
}

export class LocalBalanceFeed implements BalanceFeed {
  private readonly watchers = new Map<number, Set<CommitListener>>();

  watch(ownerId: number, listener: CommitListener): () => void {
    let listeners = this.watchers.get(ownerId);
    if (!listeners) this.watchers.set(ownerId, (listeners = new Set()));
    listeners.add(listener);
    return () => {
      listeners.delete(listener);
      if (listeners.size === 0 && this.watchers.get(ownerId) === listeners) this.watchers.delete(ownerId);
    };
  }

  publish(committed: Committed): void {
    for (const listener of this.watchers.get(committed.balance.ownerId) ?? []) listener(committed);
  }
}
