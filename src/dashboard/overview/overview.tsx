import type { OwnerViewProps } from '../app/views';
import { ErrorState } from '../design/states';
import { useLiveBalance } from '../live/live-balance';
import { BalanceCard } from './balance-card';
import { GrantsCard } from './grants-card';
import { LatestActions } from './latest-actions';
import styles from './overview.module.css';
import { TopApps } from './top-apps';
import { UsageCard } from './usage-card';

/** One owner's credits: how many there are now, how long they last, and what uses them. */
export default function Overview({ ownerId }: OwnerViewProps) {
  const { balance, error } = useLiveBalance(ownerId);
  if (error && !balance) return <ErrorState error={error} />;
  const mark = balance?.lastSequence ?? -1;
  return (
    <div className={styles.grid}>
      <BalanceCard balance={balance} />
      <div className={styles.column}>
        <UsageCard ownerId={ownerId} mark={mark} />
        <LatestActions ownerId={ownerId} mark={mark} />
      </div>
      <div className={styles.column}>
        <TopApps ownerId={ownerId} mark={mark} />
        <GrantsCard ownerId={ownerId} grants={balance?.grants ?? null} />
      </div>
    </div>
  );
}
