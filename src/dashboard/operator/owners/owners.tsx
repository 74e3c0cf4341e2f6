import { useEffect, useState, type ReactNode } from 'react';
import { useQuery } from 'urql';
import { navigate, useSearch } from '../../app/router';
import { Button } from '../../design/button';
import { Card } from '../../design/card';
import { formatNumber } from '../../design/format';
import { Segments } from '../../design/segments';
import { EmptyState, ErrorState } from '../../design/states';
import { Paging } from '../../design/table';
import { usePages } from '../../design/use-pages';
import { CreateOwnerDialog } from './create-owner-dialog';
import { OwnersPageDocument } from './owners-page.generated';
import { OwnersTable } from './owners-table';
import styles from './owners.module.css';
import { OWNERS_PER_LOOK, useRunningOut, type RunningOut } from './running-out';
import { SearchBox } from './search-box';

const PAGE = 25;
const REFRESH_MS = 15_000;
const VIEWS = [
  { value: 'all', label: 'All' },
  { value: 'running-out', label: 'About to run out' },
] as const;

/** Every owner of the service: what each has, and who is about to run out. */
export default function Owners() {
  const filters = useSearch();
  const search = filters.get('search') ?? '';
  const view = filters.get('show') === 'running-out' ? 'running-out' : 'all';
  const [creating, setCreating] = useState(false);
  const [looks, setLooks] = useState(1);
  const show = (next: { search?: string; view?: string }) => {
    const { search: text, view: shown } = { search, view, ...next };
    const query = new URLSearchParams({ ...(text && { search: text }), ...(shown !== 'all' && { show: shown }) });
    navigate(`/owners${query.size > 0 ? `?${query}` : ''}`, { replace: true });
  };
  const create = (
    <Button look="primary" icon="plus" onClick={() => setCreating(true)}>
      Create owner
    </Button>
  );
  return (
    <>
      <div className={styles.bar}>
        <SearchBox label="Search owners" value={search} onSearch={(text) => show({ search: text })} />
        <Segments label="Which owners" options={VIEWS} value={view} onChange={(value) => show({ view: value })} />
        <div className={styles.create}>{create}</div>
      </div>
      {view === 'all' ? (
        <AllOwners search={search} create={create} />
      ) : (
        <RunningOutOwners key={`${looks} ${search}`} search={search} onLookAgain={() => setLooks(looks + 1)} />
      )}
      {creating && <CreateOwnerDialog onClose={() => setCreating(false)} />}
    </>
  );
}

function AllOwners({ search, create }: { search: string; create: ReactNode }) {
  const { after, page, goTo } = usePages(search);
  const [{ data, error, fetching, stale }, ask] = useQuery({
    query: OwnersPageDocument,
    variables: { first: PAGE, after, search: search || null },
  });
  const again = () => ask({ requestPolicy: 'network-only' });
  useEffect(() => {
    const timer = window.setInterval(() => {
      if (document.visibilityState === 'visible') ask({ requestPolicy: 'network-only' });
    }, REFRESH_MS);
    return () => window.clearInterval(timer);
  }, [ask]);
  if (error && !data) return <ErrorState error={error} onRetry={again} />;
  const owners = data?.owners;
  return (
    <Card flush>
      <OwnersTable
        rows={owners?.edges.map(({ node }) => node) ?? null}
        expectedRows={PAGE}
        empty={
          search ? (
            <EmptyState icon="search" title={`No owner matches “${search}”`}>
              Names, e-mail addresses and external ids are searched.
            </EmptyState>
          ) : (
            <EmptyState icon="owners" title="No owners yet" action={create}>
              An owner holds a plan and a pool of credits, on which all its apps draw.
            </EmptyState>
          )
        }
      />
      <Paging
        page={page}
        hasNext={owners?.pageInfo.hasNextPage ?? false}
        busy={fetching && !stale && page > 1}
        onPage={(next) => goTo(next, owners?.pageInfo.endCursor)}
      />
    </Card>
  );
}

function RunningOutOwners({ search, onLookAgain }: { search: string; onLookAgain: () => void }) {
  const runningOut = useRunningOut(search);
  const { found, state, error, lookFurther } = runningOut;
  return (
    <Card flush>
      <div className={styles.explained}>
        <p>
          Who has nothing left, or nothing before the reset at the pace of the last 24 hours; the soonest first.
          Suspended owners are left out. Worked out here, from {formatNumber(OWNERS_PER_LOOK)} owners at a time, the
          newest first.
        </p>
        <div className={styles.status}>
          <p role="status">{statusWords(runningOut, search)}</p>
          <Button look="quiet" busy={state === 'LOOKING' && !error} onClick={onLookAgain}>
            Look again
          </Button>
        </div>
      </div>
      {error ? (
        <ErrorState error={error} onRetry={lookFurther} />
      ) : (
        <OwnersTable
          rows={state === 'LOOKING' && found.length === 0 ? null : found}
          expectedRows={8}
          empty={
            <EmptyState icon="check" title="Nobody is about to run out">
              Every owner that was looked at lasts until its reset.
            </EmptyState>
          }
        />
      )}
      {state === 'PAUSED' && !error && (
        <div className={styles.further}>
          <Button onClick={lookFurther}>Look at the next {formatNumber(OWNERS_PER_LOOK)}</Button>
        </div>
      )}
    </Card>
  );
}

function statusWords({ found, looked, state, error }: RunningOut, search: string): string {
  const among = `${formatNumber(looked)} ${looked === 1 ? 'owner' : 'owners'}${search ? ` that match “${search}”` : ''}`;
  if (error) return `Looked at ${among}`;
  if (state === 'LOOKING') return `Looking… ${among} so far`;
  const runOut = formatNumber(found.length);
  return state === 'COMPLETE' ? `${runOut} of all ${among}` : `${runOut} of the newest ${among}; there are more`;
}
