import { useEffect, useState, useSyncExternalStore } from 'react';
import { useApi } from './api-context';
import { Latest } from './latest';
import { LiveBalanceDocument, type LiveBalanceSubscription } from './live-balance.generated';

export type LiveBalance = LiveBalanceSubscription['balanceChanged'];

/** An owner's balance, or why there is none. After a lost connection the last one stays until the next one comes. */
export interface WatchedBalance {
  readonly balance: LiveBalance | null;
  readonly error: Error | null;
}

const NOTHING: WatchedBalance = { balance: null, error: null };

/** An owner's balance, live: the current one first, then each newer one, at most one per animation frame. */
export function useLiveBalance(ownerId: string): WatchedBalance {
  const { client } = useApi();
  const [latest] = useState(() => new Latest<WatchedBalance>(NOTHING));
  useEffect(() => {
    let newest = -1;
    const { unsubscribe } = client.subscription(LiveBalanceDocument, { ownerId }).subscribe(({ data, error }) => {
      if (error) return latest.set({ balance: null, error });
      const balance = data?.balanceChanged;
      // After a reconnect, the snapshot of another process may be behind what was shown (rule 12: version never falls).
      if (!balance || balance.version < newest) return;
      newest = balance.version;
      latest.set({ balance, error: null });
    });
    return () => {
      unsubscribe();
      latest.stop();
    };
  }, [client, latest, ownerId]);
  return useSyncExternalStore(latest.subscribe, latest.value);
}
