import { CSPProvider } from '@base-ui/react/csp-provider';
import { Select as Base } from '@base-ui/react/select';
import { Icon } from './icon';
import popup from './popup.module.css';
import styles from './select.module.css';

export interface Option<Value extends string> {
  readonly value: Value;
  readonly label: string;
}

/** One of a few values. `label` is seen above it, or only heard with `labelHidden`, as in a row of filters. */
export function Select<Value extends string>(props: {
  label: string;
  labelHidden?: boolean;
  options: readonly Option<Value>[];
  value: Value;
  onChange: (value: Value) => void;
}) {
  const { label, labelHidden, options, value, onChange } = props;
  return (
    <Base.Root items={options} value={value} onValueChange={(chosen) => chosen !== null && onChange(chosen)}>
      <div className={styles.field}>
        <Base.Label className={labelHidden ? 'visually-hidden' : styles.label}>{label}</Base.Label>
        <Base.Trigger className={styles.trigger}>
          <Base.Value />
          <Icon name="chevron" />
        </Base.Trigger>
      </div>
      {/* Its popup would bring a style element, which the page's policy refuses. */}
      <CSPProvider disableStyleElements>
        <Base.Portal>
          <Base.Positioner className={popup.positioner} sideOffset={4} align="start" alignItemWithTrigger={false}>
            <Base.Popup className={popup.popup}>
              <Base.List>
                {options.map((option) => (
                  <Base.Item key={option.value} value={option.value} className={popup.item}>
                    <Base.ItemText>{option.label}</Base.ItemText>
                    <Base.ItemIndicator className={popup.mark}>
                      <Icon name="check" />
                    </Base.ItemIndicator>
                  </Base.Item>
                ))}
              </Base.List>
            </Base.Popup>
          </Base.Positioner>
        </Base.Portal>
      </CSPProvider>
    </Base.Root>
  );
}
