import { useQuery } from 'urql';
import type { OwnerViewProps } from '../app/views';
import { useViewSearch } from '../app/view-search';
import { Card } from '../design/card';
import { NewPill } from '../design/new-pill';
import { EmptyState, ErrorState } from '../design/states';
import { Paging } from '../design/table';
import { usePages } from '../design/use-pages';
import { useReading } from '../design/use-reading';
import { useLiveBalance } from '../live/live-balance';
import { useChanged } from '../live/use-changed';
import { ActionDetail } from './action-detail';
import { filtersOf } from './action-filters';
import { ActionsTable } from './actions-table';
import { ActionsDocument } from './actions.generated';
import styles from './actions.module.css';
import { FilterBar } from './filter-bar';
import { useNewActions } from './new-actions';

/** An action is seen within this, and a thousand a second cost four queries. */
const REFRESH_MS = 250;

/** What an owner's apps did, newest first and live; each action in full, and its credit given back. */
export default function Actions({ ownerId }: OwnerViewProps) {
  const view = useViewSearch();
  const filters = filtersOf(view.search);
  const { after, page, goTo } = usePages(JSON.stringify(filters));
  const { reading, watched } = useReading();
  const still = page > 1 || reading;
  const variables = { ownerId, ...filters, after };
  const [{ data, error, operation, fetching }, ask] = useQuery({ query: ActionsDocument, variables });
  const again = () => ask({ requestPolicy: 'network-only' });
  const mark = useLiveBalance(ownerId).balance?.lastSequence;
  useChanged(still ? null : mark, REFRESH_MS, () => still || again());
  // Until the next page is there, the last one stays, and counts for nothing.
  const turning = fetching && JSON.stringify(operation?.variables) !== JSON.stringify(variables);
  const rows = data?.actions.edges.map(({ node }) => node) ?? null;
  const newestShown = rows && !turning && page === 1 ? (rows[0]?.sequence ?? 0) : null;
  const news = useNewActions({ ownerId, filters, newestShown, still, mark });
  const turnTo = (next: number) => {
    goTo(next, data?.actions.pageInfo.endCursor);
    window.scrollTo(0, 0);
  };
  const filtered = Object.keys(filters).length > 0;
  return (
    <Card flush className={styles.card}>
      <div className={styles.tools}>
        <FilterBar ownerId={ownerId} view={view} />
        <NewPill count={news.count} orMore={news.orMore} onShow={() => turnTo(1)} />
      </div>
      {error && !data ? (
        <ErrorState error={error} onRetry={again} />
      ) : (
        <div {...watched} className={styles.rows} data-turning={turning || undefined}>
          <ActionsTable
            rows={rows}
            pathOf={({ id }) => view.withChanges({ action: id })}
            empty={filtered ? <NoneMatch /> : <NoneYet />}
          />
        </div>
      )}
      <Paging page={page} hasNext={data?.actions.pageInfo.hasNextPage ?? false} busy={turning} onPage={turnTo} />
      <ActionDetail ownerId={ownerId} view={view} mark={mark} />
    </Card>
  );
}

function NoneMatch() {
  return (
    <EmptyState icon="search" title="No action passes these filters">
      A visitor is found by its whole id.
    </EmptyState>
  );
}

function NoneYet() {
  return (
    <EmptyState icon="actions" title="No actions yet">
      They appear here the moment an app performs one.
    </EmptyState>
  );
}
