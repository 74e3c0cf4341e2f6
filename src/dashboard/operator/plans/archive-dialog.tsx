import { useMutation } from 'urql';
import { Button } from '../../design/button';
import { Dialog } from '../../design/dialog';
import { toast, toastError } from '../../design/toast';
import type { Plan } from './plans';
import { UpdatePlanDocument } from './update-plan.generated';

/** Asks before a plan is taken off the offer. */
export function ArchiveDialog({ plan, onClose }: { plan: Plan; onClose: () => void }) {
  const [{ fetching }, update] = useMutation(UpdatePlanDocument);
  const archive = async () => {
    const { error } = await update({ input: { id: plan.id, archived: true } });
    if (error) return toastError(error);
    toast(`${plan.name} is archived.`);
    onClose();
  };
  return (
    <Dialog
      open
      onClose={onClose}
      title={`Archive ${plan.name}?`}
      description="Nobody can begin with it or change to it any more. Owners that have it keep it, and it goes on renewing. It can be offered again at any time."
      actions={
        <>
          <Button onClick={onClose}>Cancel</Button>
          <Button look="danger" busy={fetching} onClick={() => void archive()}>
            Archive
          </Button>
        </>
      }
    />
  );
}
