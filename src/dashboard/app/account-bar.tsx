import { useState } from 'react';
import { Button } from '../design/button';
import styles from './account-bar.module.css';
import type { Viewer } from './shell';
import { chooseTheme, chosenTheme, THEMES } from './theme';

/** Who is signed in, the theme, and the way out. Buttons and no menu: the first load has no need of popups. */
export function AccountBar({ viewer, onSignOut }: { viewer: Viewer; onSignOut: () => void }) {
  const [theme, setTheme] = useState(chosenTheme);
  const at = THEMES.findIndex(({ value }) => value === theme);
  const shown = THEMES[at] ?? THEMES[0];
  const next = THEMES[(at + 1) % THEMES.length] ?? THEMES[0];
  const name = viewer.owner?.name ?? 'Operator';
  return (
    <div className={styles.bar}>
      <span className={styles.initial} aria-hidden="true">
        {name.slice(0, 1).toUpperCase()}
      </span>
      <span className={styles.who} title={name}>
        <span className={styles.name}>{name}</span>
        <span className={styles.role}>{viewer.role} key</span>
      </span>
      <Button
        look="quiet"
        iconOnly
        icon={shown.icon}
        title={`${shown.title}; press for: ${next.title}`}
        aria-label={`${shown.title}; press for: ${next.title}`}
        onClick={() => {
          chooseTheme(next.value);
          setTheme(next.value);
        }}
      />
      <Button look="quiet" iconOnly icon="signOut" title="Sign out" aria-label="Sign out" onClick={onSignOut} />
    </div>
  );
}
