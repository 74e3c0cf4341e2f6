import { useQuery } from 'urql';
import { Badge } from '../design/badge';
import { Card } from '../design/card';
import { formatExactClock, formatInstant } from '../design/format';
import { EmptyState, ErrorState } from '../design/states';
import { Table, type Column } from '../design/table';
import { useChanged } from '../live/use-changed';
import { STATUS_WORDS, typeWords } from '../actions/action-words';
import { LatestActionsDocument, type LatestActionsQuery } from './latest-actions.generated';
import styles from './latest-actions.module.css';

/** An action is seen within this, and a thousand a second cost four queries. */
const REFRESH_MS = 250;
const SHOWN = 10;

type Action = LatestActionsQuery['actions']['edges'][number]['node'];

const COLUMNS: readonly Column<Action>[] = [
  {
    name: 'at',
    header: 'Time',
    width: '104px',
    cell: ({ createdAt }) => (
      <time className={styles.time} dateTime={createdAt} title={formatInstant(createdAt)}>
        {formatExactClock(createdAt, Date.now())}
      </time>
    ),
  },
  { name: 'type', header: 'Action', cell: ({ type }) => <span className={styles.type}>{typeWords(type)}</span> },
  { name: 'app', header: 'App', cell: ({ app }) => app.name },
  {
    name: 'visitor',
    header: 'Visitor',
    secondary: true,
    cell: ({ visitor }) => visitor ?? <span className={styles.none}>none</span>,
  },
  {
    name: 'status',
    header: 'Status',
    align: 'right',
    width: '92px',
    cell: ({ status }) => <Badge tone={STATUS_WORDS[status].tone}>{STATUS_WORDS[status].words}</Badge>,
  },
];

/**
 * The newest actions, read again when `mark` moves: of a flood one sees the latest at each look, and after a lost
 * connection what is true now, without a gap.
 */
export function LatestActions({ ownerId, mark }: { ownerId: string; mark: number }) {
  const [{ data, error }, ask] = useQuery({ query: LatestActionsDocument, variables: { ownerId } });
  const again = () => ask({ requestPolicy: 'network-only' });
  useChanged(mark, REFRESH_MS, again);
  return (
    <Card title="Latest actions" flush className={styles.card}>
      {error && !data ? (
        <ErrorState error={error} onRetry={again} />
      ) : (
        <Table
          label="Latest actions"
          columns={COLUMNS}
          rows={data?.actions.edges.map(({ node }) => node) ?? null}
          keyOf={({ id }) => id}
          expectedRows={SHOWN}
          empty={
            <EmptyState icon="actions" title="No actions yet">
              They appear here the moment an app performs one.
            </EmptyState>
          }
        />
      )}
    </Card>
  );
}
