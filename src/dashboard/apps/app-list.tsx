import { useMemo, useState } from 'react';
import { useQuery } from 'urql';
import { navigate } from '../app/router';
import { Button } from '../design/button';
import { Card } from '../design/card';
import { formatMoment, formatNumber } from '../design/format';
import { Notice } from '../design/notice';
import { EmptyState, ErrorState } from '../design/states';
import { Paging } from '../design/table';
import { usePages } from '../design/use-pages';
import { useChanged } from '../live/use-changed';
import { AppDialogs, type AppTask } from './app-dialogs';
import styles from './app-list.module.css';
import { isCapReached, type OwnerApp } from './app-state';
import { AppTable } from './app-table';
import { AppsPageDocument, type AppsPageQuery } from './apps-page.generated';
import { CreateAppDialog } from './create-app-dialog';

const REFRESH_MS = 1_000;

type Asked = { readonly task: 'CREATE' } | { readonly task: AppTask; readonly app: OwnerApp };

/** The apps of an owner, newest first; read again, at most every second, when `mark` moves. `path` is where they are. */
export function AppList(props: { ownerId: string; path: string; mark: number; resetsAt: string | null }) {
  const { ownerId, path, mark, resetsAt } = props;
  const { after, page, goTo } = usePages(ownerId);
  const context = useMemo(() => ({ additionalTypenames: ['App'] }), []);
  const [{ data, error, stale }, ask] = useQuery({ query: AppsPageDocument, variables: { ownerId, after }, context });
  const again = () => ask({ requestPolicy: 'network-only' });
  useChanged(mark, REFRESH_MS, again);
  const [asked, setAsked] = useState<Asked | null>(null);
  if (error && !data) return <ErrorState error={error} onRetry={again} />;
  const owner = data?.owner;
  const apps = owner?.apps.edges.map(({ node }) => node) ?? null;
  const refused = apps?.filter((app) => app.status === 'ACTIVE' && isCapReached(app)) ?? [];
  const close = () => setAsked(null);
  const create = (look: 'primary' | 'normal') => (
    <Button look={look} icon="plus" disabled={!data} onClick={() => setAsked({ task: 'CREATE' })}>
      Create app
    </Button>
  );
  return (
    <div className={styles.view}>
      {refused.length > 0 && <CapsReached apps={refused} resetsAt={resetsAt} />}
      <Card title="Apps" note={owner ? noteOf(owner, page) : '\u00a0'} flush controls={create('primary')}>
        {apps?.length === 0 && page === 1 ? (
          <EmptyState icon="apps" title="No apps yet">
            An app performs actions on the owner’s credits, with an APP key of its own.
          </EmptyState>
        ) : (
          <AppTable apps={apps} path={path} onAsk={(task, app) => setAsked({ task, app })} />
        )}
        <Paging
          page={page}
          hasNext={owner?.apps.pageInfo.hasNextPage ?? false}
          busy={stale}
          onPage={(next) => goTo(next, owner?.apps.pageInfo.endCursor)}
        />
      </Card>
      {asked?.task === 'CREATE' ? (
        <CreateAppDialog
          ownerId={ownerId}
          onCreated={(appId) => navigate(`${path}?app=${encodeURIComponent(appId)}`)}
          onDone={close}
        />
      ) : (
        asked && <AppDialogs app={asked.app} task={asked.task} resetsAt={resetsAt} onDone={close} />
      )}
    </div>
  );
}

function CapsReached({ apps, resetsAt }: { apps: readonly OwnerApp[]; resetsAt: string | null }) {
  const names = apps.map(({ name }) => name);
  const who = names.length === 1 ? `${names[0]} has` : `${formatNumber(names.length)} apps have`;
  return (
    <Notice tone="danger">
      {who} used {names.length === 1 ? 'its cap' : 'their caps'}: the next action is refused with{' '}
      <code>CAP_REACHED</code>, and nothing is debited, until the cap is raised
      {resetsAt && ` or the period ends, ${formatMoment(resetsAt)}`}.
    </Notice>
  );
}

function noteOf({ plan, apps }: NonNullable<AppsPageQuery['owner']>, page: number): string {
  const { maxApps, name } = plan;
  if (maxApps === null) return 'Newest first';
  const whole = page === 1 && !apps.pageInfo.hasNextPage;
  return whole
    ? `${formatNumber(apps.edges.length)} of the ${formatNumber(maxApps)} that the ${name} plan allows, newest first`
    : `The ${name} plan allows ${formatNumber(maxApps)}; newest first`;
}
