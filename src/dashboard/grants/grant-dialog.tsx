import { useId, useState, type FormEvent } from 'react';
import { useMutation, useQuery } from 'urql';
import { Button } from '../design/button';
import { Dialog } from '../design/dialog';
import { Field } from '../design/field';
import { formatCredits } from '../design/format';
import { Notice } from '../design/notice';
import { Segments } from '../design/segments';
import { Select, type Option } from '../design/select';
import { toast } from '../design/toast';
import { errorWords } from '../live/error-words';
import { createIdempotencyKey } from '../live/idempotency-key';
import { GrantCreditsDocument, type GrantCreditsMutation } from './grant-credits.generated';
import styles from './grant-dialog.module.css';
import { grantInputOf, type GrantDraft, type GrantExpiry, type GrantProblems } from './grant-draft';
import { GrantSubjectDocument } from './grant-subject.generated';

const SOURCES = [
  { value: 'BONUS', label: 'Bonus' },
  { value: 'TOP_UP', label: 'Top-up' },
] as const;
const EXPIRIES: Readonly<Record<GrantDraft['source'], readonly Option<GrantExpiry>[]>> = {
  BONUS: [
    { value: 'USUAL', label: 'Never' },
    { value: 'DAY', label: 'At the end of a day' },
  ],
  TOP_UP: [
    { value: 'USUAL', label: 'In one year' },
    { value: 'NEVER', label: 'Never' },
    { value: 'DAY', label: 'At the end of a day' },
  ],
};
const EMPTY: GrantDraft = { source: 'BONUS', amount: '', expiry: 'USUAL', day: '', reason: '' };
const CONFUSED =
  'An earlier try with other values went through after all. Close this, and look at the grants before granting more.';

/**
 * Grants credits to an owner, for ADMIN keys. It is open for as long as it is there: `onDone` is called when it is to go.
 * Its idempotency key is its own, so that however often it is sent, the credits are granted once (I3).
 */
export function GrantDialog({ ownerId, onDone }: { ownerId: string; onDone: () => void }) {
  const form = useId();
  const [idempotencyKey] = useState(createIdempotencyKey);
  const [draft, setDraft] = useState(EMPTY);
  const [problems, setProblems] = useState<GrantProblems & { form?: string }>({});
  const [{ data: subject }] = useQuery({ query: GrantSubjectDocument, variables: { ownerId } });
  const [{ fetching }, grantCredits] = useMutation(GrantCreditsDocument);
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    const { input, problems: found } = grantInputOf(draft);
    setProblems(found);
    if (!input) return;
    const { data, error } = await grantCredits({ input: { ...input, ownerId, idempotencyKey } });
    if (error) return setProblems(problemsOf(error));
    if (data) toast(doneWords(data.grantCredits));
    onDone();
  };
  const owner = subject?.owner;
  const pauses = draft.source === 'TOP_UP' && owner?.plan.topUpsAllowed === false;
  return (
    <Dialog
      open
      onClose={onDone}
      title="Grant credits"
      description={
        <>To {owner?.name ?? 'this owner'}, on top of its plan. They can be used at once, by all its apps.</>
      }
      actions={
        <>
          <Button onClick={onDone}>Cancel</Button>
          <Button type="submit" form={form} look="primary" busy={fetching}>
            Grant credits
          </Button>
        </>
      }
    >
      <form id={form} className={styles.form} noValidate onSubmit={(event) => void submit(event)}>
        <GrantFields draft={draft} problems={problems} onChange={setDraft} />
        {pauses && (
          <Notice tone="warn">
            The {owner?.plan.name} plan does not allow top-ups: they stay paused until a plan does.
          </Notice>
        )}
        <div role="alert">{problems.form && <Notice tone="danger">{problems.form}</Notice>}</div>
      </form>
    </Dialog>
  );
}

function GrantFields(props: { draft: GrantDraft; problems: GrantProblems; onChange: (draft: GrantDraft) => void }) {
  const { draft, problems, onChange } = props;
  const change = (changes: Partial<GrantDraft>) => onChange({ ...draft, ...changes });
  return (
    <>
      <Field
        label="Credits"
        inputMode="numeric"
        placeholder="1,000"
        required
        value={draft.amount}
        onChange={({ target }) => change({ amount: target.value })}
        problem={problems.amount}
      />
      <div className={styles.source}>
        <span className={styles.label}>Source</span>
        <Segments
          label="Source"
          options={SOURCES}
          value={draft.source}
          onChange={(source) => change({ source, expiry: 'USUAL' })}
        />
        <p className={styles.hint}>
          {draft.source === 'BONUS'
            ? 'Given: used as early as plan credits.'
            : 'Bought: used last, and only while the plan allows top-ups.'}
        </p>
      </div>
      <div className={styles.expiry}>
        <Select
          label="Expires"
          options={EXPIRIES[draft.source]}
          value={draft.expiry}
          onChange={(expiry) => change({ expiry })}
        />
        {draft.expiry === 'DAY' && (
          <Field
            label="Day"
            type="date"
            required
            value={draft.day}
            onChange={({ target }) => change({ day: target.value })}
            problem={problems.expiresAt}
          />
        )}
      </div>
      <Field
        label="Reason"
        placeholder="Optional"
        hint="The owner reads it, and it stays in the books."
        maxLength={500}
        value={draft.reason}
        onChange={({ target }) => change({ reason: target.value })}
      />
    </>
  );
}

function problemsOf(error: Error): GrantProblems & { form?: string } {
  const { code, message, problems } = errorWords(error);
  if (code === 'IDEMPOTENCY_KEY_REUSED') return { form: CONFUSED };
  const { 'input.amount': amount, 'input.expiresAt': expiresAt, 'input.reason': reason } = problems;
  if (!amount && !expiresAt) return { form: reason ? `The reason ${reason}.` : message };
  return {
    ...(amount && { amount: `This ${amount}.` }),
    ...(expiresAt && { expiresAt: `The day ${expiresAt}.` }),
  };
}

function doneWords({ grant, replayed }: GrantCreditsMutation['grantCredits']): string {
  if (replayed) return `${formatCredits(grant.amount)} had been granted already: nothing was added twice.`;
  if (grant.paused) return `Granted ${formatCredits(grant.amount)}: paused until the plan allows top-ups.`;
  return `Granted ${formatCredits(grant.amount)}.`;
}
