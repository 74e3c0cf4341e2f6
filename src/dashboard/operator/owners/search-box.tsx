import { useEffect, useState } from 'react';
import { Icon } from '../../design/icon';
import styles from './search-box.module.css';

/** So long after the last letter the search begins. */
const PAUSE_MS = 250;

/** A text to search for; `onSearch` is told when one stops typing. */
export function SearchBox(props: { label: string; value: string; onSearch: (text: string) => void }) {
  const { label, value, onSearch } = props;
  const [typed, setTyped] = useState(value);
  const [known, setKnown] = useState(value);
  // The address may change otherwise, by the browser's own way back.
  if (known !== value) {
    setKnown(value);
    setTyped(value);
  }
  useEffect(() => {
    if (typed.trim() === value) return undefined;
    const timer = window.setTimeout(() => onSearch(typed.trim()), PAUSE_MS);
    return () => window.clearTimeout(timer);
  }, [typed, value, onSearch]);
  return (
    <div className={styles.box} role="search">
      <Icon name="search" />
      <input
        type="search"
        aria-label={label}
        placeholder="Name, e-mail or external id"
        maxLength={255}
        className={styles.input}
        value={typed}
        onChange={(event) => setTyped(event.target.value)}
      />
    </div>
  );
}
