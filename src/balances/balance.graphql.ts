import { Field, ID, Int, ObjectType, registerEnumType } from 'type-graphql';
import { ALL_BUT_PUBLISHABLE, AllowedTo, EVERYONE } from '../graphql/access';
import { Node } from '../graphql/node.graphql';
import { DateTime, SafeInt } from '../graphql/scalars';
import { isPaused, type BalanceSnapshot, type Grant } from '../ledger/pool';
import { publicId } from '../public-id';

export const GrantSource = { PLAN: 'PLAN', BONUS: 'BONUS', TOP_UP: 'TOP_UP' } as const;
registerEnumType(GrantSource, {
  name: 'GrantSource',
  description: 'Where the credits of a grant come from.',
  valuesConfig: {
    PLAN: { description: 'The plan: renewed monthly, burnt first.' },
    BONUS: { description: 'Given by the operator; burnt as early as plan credits.' },
    TOP_UP: { description: 'Bought: valid for one year, burnt last, paused while the plan does not allow top-ups.' },
  },
});

@ObjectType('Grant', { implements: Node, description: 'A lot of credits added to a pool.', simpleResolvers: true })
export class GrantType extends Node {
  @Field(() => GrantSource, { description: 'Where the credits come from.' })
  @AllowedTo(...ALL_BUT_PUBLISHABLE)
  source!: string;

  @Field(() => Int, { description: 'Credits granted.' })
  @AllowedTo(...ALL_BUT_PUBLISHABLE)
  amount!: number;

  @Field(() => Int, { description: 'Credits of it that are left, usable or paused; those held count as gone.' })
  @AllowedTo(...ALL_BUT_PUBLISHABLE)
  remaining!: number;

  @Field(() => DateTime, { description: 'When it was granted.' })
  @AllowedTo(...ALL_BUT_PUBLISHABLE)
  effectiveAt!: number;

  @Field(() => DateTime, {
    nullable: true,
    description: 'When what is left expires; null: never. Null burns last among its priority.',
  })
  @AllowedTo(...ALL_BUT_PUBLISHABLE)
  expiresAt!: number | null;

  @Field(() => Boolean, {
    description: 'Whether it may not be spent now, since the terms of the plan do not allow top-ups.',
  })
  @AllowedTo(...ALL_BUT_PUBLISHABLE)
  paused!: boolean;

  @Field(() => String, { nullable: true, description: 'Why it was granted.' })
  @AllowedTo(...ALL_BUT_PUBLISHABLE)
  reason!: string | null;
}

@ObjectType('Balance', {
  description:
    'An owner’s credits at one version. available + paused + held never exceeds 2,000,000,000 (LIMIT_REACHED when a grant would).',
  simpleResolvers: true,
})
export class BalanceType {
  @Field(() => ID, { description: 'The owner whose credits these are.' })
  @AllowedTo(...EVERYONE)
  ownerId!: string;

  @Field(() => Int, { description: 'Credits that may be spent now.' })
  @AllowedTo(...EVERYONE)
  available!: number;

  @Field(() => Int, { description: 'Credits held by actions that are not yet captured or voided.' })
  @AllowedTo(...EVERYONE)
  held!: number;

  @Field(() => Int, { description: 'Top-up credits that the plan does not allow to be spent.' })
  @AllowedTo(...EVERYONE)
  paused!: number;

  @Field(() => Int, { description: 'Credits that the plan granted for this period.' })
  @AllowedTo(...EVERYONE)
  allowance!: number;

  @Field(() => Int, { description: 'Actions opened in this period that are HELD or CAPTURED, from whichever grant.' })
  @AllowedTo(...EVERYONE)
  usedThisPeriod!: number;

  @Field(() => DateTime, { description: 'When this period began.' })
  @AllowedTo(...EVERYONE)
  periodStart!: number;

  @Field(() => DateTime, { description: 'When the plan’s credits renew.' })
  @AllowedTo(...EVERYONE)
  resetsAt!: number;

  @Field(() => SafeInt, { description: 'Rises with every change of the pool; never falls.' })
  @AllowedTo(...EVERYONE)
  version!: number;

  @Field(() => SafeInt, { description: 'The number of the pool’s ledger entries.' })
  @AllowedTo(...EVERYONE)
  lastSequence!: number;

  @Field(() => [GrantType], {
    description: 'Usable and paused grants with something left, in burn order; of one snapshot with the rest.',
  })
  @AllowedTo(...ALL_BUT_PUBLISHABLE)
  grants!: GrantType[];
}

/** A balance as the API shows it. What is rarely asked for is made only then; every debit presents one. */
export function presentBalance(snapshot: BalanceSnapshot): BalanceType {
  const balance = {
    snapshot,
    ownerId: () => publicId('owner', snapshot.ownerId),
    available: snapshot.available,
    held: snapshot.held,
    paused: snapshot.paused,
    allowance: snapshot.allowance,
    usedThisPeriod: snapshot.usedThisPeriod,
    periodStart: snapshot.periodStart,
    resetsAt: snapshot.resetsAt,
    version: snapshot.version,
    lastSequence: snapshot.lastSequence,
    grants: () => snapshot.grants.map((grant) => presentGrant(grant, snapshot)),
  };
  return balance as unknown as BalanceType;
}

/** What a balance was presented from. */
export function snapshotBehind(balance: BalanceType): BalanceSnapshot {
  return (balance as unknown as { snapshot: BalanceSnapshot }).snapshot;
}

export function presentGrant(grant: Grant, terms: { readonly topUpsAllowed: boolean }): GrantType {
  const { source, amount, remaining, effectiveAt, expiresAt, reason } = grant;
  const paused = remaining > 0 && isPaused(grant, terms);
  const id = publicId('grant', grant.ownerId, grant.sequence);
  return { id, source, amount, remaining, effectiveAt, expiresAt, paused, reason };
}
