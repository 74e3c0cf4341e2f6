import type { ReactNode } from 'react';
import { Icon } from './icon';
import styles from './notice.module.css';
import type { Tone } from './tone';

/** Something to know about what stands beside it, with what to do about it at its end. */
export function Notice(props: { tone: Exclude<Tone, 'neutral'>; children: ReactNode; action?: ReactNode }) {
  const { tone, children, action } = props;
  return (
    <div className={styles.notice} data-tone={tone}>
      <Icon name={tone === 'good' ? 'check' : 'warning'} />
      <div className={styles.text}>{children}</div>
      {action}
    </div>
  );
}
