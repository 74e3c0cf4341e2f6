import { useEffect, useRef, useState } from 'react';
import { Button } from './button';
import styles from './copy-once.module.css';

/** A secret that is shown this once: selectable, and copied with one press. `label` says what it is. */
export function CopyOnce({ label, secret }: { label: string; secret: string }) {
  const [copied, setCopied] = useState(false);
  const shown = useRef<HTMLElement>(null);
  // It takes the place of the form that made it, whose button had the focus.
  useEffect(() => shown.current?.focus(), []);
  const copy = () => {
    // Where the clipboard is not allowed (plain http on another host), the text can still be selected.
    const done = navigator.clipboard?.writeText(secret);
    void done?.then(() => setCopied(true)).catch(() => undefined);
  };
  return (
    <div className={styles.box}>
      <code ref={shown} className={styles.secret} aria-label={label} tabIndex={0}>
        {secret}
      </code>
      <Button icon={copied ? 'check' : 'copy'} onClick={copy}>
        {copied ? 'Copied' : 'Copy'}
      </Button>
      <p className={styles.note}>Shown this once. Keep it where secrets are kept: it cannot be read again.</p>
      <span className="visually-hidden" aria-live="polite">
        {copied ? `${label} copied` : ''}
      </span>
    </div>
  );
}
