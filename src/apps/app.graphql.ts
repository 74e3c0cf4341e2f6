import { Field, ID, InputType, Int, ObjectType, registerEnumType } from 'type-graphql';
import { ApiKeyType } from '../access/api-key.graphql';
import { ALL_BUT_PUBLISHABLE, AllowedTo, MANAGERS } from '../graphql/access';
import { connectionTypes, Node } from '../graphql/node.graphql';
import { DateTime } from '../graphql/scalars';
import type { AppStatus } from '../ledger/pool';
import { publicId } from '../public-id';
import { APP_BOUNDS, type App } from './apps';

export const AppStatusEnum = { ACTIVE: 'ACTIVE', PAUSED: 'PAUSED' } as const;
registerEnumType(AppStatusEnum, {
  name: 'AppStatus',
  description: 'Whether an app may perform actions.',
  valuesConfig: {
    ACTIVE: { description: 'It may.' },
    PAUSED: { description: 'Its actions are refused with APP_PAUSED; what is held can still be resolved.' },
  },
});

@ObjectType('App', {
  implements: Node,
  description: 'An app of an owner. It draws on the owner’s pool.',
  simpleResolvers: true,
})
export class AppType extends Node {
  ownerNumber!: number;
  number!: number;

  @Field(() => String, { description: 'Its name.' })
  @AllowedTo(...ALL_BUT_PUBLISHABLE)
  name!: string;

  @Field(() => AppStatusEnum, { description: 'Whether it may perform actions.' })
  @AllowedTo(...ALL_BUT_PUBLISHABLE)
  status!: AppStatus;

  @Field(() => Int, {
    nullable: true,
    description: 'How many credits it may use per period; null: only the pool limits it.',
  })
  @AllowedTo(...ALL_BUT_PUBLISHABLE)
  creditCap!: number | null;

  @Field(() => Int, { description: 'Its actions opened in this period that are HELD or CAPTURED.' })
  @AllowedTo(...ALL_BUT_PUBLISHABLE)
  usedThisPeriod!: number;

  @Field(() => [String], { description: 'Sites whose pages may use a publishable key of it; empty: none.' })
  @AllowedTo(...ALL_BUT_PUBLISHABLE)
  allowedOrigins!: readonly string[];

  @Field(() => [ApiKeyType], { description: 'Its keys, newest first, the revoked ones too.' })
  @AllowedTo(...MANAGERS)
  apiKeys!: ApiKeyType[];

  @Field(() => DateTime, { description: 'When it was created.' })
  @AllowedTo(...ALL_BUT_PUBLISHABLE)
  createdAt!: number;
}

export const AppConnection = connectionTypes('App', () => AppType).Connection;

@InputType('CreateAppInput', { description: 'A new app.' })
export class CreateAppInput {
  @Field(() => ID, { nullable: true, description: 'Whose; ADMIN keys must give it.' })
  ownerId?: string | null;

  @Field(() => String, { description: `Its name, ${APP_BOUNDS.name.limits}.` })
  name!: string;

  @Field(() => Int, {
    nullable: true,
    description: `Credits per period, ${APP_BOUNDS.creditCap.limits}; null: no cap.`,
  })
  creditCap?: number | null;

  @Field(() => [String], {
    defaultValue: [],
    description: `Sites whose pages may use a publishable key, ${APP_BOUNDS.allowedOrigins.limits}.`,
  })
  allowedOrigins!: string[];
}

@ObjectType('CreateAppPayload', { description: 'What createApp returns.', simpleResolvers: true })
export class CreateAppPayload {
  @Field(() => AppType, { description: 'The new app.' })
  @AllowedTo(...MANAGERS)
  app!: AppType;
}

@InputType('UpdateAppInput', { description: 'An absent field keeps its value and null clears it.' })
export class UpdateAppInput {
  @Field(() => ID, { description: 'Which app.' })
  id!: string;

  @Field(() => String, { nullable: true, description: `Its name, ${APP_BOUNDS.name.limits}.` })
  name?: string;

  @Field(() => AppStatusEnum, { nullable: true, description: 'Pauses or resumes it, from the next action on.' })
  status?: AppStatus | null;

  @Field(() => Int, {
    nullable: true,
    description: `Credits per period, ${APP_BOUNDS.creditCap.limits}; null: no cap.`,
  })
  creditCap?: number | null;

  @Field(() => [String], {
    nullable: true,
    description: `Sites whose pages may use a publishable key, ${APP_BOUNDS.allowedOrigins.limits}. Removing one closes its sockets.`,
  })
  allowedOrigins?: string[];
}

@ObjectType('UpdateAppPayload', { description: 'What updateApp returns.', simpleResolvers: true })
export class UpdateAppPayload {
  @Field(() => AppType, { description: 'The app as it is now.' })
  @AllowedTo(...MANAGERS)
  app!: AppType;
}

/** An app as the API shows it; `usedThisPeriod` depends on the running period and is resolved when it is asked for. */
export function presentApp(app: App): AppType {
  const { ownerId, id, name, status, creditCap, allowedOrigins, createdAt } = app;
  const presented = {
    id: publicId('app', ownerId, id),
    ownerNumber: ownerId,
    number: id,
    name,
    status,
    creditCap,
    allowedOrigins,
    createdAt,
  };
  return presented as AppType;
}
