import { formatCredits, formatMoment, formatNumber } from '../../design/format';
import type { LiveBalance } from '../../live/live-balance';
import type { Plan } from '../plans/plans';
import type { ManagedOwnerQuery } from './managed-owner.generated';

export type ManagedOwner = NonNullable<ManagedOwnerQuery['owner']>;

/** When a change of plan takes effect (rule 5): NONE where the owner is on that plan and nothing else is to come. */
export type PlanChangeMoment = 'NOW' | 'AT_THE_RESET' | 'CANCELS' | 'NONE';

interface Change {
  readonly owner: ManagedOwner;
  readonly to: Plan;
  readonly balance: LiveBalance;
}

/** When `to` would take effect: what gives more than this period's allowance does at once. */
export function momentOf({ owner, to, balance }: Change): PlanChangeMoment {
  if (to.code === owner.plan.code) return owner.nextPlan ? 'CANCELS' : 'NONE';
  return to.monthlyCredits > balance.allowance ? 'NOW' : 'AT_THE_RESET';
}

/** What a change of plan does, sentence by sentence, with its dates and credits. */
export function consequencesOf(change: Change): readonly string[] {
  const moment = momentOf(change);
  if (moment === 'NOW') return upgradeWords(change);
  if (moment === 'AT_THE_RESET') return laterWords(change);
  const { owner } = change;
  return moment === 'CANCELS'
    ? [`It stays on ${owner.plan.name}: the change to ${owner.nextPlan?.name} is dropped.`]
    : [];
}

function upgradeWords({ owner, to, balance }: Change): readonly string[] {
  const { allowance, usedThisPeriod, resetsAt, available, paused } = balance;
  const added = to.monthlyCredits - allowance;
  const words = [
    `${formatCredits(added)} ${added === 1 ? 'is' : 'are'} added at once, which makes ${formatNumber(available + added)} available: ` +
      `${to.name} gives ${formatNumber(to.monthlyCredits)}, and this period had ${formatNumber(allowance)}.`,
    `What was used stays used: ${formatNumber(usedThisPeriod)} of ${formatNumber(to.monthlyCredits)}.`,
    `The reset stays where it is, on ${formatMoment(resetsAt)}; what is left of the plan’s credits expires then.`,
  ];
  if (owner.nextPlan) words.push(`The change to ${owner.nextPlan.name} that waits for the reset is dropped.`);
  if (to.topUpsAllowed && paused > 0) words.push(`${formatCredits(paused)} of paused top-ups can be used again.`);
  if (!to.topUpsAllowed && owner.plan.topUpsAllowed) words.push('Top-ups are paused at once; they keep their credits.');
  return words;
}

function laterWords({ owner, to, balance }: Change): readonly string[] {
  const words = [
    `Takes effect at the reset, on ${formatMoment(balance.resetsAt)}. Until then nothing is taken away: ` +
      `${formatNumber(balance.available)} available stay available.`,
    `From then on it gets ${formatCredits(to.monthlyCredits)} a month.`,
  ];
  if (!to.topUpsAllowed && owner.plan.topUpsAllowed) {
    words.push('Top-ups are paused from then on; they keep their credits and go on expiring.');
  }
  if (to.maxApps !== null) words.push(`Its apps stay; from ${formatNumber(to.maxApps)} on, new ones are refused.`);
  if (owner.nextPlan && owner.nextPlan.code !== to.code)
    words.push(`It replaces the change to ${owner.nextPlan.name}.`);
  return words;
}
