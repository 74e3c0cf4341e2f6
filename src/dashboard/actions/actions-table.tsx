import type { ReactNode } from 'react';
import { Link } from '../app/link';
import { Badge } from '../design/badge';
import { formatExactClock, formatInstant } from '../design/format';
import { Table, type Column } from '../design/table';
import { STATUS_WORDS, typeWords } from './action-words';
import type { ActionsQuery } from './actions.generated';
import styles from './actions-table.module.css';
import { factSummary } from './fact-words';

export type ListedAction = ActionsQuery['actions']['edges'][number]['node'];

const EXPECTED_ROWS = 15;

const COLUMNS: readonly Column<ListedAction>[] = [
  { name: 'app', header: 'App', width: '20%', cell: ({ app }) => <span className={styles.cut}>{app.name}</span> },
  {
    name: 'facts',
    header: 'Facts',
    secondary: true,
    cell: ({ details }) => <span className={styles.faint}>{factSummary(details)}</span>,
  },
  {
    name: 'visitor',
    header: 'Visitor',
    secondary: true,
    width: '18%',
    cell: ({ visitor }) => <span className={visitor === null ? styles.faint : styles.cut}>{visitor ?? 'none'}</span>,
  },
  {
    name: 'status',
    header: 'Status',
    align: 'right',
    width: '92px',
    cell: ({ status }) => <Badge tone={STATUS_WORDS[status].tone}>{STATUS_WORDS[status].words}</Badge>,
  },
];

/** Actions with a link over each row to all there is to know of it. `rows` is null while they are not there. */
export function ActionsTable(props: {
  rows: readonly ListedAction[] | null;
  pathOf: (action: ListedAction) => string;
  empty: ReactNode;
}) {
  const { rows, pathOf, empty } = props;
  const columns: readonly Column<ListedAction>[] = [
    {
      name: 'at',
      header: 'Time',
      width: '132px',
      cell: ({ createdAt }) => (
        <time className={styles.time} dateTime={createdAt} title={formatInstant(createdAt)}>
          {formatExactClock(createdAt, Date.now())}
        </time>
      ),
    },
    {
      name: 'type',
      header: 'Action',
      width: '140px',
      cell: (action) => (
        <Link to={pathOf(action)} stay className={styles.open}>
          {typeWords(action.type)}
        </Link>
      ),
    },
    ...COLUMNS,
  ];
  return (
    <Table
      label="Actions"
      columns={columns}
      rows={rows}
      keyOf={({ id }) => id}
      expectedRows={EXPECTED_ROWS}
      empty={empty}
    />
  );
}
