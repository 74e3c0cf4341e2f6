import { useId, useState } from 'react';
import { useMutation, useQuery } from 'urql';
import { Badge } from '../../design/badge';
import { Button } from '../../design/button';
import { Dialog } from '../../design/dialog';
import { formatCredits, formatNumber } from '../../design/format';
import { Skeleton } from '../../design/states';
import { toast } from '../../design/toast';
import type { LiveBalance } from '../../live/live-balance';
import { DialogForm } from '../dialog-form';
import type { Plan } from '../plans/plans';
import { PlansDocument } from '../plans/plans.generated';
import styles from './change-plan-dialog.module.css';
import { ChangePlanDocument } from './change-plan.generated';
import { consequencesOf, momentOf, type ManagedOwner, type PlanChangeMoment } from './plan-change';

const MOMENT_WORDS = { NOW: 'Now', AT_THE_RESET: 'At the reset', CANCELS: 'Current', NONE: 'Current' } as const;
const EXPECTED_PLANS = 5;

/** Chooses another plan for an owner, and says what that does before it is done. */
export function ChangePlanDialog(props: { owner: ManagedOwner; balance: LiveBalance; onClose: () => void }) {
  const { owner, balance, onClose } = props;
  const form = useId();
  const [chosen, setChosen] = useState<string | null>(null);
  const [{ data, error: unread }] = useQuery({ query: PlansDocument });
  const [{ fetching, error }, changePlan] = useMutation(ChangePlanDocument);
  const plans = data?.plans.filter(({ archivedAt, code }) => archivedAt === null || code === owner.plan.code);
  const to = plans?.find(({ code }) => code === chosen);
  const moment = to ? momentOf({ owner, to, balance }) : 'NONE';
  const submit = async () => {
    if (!to) return;
    const { error: failure } = await changePlan({ input: { ownerId: owner.id, planCode: to.code } });
    if (failure) return;
    toast(doneWords({ owner, to, moment }));
    onClose();
  };
  return (
    <Dialog
      open
      onClose={onClose}
      title={`Change the plan of ${owner.name}`}
      description={`It is on ${owner.plan.name}, with an allowance of ${formatCredits(balance.allowance)} this period.`}
      actions={
        <>
          <Button onClick={onClose}>Leave it</Button>
          <Button type="submit" form={form} look="primary" busy={fetching} disabled={moment === 'NONE'}>
            {actionWords(moment, to)}
          </Button>
        </>
      }
    >
      <DialogForm id={form} onSubmit={submit} error={error ?? unread}>
        <fieldset className={styles.plans}>
          <legend className="visually-hidden">Plan</legend>
          {plans
            ? plans.map((plan) => (
                <PlanChoice
                  key={plan.id}
                  plan={plan}
                  moment={momentOf({ owner, to: plan, balance })}
                  isNext={plan.code === owner.nextPlan?.code}
                  chosen={plan.code === chosen}
                  onChoose={() => setChosen(plan.code)}
                />
              ))
            : Array.from({ length: EXPECTED_PLANS }, (_, index) => <Skeleton key={index} height={40} />)}
        </fieldset>
        <div className={styles.consequences} aria-live="polite">
          {to && moment !== 'NONE' ? (
            <ul>
              {consequencesOf({ owner, to, balance }).map((sentence) => (
                <li key={sentence}>{sentence}</li>
              ))}
            </ul>
          ) : (
            <p className={styles.hint}>
              A plan with more credits than this period’s allowance takes effect now, any other at the reset. Choose one
              to see what it does.
            </p>
          )}
        </div>
      </DialogForm>
    </Dialog>
  );
}

function PlanChoice(props: {
  plan: Plan;
  moment: PlanChangeMoment;
  /** It waits for the reset already. */
  isNext: boolean;
  chosen: boolean;
  onChoose: () => void;
}) {
  const { plan, moment, isNext, chosen, onChoose } = props;
  const idle = moment === 'NONE' || isNext;
  return (
    <label className={styles.plan} data-idle={idle || undefined}>
      <input type="radio" name="plan" checked={chosen} disabled={idle} onChange={onChoose} />
      <span className={styles.name}>{plan.name}</span>
      <span className={styles.credits}>{formatNumber(plan.monthlyCredits)} a month</span>
      <Badge tone={moment === 'NOW' ? 'good' : 'neutral'}>{isNext ? 'Coming' : MOMENT_WORDS[moment]}</Badge>
    </label>
  );
}

function actionWords(moment: PlanChangeMoment, to: Plan | undefined): string {
  if (!to || moment === 'NONE') return 'Change plan';
  if (moment === 'CANCELS') return `Stay on ${to.name}`;
  return moment === 'NOW' ? `Change to ${to.name} now` : `Change to ${to.name} at the reset`;
}

function doneWords({ owner, to, moment }: { owner: ManagedOwner; to: Plan; moment: PlanChangeMoment }): string {
  if (moment === 'CANCELS') return `${owner.name} stays on ${to.name}.`;
  return moment === 'NOW' ? `${owner.name} is on ${to.name} now.` : `${owner.name} goes to ${to.name} at the reset.`;
}
