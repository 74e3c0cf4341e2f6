import { useState } from 'react';
import { useMutation } from 'urql';
import { Button } from '../../design/button';
import { Card } from '../../design/card';
import { formatCredits, formatMoment, formatNumber } from '../../design/format';
import { Meter } from '../../design/meter';
import { Notice } from '../../design/notice';
import { Skeleton } from '../../design/states';
import { toast, toastError } from '../../design/toast';
import type { LiveBalance } from '../../live/live-balance';
import { ChangePlanDialog } from './change-plan-dialog';
import { ChangePlanDocument } from './change-plan.generated';
import { Facts, type Fact } from './facts';
import styles from './owner-detail.module.css';
import type { ManagedOwner } from './plan-change';

/** The plan of an owner, what is left of its period, and the plan that comes next. */
export function PlanCard({ owner, balance }: { owner: ManagedOwner | null; balance: LiveBalance | null }) {
  const [changing, setChanging] = useState(false);
  return (
    <Card
      title="Plan"
      controls={
        <Button disabled={!owner || !balance} onClick={() => setChanging(true)}>
          Change plan
        </Button>
      }
    >
      {owner && balance ? <PlanFacts owner={owner} balance={balance} /> : <PlanSkeleton />}
      {changing && owner && balance && (
        <ChangePlanDialog owner={owner} balance={balance} onClose={() => setChanging(false)} />
      )}
    </Card>
  );
}

function PlanFacts({ owner, balance }: { owner: ManagedOwner; balance: LiveBalance }) {
  const { plan, nextPlan } = owner;
  const { allowance, usedThisPeriod, resetsAt } = balance;
  const used = `${formatNumber(usedThisPeriod)} of ${formatNumber(allowance)}`;
  const facts: Fact[] = [
    { name: 'Resets', value: formatMoment(resetsAt) },
    { name: 'Rolls over', value: plan.rolloverLimit === 0 ? 'nothing' : `up to ${formatNumber(plan.rolloverLimit)}` },
    { name: 'Top-ups', value: plan.topUpsAllowed ? 'allowed' : 'paused' },
    { name: 'Apps', value: plan.maxApps === null ? 'no limit' : `at most ${formatNumber(plan.maxApps)}` },
  ];
  return (
    <div className={styles.stack}>
      {nextPlan && <ComingPlan owner={owner} next={nextPlan} resetsAt={resetsAt} />}
      <div className={styles.period}>
        <p className={styles.line}>
          <span className={styles.headline}>{plan.name}</span>
          <span className={styles.faint}>{formatCredits(plan.monthlyCredits)} a month</span>
        </p>
        <Meter value={usedThisPeriod} max={allowance} words={`${used} credits used`} />
        <p className={styles.faint}>
          {used} used this period
          {!nextPlan && allowance !== plan.monthlyCredits && `; ${formatNumber(plan.monthlyCredits)} from the reset on`}
        </p>
      </div>
      <Facts facts={facts} />
    </div>
  );
}

function ComingPlan(props: { owner: ManagedOwner; next: NonNullable<ManagedOwner['nextPlan']>; resetsAt: string }) {
  const { owner, next, resetsAt } = props;
  const [{ fetching }, changePlan] = useMutation(ChangePlanDocument);
  const cancel = async () => {
    const { error } = await changePlan({ input: { ownerId: owner.id, planCode: owner.plan.code } });
    if (error) return toastError(error);
    toast(`${owner.name} stays on ${owner.plan.name}.`);
  };
  return (
    <Notice
      tone="info"
      action={
        <Button busy={fetching} onClick={() => void cancel()}>
          Stay on {owner.plan.name}
        </Button>
      }
    >
      {next.name} from {formatMoment(resetsAt)} on, with {formatCredits(next.monthlyCredits)} a month. Until then
      nothing changes.
    </Notice>
  );
}

function PlanSkeleton() {
  return (
    <div className={styles.stack} aria-busy="true">
      <div className={styles.period}>
        <Skeleton width={200} height={28} />
        <Skeleton height={6} />
        <Skeleton width={140} height={17} />
      </div>
      <Facts facts={null} />
    </div>
  );
}
