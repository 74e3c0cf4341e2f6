import { useState, type FormEvent } from 'react';
import { wholeNumberOf } from '../design/whole-number';
import styles from './go-to-entry.module.css';

/** Goes to an entry by its number, of `last`. */
export function GoToEntry({ last, onGo }: { last: number; onGo: (sequence: number) => void }) {
  const [text, setText] = useState('');
  const sequence = wholeNumberOf(text.replace('#', ''));
  const wrong = text.trim() !== '' && (sequence === null || sequence < 1 || sequence > last);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (sequence === null || wrong) return;
    onGo(sequence);
    setText('');
  };
  return (
    <form className={styles.form} onSubmit={submit} role="search" aria-label="Entries">
      <input
        aria-label="Go to entry number"
        aria-invalid={wrong || undefined}
        title={wrong ? `Entries are numbered from 1 to ${last}` : undefined}
        inputMode="numeric"
        placeholder="Go to entry #"
        autoComplete="off"
        value={text}
        onChange={({ target }) => setText(target.value)}
      />
    </form>
  );
}
