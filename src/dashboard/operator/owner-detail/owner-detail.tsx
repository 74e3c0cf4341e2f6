import { useQuery } from 'urql';
import { Link } from '../../app/link';
import type { OwnerViewProps } from '../../app/views';
import { EmptyState, ErrorState } from '../../design/states';
import { useLiveBalance } from '../../live/live-balance';
import { useChanged } from '../../live/use-changed';
import { GrantsCard } from '../../overview/grants-card';
import { BalanceStrip } from './balance-strip';
import { ManagedOwnerDocument } from './managed-owner.generated';
import { OwnerCard } from './owner-card';
import styles from './owner-detail.module.css';
import { PlanCard } from './plan-card';

const REFRESH_MS = 1_000;

/** What only an operator does with one owner: its plan, its grants, its suspension. */
export default function OwnerDetail({ ownerId }: OwnerViewProps) {
  const { balance, error } = useLiveBalance(ownerId);
  const [{ data, error: unread }, ask] = useQuery({ query: ManagedOwnerDocument, variables: { ownerId } });
  const again = () => ask({ requestPolicy: 'network-only' });
  // A renewal may bring another plan, and so may whoever else is at work.
  useChanged(`${balance?.periodStart} ${balance?.allowance}`, REFRESH_MS, again);
  if (data && !data.owner) {
    return <EmptyState icon="owners" title="There is no such owner" action={<Link to="/owners">All owners</Link>} />;
  }
  if (unread && !data) return <ErrorState error={unread} onRetry={again} />;
  if (error && !balance) return <ErrorState error={error} />;
  return (
    <div className={styles.page}>
      <BalanceStrip balance={balance} />
      <div className={styles.grid}>
        <PlanCard owner={data?.owner ?? null} balance={balance} />
        <OwnerCard owner={data?.owner ?? null} />
        <GrantsCard ownerId={ownerId} grants={balance?.grants ?? null} />
      </div>
    </div>
  );
}
