import { useId, useState } from 'react';
import { useMutation, useQuery } from 'urql';
import { navigate } from '../../app/router';
import { Button } from '../../design/button';
import { CopyOnce } from '../../design/copy-once';
import { Dialog } from '../../design/dialog';
import { Field } from '../../design/field';
import { formatCredits } from '../../design/format';
import { Select } from '../../design/select';
import { errorWords } from '../../live/error-words';
import { DialogForm, FormProblem } from '../dialog-form';
import { PlansDocument } from '../plans/plans.generated';
import { CreateOwnerDocument } from './create-owner.generated';
import { CreateOwnerKeyDocument } from './create-owner-key.generated';

const USUAL_PLAN = 'free';

interface NewOwner {
  readonly id: string;
  readonly name: string;
}

/** Creates an owner, and then, where that is wanted, its first key, which is shown once. */
export function CreateOwnerDialog({ onClose }: { onClose: () => void }) {
  const [owner, setOwner] = useState<NewOwner | null>(null);
  return owner ? (
    <FirstKeyDialog owner={owner} onClose={onClose} />
  ) : (
    <OwnerForm onClose={onClose} onCreated={setOwner} />
  );
}

function OwnerForm({ onClose, onCreated }: { onClose: () => void; onCreated: (owner: NewOwner) => void }) {
  const form = useId();
  const [name, setName] = useState('');
  const [email, setEmail] = useState('');
  const [externalId, setExternalId] = useState('');
  const plan = usePlanChoice();
  const [{ fetching, error }, create] = useMutation(CreateOwnerDocument);
  const submit = async () => {
    const { data } = await create({
      input: {
        name: name.trim(),
        email: email.trim() || null,
        externalId: externalId.trim() || null,
        planCode: plan.value,
      },
    });
    if (data) onCreated(data.createOwner.owner);
  };
  const problems = error ? errorWords(error).problems : {};
  return (
    <Dialog
      open
      onClose={onClose}
      title="Create owner"
      description="Its first period begins at once, with the plan’s credits."
      actions={
        <>
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" form={form} look="primary" busy={fetching}>
            Create owner
          </Button>
        </>
      }
    >
      <DialogForm id={form} onSubmit={submit} error={error}>
        <Field
          label="Name"
          required
          maxLength={255}
          value={name}
          onChange={(event) => setName(event.target.value)}
          problem={problems['input.name']}
        />
        <Field
          label="E-mail (optional)"
          type="email"
          maxLength={254}
          value={email}
          onChange={(event) => setEmail(event.target.value)}
          problem={problems['input.email']}
        />
        <Field
          label="External id (optional)"
          hint="Your own id of it, by which the API finds it; no two owners have the same."
          maxLength={255}
          value={externalId}
          onChange={(event) => setExternalId(event.target.value)}
          problem={problems['input.externalId']}
        />
        <Select label="Plan" {...plan} />
      </DialogForm>
    </Dialog>
  );
}

/** Which plans a new owner can begin with, and which is chosen. */
function usePlanChoice() {
  const [{ data }] = useQuery({ query: PlansDocument });
  const [chosen, setChosen] = useState(USUAL_PLAN);
  const open = data?.plans.filter(({ archivedAt }) => archivedAt === null) ?? [];
  // The usual plan may be archived.
  const value = open.some(({ code }) => code === chosen) ? chosen : (open[0]?.code ?? chosen);
  const options = open.map(({ code, name, monthlyCredits }) => ({
    value: code,
    label: `${name} · ${formatCredits(monthlyCredits)} a month`,
  }));
  return { value, onChange: setChosen, options: data ? options : [{ value, label: 'Reading the plans…' }] };
}

/** The owner exists by now; its key is made by a press of its own, which can be tried again. */
function FirstKeyDialog({ owner: { id, name }, onClose }: { owner: NewOwner; onClose: () => void }) {
  const [{ data, error, fetching }, create] = useMutation(CreateOwnerKeyDocument);
  const makeKey = () => void create({ input: { role: 'OWNER', ownerId: id, name: 'First key' } });
  const visit = () => {
    onClose();
    navigate(`/owners/${id}`);
  };
  return (
    <Dialog
      open
      mustDecide={Boolean(data)}
      onClose={onClose}
      title={`${name} is created`}
      description="With an OWNER key it signs in here, and makes apps and their keys by the API."
      actions={
        data ? (
          <>
            <Button onClick={onClose}>Close</Button>
            <Button look="primary" onClick={visit}>
              Open the owner
            </Button>
          </>
        ) : (
          <>
            <Button onClick={visit}>Not now</Button>
            <Button look="primary" icon="keys" busy={fetching} onClick={makeKey}>
              Make its first key
            </Button>
          </>
        )
      }
    >
      {data ? <CopyOnce label="OWNER key" secret={data.createApiKey.secret} /> : <FormProblem error={error} />}
    </Dialog>
  );
}
