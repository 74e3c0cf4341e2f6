import { useId, type ReactNode } from 'react';
import styles from './card.module.css';
import { classNames } from './class-names';

/** A section with a title, and controls at its right. `flush`: what is in it reaches its edges, as tables do. */
export function Card(props: {
  title?: ReactNode;
  note?: ReactNode;
  controls?: ReactNode;
  flush?: boolean;
  className?: string | undefined;
  children: ReactNode;
}) {
  const { title, note, controls, flush, className, children } = props;
  const id = useId();
  return (
    <section className={classNames(styles.card, className)} aria-labelledby={title ? id : undefined}>
      {(title || controls) && (
        <header className={styles.header}>
          <div>
            {title && <h2 id={id}>{title}</h2>}
            {note && <p className={styles.note}>{note}</p>}
          </div>
          {controls && <div className={styles.controls}>{controls}</div>}
        </header>
      )}
      <div className={classNames(styles.body, flush && styles.flush)}>{children}</div>
    </section>
  );
}
