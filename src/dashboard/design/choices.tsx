import { useId, type ReactNode } from 'react';
import styles from './choices.module.css';

/** One of a few values, each with words on what it means. */
export function Choices<Value extends string>(props: {
  label: string;
  options: readonly {
    readonly value: Value;
    readonly label: ReactNode;
    readonly hint: ReactNode;
    readonly disabled?: boolean;
  }[];
  value: Value;
  onChange: (value: Value) => void;
}) {
  const { label, options, value, onChange } = props;
  const name = useId();
  return (
    <fieldset className={styles.choices}>
      <legend className={styles.legend}>{label}</legend>
      {options.map((option) => (
        <label key={option.value} className={styles.choice}>
          <input
            type="radio"
            name={name}
            value={option.value}
            checked={option.value === value}
            disabled={option.disabled}
            onChange={() => onChange(option.value)}
          />
          <span className={styles.words}>
            <span className={styles.label}>{option.label}</span>
            <span className={styles.hint}>{option.hint}</span>
          </span>
        </label>
      ))}
    </fieldset>
  );
}
