import { useId, type InputHTMLAttributes, type ReactNode } from 'react';
import { classNames } from './class-names';
import styles from './field.module.css';

/** What every labelled control has. */
interface Labelled {
  readonly label: string;
  readonly hint?: ReactNode;
  /** What is wrong with it: shown below, and told to screen readers. */
  readonly problem?: string | undefined;
}

/** A labelled input of one line. */
export function Field(props: Labelled & InputHTMLAttributes<HTMLInputElement>) {
  const { label, hint, problem, className, ...rest } = props;
  const id = useId();
  return (
    <div className={classNames(styles.field, className)}>
      <label htmlFor={id} className={styles.label}>
        {label}
      </label>
      <input
        autoComplete="off"
        {...rest}
        id={id}
        className={styles.input}
        aria-invalid={problem ? true : undefined}
        aria-describedby={problem || hint ? `${id}-text` : undefined}
      />
      {(problem || hint) && (
        <p id={`${id}-text`} className={problem ? styles.problem : styles.hint} role={problem ? 'alert' : undefined}>
          {problem ?? hint}
        </p>
      )}
    </div>
  );
}

/** A box to tick, with its words at the right. */
export function Checkbox(props: { label: ReactNode } & InputHTMLAttributes<HTMLInputElement>) {
  const { label, className, ...rest } = props;
  return (
    <label className={classNames(styles.checkbox, className)}>
      <input {...rest} type="checkbox" />
      <span>{label}</span>
    </label>
  );
}
