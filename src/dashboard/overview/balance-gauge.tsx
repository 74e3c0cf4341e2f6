import { formatNumber } from '../design/format';
import { Skeleton } from '../design/states';
import type { LiveBalance } from '../live/live-balance';
import styles from './balance-gauge.module.css';

const SIZE = 280;
const RADIUS = 122;
const CENTER = SIZE / 2;
/** The dial is open at the bottom: it runs from 135° to 405°. */
const FROM_DEGREES = 135;
const SWEEP_DEGREES = 270;
const TICKS = 90;
/** The share of a tick's place that is drawn. */
const TICK_SHARE = 0.56;

const DIAL = arcPath();

/** A dial of what this period has: available, held, paused and used, as shares of their sum. Empty ones leave no trace. */
export function BalanceGauge({ balance }: { balance: LiveBalance | null }) {
  const parts = balance ? partsOf(balance) : [];
  const whole = Math.max(1, parts.at(-1)?.until ?? 0);
  return (
    <div className={styles.gauge}>
      <svg viewBox={`0 0 ${SIZE} ${SIZE}`} className={styles.dial} aria-hidden="true" focusable="false">
        <mask id="dial-ticks" maskUnits="userSpaceOnUse" x="0" y="0" width={SIZE} height={SIZE}>
          <path
            d={DIAL}
            pathLength={TICKS}
            className={styles.mask}
            strokeDasharray={`${TICK_SHARE} ${1 - TICK_SHARE}`}
          />
        </mask>
        <g mask="url(#dial-ticks)">
          <path d={DIAL} className={styles.track} />
          {parts.map(({ kind, credits, until }) => (
            <path
              key={kind}
              d={DIAL}
              pathLength={TICKS}
              className={styles.part}
              data-kind={kind}
              strokeDasharray={`${(credits / whole) * TICKS} ${2 * TICKS}`}
              strokeDashoffset={(-(until - credits) / whole) * TICKS}
              visibility={credits > 0 ? 'visible' : 'hidden'}
            />
          ))}
        </g>
      </svg>
      <div className={styles.center}>
        {balance ? (
          <p className={styles.number} data-digits={formatNumber(balance.available).length > 7 ? 'many' : undefined}>
            <span data-testid="available">{formatNumber(balance.available)}</span>
            <span className={styles.unit}>{balance.available === 1 ? 'credit' : 'credits'} available</span>
          </p>
        ) : (
          <Skeleton width={140} height={52} />
        )}
      </div>
    </div>
  );
}

/** `until`: where each part ends, in credits from the beginning of the dial. */
function partsOf({ available, held, paused, usedThisPeriod }: LiveBalance) {
  // What is held counts as used too (rule 8); on the dial it stands by itself.
  const used = Math.max(0, usedThisPeriod - held);
  return [
    { kind: 'available', credits: available, until: available },
    { kind: 'held', credits: held, until: available + held },
    { kind: 'paused', credits: paused, until: available + held + paused },
    { kind: 'used', credits: used, until: available + held + paused + used },
  ];
}

function arcPath(): string {
  const point = (degrees: number) => {
    const radians = (degrees * Math.PI) / 180;
    return `${CENTER + RADIUS * Math.cos(radians)} ${CENTER + RADIUS * Math.sin(radians)}`;
  };
  return `M${point(FROM_DEGREES)}A${RADIUS} ${RADIUS} 0 1 1 ${point(FROM_DEGREES + SWEEP_DEGREES)}`;
}
