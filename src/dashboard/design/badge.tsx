import type { ReactNode } from 'react';
import styles from './badge.module.css';
import { classNames } from './class-names';
import type { Tone } from './tone';

/** A state in a word. The colour only repeats what the word says. */
export function Badge({ tone = 'neutral', children }: { tone?: Tone; children: ReactNode }) {
  return <span className={classNames(styles.badge, styles[tone])}>{children}</span>;
}
