import { useCallback, useEffect, useState } from 'react';
import { useClient } from 'urql';
import { OwnersPageDocument } from './owners-page.generated';
import type { OwnerRow } from './owners-table';

/** The API's largest page. */
const PAGE = 100;
/** After so many owners one is asked before more are looked at: each of them is a balance that the service works out. */
export const OWNERS_PER_LOOK = 500;

export interface RunningOut {
  /** Who has nothing available, or nothing before the reset; the one that is empty first comes first. */
  readonly found: readonly OwnerRow[];
  /** How many owners were looked at, newest first. */
  readonly looked: number;
  readonly state: 'LOOKING' | 'PAUSED' | 'COMPLETE';
  readonly error: Error | null;
  /** Looks at the next ones, or tries again what failed. */
  lookFurther(): void;
}

interface Progress {
  readonly found: readonly OwnerRow[];
  readonly looked: number;
  readonly after: string | null;
  readonly hasNext: boolean;
  readonly error: Error | null;
}

const NOTHING: Progress = { found: [], looked: 0, after: null, hasNext: true, error: null };

/**
 * Looks through the owners whose name, e-mail or externalId contains `search` for those who are about to run out. The
 * API has no such list, so this reads owner after owner, at most OWNERS_PER_LOOK at a time.
 */
export function useRunningOut(search: string): RunningOut {
  const client = useClient();
  const [progress, setProgress] = useState(NOTHING);
  const [limit, setLimit] = useState(OWNERS_PER_LOOK);
  const { looked, hasNext, error, after } = progress;
  const looking = hasNext && error === null && looked < limit;
  useEffect(() => {
    if (!looking) return undefined;
    let current = true;
    const page = { first: PAGE, after, search: search || null };
    void client
      .query(OwnersPageDocument, page, { requestPolicy: 'network-only' })
      .toPromise()
      .then(({ data, error: failure }) => {
        if (!current) return;
        if (!data) return setProgress((before) => ({ ...before, error: failure ?? new Error('No answer') }));
        const rows = data.owners.edges.map(({ node }) => node);
        setProgress((before) => ({
          found: [...before.found, ...rows.filter(runsOut)].sort(soonestFirst),
          looked: before.looked + rows.length,
          after: data.owners.pageInfo.endCursor,
          hasNext: data.owners.pageInfo.hasNextPage,
          error: null,
        }));
      });
    return () => void (current = false);
  }, [client, search, looking, after]);
  const lookFurther = useCallback(() => {
    setProgress((before) => ({ ...before, error: null }));
    if (error === null) setLimit((before) => before + OWNERS_PER_LOOK);
  }, [error]);
  return { ...progress, state: looking ? 'LOOKING' : hasNext ? 'PAUSED' : 'COMPLETE', lookFurther };
}

/** The actions of a suspended owner are refused, so that it uses nothing. */
function runsOut({ suspendedAt, balance }: OwnerRow): boolean {
  return suspendedAt === null && (balance.available === 0 || balance.runway.emptyAt !== null);
}

function soonestFirst(one: OwnerRow, other: OwnerRow): number {
  return emptyAt(one) - emptyAt(other);
}

function emptyAt({ balance: { available, runway } }: OwnerRow): number {
  return available === 0 || runway.emptyAt === null ? 0 : Date.parse(runway.emptyAt);
}
