import { useId, useState } from 'react';
import { useMutation } from 'urql';
import { Button } from '../design/button';
import { Dialog } from '../design/dialog';
import { Field } from '../design/field';
import { formatRelative } from '../design/format';
import { Notice } from '../design/notice';
import { toast } from '../design/toast';
import { DialogForm } from '../operator/dialog-form';
import { isInUse, type OwnerKey } from './key-state';
import { RevokeKeyDocument } from './revoke-key.generated';

const SHOWN_CHARACTERS = 4;

/**
 * Ends a key at once, when that is confirmed: in so many characters where it was used in the last day, or is the one
 * that one is signed in with (`own`). It is open for as long as it is there.
 */
export function RevokeKeyDialog({ apiKey, own, onDone }: { apiKey: OwnerKey; own: boolean; onDone: () => void }) {
  const form = useId();
  const [now] = useState(() => Date.now());
  const [typed, setTyped] = useState('');
  const [problem, setProblem] = useState<string>();
  const [{ error, fetching }, revokeKey] = useMutation(RevokeKeyDocument);
  const { id, name, hint, lastUsedAt } = apiKey;
  const ending = hint.slice(-SHOWN_CHARACTERS);
  const mustType = own || isInUse(apiKey, now);
  const submit = async () => {
    if (mustType && typed.trim() !== ending) return setProblem(`The last four characters of ${hint}.`);
    setProblem(undefined);
    const { error: refusal } = await revokeKey({ input: { id } });
    if (refusal) return;
    // The session of the key that is gone says so itself.
    if (!own) toast(`The key “${name}” was revoked.`);
    onDone();
  };
  return (
    <Dialog
      open
      onClose={onDone}
      title={`Revoke “${name}”?`}
      description={
        <>
          {hint} stops working at once, everywhere, and its connections are closed. This cannot be undone: whatever uses
          it needs another key.
        </>
      }
      actions={
        <>
          <Button onClick={onDone}>Keep it</Button>
          <Button type="submit" form={form} look="danger" busy={fetching}>
            Revoke key
          </Button>
        </>
      }
    >
      <DialogForm id={form} error={error} onSubmit={submit}>
        {own ? (
          <Notice tone="danger">
            You are signed in with this key: revoking it signs you out. Have another OWNER key at hand, or nobody can
            sign in here until the operator makes one.
          </Notice>
        ) : (
          <Notice tone={mustType ? 'warn' : 'info'}>
            {lastUsedAt === null
              ? 'It was never used.'
              : `It was last used ${formatRelative(Date.parse(lastUsedAt), now)}.`}{' '}
            {mustType && 'Something still uses it.'}
          </Notice>
        )}
        {mustType && (
          <Field
            label={`Type ${ending} to confirm`}
            autoCapitalize="off"
            spellCheck={false}
            value={typed}
            onChange={({ target }) => setTyped(target.value)}
            problem={problem}
          />
        )}
      </DialogForm>
    </Dialog>
  );
}
