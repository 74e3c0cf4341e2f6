import { Link } from '../../app/link';
import { Badge } from '../../design/badge';
import { formatInstant, formatNumber, formatShortDay } from '../../design/format';
import { Meter } from '../../design/meter';
import { Number } from '../../design/number';
import { Table, type Column } from '../../design/table';
import { useNow } from '../../live/use-now';
import { runwayWords } from '../../overview/runway-words';
import type { OwnersPageQuery } from './owners-page.generated';
import styles from './owners-table.module.css';

export type OwnerRow = OwnersPageQuery['owners']['edges'][number]['node'];

const TICK_MS = 30_000;
const WARN_SHARE = 0.75;
const DANGER_SHARE = 0.9;

const COLUMNS: readonly Column<OwnerRow>[] = [
  { name: 'owner', header: 'Owner', cell: (owner) => <Name owner={owner} /> },
  { name: 'plan', header: 'Plan', secondary: true, width: '10%', cell: ({ plan }) => plan.name },
  {
    name: 'available',
    header: 'Available',
    align: 'right',
    width: '104px',
    cell: ({ balance: { available, held } }) => (
      <>
        <p className={styles.number}>
          <Number value={available} />
        </p>
        {held > 0 && <p className={styles.note}>{formatNumber(held)} held</p>}
      </>
    ),
  },
  {
    name: 'used',
    header: 'Used of allowance',
    secondary: true,
    width: '18%',
    cell: (owner) => <Used owner={owner} />,
  },
  { name: 'runway', header: 'Runway', width: '18%', cell: (owner) => <Runway owner={owner} /> },
];

/** Owners, each with what it has, what it has used, and how long it lasts. `rows` is null while they are read. */
export function OwnersTable(props: { rows: readonly OwnerRow[] | null; expectedRows: number; empty: React.ReactNode }) {
  return (
    <div className={styles.owners}>
      <Table label="Owners" columns={COLUMNS} keyOf={({ id }) => id} {...props} />
    </div>
  );
}

function Name({ owner: { id, name, email, externalId, suspendedAt } }: { owner: OwnerRow }) {
  return (
    <>
      <p className={styles.line}>
        <Link to={`/owners/${id}`} className={styles.name}>
          {name}
        </Link>
        {suspendedAt && <Badge tone="danger">Suspended</Badge>}
      </p>
      <p className={styles.note}>{[email, externalId].filter(Boolean).join(' · ')}</p>
    </>
  );
}

function Used({ owner: { balance } }: { owner: OwnerRow }) {
  const { usedThisPeriod: used, allowance } = balance;
  const share = allowance > 0 ? used / allowance : 0;
  const words = `${formatNumber(used)} of ${formatNumber(allowance)}`;
  return (
    <div className={styles.used}>
      <p>
        <Number value={used} /> <span className={styles.note}>of {formatNumber(allowance)}</span>
      </p>
      <Meter
        value={used}
        max={allowance}
        words={`${words} credits used`}
        tone={share >= DANGER_SHARE ? 'danger' : share >= WARN_SHARE ? 'warn' : 'accent'}
      />
    </div>
  );
}

function Runway({ owner: { balance, suspendedAt } }: { owner: OwnerRow }) {
  const now = useNow(TICK_MS);
  const { short, tone } = runwayWords(balance.runway, balance.available, now);
  return (
    <>
      <p className={styles.runway} data-tone={suspendedAt ? undefined : tone}>
        {suspendedAt ? 'Uses nothing' : short}
      </p>
      <p className={styles.resets}>
        resets{' '}
        <time dateTime={balance.resetsAt} title={formatInstant(balance.resetsAt)}>
          {formatShortDay(balance.resetsAt)}
        </time>
      </p>
    </>
  );
}
