import type { ReactNode } from 'react';
import { Skeleton } from '../../design/states';
import styles from './facts.module.css';

export interface Fact {
  readonly name: string;
  readonly value: ReactNode;
}

const EXPECTED = 4;

/** Names and values in two columns; null while they are read. */
export function Facts({ facts }: { facts: readonly Fact[] | null }) {
  return (
    <dl className={styles.facts}>
      {facts
        ? facts.map(({ name, value }) => (
            <div key={name} className={styles.fact}>
              <dt>{name}</dt>
              <dd>{value ?? <span className={styles.none}>none</span>}</dd>
            </div>
          ))
        : Array.from({ length: EXPECTED }, (_, index) => (
            <div key={index} className={styles.fact}>
              <Skeleton width={80} />
              <Skeleton width={140} />
            </div>
          ))}
    </dl>
  );
}
