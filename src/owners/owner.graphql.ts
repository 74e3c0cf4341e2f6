import { Field, ID, InputType, ObjectType } from 'type-graphql';
import { ApiKeyType } from '../access/api-key.graphql';
import { AppConnection, AppType } from '../apps/app.graphql';
import { BalanceType } from '../balances/balance.graphql';
import { ALL_BUT_PUBLISHABLE, AllowedTo, EVERYONE, MANAGERS } from '../graphql/access';
import { connectionTypes, Node } from '../graphql/node.graphql';
import { DateTime } from '../graphql/scalars';
import { ApiKeyRoleEnum } from '../access/api-key.graphql';
import type { ApiKeyRole } from '../access/api-key-secret';
import { PlanType } from '../plans/plan.graphql';
import { publicId } from '../public-id';
import { OWNER_BOUNDS, type Owner } from './owners';

@ObjectType('Owner', {
  implements: Node,
  description: 'Who holds a plan and a pool of credits.',
  simpleResolvers: true,
})
export class OwnerType extends Node {
  number!: number;
  planNumber!: number;

  @Field(() => String, { description: 'Its name.' })
  @AllowedTo(...ALL_BUT_PUBLISHABLE)
  name!: string;

  @Field(() => String, { nullable: true, description: 'Its e-mail address.' })
  @AllowedTo(...MANAGERS)
  email!: string | null;

  @Field(() => String, { nullable: true, description: 'The operator’s own id of this owner, unique.' })
  @AllowedTo(...ALL_BUT_PUBLISHABLE)
  externalId!: string | null;

  @Field(() => PlanType, { description: 'The plan of the running period.' })
  @AllowedTo(...ALL_BUT_PUBLISHABLE)
  plan!: PlanType;

  @Field(() => PlanType, {
    nullable: true,
    description: 'A plan that takes effect at the end of the period; null: none does.',
  })
  @AllowedTo(...ALL_BUT_PUBLISHABLE)
  nextPlan!: PlanType | null;

  @Field(() => BalanceType, { description: 'Its credits now.' })
  @AllowedTo(...ALL_BUT_PUBLISHABLE)
  balance!: BalanceType;

  @Field(() => AppConnection, { description: 'Its apps, newest first.' })
  @AllowedTo(...MANAGERS)
  apps!: object;

  @Field(() => [ApiKeyType], { description: 'Its keys and those of its apps, newest first, the revoked ones too.' })
  @AllowedTo(...MANAGERS)
  apiKeys!: ApiKeyType[];

  @Field(() => DateTime, { description: 'When it was created.' })
  @AllowedTo(...ALL_BUT_PUBLISHABLE)
  createdAt!: number;

  @Field(() => DateTime, {
    nullable: true,
    description: 'Since when its apps’ actions are refused with OWNER_SUSPENDED; null: they are not.',
  })
  @AllowedTo(...ALL_BUT_PUBLISHABLE)
  suspendedAt!: number | null;
}

export const OwnerConnection = connectionTypes('Owner', () => OwnerType).Connection;

@ObjectType('Viewer', { description: 'Who asks: what the API key is bound to.', simpleResolvers: true })
export class ViewerType {
  @Field(() => ApiKeyRoleEnum, { description: 'What the key may do.' })
  @AllowedTo(...EVERYONE)
  role!: ApiKeyRole;

  @Field(() => OwnerType, { nullable: true, description: 'The key’s owner; null with an ADMIN key.' })
  @AllowedTo(...ALL_BUT_PUBLISHABLE)
  owner!: OwnerType | null;

  @Field(() => AppType, { nullable: true, description: 'The key’s app; null with an ADMIN or OWNER key.' })
  @AllowedTo(...ALL_BUT_PUBLISHABLE)
  app!: AppType | null;
}

@InputType('CreateOwnerInput', { description: 'A new owner, with the plan’s credits of the first period.' })
export class CreateOwnerInput {
  @Field(() => String, { description: `Its name, ${OWNER_BOUNDS.name.limits}.` })
  name!: string;

  @Field(() => String, { nullable: true, description: `Its e-mail address, ${OWNER_BOUNDS.email.limits}.` })
  email?: string | null;

  @Field(() => String, {
    nullable: true,
    description: `The operator’s own id of it, unique, ${OWNER_BOUNDS.externalId.limits}.`,
  })
  externalId?: string | null;

  @Field(() => String, { defaultValue: 'free', description: 'The code of its plan.' })
  planCode!: string;
}

@ObjectType('CreateOwnerPayload', { description: 'What createOwner returns.', simpleResolvers: true })
export class CreateOwnerPayload {
  @Field(() => OwnerType, { description: 'The new owner.' })
  @AllowedTo(...MANAGERS)
  owner!: OwnerType;
}

@InputType('UpdateOwnerInput', { description: 'An absent field keeps its value and null clears it.' })
export class UpdateOwnerInput {
  @Field(() => ID, { description: 'Which owner.' })
  id!: string;

  @Field(() => String, { nullable: true, description: `Its name, ${OWNER_BOUNDS.name.limits}.` })
  name?: string;

  @Field(() => String, { nullable: true, description: `Its e-mail address, ${OWNER_BOUNDS.email.limits}.` })
  email?: string | null;

  @Field(() => String, {
    nullable: true,
    description: `ADMIN only. The operator’s own id of it, unique, ${OWNER_BOUNDS.externalId.limits}.`,
  })
  @AllowedTo('ADMIN')
  externalId?: string | null;

  @Field(() => Boolean, {
    nullable: true,
    description: 'ADMIN only. Whether its apps’ actions are refused, from the next one on.',
  })
  @AllowedTo('ADMIN')
  suspended?: boolean | null;
}

@ObjectType('UpdateOwnerPayload', { description: 'What updateOwner returns.', simpleResolvers: true })
export class UpdateOwnerPayload {
  @Field(() => OwnerType, { description: 'The owner as it is now.' })
  @AllowedTo(...MANAGERS)
  owner!: OwnerType;
}

@InputType('ChangePlanInput', { description: 'Which owner gets which plan.' })
export class ChangePlanInput {
  @Field(() => ID, { description: 'Whose plan.' })
  ownerId!: string;

  @Field(() => String, { description: 'The code of the plan. The current one cancels a pending change.' })
  planCode!: string;
}

@ObjectType('ChangePlanPayload', { description: 'What changePlan returns.', simpleResolvers: true })
export class ChangePlanPayload {
  @Field(() => OwnerType, { description: 'The owner as it is now.' })
  @AllowedTo(...MANAGERS)
  owner!: OwnerType;

  @Field(() => BalanceType, { description: 'The balance right after the change.' })
  @AllowedTo(...MANAGERS)
  balance!: BalanceType;
}

export function presentOwner(owner: Owner): OwnerType {
  const { id, name, email, externalId, planId, createdAt, suspendedAt } = owner;
  const presented = { number: id, planNumber: planId, name, email, externalId, createdAt, suspendedAt };
  return { id: publicId('owner', id), ...presented } as OwnerType;
}
