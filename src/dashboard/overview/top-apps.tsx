import { useQuery } from 'urql';
import { Badge } from '../design/badge';
import { Card } from '../design/card';
import { formatNumber } from '../design/format';
import { Meter } from '../design/meter';
import { EmptyState, ErrorState, Skeleton } from '../design/states';
import { useChanged } from '../live/use-changed';
import { OverviewAppsDocument, type OverviewAppsQuery } from './apps.generated';
import styles from './top-apps.module.css';

const REFRESH_MS = 3_000;
const MOST = 6;
const NEAR_CAP = 0.9;

type App = NonNullable<OverviewAppsQuery['owner']>['apps']['edges'][number]['node'];

/** The apps that used most in this period, with their caps. */
export function TopApps({ ownerId, mark }: { ownerId: string; mark: number }) {
  const [{ data, error }, ask] = useQuery({ query: OverviewAppsDocument, variables: { ownerId } });
  const again = () => ask({ requestPolicy: 'network-only' });
  useChanged(mark, REFRESH_MS, again);
  const apps = data?.owner?.apps.edges.map(({ node }) => node);
  const top = apps?.toSorted((a, b) => b.usedThisPeriod - a.usedThisPeriod).slice(0, MOST);
  const most = top?.[0]?.usedThisPeriod ?? 0;
  return (
    <Card title="Top apps" note="Credits used in this period">
      {error && !data ? (
        <ErrorState error={error} onRetry={again} />
      ) : top?.length === 0 ? (
        <EmptyState icon="apps" title="No apps yet" />
      ) : (
        <ol className={styles.list} aria-busy={!top}>
          {top
            ? top.map((app) => <TopApp key={app.id} app={app} most={most} />)
            : Array.from({ length: MOST - 1 }, (_, index) => (
                <li key={index} className={styles.app}>
                  <Skeleton width="55%" height={20} />
                  <Skeleton height={6} />
                </li>
              ))}
        </ol>
      )}
    </Card>
  );
}

function TopApp({ app: { name, status, usedThisPeriod: used, creditCap: cap }, most }: { app: App; most: number }) {
  const words =
    cap === null
      ? `${name}: ${formatNumber(used)} credits`
      : `${name}: ${formatNumber(used)} credits of a cap of ${formatNumber(cap)}`;
  return (
    <li className={styles.app}>
      <div className={styles.line}>
        <span className={styles.name}>{name}</span>
        {status === 'PAUSED' && <Badge>Paused</Badge>}
        {cap !== null && used >= cap && <Badge tone="danger">Cap reached</Badge>}
        <span className={styles.used}>
          {formatNumber(used)}
          {cap !== null && <span className={styles.cap}> of {formatNumber(cap)}</span>}
        </span>
      </div>
      <Meter
        value={used}
        max={cap ?? Math.max(most, 1)}
        words={words}
        tone={cap !== null && used >= cap * NEAR_CAP ? 'danger' : 'accent'}
      />
    </li>
  );
}
