import { useId, useState, type FormEvent } from 'react';
import { useMutation } from 'urql';
import { Button } from '../design/button';
import { Dialog } from '../design/dialog';
import { Field } from '../design/field';
import { Notice } from '../design/notice';
import { toast } from '../design/toast';
import { errorWords } from '../live/error-words';
import { typeWords } from './action-words';
import { CaptureActionDocument, RefundActionDocument, VoidActionDocument } from './resolve-action.generated';

export type Resolution = 'refund' | 'void' | 'capture';

const MOST_REASON_LETTERS = 500;

const WORDS: Readonly<Record<Resolution, { title: string; text: string; button: string; keep: string; done: string }>> =
  {
    refund: {
      title: 'Refund this action?',
      text: 'Its credit goes back to the grant it came from. An action is refunded once, and wholly; this cannot be undone.',
      button: 'Refund 1 credit',
      keep: 'Keep it',
      done: 'Refunded 1 credit.',
    },
    void: {
      title: 'Void this hold?',
      text: 'Its credit goes back to the grant it came from, and the app cannot capture it any more. This cannot be undone.',
      button: 'Void the hold',
      keep: 'Keep holding',
      done: 'Voided: 1 credit came back.',
    },
    capture: {
      title: 'Capture this hold?',
      text: 'Its credit is spent, as if the app had said that the action succeeded. It can still be refunded later.',
      button: 'Capture 1 credit',
      keep: 'Keep holding',
      done: 'Captured 1 credit.',
    },
  };

/** Asks before an action's credit moves, and why it does; it is open for as long as it is there. */
export function ResolveDialog(props: {
  action: { readonly id: string; readonly type: string; readonly app: { readonly name: string } };
  resolution: Resolution;
  onDone: () => void;
}) {
  const { action, resolution, onDone } = props;
  const form = useId();
  const [reason, setReason] = useState('');
  const { fetching, error, resolve } = useResolution(resolution);
  const words = WORDS[resolution];
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    if (!(await resolve(action.id, reason.trim()))) return;
    toast(words.done);
    onDone();
  };
  return (
    <Dialog
      open
      onClose={onDone}
      title={words.title}
      description={`${typeWords(action.type)} by ${action.app.name}. ${words.text}`}
      actions={
        <>
          <Button onClick={onDone}>{words.keep}</Button>
          <Button type="submit" form={form} look={resolution === 'capture' ? 'primary' : 'danger'} busy={fetching}>
            {words.button}
          </Button>
        </>
      }
    >
      <form id={form} onSubmit={(event) => void submit(event)}>
        {resolution !== 'capture' && (
          <Field
            label="Reason"
            placeholder="For the books; may stay empty"
            maxLength={MOST_REASON_LETTERS}
            value={reason}
            onChange={({ target }) => setReason(target.value)}
          />
        )}
      </form>
      {/* Not a toast: outside of an open dialog nothing is read out, nor can it be pressed. */}
      {error && (
        <div role="alert">
          <Notice tone="danger">{errorWords(error).message}</Notice>
        </div>
      )}
    </Dialog>
  );
}

/** The mutation of a resolution; `resolve` tells whether it was done. */
function useResolution(resolution: Resolution) {
  const [refund, refundAction] = useMutation(RefundActionDocument);
  const [voided, voidAction] = useMutation(VoidActionDocument);
  const [capture, captureAction] = useMutation(CaptureActionDocument);
  const { fetching, error } = { refund, void: voided, capture }[resolution];
  const resolve = async (actionId: string, reason: string): Promise<boolean> => {
    if (resolution === 'capture') return !(await captureAction({ input: { actionId } })).error;
    const input = { actionId, ...(reason !== '' && { reason }) };
    return !(await (resolution === 'refund' ? refundAction : voidAction)({ input })).error;
  };
  return { fetching, error, resolve };
}
