import { Countdown, Number } from '../design/number';
import { Badge } from '../design/badge';
import { Card } from '../design/card';
import { formatMoment, formatNumber } from '../design/format';
import { Meter } from '../design/meter';
import { Skeleton } from '../design/states';
import type { LiveBalance } from '../live/live-balance';
import { useNow } from '../live/use-now';
import styles from './balance-card.module.css';
import { BalanceGauge } from './balance-gauge';
import { runwayWords } from './runway-words';

const TICK_MS = 30_000;
const WARN_SHARE = 0.75;
const DANGER_SHARE = 0.9;
const timeZone = Intl.DateTimeFormat().resolvedOptions().timeZone;

/** The balance, live: what is available, held, paused and used, when it resets, and how long it lasts. */
export function BalanceCard({ balance }: { balance: LiveBalance | null }) {
  return (
    <Card className={styles.card}>
      <h2 className="visually-hidden">Balance</h2>
      <div className={styles.layout} aria-busy={balance === null}>
        <BalanceGauge balance={balance} />
        {balance ? <Facts balance={balance} /> : <FactsSkeleton />}
      </div>
    </Card>
  );
}

function Facts({ balance }: { balance: LiveBalance }) {
  const { allowance, usedThisPeriod, resetsAt, held, paused, runway, available } = balance;
  const now = useNow(TICK_MS);
  const { words, tone } = runwayWords(runway, available, now);
  const share = allowance > 0 ? usedThisPeriod / allowance : 0;
  return (
    <dl className={styles.facts}>
      <div className={styles.wide}>
        <dt>Runway</dt>
        <dd className={styles.runway} data-tone={tone}>
          {words}
        </dd>
        <dd className={styles.note}>{paceWords(runway.creditsPerHour)} in the last 24 hours</dd>
      </div>
      <div className={styles.wide}>
        <dt>Resets in</dt>
        <dd className={styles.value}>
          <Countdown until={resetsAt} />
        </dd>
        <dd className={styles.note}>
          {formatMoment(resetsAt)}, {timeZone.replaceAll('_', ' ')}
        </dd>
      </div>
      <div className={styles.whole}>
        <dt>Used of this period’s allowance</dt>
        <dd className={styles.allowance}>
          <span className={styles.value}>
            <Number value={usedThisPeriod} />
          </span>
          <span className={styles.note}>of {formatNumber(allowance)}</span>
          {usedThisPeriod > allowance && <Badge tone="warn">{formatNumber(usedThisPeriod - allowance)} beyond</Badge>}
        </dd>
        <dd>
          <Meter
            value={usedThisPeriod}
            max={allowance}
            words={`${formatNumber(usedThisPeriod)} of ${formatNumber(allowance)} credits used`}
            tone={share >= DANGER_SHARE ? 'danger' : share >= WARN_SHARE ? 'warn' : 'accent'}
          />
        </dd>
      </div>
      <Part name="Held" kind="held" value={held} note="taken, not decided yet" />
      <Part name="Paused" kind="paused" value={paused} note="top-ups the plan does not allow" />
    </dl>
  );
}

function Part({ name, kind, value, note }: { name: string; kind: string; value: number; note: string }) {
  return (
    <div className={styles.wide}>
      <dt>
        <span className={styles.swatch} data-kind={kind} aria-hidden="true" />
        {name}
      </dt>
      <dd className={styles.value}>
        <Number value={value} />
      </dd>
      <dd className={styles.note}>{note}</dd>
    </div>
  );
}

function paceWords(creditsPerHour: number): string {
  if (creditsPerHour === 0) return 'No credits used';
  if (creditsPerHour < 1) return 'Less than 1 credit an hour';
  const rounded = Math.round(creditsPerHour);
  return `${formatNumber(rounded)} ${rounded === 1 ? 'credit' : 'credits'} an hour`;
}

function FactsSkeleton() {
  return (
    <div className={styles.facts}>
      {['wide', 'wide', 'whole', 'wide', 'wide'].map((size, index) => (
        <div key={index} className={styles[size]}>
          <Skeleton width={90} height={14} />
          <Skeleton width={150} height={26} />
          <Skeleton width={180} height={12} />
        </div>
      ))}
    </div>
  );
}
