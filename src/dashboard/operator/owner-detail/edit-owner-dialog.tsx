import { useId, useState } from 'react';
import { useMutation } from 'urql';
import { Button } from '../../design/button';
import { Dialog } from '../../design/dialog';
import { Field } from '../../design/field';
import { toast } from '../../design/toast';
import { errorWords } from '../../live/error-words';
import { DialogForm } from '../dialog-form';
import type { ManagedOwner } from './plan-change';
import { UpdateOwnerDocument } from './update-owner.generated';

/** Changes an owner's name, e-mail and external id. */
export function EditOwnerDialog({ owner, onClose }: { owner: ManagedOwner; onClose: () => void }) {
  const form = useId();
  const [draft, setDraft] = useState({
    name: owner.name,
    email: owner.email ?? '',
    externalId: owner.externalId ?? '',
  });
  const [{ fetching, error }, update] = useMutation(UpdateOwnerDocument);
  const submit = async () => {
    const { error: failure } = await update({
      input: {
        id: owner.id,
        name: draft.name.trim(),
        email: draft.email.trim() || null,
        externalId: draft.externalId.trim() || null,
      },
    });
    if (failure) return;
    toast('The owner is changed.');
    onClose();
  };
  const problems = error ? errorWords(error).problems : {};
  const text = (name: keyof typeof draft) => ({
    value: draft[name],
    onChange: (event: { target: { value: string } }) => setDraft({ ...draft, [name]: event.target.value }),
    problem: problems[`input.${name}`],
  });
  return (
    <Dialog
      open
      onClose={onClose}
      title="Edit owner"
      actions={
        <>
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" form={form} look="primary" busy={fetching}>
            Save
          </Button>
        </>
      }
    >
      <DialogForm id={form} onSubmit={submit} error={error}>
        <Field label="Name" required maxLength={255} {...text('name')} />
        <Field label="E-mail (optional)" type="email" maxLength={254} {...text('email')} />
        <Field
          label="External id (optional)"
          hint="Your own id of it, by which the API finds it; no two owners have the same."
          maxLength={255}
          {...text('externalId')}
        />
      </DialogForm>
    </Dialog>
  );
}
