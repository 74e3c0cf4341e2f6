import { useState } from 'react';
import { useMutation, useQuery } from 'urql';
import { Badge } from '../../design/badge';
import { Button } from '../../design/button';
import { Card } from '../../design/card';
import { formatNumber } from '../../design/format';
import { Menu, MenuItem } from '../../design/menu';
import { Number } from '../../design/number';
import { Segments } from '../../design/segments';
import { EmptyState, ErrorState } from '../../design/states';
import { Table, type Column } from '../../design/table';
import { toast, toastError } from '../../design/toast';
import { ArchiveDialog } from './archive-dialog';
import { PlanDialog } from './plan-dialog';
import { PlansDocument, type PlansQuery } from './plans.generated';
import styles from './plans.module.css';
import { UpdatePlanDocument } from './update-plan.generated';

export type Plan = PlansQuery['plans'][number];

const EXPECTED_PLANS = 5;
const VIEWS = [
  { value: 'offered', label: 'On offer' },
  { value: 'archived', label: 'Archived' },
] as const;

type Asked = { readonly what: 'CREATE' } | { readonly what: 'EDIT' | 'ARCHIVE'; readonly plan: Plan } | null;

/** The plan catalogue: what each plan gives, and to whom it is open. */
export default function Plans() {
  const [view, setView] = useState<'offered' | 'archived'>('offered');
  const [asked, setAsked] = useState<Asked>(null);
  const [{ data, error }, ask] = useQuery({ query: PlansDocument });
  const [, update] = useMutation(UpdatePlanDocument);
  if (error && !data) return <ErrorState error={error} onRetry={() => ask({ requestPolicy: 'network-only' })} />;
  const takeUp = async (plan: Plan) => {
    const { error: failure } = await update({ input: { id: plan.id, archived: false } });
    if (failure) return toastError(failure);
    toast(`${plan.name} is on offer again.`);
  };
  const columns = [...TERMS, menuColumn({ onAsk: setAsked, onTakeUp: (plan) => void takeUp(plan) })];
  const rows = data?.plans.filter(({ archivedAt }) => (archivedAt === null) === (view === 'offered')) ?? null;
  const close = () => setAsked(null);
  return (
    <>
      <div className={styles.bar}>
        <Segments label="Which plans" options={VIEWS} value={view} onChange={setView} />
        <Button look="primary" icon="plus" onClick={() => setAsked({ what: 'CREATE' })}>
          Create plan
        </Button>
      </div>
      <Card flush className={styles.plans}>
        <Table
          label="Plans"
          columns={columns}
          rows={rows}
          keyOf={({ id }) => id}
          expectedRows={EXPECTED_PLANS}
          empty={
            view === 'archived' ? (
              <EmptyState icon="plans" title="No plan is archived">
                An archived plan takes no new owners; those that have it keep it.
              </EmptyState>
            ) : (
              <EmptyState icon="plans" title="No plan is on offer">
                Nobody can be created before there is one.
              </EmptyState>
            )
          }
        />
      </Card>
      <p className={styles.note}>
        A change of a plan reaches each owner at its next reset. A running period keeps the terms that it began with.
      </p>
      {asked?.what === 'CREATE' && <PlanDialog plan={null} onClose={close} />}
      {asked?.what === 'EDIT' && <PlanDialog plan={asked.plan} onClose={close} />}
      {asked?.what === 'ARCHIVE' && <ArchiveDialog plan={asked.plan} onClose={close} />}
    </>
  );
}

const TERMS: readonly Column<Plan>[] = [
  {
    name: 'name',
    header: 'Plan',
    cell: ({ name, code, archivedAt }) => (
      <>
        <p className={styles.name}>
          {name} {archivedAt && <Badge>Archived</Badge>}
        </p>
        <p className={styles.code}>{code}</p>
      </>
    ),
  },
  {
    name: 'credits',
    header: 'Credits a month',
    align: 'right',
    width: '140px',
    cell: ({ monthlyCredits }) => (
      <span className={styles.credits}>
        <Number value={monthlyCredits} />
      </span>
    ),
  },
  {
    name: 'rollover',
    header: 'Rolls over',
    align: 'right',
    width: '150px',
    secondary: true,
    cell: ({ rolloverLimit }) => (rolloverLimit === 0 ? <Nothing /> : `up to ${formatNumber(rolloverLimit)}`),
  },
  {
    name: 'apps',
    header: 'Apps',
    align: 'right',
    width: '130px',
    secondary: true,
    cell: ({ maxApps }) => (maxApps === null ? <span className={styles.faint}>no limit</span> : formatNumber(maxApps)),
  },
  {
    name: 'topUps',
    header: 'Top-ups',
    width: '130px',
    align: 'right',
    secondary: true,
    cell: ({ topUpsAllowed }) =>
      topUpsAllowed ? <Badge tone="good">Allowed</Badge> : <Badge tone="warn">Paused</Badge>,
  },
];

function Nothing() {
  return <span className={styles.faint}>nothing</span>;
}

function menuColumn(on: { onAsk: (asked: Asked) => void; onTakeUp: (plan: Plan) => void }): Column<Plan> {
  return {
    name: 'menu',
    header: 'What can be done',
    headerHidden: true,
    align: 'right',
    width: '64px',
    cell: (plan) => (
      <Menu trigger={<Button look="quiet" icon="more" iconOnly aria-label={`What can be done with ${plan.name}`} />}>
        <MenuItem onSelect={() => on.onAsk({ what: 'EDIT', plan })}>Edit</MenuItem>
        {plan.archivedAt === null ? (
          <MenuItem tone="danger" onSelect={() => on.onAsk({ what: 'ARCHIVE', plan })}>
            Archive
          </MenuItem>
        ) : (
          <MenuItem onSelect={() => on.onTakeUp(plan)}>Offer again</MenuItem>
        )}
      </Menu>
    ),
  };
}
