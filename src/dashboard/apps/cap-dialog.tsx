import { useId, useState } from 'react';
import { useMutation } from 'urql';
import { Button } from '../design/button';
import { Choices } from '../design/choices';
import { Dialog } from '../design/dialog';
import { Field } from '../design/field';
import { formatCredits, formatMoment, formatNumber } from '../design/format';
import { Notice } from '../design/notice';
import { toast } from '../design/toast';
import { wholeNumberOf } from '../design/whole-number';
import { DialogForm } from '../operator/dialog-form';
import { isCapReached, type OwnerApp } from './app-state';
import { UpdateAppDocument } from './update-app.generated';

const MOST_CREDITS = 2_000_000_000;
const CHOICES = [
  { value: 'NONE', label: 'No cap', hint: 'Only the owner’s pool limits what it uses.' },
  { value: 'CAP', label: 'A cap', hint: 'Beyond it, actions are refused until the next period.' },
] as const;

/** Sets or removes an app's cap, and says before what that does. Open for as long as it is there. */
export function CapDialog(props: { app: OwnerApp; resetsAt: string | null; onDone: () => void }) {
  const { app, resetsAt, onDone } = props;
  const form = useId();
  const [kind, setKind] = useState<'NONE' | 'CAP'>('CAP');
  const [text, setText] = useState(app.creditCap === null ? '' : formatNumber(app.creditCap));
  const [problem, setProblem] = useState<string>();
  const [{ error, fetching }, updateApp] = useMutation(UpdateAppDocument);
  const cap = kind === 'CAP' ? capOf(text) : null;
  const submit = async () => {
    if (cap === undefined) return setProblem('A whole number of credits, from 0 to 2,000,000,000.');
    setProblem(undefined);
    const { error: refusal } = await updateApp({ input: { id: app.id, creditCap: cap } });
    if (refusal) return;
    toast(
      cap === null ? `${app.name} has no cap any more.` : `${app.name} is capped at ${formatCredits(cap)} a period.`,
    );
    onDone();
  };
  return (
    <Dialog
      open
      onClose={onDone}
      title={`Cap of ${app.name}`}
      description={`It has used ${formatCredits(app.usedThisPeriod)} in this period${resetsAt ? `, which ends ${formatMoment(resetsAt)}` : ''}. A cap holds from its next action on.`}
      actions={
        <>
          <Button onClick={onDone}>Cancel</Button>
          <Button type="submit" form={form} look="primary" busy={fetching}>
            {kind === 'NONE' ? 'Remove the cap' : 'Set the cap'}
          </Button>
        </>
      }
    >
      <DialogForm id={form} error={error} onSubmit={submit}>
        <Choices label="Per period" options={CHOICES} value={kind} onChange={setKind} />
        {kind === 'CAP' && (
          <Field
            label="Credits per period"
            inputMode="numeric"
            placeholder="1,000"
            value={text}
            onChange={({ target }) => setText(target.value)}
            problem={problem}
          />
        )}
        {cap != null && isCapReached({ ...app, creditCap: cap }) && (
          <Notice tone="warn">
            That is no more than it has used: its next action will be refused with <code>CAP_REACHED</code>.
          </Notice>
        )}
      </DialogForm>
    </Dialog>
  );
}

function capOf(text: string): number | undefined {
  const cap = wholeNumberOf(text);
  return cap === null || cap > MOST_CREDITS ? undefined : cap;
}
