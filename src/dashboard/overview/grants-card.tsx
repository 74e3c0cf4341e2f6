import { Badge } from '../design/badge';
import { Card } from '../design/card';
import { formatDay, formatNumber } from '../design/format';
import { Meter } from '../design/meter';
import { EmptyState, Skeleton } from '../design/states';
import type { Tone } from '../design/tone';
import type { LiveBalance } from '../live/live-balance';
import styles from './grants-card.module.css';

const MOST = 8;
const SOURCES: Readonly<Record<Grant['source'], { readonly words: string; readonly tone: Tone }>> = {
  PLAN: { words: 'Plan', tone: 'good' },
  BONUS: { words: 'Bonus', tone: 'info' },
  TOP_UP: { words: 'Top-up', tone: 'neutral' },
};

type Grant = LiveBalance['grants'][number];

/** What is left of each grant, the one that is used next first. */
export function GrantsCard({ grants }: { grants: readonly Grant[] | null }) {
  const more = grants ? grants.length - MOST : 0;
  return (
    <Card title="Grants" note="In the order they are used">
      {grants?.length === 0 ? (
        <EmptyState icon="plans" title="No grant has credits left" />
      ) : (
        <ol className={styles.list} aria-busy={!grants}>
          {grants
            ? grants.slice(0, MOST).map((grant) => <GrantLine key={grant.id} grant={grant} />)
            : Array.from({ length: 3 }, (_, index) => (
                <li key={index} className={styles.grant}>
                  <Skeleton height={20} width="70%" />
                  <Skeleton height={6} />
                  <Skeleton height={14} width="40%" />
                </li>
              ))}
        </ol>
      )}
      {more > 0 && <p className={styles.more}>and {formatNumber(more)} more</p>}
    </Card>
  );
}

function GrantLine({ grant: { source, remaining, amount, expiresAt, paused } }: { grant: Grant }) {
  const { words, tone } = SOURCES[source];
  return (
    <li className={styles.grant}>
      <div className={styles.line}>
        <Badge tone={tone}>{words}</Badge>
        {paused && <Badge tone="warn">Paused</Badge>}
        <span className={styles.left}>
          {formatNumber(remaining)} <span className={styles.of}>of {formatNumber(amount)}</span>
        </span>
      </div>
      <Meter
        value={remaining}
        max={amount}
        words={`${words}: ${formatNumber(remaining)} of ${formatNumber(amount)} credits left`}
        tone={paused ? 'warn' : 'accent'}
      />
      <p className={styles.expiry}>{expiresAt === null ? 'Never expires' : `Expires ${formatDay(expiresAt)}`}</p>
    </li>
  );
}
