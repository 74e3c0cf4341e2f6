import { Arg, Ctx, Extensions, ID, Query, Resolver } from 'type-graphql';
import { AllowedTo, MANAGERS } from '../graphql/access';
import type { RequestContext } from '../graphql/context';
import { LIST_SIZE } from '../graphql/limits';
import { DateTime } from '../graphql/scalars';
import { MAX_BUCKETS, type UsageInterval } from './calendar';
import type { Usage, UsageGroup } from './usage';
import { presentBucket, UsageBucketType, UsageGroupEnum, UsageIntervalEnum } from './usage.graphql';

@Resolver()
export class UsageResolver {
  constructor(private readonly counts: Usage) {}

  @Query(() => [UsageBucketType], {
    description: `How many credits were used when, up to the newest debit. An action counts where it was opened: a void takes it out
there, a refund adds it to refunded there. Buckets ascend and are all present, empty ones with zero, for every group that was used
in that time. BAD_USER_INPUT for more than 1,000 buckets, or 10,000 times groups.`,
  })
  @AllowedTo(...MANAGERS)
  @Extensions({ [LIST_SIZE]: MAX_BUCKETS })
  async usage(
    @Ctx() { caller }: RequestContext,
    @Arg('ownerId', () => ID, { nullable: true, description: 'Whose; ADMIN keys must give it, or an appId.' })
    ownerId: string | null,
    @Arg('appId', () => ID, { nullable: true, description: 'Only this app.' }) appId: string | null,
    @Arg('from', () => DateTime, { description: 'Actions opened from this instant on.' }) from: Date,
    @Arg('to', () => DateTime, { description: 'Actions opened before this instant.' }) to: Date,
    @Arg('interval', () => UsageIntervalEnum, { description: 'The length of a bucket.' }) interval: UsageInterval,
    @Arg('groupBy', () => UsageGroupEnum, { nullable: true, description: 'What to keep apart; null: nothing.' })
    groupBy: UsageGroup | null,
    @Arg('timeZone', () => String, {
      defaultValue: 'UTC',
      description: 'The IANA name of the time zone whose hours, days and months are meant, such as Europe/Berlin.',
    })
    timeZone: string,
  ): Promise<UsageBucketType[]> {
    const span = { from: from.getTime(), to: to.getTime() };
    const asked = { ownerId, appId, ...span, interval, groupBy: groupBy ?? null, timeZone };
    const { ownerId: owner, buckets } = await this.counts.buckets(caller, asked);
    return buckets.map((bucket) => presentBucket(owner, bucket));
  }
}
