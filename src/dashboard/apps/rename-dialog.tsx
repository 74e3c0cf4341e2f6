import { useId, useState } from 'react';
import { useMutation } from 'urql';
import { Button } from '../design/button';
import { Dialog } from '../design/dialog';
import { Field } from '../design/field';
import { toast } from '../design/toast';
import { errorWords } from '../live/error-words';
import { DialogForm } from '../operator/dialog-form';
import type { OwnerApp } from './app-state';
import { UpdateAppDocument } from './update-app.generated';

/** Gives an app another name. Open for as long as it is there. */
export function RenameDialog({ app, onDone }: { app: OwnerApp; onDone: () => void }) {
  const form = useId();
  const [name, setName] = useState(app.name);
  const [{ error, fetching }, updateApp] = useMutation(UpdateAppDocument);
  const problem = error && errorWords(error).problems['input.name'];
  const submit = async () => {
    const { error: refusal } = await updateApp({ input: { id: app.id, name: name.trim() } });
    if (refusal) return;
    toast(`Renamed to “${name.trim()}”.`);
    onDone();
  };
  return (
    <Dialog
      open
      onClose={onDone}
      title="Rename this app"
      description="Everything recorded of it keeps its app: only the name changes."
      actions={
        <>
          <Button onClick={onDone}>Cancel</Button>
          <Button type="submit" form={form} look="primary" busy={fetching} disabled={name.trim() === ''}>
            Rename
          </Button>
        </>
      }
    >
      <DialogForm id={form} error={error} onSubmit={submit}>
        <Field
          label="Name"
          maxLength={255}
          aria-required
          value={name}
          onChange={({ target }) => setName(target.value)}
          problem={problem && `The name ${problem}.`}
        />
      </DialogForm>
    </Dialog>
  );
}
