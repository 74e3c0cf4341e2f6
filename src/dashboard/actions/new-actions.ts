import { useState } from 'react';
import { useQuery } from 'urql';
import { useChanged } from '../live/use-changed';
import type { ActionFilters } from './action-filters';
import { NewestActionsDocument } from './actions.generated';

const REFRESH_MS = 1_000;
const MOST_COUNTED = 100;

interface NewActions {
  readonly count: number;
  /** There may be more than are counted. */
  readonly orMore: boolean;
}

/**
 * Counts the actions that pass the filters and are newer than the newest that was shown, while the list itself stands
 * still; at most once a second, however often `mark` moves.
 */
export function useNewActions(parts: {
  ownerId: string;
  filters: ActionFilters;
  /** Of the first action of the newest page; null while that is not known. */
  newestShown: number | null;
  /** Whether the list stands still. */
  still: boolean;
  mark: unknown;
}): NewActions {
  const { ownerId, filters, newestShown, still, mark } = parts;
  const key = JSON.stringify(filters);
  const [seen, setSeen] = useState<{ key: string; sequence: number } | null>(null);
  if (!still && newestShown !== null && (seen?.key !== key || seen.sequence !== newestShown)) {
    setSeen({ key, sequence: newestShown });
  }
  const [{ data }, ask] = useQuery({
    query: NewestActionsDocument,
    variables: { ownerId, ...filters },
    pause: !still,
    requestPolicy: 'network-only',
  });
  useChanged(mark, REFRESH_MS, () => still && ask({ requestPolicy: 'network-only' }));
  if (!still || !data || seen?.key !== key) return { count: 0, orMore: false };
  const count = data.actions.edges.filter(({ node }) => node.sequence > seen.sequence).length;
  return { count, orMore: count === MOST_COUNTED };
}
