import { Arg, Mutation, Resolver } from 'type-graphql';
import { AllowedTo } from '../graphql/access';
import {
  GrantCreditsInput,
  GrantCreditsPayload,
  presentGrantOutcome,
  RevokeGrantInput,
  RevokeGrantPayload,
} from './grant.graphql';
import type { Grants } from './grants';

@Resolver()
export class GrantResolver {
  constructor(private readonly grants: Grants) {}

  @Mutation(() => GrantCreditsPayload, {
    description:
      'Adds credits to a pool. IDEMPOTENCY_KEY_REUSED; LIMIT_REACHED where the pool would exceed 2,000,000,000 credits.',
  })
  @AllowedTo('ADMIN')
  async grantCredits(
    @Arg('input', () => GrantCreditsInput, { description: 'The credits.' }) input: GrantCreditsInput,
  ): Promise<GrantCreditsPayload> {
    const expiresAt = input.expiresAt instanceof Date ? input.expiresAt.getTime() : input.expiresAt;
    return presentGrantOutcome(await this.grants.grant({ ...input, expiresAt }));
  }

  @Mutation(() => RevokeGrantPayload, {
    description:
      'Takes what remains of a grant; a credit that comes back to it later is taken too. Again: changes nothing.',
  })
  @AllowedTo('ADMIN')
  async revokeGrant(
    @Arg('input', () => RevokeGrantInput, { description: 'Which grant, and why.' }) input: RevokeGrantInput,
  ): Promise<RevokeGrantPayload> {
    return presentGrantOutcome(await this.grants.revoke(input));
  }
}
