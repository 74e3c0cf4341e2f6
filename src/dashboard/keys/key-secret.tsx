import type { ComponentProps, ReactNode } from 'react';
import { Button } from '../design/button';
import { CopyOnce } from '../design/copy-once';
import type { Dialog } from '../design/dialog';

/** A dialog with the secret of a new key, which cannot be left by accident: it is shown this once. */
export function keySecretDialog(shown: {
  secret: string;
  title: string;
  note?: ReactNode;
  onDone: () => void;
}): ComponentProps<typeof Dialog> {
  const { secret, title, note, onDone } = shown;
  return {
    open: true,
    onClose: onDone,
    title,
    mustDecide: true,
    children: (
      <>
        <CopyOnce label="The new key" secret={secret} />
        {note}
      </>
    ),
    actions: (
      <Button look="primary" onClick={onDone}>
        I have kept it
      </Button>
    ),
  };
}
