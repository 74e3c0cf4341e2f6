import { useState } from 'react';
import { useQuery } from 'urql';
import { useReading } from '../design/use-reading';
import { useLiveBalance } from '../live/live-balance';
import { LedgerPageDocument } from './ledger.generated';
import { PAGE_ENTRIES } from './place-in-ledger';
import { useLedgerTail, type Entry } from './use-ledger-tail';

/**
 * The newest entries, live (`upTo` is null), or a page of older ones; how many entries there are; and how many have come
 * while what is shown stands still. `watched` is for the element around the rows.
 */
export function useShownEntries(ownerId: string, upTo: number | null) {
  const { reading, watched } = useReading();
  const tail = useLedgerTail(ownerId, PAGE_ENTRIES, upTo === null);
  const page = useLedgerPage(ownerId, upTo);
  const rows = useStanding(upTo === null ? tail.entries : page.entries, reading);
  const newest = rows?.[0]?.sequence ?? 0;
  const live = useLiveBalance(ownerId).balance?.lastSequence ?? null;
  const last = Math.max(live ?? 0, newest);
  const seen = useSeen(live, upTo !== null);
  const shown = upTo === null ? (reading && newest > 0 ? newest : last) : (seen ?? last);
  const { error, retry } = upTo === null ? tail : page;
  return { rows, last, news: last - shown, error, retry, watched };
}

function useLedgerPage(ownerId: string, upTo: number | null) {
  const afterSequence = Math.max(0, (upTo ?? 0) - PAGE_ENTRIES);
  const [{ data, error }, ask] = useQuery({
    query: LedgerPageDocument,
    variables: { ownerId, afterSequence, first: Math.min(PAGE_ENTRIES, upTo ?? PAGE_ENTRIES) },
    pause: upTo === null,
  });
  const entries = data?.ledger.edges.map(({ node }) => node).reverse() ?? null;
  return { entries, error: error ?? null, retry: () => ask({ requestPolicy: 'network-only' }) };
}

/** The last entry when one turned to an older page: only what has come since is new. */
function useSeen(live: number | null, older: boolean): number | null {
  const [seen, setSeen] = useState<number | null>(null);
  const next = older ? (seen ?? live) : null;
  if (next !== seen) setSeen(next);
  return next;
}

/** What somebody goes through by keyboard stands still. */
function useStanding(entries: readonly Entry[] | null, reading: boolean): readonly Entry[] | null {
  const [standing, setStanding] = useState<readonly Entry[] | null>(null);
  if (reading && standing === null && entries !== null) setStanding(entries);
  if (!reading && standing !== null) setStanding(null);
  return (reading ? standing : null) ?? entries;
}
