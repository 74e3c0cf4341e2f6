import { useId, useState } from 'react';
import { useMutation } from 'urql';
import { Button } from '../../design/button';
import { Dialog } from '../../design/dialog';
import { Checkbox, Field } from '../../design/field';
import { formatNumber } from '../../design/format';
import { toast } from '../../design/toast';
import { wholeNumberOf } from '../../design/whole-number';
import { Notice } from '../../design/notice';
import { errorWords } from '../../live/error-words';
import { DialogForm } from '../dialog-form';
import { CreatePlanDocument } from './create-plan.generated';
import type { Plan } from './plans';
import styles from './plans.module.css';
import { UpdatePlanDocument } from './update-plan.generated';

const NUMBERS = ['monthlyCredits', 'rolloverLimit', 'maxApps'] as const;
const NO_NUMBER = 'Type a whole number, such as 2,000.';

/** What is typed, before it is known to be of the right kind. */
interface Draft {
  readonly code: string;
  readonly name: string;
  readonly monthlyCredits: string;
  readonly rolloverLimit: string;
  readonly maxApps: string;
  readonly topUpsAllowed: boolean;
}

/** Creates a plan, or edits `plan`, whose code stays. */
export function PlanDialog({ plan, onClose }: { plan: Plan | null; onClose: () => void }) {
  const form = useId();
  const [draft, setDraft] = useState(() => draftOf(plan));
  const { submit, fetching, error, problems } = useSave(plan, draft, onClose);
  return (
    <Dialog
      open
      onClose={onClose}
      title={plan ? `Edit ${plan.name}` : 'Create plan'}
      actions={
        <>
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" form={form} look="primary" busy={fetching}>
            {plan ? 'Save' : 'Create plan'}
          </Button>
        </>
      }
    >
      <DialogForm id={form} onSubmit={submit} error={error}>
        <Terms
          draft={draft}
          isNew={plan === null}
          problems={problems}
          onChange={(changes) => setDraft((before) => ({ ...before, ...changes }))}
        />
        {plan && (
          <Notice tone="info">
            Owners on {plan.name} get new credits, rollover and top-ups at their next reset: a running period is never
            touched. The name and the limit of apps hold at once.
          </Notice>
        )}
      </DialogForm>
    </Dialog>
  );
}

function Terms(props: {
  draft: Draft;
  isNew: boolean;
  problems: Readonly<Record<string, string>>;
  onChange: (changes: Partial<Draft>) => void;
}) {
  const { draft, isNew, problems, onChange } = props;
  const text = (name: 'code' | 'name' | 'monthlyCredits' | 'rolloverLimit' | 'maxApps') => ({
    value: draft[name],
    onChange: (event: { target: { value: string } }) => onChange({ [name]: event.target.value }),
    problem: problems[`input.${name}`],
  });
  return (
    <>
      <div className={isNew ? styles.pair : undefined}>
        <Field label="Name" required maxLength={255} {...text('name')} />
        {isNew && (
          <Field
            label="Code"
            required
            maxLength={64}
            pattern="[a-z0-9][a-z0-9_\-]*"
            title="Of a-z, 0-9, _ and -"
            spellCheck={false}
            hint="Of a-z, 0-9, _ and -; it stays."
            {...text('code')}
          />
        )}
      </div>
      <div className={styles.pair}>
        <Field label="Credits a month" required inputMode="numeric" {...text('monthlyCredits')} />
        <Field
          label="Rolls over, at most"
          required
          inputMode="numeric"
          hint="Unused credits that live one more period."
          {...text('rolloverLimit')}
        />
      </div>
      <Field
        label="Apps, at most"
        inputMode="numeric"
        placeholder="no limit"
        hint="Owners that have more keep them and can add none."
        {...text('maxApps')}
      />
      <Checkbox
        label="Top-ups may be used; where not, they are paused and keep their credits"
        checked={draft.topUpsAllowed}
        onChange={(event) => onChange({ topUpsAllowed: event.target.checked })}
      />
    </>
  );
}

function useSave(plan: Plan | null, draft: Draft, onSaved: () => void) {
  const [creation, create] = useMutation(CreatePlanDocument);
  const [change, update] = useMutation(UpdatePlanDocument);
  const [typed, setTyped] = useState<Readonly<Record<string, string>>>({});
  const submit = async () => {
    const { terms, problems } = termsOf(draft);
    setTyped(problems);
    if (!terms) return;
    const { error } = plan
      ? await update({ input: { id: plan.id, ...terms } })
      : await create({ input: { code: draft.code, ...terms } });
    if (error) return;
    toast(plan ? `${terms.name} is changed.` : `${terms.name} is on offer.`);
    onSaved();
  };
  const { fetching, error } = plan ? change : creation;
  return { submit, fetching, error, problems: { ...(error && errorWords(error).problems), ...typed } };
}

/** What was typed as the API wants it; null where a number is none. */
function termsOf(draft: Draft) {
  const { monthlyCredits, rolloverLimit, maxApps, topUpsAllowed } = draft;
  const wrong = NUMBERS.filter((name) => wholeNumberOf(draft[name]) === null && (name !== 'maxApps' || maxApps.trim()));
  const problems = Object.fromEntries(wrong.map((name) => [`input.${name}`, NO_NUMBER]));
  if (wrong.length > 0) return { terms: null, problems };
  const terms = {
    name: draft.name.trim(),
    monthlyCredits: wholeNumberOf(monthlyCredits) ?? 0,
    rolloverLimit: wholeNumberOf(rolloverLimit) ?? 0,
    maxApps: wholeNumberOf(maxApps),
    topUpsAllowed,
  };
  return { terms, problems };
}

function draftOf(plan: Plan | null): Draft {
  return {
    code: '',
    name: plan?.name ?? '',
    monthlyCredits: plan ? formatNumber(plan.monthlyCredits) : '',
    rolloverLimit: formatNumber(plan?.rolloverLimit ?? 0),
    maxApps: plan?.maxApps == null ? '' : formatNumber(plan.maxApps),
    topUpsAllowed: plan?.topUpsAllowed ?? true,
  };
}
