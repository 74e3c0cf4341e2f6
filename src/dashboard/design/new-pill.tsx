import { formatNumber } from './format';
import styles from './new-pill.module.css';

/** Says how many came that are not shown, and shows them when pressed. It keeps its place while there are none. */
export function NewPill(props: {
  count: number;
  /** There may be more than `count`. */
  orMore?: boolean;
  onShow: () => void;
}) {
  const { count, orMore = false, onShow } = props;
  const words = `${formatNumber(count)}${orMore ? '+' : ''} new`;
  return (
    <span className={styles.place}>
      {count > 0 && (
        <button type="button" className={styles.pill} onClick={onShow}>
          {words}
          <span className="visually-hidden">, show the newest</span>
        </button>
      )}
    </span>
  );
}
