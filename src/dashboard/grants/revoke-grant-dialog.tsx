import { useId, useState } from 'react';
import { useMutation } from 'urql';
import { Button } from '../design/button';
import { Dialog } from '../design/dialog';
import { Field } from '../design/field';
import { formatCredits, formatNumber } from '../design/format';
import { toast } from '../design/toast';
import { errorWords } from '../live/error-words';
import { DialogForm } from '../operator/dialog-form';
import { SOURCE_WORDS, type GrantSource } from './grant-words';
import { RevokeGrantDocument } from './revoke-grant.generated';

/** What one must know of a grant to revoke it. */
export interface RevocableGrant {
  readonly id: string;
  readonly source: GrantSource;
  readonly amount: number;
  readonly remaining: number;
}

/**
 * Takes what is left of a grant, for ADMIN keys, once that is confirmed. It is open for as long as it is there: `onDone`
 * is called when it is to go.
 */
export function RevokeGrantDialog({ grant, onDone }: { grant: RevocableGrant; onDone: () => void }) {
  const form = useId();
  const [reason, setReason] = useState('');
  const [{ error, fetching }, revokeGrant] = useMutation(RevokeGrantDocument);
  const problem = error && errorWords(error).problems['input.reason'];
  const submit = async () => {
    const trimmed = reason.trim();
    const { error: refusal } = await revokeGrant({
      input: { grantId: grant.id, ...(trimmed !== '' && { reason: trimmed }) },
    });
    if (refusal) return;
    toast('The grant was revoked.');
    onDone();
  };
  return (
    <Dialog
      open
      onClose={onDone}
      title={`Revoke this ${SOURCE_WORDS[grant.source].words.toLowerCase()} grant?`}
      description={
        <>
          It takes {grant.remaining === grant.amount ? 'all' : `the ${formatNumber(grant.remaining)} that are left`} of{' '}
          {formatCredits(grant.amount)} from the owner, at once. What comes back to it later, by a void or a refund, is
          taken too. This cannot be undone.
        </>
      }
      actions={
        <>
          <Button onClick={onDone}>Keep it</Button>
          <Button type="submit" form={form} look="danger" busy={fetching}>
            Revoke {formatCredits(grant.remaining)}
          </Button>
        </>
      }
    >
      <DialogForm id={form} error={error} onSubmit={submit}>
        <Field
          label="Reason"
          placeholder="Optional"
          hint="The owner reads it, and it stays in the books."
          maxLength={500}
          value={reason}
          onChange={({ target }) => setReason(target.value)}
          problem={problem && `The reason ${problem}.`}
        />
      </DialogForm>
    </Dialog>
  );
}
