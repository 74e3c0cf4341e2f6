import { Field, ID, InputType, Int, ObjectType, registerEnumType } from 'type-graphql';
import { AllowedTo, MANAGERS } from '../graphql/access';
import { DateTime } from '../graphql/scalars';
import type { GrantOutcome } from '../ledger/commands';
import { BalanceType, GrantType, presentBalance, presentGrant } from './balance.graphql';
import { GRANT_BOUNDS } from './grants';

export const GrantableSource = { BONUS: 'BONUS', TOP_UP: 'TOP_UP' } as const;
registerEnumType(GrantableSource, {
  name: 'GrantableSource',
  description: 'What an operator can grant; PLAN credits come from the plan alone.',
  valuesConfig: {
    BONUS: { description: 'Burnt as early as plan credits; does not expire unless said so.' },
    TOP_UP: {
      description: 'Burnt last; expires after one year unless said otherwise; paused while the plan does not allow it.',
    },
  },
});

@InputType('GrantCreditsInput', {
  description: 'expiresAt: null is never; absent is one year for TOP_UP and never for BONUS.',
})
export class GrantCreditsInput {
  @Field(() => ID, { description: 'To whom.' })
  ownerId!: string;

  @Field(() => Int, { description: `How many credits, ${GRANT_BOUNDS.amount.limits}.` })
  amount!: number;

  @Field(() => GrantableSource, { description: 'What kind of credits.' })
  source!: 'BONUS' | 'TOP_UP';

  @Field(() => String, { nullable: true, description: `Why, ${GRANT_BOUNDS.reason.limits}.` })
  reason?: string | null;

  @Field(() => DateTime, {
    nullable: true,
    description: 'When what is left expires, in the future; null: never; absent: one year for TOP_UP, never for BONUS.',
  })
  expiresAt?: Date | null;

  @Field(() => ID, {
    description: `Chosen by the caller, unique per owner, ${GRANT_BOUNDS.idempotencyKey.limits}. The same key with the same input returns the same grant.`,
  })
  idempotencyKey!: string;
}

@ObjectType('GrantCreditsPayload', { description: 'What grantCredits returns.', simpleResolvers: true })
export class GrantCreditsPayload {
  @Field(() => GrantType, { description: 'The grant.' })
  @AllowedTo(...MANAGERS)
  grant!: GrantType;

  @Field(() => BalanceType, { description: 'The balance right after it; the current one on a replay.' })
  @AllowedTo(...MANAGERS)
  balance!: BalanceType;

  @Field(() => Boolean, { description: 'Whether the key was known: then nothing was granted.' })
  @AllowedTo(...MANAGERS)
  replayed!: boolean;
}

@InputType('RevokeGrantInput', { description: 'Takes what remains of a grant.' })
export class RevokeGrantInput {
  @Field(() => ID, { description: 'Which grant.' })
  grantId!: string;

  @Field(() => String, { nullable: true, description: `Why, ${GRANT_BOUNDS.reason.limits}.` })
  reason?: string | null;
}

@ObjectType('RevokeGrantPayload', { description: 'What revokeGrant returns.', simpleResolvers: true })
export class RevokeGrantPayload {
  @Field(() => GrantType, { description: 'The grant, with nothing left.' })
  @AllowedTo(...MANAGERS)
  grant!: GrantType;

  @Field(() => BalanceType, { description: 'The balance right after it.' })
  @AllowedTo(...MANAGERS)
  balance!: BalanceType;
}

export function presentGrantOutcome({ grant, balance, replayed }: GrantOutcome): GrantCreditsPayload {
  return { grant: presentGrant(grant, balance), balance: presentBalance(balance), replayed };
}
