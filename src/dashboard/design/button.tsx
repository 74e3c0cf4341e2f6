import type { ButtonHTMLAttributes } from 'react';
import styles from './button.module.css';
import { classNames } from './class-names';
import { Icon, type IconName } from './icon';

export interface ButtonProps extends ButtonHTMLAttributes<HTMLButtonElement> {
  /** `primary`: the one thing to do here; `danger`: cannot be undone; `quiet`: without a frame. */
  readonly look?: 'primary' | 'normal' | 'quiet' | 'danger';
  readonly icon?: IconName;
  /** Only the icon is seen; `aria-label` must say what it does. */
  readonly iconOnly?: boolean;
  /** Under way: it keeps its width, says so, and cannot be pressed again. */
  readonly busy?: boolean;
}

/** A button; of type `button` unless said otherwise. */
export function Button(props: ButtonProps) {
  const { look = 'normal', icon, iconOnly, busy, className, children, disabled, type = 'button', ...rest } = props;
  return (
    <button
      {...rest}
      type={type}
      disabled={disabled || busy}
      aria-busy={busy || undefined}
      className={classNames(styles.button, styles[look], iconOnly && styles.iconOnly, className)}
    >
      {icon && <Icon name={icon} />}
      {iconOnly ? null : children}
    </button>
  );
}
