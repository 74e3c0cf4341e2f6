import { useId, useState } from 'react';
import { useMutation } from 'urql';
import { Button } from '../design/button';
import { Dialog } from '../design/dialog';
import { Field } from '../design/field';
import { toast } from '../design/toast';
import { wholeNumberOf } from '../design/whole-number';
import { errorWords } from '../live/error-words';
import { DialogForm } from '../operator/dialog-form';
import { CreateAppDocument } from './create-app.generated';

/** Adds an app to an owner. Open for as long as it is there; `onCreated` is told the new app's id. */
export function CreateAppDialog(props: { ownerId: string; onCreated: (appId: string) => void; onDone: () => void }) {
  const { ownerId, onCreated, onDone } = props;
  const form = useId();
  const [name, setName] = useState('');
  const [cap, setCap] = useState('');
  const [found, setFound] = useState<{ name?: string; cap?: string }>({});
  const [{ error, fetching }, createApp] = useMutation(CreateAppDocument);
  const submit = async () => {
    const creditCap = cap.trim() === '' ? null : wholeNumberOf(cap);
    const problems = {
      ...(name.trim() === '' && { name: 'A name, so that you know it again.' }),
      ...(cap.trim() !== '' && creditCap === null && { cap: 'A whole number of credits, or nothing.' }),
    };
    setFound(problems);
    if (Object.keys(problems).length > 0) return;
    const { data, error: refusal } = await createApp({ input: { ownerId, name: name.trim(), creditCap } });
    if (refusal) return setFound(problemsOf(refusal));
    toast(`The app “${name.trim()}” was created. It needs an APP key to act.`);
    onDone();
    if (data) onCreated(data.createApp.app.id);
  };
  return (
    <Dialog
      open
      onClose={onDone}
      title="Create an app"
      description="It draws on the owner’s pool, as every app of the owner does."
      actions={
        <>
          <Button onClick={onDone}>Cancel</Button>
          <Button type="submit" form={form} look="primary" busy={fetching}>
            Create app
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
          problem={found.name}
        />
        <Field
          label="Cap per period"
          inputMode="numeric"
          placeholder="None"
          hint="The most credits that it may use in a period. It can be changed at any time."
          value={cap}
          onChange={({ target }) => setCap(target.value)}
          problem={found.cap}
        />
      </DialogForm>
    </Dialog>
  );
}

function problemsOf(error: Error): { name?: string; cap?: string } {
  const { 'input.name': name, 'input.creditCap': cap } = errorWords(error).problems;
  return { ...(name && { name: `The name ${name}.` }), ...(cap && { cap: `The cap ${cap}.` }) };
}
