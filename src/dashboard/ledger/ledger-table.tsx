import type { ReactNode } from 'react';
import { Link } from '../app/link';
import { typeWords } from '../actions/action-words';
import { Badge } from '../design/badge';
import { formatExactClock, formatInstant, formatNumber } from '../design/format';
import { Table, type Column } from '../design/table';
import { SOURCE_WORDS } from '../grants/grant-words';
import { KIND_WORDS } from './entry-words';
import styles from './ledger-table.module.css';
import type { Entry } from './use-ledger-tail';

const EXPECTED_ROWS = 15;

/** Ledger entries, newest first. `rows` is null while they are not there; `marked` is the sequence that was asked for. */
export function LedgerTable(props: {
  rows: readonly Entry[] | null;
  marked: number | null;
  actionPath: (actionId: string) => string;
  empty: ReactNode;
}) {
  const { rows, marked, actionPath, empty } = props;
  return (
    <Table
      label="Ledger entries"
      columns={columnsOf(marked, actionPath)}
      rows={rows}
      keyOf={({ id }) => id}
      expectedRows={EXPECTED_ROWS}
      empty={empty}
    />
  );
}

function columnsOf(marked: number | null, actionPath: (actionId: string) => string): readonly Column<Entry>[] {
  return [
    {
      name: 'sequence',
      header: 'Entry',
      width: '92px',
      cell: ({ sequence }) => (
        <span className={styles.sequence} data-marked={sequence === marked || undefined}>
          #{formatNumber(sequence)}
        </span>
      ),
    },
    {
      name: 'at',
      header: 'Time',
      width: '132px',
      secondary: true,
      cell: ({ at }) => (
        <time className={styles.soft} dateTime={at} title={formatInstant(at)}>
          {formatExactClock(at, Date.now())}
        </time>
      ),
    },
    {
      name: 'kind',
      header: 'Kind',
      width: '96px',
      cell: ({ kind }) => (
        <span title={KIND_WORDS[kind].means}>
          <Badge tone={KIND_WORDS[kind].tone}>{KIND_WORDS[kind].words}</Badge>
        </span>
      ),
    },
    { name: 'about', header: 'About', cell: (entry) => <About entry={entry} actionPath={actionPath} /> },
    {
      name: 'grant',
      header: 'Grant',
      width: '96px',
      secondary: true,
      cell: ({ grant }) => <span className={styles.soft}>{SOURCE_WORDS[grant.source].words}</span>,
    },
    { name: 'credits', header: 'Credits', align: 'right', width: '88px', cell: (entry) => <Credits entry={entry} /> },
    {
      name: 'held',
      header: 'Held',
      align: 'right',
      width: '72px',
      secondary: true,
      cell: ({ held }) => <Quiet value={held} />,
    },
    {
      name: 'paused',
      header: 'Paused',
      align: 'right',
      width: '84px',
      secondary: true,
      cell: ({ paused }) => <Quiet value={paused} />,
    },
    {
      name: 'available',
      header: 'Available',
      align: 'right',
      width: '104px',
      cell: ({ available }) => formatNumber(available),
    },
  ];
}

/** The action with the app that performed it, or the grant itself. */
function About({ entry, actionPath }: { entry: Entry; actionPath: (actionId: string) => string }) {
  const { action, grant } = entry;
  if (action === null) return <span className={styles.soft}>{SOURCE_WORDS[grant.source].words} grant</span>;
  return (
    <span className={styles.about}>
      <Link to={actionPath(action.id)} className={styles.action}>
        {typeWords(action.type)}
      </Link>
      <span className={styles.app}>{action.app.name}</span>
    </span>
  );
}

/** What moved, with the sign of what it did to the credits that are available. */
function Credits({ entry: { kind, credits } }: { entry: Entry }) {
  const { sign } = KIND_WORDS[kind];
  return (
    <span className={styles.credits} data-sign={sign}>
      {sign}
      {formatNumber(credits)}
    </span>
  );
}

/** A number that is mostly zero, and then not worth a look. */
function Quiet({ value }: { value: number }) {
  return <span className={value === 0 ? styles.zero : undefined}>{formatNumber(value)}</span>;
}
