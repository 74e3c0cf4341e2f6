import { Dialog as Base } from '@base-ui/react/dialog';
import type { ReactNode } from 'react';
import { Button } from './button';
import styles from './sheet.module.css';

/** One thing of a list in full, at the right edge; on a phone over the whole width. Escape or a press outside closes it. */
export function Sheet(props: {
  open: boolean;
  onClose: () => void;
  title: ReactNode;
  /** Below the title. */
  note?: ReactNode;
  children: ReactNode;
  /** Buttons at its foot, the one that goes on last. */
  actions?: ReactNode;
}) {
  const { open, onClose, title, note, children, actions } = props;
  return (
    <Base.Root open={open} onOpenChange={(isOpen) => !isOpen && onClose()}>
      <Base.Portal>
        <Base.Backdrop className={styles.backdrop} />
        <Base.Popup className={styles.sheet}>
          <header className={styles.head}>
            <div className={styles.names}>
              <Base.Title className={styles.title}>{title}</Base.Title>
              {note && <Base.Description className={styles.note}>{note}</Base.Description>}
            </div>
            <Base.Close render={<Button look="quiet" icon="close" iconOnly aria-label="Close" />} />
          </header>
          {/* Focusable, so that what is beyond its edge is reached by keyboard too. */}
          <div className={styles.body} tabIndex={0}>
            {children}
          </div>
          {actions && <footer className={styles.foot}>{actions}</footer>}
        </Base.Popup>
      </Base.Portal>
    </Base.Root>
  );
}
