import { lazy, Suspense, useMemo, useState } from 'react';
import { useQuery } from 'urql';
import { Card } from '../design/card';
import { formatCredits, formatNumber } from '../design/format';
import { Segments } from '../design/segments';
import { EmptyState, ErrorState } from '../design/states';
import { useChanged } from '../live/use-changed';
import { useNow } from '../live/use-now';
import { typeWords } from '../actions/action-words';
import { OverviewAppsDocument } from './apps.generated';
import styles from './usage-card.module.css';
import { usageRange } from './usage-range';
import { usageStacks } from './usage-stacks';
import { UsageDocument, type UsageInterval } from './usage.generated';

const UsageChart = lazy(() => import('./usage-chart'));

const REFRESH_MS = 3_000;
const MINUTE_MS = 60_000;
const timeZone = Intl.DateTimeFormat().resolvedOptions().timeZone;
const INTERVALS = [
  { value: 'HOUR', label: 'Hours' },
  { value: 'DAY', label: 'Days' },
  { value: 'MONTH', label: 'Months' },
] as const;
const GROUPS = [
  { value: 'TYPE', label: 'By type' },
  { value: 'APP', label: 'By app' },
] as const;
const SPANS: Readonly<Record<UsageInterval, string>> = {
  HOUR: 'in the last 48 hours',
  DAY: 'in the last 30 days',
  MONTH: 'in the last 12 months',
};

/**
 * Usage over time, stacked by what was done or by who did it; read again, at most every three seconds, when `mark` moves.
 * With an `appId`, that of one app.
 */
export function UsageCard({ ownerId, appId, mark }: { ownerId: string; appId?: string; mark: number }) {
  const [interval, setInterval] = useState<UsageInterval>('DAY');
  const [groupBy, setGroupBy] = useState<'TYPE' | 'APP'>('TYPE');
  const range = usageRange(interval, useNow(MINUTE_MS));
  const [usage, ask] = useQuery({
    query: UsageDocument,
    variables: { ownerId, appId, interval, groupBy, timeZone, ...range },
  });
  const [names] = useQuery({ query: OverviewAppsDocument, variables: { ownerId } });
  useChanged(mark, REFRESH_MS, () => ask({ requestPolicy: 'network-only' }));
  const buckets = usage.data?.usage;
  const known = names.data;
  const shown = useMemo(() => {
    if (!buckets || !known) return null;
    const types = known.actionCatalogue.map(({ type }) => [type, typeWords(type)] as const);
    const apps = (known.owner?.apps.edges ?? []).map(({ node }) => [node.id, node.name] as const);
    return usageStacks(buckets, new Map<string, string>(groupBy === 'TYPE' ? types : apps));
  }, [buckets, known, groupBy]);
  return (
    <Card
      title="Usage"
      note={shown ? `${formatCredits(shown.total)} ${SPANS[interval]}` : '\u00a0'}
      controls={
        <>
          {!appId && <Segments label="Group" options={GROUPS} value={groupBy} onChange={setGroupBy} />}
          <Segments label="Interval" options={INTERVALS} value={interval} onChange={setInterval} />
        </>
      }
    >
      {usage.error && !buckets ? (
        <ErrorState error={usage.error} onRetry={() => ask({ requestPolicy: 'network-only' })} />
      ) : shown?.total === 0 ? (
        <EmptyState title="No credits were used">Actions appear here as soon as an app performs one.</EmptyState>
      ) : (
        <>
          <div className={styles.chart}>
            <Suspense fallback={null}>{shown && <UsageChart usage={shown} interval={interval} />}</Suspense>
          </div>
          <ul className={styles.legend}>
            {shown?.stacks.map(({ name, color, total }) => (
              <li key={name}>
                <span className={styles.swatch} style={{ background: `var(${color})` }} aria-hidden="true" />
                {name} <span className={styles.total}>{formatNumber(total)}</span>
              </li>
            ))}
          </ul>
        </>
      )}
    </Card>
  );
}
