import styles from './meter.module.css';

/**
 * How much of a whole, as a bar. `words` says it to screen readers, such as "1,204 of 2,000 credits used". `muted` where a
 * full bar is nothing to fear, since the whole is only what others are compared with.
 */
export function Meter(props: {
  value: number;
  max: number;
  words: string;
  tone?: 'accent' | 'warn' | 'danger' | 'muted';
}) {
  const { value, max, words, tone = 'accent' } = props;
  const share = max > 0 ? Math.min(1, Math.max(0, value / max)) : 0;
  return (
    <div
      className={styles.track}
      role="meter"
      aria-label={words}
      aria-valuemin={0}
      aria-valuemax={max}
      aria-valuenow={Math.min(value, max)}
      aria-valuetext={words}
    >
      <div className={styles.fill} data-tone={tone} style={{ transform: `scaleX(${share})` }} />
    </div>
  );
}
