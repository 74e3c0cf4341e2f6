import { useCallback, useEffect, useRef, useState } from 'react';
import { useApi } from '../live/api-context';
import { followLedger } from '../live/ledger-follower';
import { LedgerAppendedDocument, LedgerEndDocument, LedgerPageDocument, type EntryFragment } from './ledger.generated';

export type Entry = EntryFragment;

interface LedgerTail {
  /** The newest entries, the newest first; null before they are there. */
  readonly entries: readonly Entry[] | null;
  readonly error: Error | null;
  retry(): void;
}

/**
 * The newest `most` entries of a ledger, live: a page, and then each entry that follows it, without gap or repeat over
 * lost connections, in one render per frame. Nothing is followed while it is not `on`; then it begins with a new page.
 */
export function useLedgerTail(ownerId: string, most: number, on: boolean): LedgerTail {
  const { client, socket } = useApi();
  const [entries, setEntries] = useState<readonly Entry[] | null>(null);
  const [error, setError] = useState<Error | null>(null);
  const [tries, setTries] = useState(0);
  const follow = useRef<() => void>(undefined);
  useEffect(() => {
    if (!on) return;
    let stopped = false;
    const begin = async () => {
      const policy = { requestPolicy: 'network-only' } as const;
      const end = await client.query(LedgerEndDocument, { ownerId }, policy).toPromise();
      if (!end.data) return { error: end.error, page: null };
      const afterSequence = Math.max(0, end.data.balance.lastSequence - most);
      const variables = { ownerId, afterSequence, first: most };
      const { data, error } = await client.query(LedgerPageDocument, variables, policy).toPromise();
      return { error, page: data?.ledger.edges.map(({ node }) => node).reverse() ?? null };
    };
    void begin().then(({ page, error }) => {
      if (stopped) return;
      setError(page ? null : (error ?? null));
      if (!page) return;
      setEntries(page);
      follow.current = followLedger<Entry>({
        socket,
        document: LedgerAppendedDocument,
        ownerId,
        afterSequence: page[0]?.sequence ?? 0,
        onEntries: (arrived) => setEntries((before) => newestOf(before ?? [], arrived, most)),
      });
    });
    return () => {
      stopped = true;
      follow.current?.();
      follow.current = undefined;
    };
  }, [client, socket, ownerId, most, on, tries]);
  const retry = useCallback(() => setTries((before) => before + 1), []);
  return { entries, error, retry };
}

/** What arrived, ascending, before what was there, descending; only as many as are shown. */
function newestOf(before: readonly Entry[], arrived: readonly Entry[], most: number): readonly Entry[] {
  return [...arrived.slice(-most).reverse(), ...before].slice(0, most);
}
