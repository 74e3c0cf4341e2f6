import { Arg, Ctx, Mutation, Resolver } from 'type-graphql';
import { AllowedTo, MANAGERS } from '../graphql/access';
import type { RequestContext } from '../graphql/context';
import {
  CreateApiKeyInput,
  CreateApiKeyPayload,
  presentApiKey,
  presentCreatedKey,
  RevokeApiKeyInput,
  RevokeApiKeyPayload,
  RotateApiKeyInput,
  RotateApiKeyPayload,
} from './api-key.graphql';
import type { ApiKeys } from './api-keys';

@Resolver()
export class ApiKeyResolver {
  constructor(private readonly apiKeys: ApiKeys) {}

  @Mutation(() => CreateApiKeyPayload, { description: 'Adds a key. Its secret is returned this once.' })
  @AllowedTo(...MANAGERS)
  async createApiKey(
    @Ctx() { caller }: RequestContext,
    @Arg('input', () => CreateApiKeyInput, { description: 'The key.' }) input: CreateApiKeyInput,
  ): Promise<CreateApiKeyPayload> {
    return presentCreatedKey(
      await this.apiKeys.create(caller, { ...input, expiresAt: input.expiresAt?.getTime() ?? null }),
    );
  }

  @Mutation(() => RotateApiKeyPayload, {
    description: 'Replaces a key by one of the same name, role and scope. NOT_FOUND where it does not work any more.',
  })
  @AllowedTo(...MANAGERS)
  async rotateApiKey(
    @Ctx() { caller }: RequestContext,
    @Arg('input', () => RotateApiKeyInput, { description: 'Which key.' }) input: RotateApiKeyInput,
  ): Promise<RotateApiKeyPayload> {
    return presentCreatedKey(await this.apiKeys.rotate(caller, input.id, input.overlapSeconds));
  }

  @Mutation(() => RevokeApiKeyPayload, { description: 'Ends a key at once and closes its sockets.' })
  @AllowedTo(...MANAGERS)
  async revokeApiKey(
    @Ctx() { caller }: RequestContext,
    @Arg('input', () => RevokeApiKeyInput, { description: 'Which key.' }) input: RevokeApiKeyInput,
  ): Promise<RevokeApiKeyPayload> {
    return { apiKey: presentApiKey(await this.apiKeys.revoke(caller, input.id)) };
  }
}
