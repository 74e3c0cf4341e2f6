import { Tabs as Base } from '@base-ui/react/tabs';
import type { ReactNode } from 'react';
import styles from './tabs.module.css';

/** Panels of one subject, one of which is shown. */
export function Tabs<Name extends string>(props: {
  label: string;
  tabs: readonly { readonly name: Name; readonly title: string; readonly panel: ReactNode }[];
  selected: Name;
  onSelect: (name: Name) => void;
}) {
  const { label, tabs, selected, onSelect } = props;
  return (
    <Base.Root value={selected} onValueChange={(name) => onSelect(name as Name)}>
      <Base.List className={styles.list} aria-label={label}>
        {tabs.map(({ name, title }) => (
          <Base.Tab key={name} value={name} className={styles.tab}>
            {title}
          </Base.Tab>
        ))}
      </Base.List>
      {tabs.map(({ name, panel }) => (
        <Base.Panel key={name} value={name} className={styles.panel}>
          {panel}
        </Base.Panel>
      ))}
    </Base.Root>
  );
}
