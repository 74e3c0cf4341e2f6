import type { ReactNode } from 'react';
import { Card } from '../../design/card';
import { formatNumber } from '../../design/format';
import { Countdown, Number } from '../../design/number';
import { Skeleton } from '../../design/states';
import type { LiveBalance } from '../../live/live-balance';
import { useNow } from '../../live/use-now';
import { runwayWords } from '../../overview/runway-words';
import styles from './balance-strip.module.css';

const TICK_MS = 30_000;

/** What an owner has, live and in one line: its overview tells more. */
export function BalanceStrip({ balance }: { balance: LiveBalance | null }) {
  const now = useNow(TICK_MS);
  const runway = balance && runwayWords(balance.runway, balance.available, now);
  return (
    <Card className={styles.card}>
      <h2 className="visually-hidden">Balance</h2>
      <dl className={styles.strip} aria-busy={balance === null}>
        <Part name="Available">
          {balance && (
            <span data-testid="available">
              <Number value={balance.available} />
            </span>
          )}
        </Part>
        <Part name="Held">{balance && formatNumber(balance.held)}</Part>
        <Part name="Paused">{balance && formatNumber(balance.paused)}</Part>
        <Part name="Runway">
          {runway && (
            <span className={styles.runway} data-tone={runway.tone}>
              {runway.short}
            </span>
          )}
        </Part>
        <Part name="Resets in">{balance && <Countdown until={balance.resetsAt} />}</Part>
      </dl>
    </Card>
  );
}

function Part({ name, children }: { name: string; children: ReactNode }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children ?? <Skeleton width={88} height={22} />}</dd>
    </div>
  );
}
