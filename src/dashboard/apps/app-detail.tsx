import { useMemo, useState, type ReactNode } from 'react';
import { useQuery } from 'urql';
import { Link } from '../app/link';
import { Badge } from '../design/badge';
import { Button } from '../design/button';
import { formatDay } from '../design/format';
import { Icon } from '../design/icon';
import { EmptyState, ErrorState, Skeleton } from '../design/states';
import { useChanged } from '../live/use-changed';
import { UsageCard } from '../overview/usage-card';
import { AppDetailDocument } from './app-detail.generated';
import styles from './app-detail.module.css';
import { AppDialogs, type AppTask } from './app-dialogs';
import { AppKeysCard } from './app-keys-card';
import { appState } from './app-state';
import { OriginsCard } from './origins-card';
import { PeriodCard } from './period-card';

const REFRESH_MS = 500;

/** One app; read again, at most twice a second, when `mark` moves. `path` is where all apps are. */
export function AppDetail(props: {
  ownerId: string;
  appId: string;
  path: string;
  mark: number;
  resetsAt: string | null;
}) {
  const { ownerId, appId, path, mark, resetsAt } = props;
  const context = useMemo(() => ({ additionalTypenames: ['ApiKey'] }), []);
  const [{ data, error }, ask] = useQuery({ query: AppDetailDocument, variables: { id: appId }, context });
  const again = () => ask({ requestPolicy: 'network-only' });
  useChanged(mark, REFRESH_MS, again);
  const [task, setTask] = useState<AppTask | null>(null);
  if (error && !data?.app) return <ErrorState error={error} onRetry={again} />;
  const app = data?.app ?? null;
  // An operator's address may join an app with an owner that is not its own.
  if (app && app.owner.id !== ownerId) {
    return <EmptyState icon="apps" title="This owner has no such app" action={<Link to={path}>All apps</Link>} />;
  }
  return (
    <div className={styles.view}>
      <div className={styles.head}>
        <Link to={path} className={styles.back}>
          <Icon name="back" /> All apps
        </Link>
        {app ? (
          <Heading name={app.name} state={<State app={app} />} createdAt={app.createdAt}>
            <Button onClick={() => setTask('RENAME')}>Rename</Button>
            <Button onClick={() => setTask('PAUSE')}>{app.status === 'PAUSED' ? 'Resume' : 'Pause'}</Button>
          </Heading>
        ) : (
          <Skeleton width={220} height={32} />
        )}
      </div>
      <div className={styles.grid}>
        <UsageCard ownerId={ownerId} appId={appId} mark={mark} />
        <div className={styles.column}>
          <PeriodCard app={app} resetsAt={resetsAt} onChangeCap={() => setTask('CAP')} />
          <OriginsCard origins={app?.allowedOrigins ?? null} onEdit={() => setTask('ORIGINS')} />
          <AppKeysCard ownerId={ownerId} app={app} />
        </div>
      </div>
      {app && <AppDialogs app={app} task={task} resetsAt={resetsAt} onDone={() => setTask(null)} />}
    </div>
  );
}

function State({ app }: { app: Parameters<typeof appState>[0] }) {
  const { words, tone } = appState(app);
  return <Badge tone={tone}>{words}</Badge>;
}

function Heading(props: { name: string; state: ReactNode; createdAt: string; children: ReactNode }) {
  const { name, state, createdAt, children } = props;
  return (
    <div className={styles.heading}>
      <h2 className={styles.name}>{name}</h2>
      {state}
      <span className={styles.created}>since {formatDay(createdAt)}</span>
      <div className={styles.buttons}>{children}</div>
    </div>
  );
}
