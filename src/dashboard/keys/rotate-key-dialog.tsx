import { useId, useState } from 'react';
import { useMutation } from 'urql';
import { Button } from '../design/button';
import { Dialog } from '../design/dialog';
import { formatMoment } from '../design/format';
import { Notice } from '../design/notice';
import { Select } from '../design/select';
import { DialogForm } from '../operator/dialog-form';
import { keySecretDialog } from './key-secret';
import type { OwnerKey } from './key-state';
import { RotateKeyDocument } from './rotate-key.generated';

const SECOND_MS = 1_000;
const OVERLAPS = [
  { value: '0', label: 'Not at all: it ends at once' },
  { value: '3600', label: 'One hour' },
  { value: '86400', label: 'One day' },
  { value: '604800', label: 'One week' },
] as const;
const USUAL = '86400';

type Overlap = (typeof OVERLAPS)[number]['value'];

/**
 * Replaces a key by a new one of the same name, role and app, and shows that one's secret this once. It is open for as
 * long as it is there. The key that one is signed in with (`own`) does not end at once: the answer would go with it.
 */
export function RotateKeyDialog({ apiKey, own, onDone }: { apiKey: OwnerKey; own: boolean; onDone: () => void }) {
  const form = useId();
  const [overlap, setOverlap] = useState<Overlap>(USUAL);
  const [endsAt, setEndsAt] = useState(0);
  const [{ data, error, fetching }, rotateKey] = useMutation(RotateKeyDocument);
  const { id, name, hint } = apiKey;
  const submit = async () => {
    const expiresAt = apiKey.expiresAt === null ? Number.POSITIVE_INFINITY : Date.parse(apiKey.expiresAt);
    setEndsAt(Math.min(Date.now() + Number(overlap) * SECOND_MS, expiresAt));
    await rotateKey({ input: { id, overlapSeconds: Number(overlap) } });
  };
  if (data) {
    const note = (
      <Notice tone="info">
        {overlap === '0' ? (
          <>The old one, {hint}, has stopped working.</>
        ) : (
          <>
            The old one, {hint}, works until {formatMoment(endsAt)}, and then ends by itself.
            {own && ' You are signed in with it: sign in with the new one before.'}
          </>
        )}
      </Notice>
    );
    const { secret } = data.rotateApiKey;
    return <Dialog {...keySecretDialog({ secret, title: `New key for “${name}”`, note, onDone })} />;
  }
  return (
    <Dialog
      open
      onClose={onDone}
      title={`Rotate “${name}”`}
      description={
        <>
          A new key of the same role takes the place of {hint}. Put it wherever the old one is used while both work. It
          is shown once.
        </>
      }
      actions={
        <>
          <Button onClick={onDone}>Cancel</Button>
          <Button type="submit" form={form} look="primary" busy={fetching}>
            Rotate key
          </Button>
        </>
      }
    >
      <DialogForm id={form} error={error} onSubmit={submit}>
        <Select
          label="The old key goes on working for"
          options={own ? OVERLAPS.filter(({ value }) => value !== '0') : OVERLAPS}
          value={overlap}
          onChange={setOverlap}
        />
      </DialogForm>
    </Dialog>
  );
}
