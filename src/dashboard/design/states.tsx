import type { ReactNode } from 'react';
import { errorWords } from '../live/error-words';
import { Button } from './button';
import { Icon, type IconName } from './icon';
import styles from './states.module.css';

/** Nothing is here yet, why, and what to do about it. */
export function EmptyState(props: { icon?: IconName; title: string; children?: ReactNode; action?: ReactNode }) {
  const { icon = 'empty', title, children, action } = props;
  return (
    <div className={styles.state}>
      <span className={styles.icon}>
        <Icon name={icon} size={20} />
      </span>
      <p className={styles.title}>{title}</p>
      {children && <div className={styles.text}>{children}</div>}
      {action}
    </div>
  );
}

/** Something could not be shown, why, and another try. */
export function ErrorState({ error, onRetry }: { error: Error; onRetry?: () => void }) {
  const { message, requestId } = errorWords(error);
  return (
    <div className={styles.state} role="alert">
      <span className={styles.icon} data-tone="danger">
        <Icon name="warning" size={20} />
      </span>
      <p className={styles.title}>{message}</p>
      {requestId && <p className={styles.text}>Request {requestId}</p>}
      {onRetry && <Button onClick={onRetry}>Try again</Button>}
    </div>
  );
}

/** Holds the place of what is loading, at its size, so that nothing moves when it comes. Lengths in pixels or any of CSS. */
export function Skeleton({ width = '100%', height = 16 }: { width?: number | string; height?: number | string }) {
  return <span className={styles.skeleton} style={{ width, height }} aria-hidden="true" />;
}
