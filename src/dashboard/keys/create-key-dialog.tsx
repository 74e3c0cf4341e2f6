import { useId, useState } from 'react';
import { useMutation } from 'urql';
import { Link } from '../app/link';
import { useViewSearch } from '../app/view-search';
import { Button } from '../design/button';
import { Choices } from '../design/choices';
import { Dialog } from '../design/dialog';
import { Field } from '../design/field';
import { Notice } from '../design/notice';
import { Select } from '../design/select';
import { errorWords } from '../live/error-words';
import { DialogForm } from '../operator/dialog-form';
import { CreateKeyDocument, type CreateKeyMutation } from './create-key.generated';
import styles from './key-form.module.css';
import { keySecretDialog } from './key-secret';
import { expiryOf, type KeyApp, type KeyExpiry } from './key-state';
import { ROLE_WORDS } from './role-words';

const ROLES = ['APP', 'PUBLISHABLE', 'OWNER'] as const;
const EXPIRIES = [
  { value: 'NEVER', label: 'Never' },
  { value: 'MONTH', label: 'In 30 days' },
  { value: 'QUARTER', label: 'In 90 days' },
  { value: 'YEAR', label: 'In a year' },
  { value: 'DAY', label: 'At the end of a day' },
] as const;

interface KeyDraft {
  readonly role: (typeof ROLES)[number];
  readonly name: string;
  /** Empty: none is chosen. */
  readonly appId: string;
  readonly expiry: KeyExpiry;
  readonly day: string;
}

type Created = CreateKeyMutation['createApiKey'];

/**
 * Creates a key, and shows its secret this once. It is open for as long as it is there: `onDone` is called when it is to
 * go. `appId` is the app that is chosen at first.
 */
export function CreateKeyDialog(props: {
  ownerId: string;
  apps: readonly KeyApp[];
  appId?: string | null;
  onDone: () => void;
}) {
  const { ownerId, apps, onDone } = props;
  const form = useId();
  const [draft, setDraft] = useState<KeyDraft>({
    role: apps.length > 0 ? 'APP' : 'OWNER',
    name: '',
    appId: props.appId ?? (apps.length === 1 ? (apps[0]?.id ?? '') : ''),
    expiry: 'NEVER',
    day: '',
  });
  const [problems, setProblems] = useState<KeyProblems>({});
  const [{ data, error, fetching }, createKey] = useMutation(CreateKeyDocument);
  const submit = async () => {
    const { name, role, appId } = draft;
    const expiresAt = expiryOf(draft.expiry, draft.day, Date.now());
    const found = problemsOfDraft(draft, expiresAt);
    setProblems(found);
    if (Object.keys(found).length > 0) return;
    const scope = role === 'OWNER' ? { ownerId } : { appId };
    const { error: refusal } = await createKey({
      input: { name: name.trim(), role, ...scope, ...(expiresAt && { expiresAt }) },
    });
    if (refusal) setProblems(problemsOfRefusal(refusal));
  };
  if (data) return <Dialog {...createdDialog(data.createApiKey, onDone)} />;
  return (
    <Dialog
      open
      onClose={onDone}
      title="Create a key"
      description="Its secret is shown once, right after it was created."
      actions={
        <>
          <Button onClick={onDone}>Cancel</Button>
          <Button type="submit" form={form} look="primary" busy={fetching}>
            Create key
          </Button>
        </>
      }
    >
      <DialogForm id={form} error={error} onSubmit={submit}>
        <KeyFields draft={draft} apps={apps} problems={problems} onChange={setDraft} />
      </DialogForm>
    </Dialog>
  );
}

type KeyProblems = Partial<Record<'name' | 'app' | 'day', string>>;

function KeyFields(props: {
  draft: KeyDraft;
  apps: readonly KeyApp[];
  problems: KeyProblems;
  onChange: (draft: KeyDraft) => void;
}) {
  const { draft, apps, problems, onChange } = props;
  const change = (changes: Partial<KeyDraft>) => onChange({ ...draft, ...changes });
  return (
    <>
      <Field
        label="Name"
        placeholder="Shop backend"
        hint="Where it will be used."
        maxLength={255}
        aria-required
        value={draft.name}
        onChange={({ target }) => change({ name: target.value })}
        problem={problems.name}
      />
      <Choices
        label="Role"
        options={ROLES.map((role) => ({
          value: role,
          label: role,
          hint: role !== 'OWNER' && apps.length === 0 ? 'Needs an app: create one first.' : ROLE_WORDS[role].use,
          disabled: role !== 'OWNER' && apps.length === 0,
        }))}
        value={draft.role}
        onChange={(role) => change({ role })}
      />
      <div className={styles.pair}>
        {draft.role !== 'OWNER' && (
          <div>
            <Select
              label="App"
              options={[
                { value: '', label: 'Choose an app' },
                ...apps.map(({ id, name }) => ({ value: id, label: name })),
              ]}
              value={draft.appId}
              onChange={(appId) => change({ appId })}
            />
            {problems.app && (
              <p className={styles.problem} role="alert">
                {problems.app}
              </p>
            )}
          </div>
        )}
        <Select label="Expires" options={EXPIRIES} value={draft.expiry} onChange={(expiry) => change({ expiry })} />
        {draft.expiry === 'DAY' && (
          <Field
            label="Day"
            type="date"
            aria-required
            value={draft.day}
            onChange={({ target }) => change({ day: target.value })}
            problem={problems.day}
          />
        )}
      </div>
    </>
  );
}

function createdDialog({ secret, apiKey }: Created, onDone: () => void) {
  const { name, role, app } = apiKey;
  const note =
    role === 'PUBLISHABLE' && app?.allowedOrigins.length === 0 ? (
      <NoOriginsYet appId={app.id} onFollow={onDone} />
    ) : null;
  return keySecretDialog({ secret, title: `Key “${name}” created`, note, onDone });
}

function NoOriginsYet({ appId, onFollow }: { appId: string; onFollow: () => void }) {
  const { beside } = useViewSearch();
  return (
    <Notice tone="warn">
      Its app allows no origin yet, so the key is refused on every page.{' '}
      <Link to={beside('apps', { app: appId })} className={styles.link} onClick={onFollow}>
        Allow an origin
      </Link>{' '}
      when you have kept the key.
    </Notice>
  );
}

function problemsOfDraft({ name, role, appId }: KeyDraft, expiresAt: string | null | undefined): KeyProblems {
  return {
    ...(name.trim() === '' && { name: 'A name, so that you know it again.' }),
    ...(role !== 'OWNER' && appId === '' && { app: 'The app that it is for.' }),
    ...(expiresAt === undefined && { day: 'The last day on which it works.' }),
  };
}

function problemsOfRefusal(error: Error): KeyProblems {
  const { problems } = errorWords(error);
  const { 'input.name': name, 'input.expiresAt': day, 'input.appId': app } = problems;
  return {
    ...(name && { name: `The name ${name}.` }),
    ...(day && { day: `The day ${day}.` }),
    ...(app && { app: `The app ${app}.` }),
  };
}
