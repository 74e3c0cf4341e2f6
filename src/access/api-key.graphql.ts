import { Field, ID, InputType, Int, ObjectType, registerEnumType } from 'type-graphql';
import { AllowedTo, MANAGERS } from '../graphql/access';
import { Node } from '../graphql/node.graphql';
import { DateTime } from '../graphql/scalars';
import { publicId } from '../public-id';
import { API_KEY_BOUNDS, ROTATION_BOUNDS, type ApiKey, type CreatedApiKey } from './api-keys';
import type { ApiKeyRole } from './api-key-secret';

export const ApiKeyRoleEnum = { ADMIN: 'ADMIN', OWNER: 'OWNER', APP: 'APP', PUBLISHABLE: 'PUBLISHABLE' } as const;
registerEnumType(ApiKeyRoleEnum, {
  name: 'ApiKeyRole',
  description: 'What a key may do. Anything not listed is refused with FORBIDDEN.',
  valuesConfig: {
    ADMIN: { description: 'The operator: everything. Where a field needs an owner, ownerId must be given.' },
    OWNER: {
      description:
        'One owner: all reads and subscriptions, its apps, voids, refunds, its name and e-mail, keys of the other roles but ADMIN.',
    },
    APP: { description: 'One app: the action mutations, capture, void, refund, its own actions, its owner’s balance.' },
    PUBLISHABLE: {
      description: 'Made for browsers: the balance without grants, from an allowed origin. It never debits.',
    },
  },
});

@ObjectType('ApiKey', { implements: Node, description: 'A key, without its secret.', simpleResolvers: true })
export class ApiKeyType extends Node {
  ownerNumber!: number;
  appNumber!: number | null;

  @Field(() => String, { description: 'What it is for.' })
  @AllowedTo(...MANAGERS)
  name!: string;

  @Field(() => ApiKeyRoleEnum, { description: 'What it may do.' })
  @AllowedTo(...MANAGERS)
  role!: ApiKeyRole;

  @Field(() => String, { description: 'Its prefix and last four characters.' })
  @AllowedTo(...MANAGERS)
  hint!: string;

  @Field(() => DateTime, { description: 'When it was created.' })
  @AllowedTo(...MANAGERS)
  createdAt!: number;

  @Field(() => DateTime, { nullable: true, description: 'When it was last used, to the minute; null: never.' })
  @AllowedTo(...MANAGERS)
  lastUsedAt!: number | null;

  @Field(() => DateTime, { nullable: true, description: 'From when on it does not work; null: it does not expire.' })
  @AllowedTo(...MANAGERS)
  expiresAt!: number | null;

  @Field(() => DateTime, { nullable: true, description: 'When it was revoked; null: it was not.' })
  @AllowedTo(...MANAGERS)
  revokedAt!: number | null;
}

@InputType('CreateApiKeyInput', {
  description: 'ownerId with role OWNER, appId with role APP or PUBLISHABLE, neither with role ADMIN.',
})
export class CreateApiKeyInput {
  @Field(() => String, { description: `What it is for, ${API_KEY_BOUNDS.name.limits}.` })
  name!: string;

  @Field(() => ApiKeyRoleEnum, { description: 'What it may do. Only an ADMIN key may create one of role ADMIN.' })
  role!: ApiKeyRole;

  @Field(() => ID, { nullable: true, description: 'With role OWNER: whose; ADMIN keys must give it.' })
  ownerId?: string | null;

  @Field(() => ID, { nullable: true, description: 'With role APP or PUBLISHABLE: which app’s.' })
  appId?: string | null;

  @Field(() => DateTime, {
    nullable: true,
    description: 'From when on it does not work, in the future; null: it does not expire.',
  })
  expiresAt?: Date | null;
}

@ObjectType('CreateApiKeyPayload', {
  description: 'secret is returned this once and stored only as a hash.',
  simpleResolvers: true,
})
export class CreateApiKeyPayload {
  @Field(() => ApiKeyType, { description: 'The new key.' })
  @AllowedTo(...MANAGERS)
  apiKey!: ApiKeyType;

  @Field(() => String, { description: 'What to send as "Authorization: Bearer". Returned this once.' })
  @AllowedTo(...MANAGERS)
  secret!: string;
}

@InputType('RotateApiKeyInput', { description: 'The old key goes on working for overlapSeconds.' })
export class RotateApiKeyInput {
  @Field(() => ID, { description: 'The key to replace.' })
  id!: string;

  @Field(() => Int, {
    defaultValue: 0,
    description: `For how many seconds the old key goes on working, ${ROTATION_BOUNDS.overlapSeconds.limits}.`,
  })
  overlapSeconds!: number;
}

@ObjectType('RotateApiKeyPayload', {
  description: 'The new key; its secret is returned this once and stored only as a hash.',
  simpleResolvers: true,
})
export class RotateApiKeyPayload {
  @Field(() => ApiKeyType, { description: 'The new key.' })
  @AllowedTo(...MANAGERS)
  apiKey!: ApiKeyType;

  @Field(() => String, { description: 'What to send as "Authorization: Bearer". Returned this once.' })
  @AllowedTo(...MANAGERS)
  secret!: string;
}

@InputType('RevokeApiKeyInput', { description: 'The key stops working at once, and its sockets are closed.' })
export class RevokeApiKeyInput {
  @Field(() => ID, { description: 'The key to revoke.' })
  id!: string;
}

@ObjectType('RevokeApiKeyPayload', { description: 'What revokeApiKey returns.', simpleResolvers: true })
export class RevokeApiKeyPayload {
  @Field(() => ApiKeyType, { description: 'The revoked key.' })
  @AllowedTo(...MANAGERS)
  apiKey!: ApiKeyType;
}

export function presentApiKey(key: ApiKey): ApiKeyType {
  const { name, role, hint, createdAt, lastUsedAt, expiresAt, revokedAt } = key;
  const id = publicId('apiKey', key.ownerId, key.id);
  const scope = { ownerNumber: key.ownerId, appNumber: key.appId };
  return { id, ...scope, name, role, hint, createdAt, lastUsedAt, expiresAt, revokedAt };
}

export function presentCreatedKey({ apiKey, secret }: CreatedApiKey): CreateApiKeyPayload {
  return { apiKey: presentApiKey(apiKey), secret };
}
