import { useMutation } from 'urql';
import { Button } from '../../design/button';
import { Dialog } from '../../design/dialog';
import { toast, toastError } from '../../design/toast';
import type { ManagedOwner } from './plan-change';
import { UpdateOwnerDocument } from './update-owner.generated';

/** Asks before the actions of all apps of an owner are refused. */
export function SuspendDialog({ owner, onClose }: { owner: ManagedOwner; onClose: () => void }) {
  const [{ fetching }, update] = useMutation(UpdateOwnerDocument);
  const suspend = async () => {
    const { error } = await update({ input: { id: owner.id, suspended: true } });
    if (error) return toastError(error);
    toast(`${owner.name} is suspended.`);
    onClose();
  };
  return (
    <Dialog
      open
      onClose={onClose}
      title={`Suspend ${owner.name}?`}
      description="From the next action on, all its apps are refused with OWNER_SUSPENDED, and use no credit. What is held can still be captured or voided, its plan goes on renewing, and its keys go on reading. It can be resumed at any time."
      actions={
        <>
          <Button onClick={onClose}>Cancel</Button>
          <Button look="danger" busy={fetching} onClick={() => void suspend()}>
            Suspend
          </Button>
        </>
      }
    />
  );
}
