import { Field, ID, InputType, Int, InterfaceType, ObjectType, registerEnumType } from 'type-graphql';
import { AppType } from '../apps/app.graphql';
import { BalanceType, presentBalance } from '../balances/balance.graphql';
import { ALL_BUT_PUBLISHABLE, AllowedTo, NonNullAllowedTo } from '../graphql/access';
import { connectionTypes, Node } from '../graphql/node.graphql';
import { DateTime, JSONObject, SafeInt } from '../graphql/scalars';
import type { ActionOutcome } from '../ledger/commands';
import type { ActionRecord } from '../ledger/pool';
import { publicId } from '../public-id';
import {
  ACTION_CATALOGUE,
  ACTION_CATEGORIES,
  categoryOf,
  CREDITS_PER_ACTION,
  type ActionDefinition,
} from './action-catalogue';
import { ACTION_INPUT_BOUNDS, DEFAULT_HOLD_SECONDS } from './perform-action';

const described = (values: readonly { name: string; description: string }[]) =>
  Object.fromEntries(values.map(({ name, description }) => [name, { description }]));

/** A value per name: an enum as type-graphql wants it. */
const enumOf = (names: readonly string[]): Record<string, string> =>
  Object.fromEntries(names.map((name) => [name, name]));

export const ActionType = enumOf(ACTION_CATALOGUE.map(({ type }) => type));
registerEnumType(ActionType, {
  name: 'ActionType',
  description: 'What an app does with a paid integration. Each costs exactly one credit.',
  valuesConfig: described(ACTION_CATALOGUE.map(({ type, description }) => ({ name: type, description }))),
});

export const ActionCategory = enumOf(Object.keys(ACTION_CATEGORIES));
registerEnumType(ActionCategory, {
  name: 'ActionCategory',
  description: 'A group of action types.',
  valuesConfig: described(Object.entries(ACTION_CATEGORIES).map(([name, description]) => ({ name, description }))),
});

export const ActionStatus = { HELD: 'HELD', CAPTURED: 'CAPTURED', VOIDED: 'VOIDED', REFUNDED: 'REFUNDED' } as const;
registerEnumType(ActionStatus, {
  name: 'ActionStatus',
  description: 'Where an action’s credit is.',
  valuesConfig: {
    HELD: { description: 'Held: it will be captured or voided, by itself when the hold expires.' },
    CAPTURED: { description: 'Spent.' },
    VOIDED: { description: 'A held credit that came back.' },
    REFUNDED: { description: 'A spent credit that came back.' },
  },
});

@ObjectType('ActionDefinition', { description: 'One row of the catalogue of action types.', simpleResolvers: true })
export class ActionDefinitionType {
  @Field(() => ActionType, { description: 'The action type.' })
  @AllowedTo(...ALL_BUT_PUBLISHABLE)
  type!: string;

  @Field(() => ActionCategory, { description: 'Its category.' })
  @AllowedTo(...ALL_BUT_PUBLISHABLE)
  category!: string;

  @Field(() => String, { description: 'The mutation that authorises and records it.' })
  @AllowedTo(...ALL_BUT_PUBLISHABLE)
  mutation!: string;

  @Field(() => String, { description: 'What it does, in words.' })
  @AllowedTo(...ALL_BUT_PUBLISHABLE)
  description!: string;

  @Field(() => Int, { description: 'What it costs, in credits: always 1.' })
  @AllowedTo(...ALL_BUT_PUBLISHABLE)
  credits!: number;
}

@ObjectType('IntegrationAction', {
  implements: Node,
  description: 'One integration action by one app, and the receipt of its credit.',
  simpleResolvers: true,
})
export class IntegrationActionType extends Node {
  ownerId!: number;
  appId!: number;

  @Field(() => AppType, { description: 'The app that performed it.' })
  @AllowedTo(...ALL_BUT_PUBLISHABLE)
  app!: AppType;

  @Field(() => ActionType, { description: 'What was done.' })
  @AllowedTo(...ALL_BUT_PUBLISHABLE)
  type!: string;

  @Field(() => ActionCategory, { description: 'The category of its type.' })
  @AllowedTo(...ALL_BUT_PUBLISHABLE)
  category!: string;

  @Field(() => ActionStatus, { description: 'Where its credit is.' })
  @AllowedTo(...ALL_BUT_PUBLISHABLE)
  status!: string;

  @Field(() => Int, { description: 'What it costs, in credits: always 1.' })
  @AllowedTo(...ALL_BUT_PUBLISHABLE)
  credits!: number;

  @Field(() => String, { description: 'The key that the caller chose, unique per app.' })
  @AllowedTo(...ALL_BUT_PUBLISHABLE)
  idempotencyKey!: string;

  @Field(() => String, { nullable: true, description: 'The opaque id of the end user, as the caller gave it.' })
  @AllowedTo(...ALL_BUT_PUBLISHABLE)
  visitor!: string | null;

  @Field(() => String, { nullable: true, description: 'The site that the action came from, as the caller gave it.' })
  @AllowedTo(...ALL_BUT_PUBLISHABLE)
  origin!: string | null;

  @Field(() => JSONObject, { description: 'The typed facts of its action type.' })
  @AllowedTo(...ALL_BUT_PUBLISHABLE)
  details!: object;

  @Field(() => JSONObject, { nullable: true, description: 'The caller’s own data.' })
  @AllowedTo(...ALL_BUT_PUBLISHABLE)
  metadata!: object | null;

  @Field(() => DateTime, {
    nullable: true,
    description: 'When the hold is voided by itself; null where nothing was held.',
  })
  @AllowedTo(...ALL_BUT_PUBLISHABLE)
  holdExpiresAt!: number | null;

  @Field(() => DateTime, { description: 'When it was opened.' })
  @AllowedTo(...ALL_BUT_PUBLISHABLE)
  createdAt!: number;

  @Field(() => DateTime, {
    nullable: true,
    description: 'When its hold was captured or voided, or its credit refunded; null while none of that happened.',
  })
  @AllowedTo(...ALL_BUT_PUBLISHABLE)
  resolvedAt!: number | null;

  @Field(() => String, { nullable: true, description: 'Why it was voided or refunded.' })
  @AllowedTo(...ALL_BUT_PUBLISHABLE)
  reason!: string | null;

  @Field(() => SafeInt, {
    description: 'The receipt: the number of the ledger entry that opened it. It never changes.',
  })
  @AllowedTo(...ALL_BUT_PUBLISHABLE)
  sequence!: number;

  @Field(() => Int, { description: 'The receipt: credits available right after it. It never changes.' })
  @AllowedTo(...ALL_BUT_PUBLISHABLE)
  availableAfter!: number;

  @Field(() => Int, { description: 'The receipt: credits held right after it. It never changes.' })
  @AllowedTo(...ALL_BUT_PUBLISHABLE)
  heldAfter!: number;
}

export const ActionConnection = connectionTypes('Action', () => IntegrationActionType).Connection;

@InterfaceType('ActionPayload', { description: 'What each action mutation returns.' })
export abstract class ActionPayload {
  @Field(() => IntegrationActionType, { description: 'The action with its receipt.' })
  @AllowedTo(...ALL_BUT_PUBLISHABLE)
  action!: IntegrationActionType;

  @Field(() => BalanceType, {
    description:
      'The balance as of this answer: right after a fresh action, from the same transaction; the current one on a replay.',
  })
  @AllowedTo(...ALL_BUT_PUBLISHABLE)
  balance!: BalanceType;

  @Field(() => Boolean, {
    description: 'Whether the key was known: then nothing was debited, and the receipt is the original one.',
  })
  @AllowedTo(...ALL_BUT_PUBLISHABLE)
  replayed!: boolean;
}

@ObjectType('ResolveActionPayload', { description: 'An action that was resolved.', simpleResolvers: true })
export class ResolveActionPayload {
  @Field(() => IntegrationActionType, { description: 'The action in its new status.' })
  @AllowedTo(...ALL_BUT_PUBLISHABLE)
  action!: IntegrationActionType;

  @Field(() => BalanceType, { description: 'The balance right after it; the current one on a replay.' })
  @AllowedTo(...ALL_BUT_PUBLISHABLE)
  balance!: BalanceType;

  @Field(() => Boolean, { description: 'Whether the action had this status already: then nothing moved.' })
  @AllowedTo(...ALL_BUT_PUBLISHABLE)
  replayed!: boolean;
}

@InputType('CaptureActionInput', { description: 'Spends a held credit.' })
export class CaptureActionInput {
  @Field(() => ID, { description: 'The held action.' })
  actionId!: string;
}

@InputType('VoidActionInput', { description: 'Gives a held credit back.' })
export class VoidActionInput {
  @Field(() => ID, { description: 'The held action.' })
  actionId!: string;

  @Field(() => String, { nullable: true, description: 'Why, 1 to 500 characters.' })
  reason?: string | null;
}

@InputType('RefundActionInput', { description: 'Gives a spent credit back, once.' })
export class RefundActionInput {
  @Field(() => ID, { description: 'The captured action.' })
  actionId!: string;

  @Field(() => String, { nullable: true, description: 'Why, 1 to 500 characters.' })
  reason?: string | null;
}

/** The input and payload types of one action mutation, from its row of the catalogue. */
export function actionTypes(definition: ActionDefinition): {
  Input: new () => object;
  Payload: new () => object;
} {
  const name = definition.mutation.charAt(0).toUpperCase() + definition.mutation.slice(1);

  @InputType(`${name}Input`, {
    description: `${definition.description} The typed facts of the action; never its content.`,
  })
  class Input {
    @Field(() => ID, {
      description: `Chosen by the caller, unique per app, ${ACTION_INPUT_BOUNDS.idempotencyKey.limits}. The same key with the same input returns the same action and debits nothing.`,
    })
    idempotencyKey!: string;

    @Field(() => ID, {
      nullable: true,
      description: 'ADMIN keys only, which must give it; an APP key is bound to its app.',
    })
    @NonNullAllowedTo('ADMIN')
    appId?: string;

    @Field(() => Boolean, { defaultValue: false, description: 'Hold the credit instead of charging it.' })
    hold!: boolean;

    @Field(() => Int, {
      defaultValue: DEFAULT_HOLD_SECONDS,
      description: `After how many seconds a hold is voided by itself, ${ACTION_INPUT_BOUNDS.holdSeconds.limits}.`,
    })
    holdSeconds!: number;

    @Field(() => String, {
      nullable: true,
      description: `An opaque id of the end user, ${ACTION_INPUT_BOUNDS.visitor.limits}.`,
    })
    visitor?: string;

    @Field(() => String, {
      nullable: true,
      description: `The site that the action came from, ${ACTION_INPUT_BOUNDS.origin.limits}.`,
    })
    origin?: string;

    @Field(() => JSONObject, { nullable: true, description: 'The caller’s own data, at most 4 KiB as JSON.' })
    metadata?: object;
  }
  for (const [fact, { scalar, required, defaultValue, description, bound }] of Object.entries(definition.facts)) {
    const type = { String: () => String, Int: () => Int, SafeInt: () => SafeInt }[scalar];
    const options = {
      nullable: !required && defaultValue === undefined,
      description: `${description} ${bound.limits[0]?.toUpperCase()}${bound.limits.slice(1)}.`,
      ...(defaultValue !== undefined && { defaultValue }),
    };
    Field(type, options)(Input.prototype, fact);
  }

  @ObjectType(`${name}Payload`, {
    implements: ActionPayload,
    description: `What ${definition.mutation} returns.`,
    simpleResolvers: true,
  })
  class Payload extends ActionPayload {}

  return { Input, Payload };
}

/** An action as the API shows it. JSON is parsed only if it is asked for. */
export function presentAction(action: ActionRecord): IntegrationActionType {
  const presented = {
    id: publicId('action', action.ownerId, action.sequence),
    ownerId: action.ownerId,
    appId: action.appId,
    type: action.type,
    category: categoryOf(action.type),
    status: action.status,
    credits: CREDITS_PER_ACTION,
    idempotencyKey: action.idempotencyKey,
    visitor: action.visitor,
    origin: action.origin,
    details: () => JSON.parse(action.details) as unknown,
    metadata: () => (action.metadata === null ? null : (JSON.parse(action.metadata) as unknown)),
    holdExpiresAt: action.holdExpiresAt,
    createdAt: action.createdAt,
    resolvedAt: action.resolvedAt,
    reason: action.reason,
    sequence: action.sequence,
    availableAfter: action.availableAfter,
    heldAfter: action.heldAfter,
  };
  return presented as unknown as IntegrationActionType;
}

export function presentOutcome({ action, balance, replayed }: ActionOutcome): ResolveActionPayload {
  return { action: presentAction(action), balance: presentBalance(balance), replayed };
}
