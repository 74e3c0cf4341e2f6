import { Dialog as Base } from '@base-ui/react/dialog';
import { useRef, type ReactNode } from 'react';
import { Button } from './button';
import styles from './dialog.module.css';

const TYPED = 'input:not([type=radio], [type=checkbox]), textarea';

/** A question or a form above the page. It keeps the focus, and gives it back; Escape closes it unless `mustDecide`. */
export function Dialog(props: {
  open: boolean;
  onClose: () => void;
  title: string;
  description?: ReactNode;
  /** It cannot be left by Escape or by a press outside: what it shows is shown once. */
  mustDecide?: boolean;
  children?: ReactNode;
  /** Buttons, the one that goes on last. */
  actions: ReactNode;
}) {
  const { open, onClose, title, description, mustDecide = false, children, actions } = props;
  const popup = useRef<HTMLDivElement>(null);
  // Whoever opens a form wants to fill it in; without one it is the button that closes. On touch no keyboard jumps up.
  const firstControl = (openedBy: string) =>
    openedBy === 'touch' || (popup.current?.querySelector<HTMLElement>(TYPED) ?? true);
  return (
    <Base.Root
      open={open}
      disablePointerDismissal={mustDecide}
      onOpenChange={(isOpen, details) => {
        if (isOpen) return;
        if (mustDecide && details.reason === 'escape-key') return details.cancel();
        onClose();
      }}
    >
      <Base.Portal>
        <Base.Backdrop className={styles.backdrop} />
        <Base.Popup ref={popup} className={styles.popup} initialFocus={firstControl}>
          <div className={styles.head}>
            <Base.Title className={styles.title}>{title}</Base.Title>
            {!mustDecide && <Base.Close render={<Button look="quiet" icon="close" iconOnly aria-label="Close" />} />}
          </div>
          {description && <Base.Description className={styles.description}>{description}</Base.Description>}
          {children && <div className={styles.body}>{children}</div>}
          <div className={styles.actions}>{actions}</div>
        </Base.Popup>
      </Base.Portal>
    </Base.Root>
  );
}
