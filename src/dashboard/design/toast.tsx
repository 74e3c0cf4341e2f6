import { useSyncExternalStore } from 'react';
import { errorWords } from '../live/error-words';
import { Button } from './button';
import styles from './toast.module.css';

const SHOWN_MS = 6_000;
const MOST = 3;

interface Toast {
  readonly id: number;
  readonly tone: 'good' | 'danger';
  readonly text: string;
}

let toasts: readonly Toast[] = [];
let nextId = 1;
const listeners = new Set<() => void>();

function become(next: readonly Toast[]): void {
  toasts = next;
  for (const listener of listeners) listener();
}

function show(tone: Toast['tone'], text: string): void {
  const id = nextId++;
  become([...toasts, { id, tone, text }].slice(-MOST));
  // An error stays until it is closed: it may be the only trace of what did not happen.
  if (tone === 'good') window.setTimeout(() => dismiss(id), SHOWN_MS);
}

function dismiss(id: number): void {
  become(toasts.filter((toast) => toast.id !== id));
}

/** Says in a sentence what was done. */
export const toast = (text: string): void => show('good', text);

/** Says why it was not done. */
export const toastError = (error: Error): void => show('danger', errorWords(error).message);

/** Where toasts appear; once, in the shell. */
export function Toasts() {
  const shown = useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    () => toasts,
  );
  return (
    <div className={styles.toasts} role="status" aria-live="polite">
      {shown.map(({ id, tone, text }) => (
        <div key={id} className={styles.toast} data-tone={tone}>
          <span>{text}</span>
          <Button look="quiet" icon="close" iconOnly aria-label="Dismiss" onClick={() => dismiss(id)} />
        </div>
      ))}
    </div>
  );
}
