import { useState } from 'react';
import { useMutation } from 'urql';
import { Badge } from '../../design/badge';
import { Button } from '../../design/button';
import { Card } from '../../design/card';
import { formatDay, formatMoment } from '../../design/format';
import { toast, toastError } from '../../design/toast';
import { EditOwnerDialog } from './edit-owner-dialog';
import { Facts } from './facts';
import styles from './owner-detail.module.css';
import type { ManagedOwner } from './plan-change';
import { SuspendDialog } from './suspend-dialog';
import { UpdateOwnerDocument } from './update-owner.generated';

/** Who the owner is, and whether its apps may act. */
export function OwnerCard({ owner }: { owner: ManagedOwner | null }) {
  const [asked, setAsked] = useState<'EDIT' | 'SUSPEND' | null>(null);
  const close = () => setAsked(null);
  return (
    <Card
      title="Owner"
      controls={
        <Button disabled={!owner} onClick={() => setAsked('EDIT')}>
          Edit
        </Button>
      }
    >
      <div className={styles.stack} aria-busy={owner === null}>
        <Facts
          facts={
            owner && [
              { name: 'Name', value: owner.name },
              { name: 'E-mail', value: owner.email },
              { name: 'External id', value: owner.externalId },
              { name: 'Id', value: <code>{owner.id}</code> },
              { name: 'Since', value: formatDay(owner.createdAt) },
            ]
          }
        />
        {owner && <Standing owner={owner} onSuspend={() => setAsked('SUSPEND')} />}
      </div>
      {owner && asked === 'EDIT' && <EditOwnerDialog owner={owner} onClose={close} />}
      {owner && asked === 'SUSPEND' && <SuspendDialog owner={owner} onClose={close} />}
    </Card>
  );
}

function Standing({ owner, onSuspend }: { owner: ManagedOwner; onSuspend: () => void }) {
  const [{ fetching }, update] = useMutation(UpdateOwnerDocument);
  const resume = async () => {
    const { error } = await update({ input: { id: owner.id, suspended: false } });
    if (error) return toastError(error);
    toast(`${owner.name} may act again.`);
  };
  const { suspendedAt } = owner;
  return (
    <div className={styles.standing}>
      <div>
        <p>{suspendedAt ? <Badge tone="danger">Suspended</Badge> : <Badge tone="good">Active</Badge>}</p>
        <p className={styles.faint}>
          {suspendedAt ? `Since ${formatMoment(suspendedAt)}; its actions are refused` : 'Its apps may perform actions'}
        </p>
      </div>
      {suspendedAt ? (
        <Button busy={fetching} onClick={() => void resume()}>
          Resume
        </Button>
      ) : (
        <Button onClick={onSuspend}>Suspend…</Button>
      )}
    </div>
  );
}
