import { Field, ID, InputType, Int, ObjectType } from 'type-graphql';
import { ALL_BUT_PUBLISHABLE, AllowedTo, MANAGERS } from '../graphql/access';
import { Node } from '../graphql/node.graphql';
import { DateTime } from '../graphql/scalars';
import { publicId } from '../public-id';
import { PLAN_BOUNDS, type Plan } from './plans';

@ObjectType('Plan', { implements: Node, description: 'What owners subscribe to.', simpleResolvers: true })
export class PlanType extends Node {
  @Field(() => String, { description: 'Its code, unique.' })
  @AllowedTo(...ALL_BUT_PUBLISHABLE)
  code!: string;

  @Field(() => String, { description: 'Its name.' })
  @AllowedTo(...ALL_BUT_PUBLISHABLE)
  name!: string;

  @Field(() => Int, { description: 'Credits granted each month.' })
  @AllowedTo(...ALL_BUT_PUBLISHABLE)
  monthlyCredits!: number;

  @Field(() => Int, { nullable: true, description: 'How many apps an owner may have; null: no limit.' })
  @AllowedTo(...ALL_BUT_PUBLISHABLE)
  maxApps!: number | null;

  @Field(() => Boolean, { description: 'Whether top-ups may be spent; where not, they are paused.' })
  @AllowedTo(...ALL_BUT_PUBLISHABLE)
  topUpsAllowed!: boolean;

  @Field(() => Int, { description: 'How many unused credits live one more period; 0: nothing rolls over.' })
  @AllowedTo(...ALL_BUT_PUBLISHABLE)
  rolloverLimit!: number;

  @Field(() => DateTime, { nullable: true, description: 'Since when it takes no new owners; null: it does.' })
  @AllowedTo(...ALL_BUT_PUBLISHABLE)
  archivedAt!: number | null;
}

@InputType('CreatePlanInput', { description: 'A new plan.' })
export class CreatePlanInput {
  @Field(() => String, { description: `Its code, unique, ${PLAN_BOUNDS.code.limits} of a-z, 0-9, _ and -.` })
  code!: string;

  @Field(() => String, { description: `Its name, ${PLAN_BOUNDS.name.limits}.` })
  name!: string;

  @Field(() => Int, { description: `Credits granted each month, ${PLAN_BOUNDS.monthlyCredits.limits}.` })
  monthlyCredits!: number;

  @Field(() => Int, {
    nullable: true,
    description: `How many apps an owner may have, ${PLAN_BOUNDS.maxApps.limits}; null: no limit.`,
  })
  maxApps?: number | null;

  @Field(() => Boolean, { defaultValue: true, description: 'Whether top-ups may be spent.' })
  topUpsAllowed!: boolean;

  @Field(() => Int, {
    defaultValue: 0,
    description: `How many unused credits live one more period, ${PLAN_BOUNDS.rolloverLimit.limits}.`,
  })
  rolloverLimit!: number;
}

@ObjectType('CreatePlanPayload', { description: 'What createPlan returns.', simpleResolvers: true })
export class CreatePlanPayload {
  @Field(() => PlanType, { description: 'The new plan.' })
  @AllowedTo(...MANAGERS)
  plan!: PlanType;
}

@InputType('UpdatePlanInput', {
  description: 'New amounts apply to each owner from the next renewal; a running period keeps its terms.',
})
export class UpdatePlanInput {
  @Field(() => ID, { description: 'Which plan.' })
  id!: string;

  @Field(() => String, { nullable: true, description: `Its name, ${PLAN_BOUNDS.name.limits}.` })
  name?: string;

  @Field(() => Int, {
    nullable: true,
    description: `Credits granted each month, ${PLAN_BOUNDS.monthlyCredits.limits}.`,
  })
  monthlyCredits?: number;

  @Field(() => Int, {
    nullable: true,
    description: `How many apps an owner may have, ${PLAN_BOUNDS.maxApps.limits}; null: no limit.`,
  })
  maxApps?: number | null;

  @Field(() => Boolean, { nullable: true, description: 'Whether top-ups may be spent.' })
  topUpsAllowed?: boolean;

  @Field(() => Int, {
    nullable: true,
    description: `How many unused credits live one more period, ${PLAN_BOUNDS.rolloverLimit.limits}.`,
  })
  rolloverLimit?: number;

  @Field(() => Boolean, { nullable: true, description: 'Whether it takes no new owners.' })
  archived?: boolean | null;
}

@ObjectType('UpdatePlanPayload', { description: 'What updatePlan returns.', simpleResolvers: true })
export class UpdatePlanPayload {
  @Field(() => PlanType, { description: 'The plan as it is now.' })
  @AllowedTo(...MANAGERS)
  plan!: PlanType;
}

export function presentPlan(plan: Plan): PlanType {
  return { ...plan, id: publicId('plan', 0, plan.id) };
}
