import { Field, ObjectType, registerEnumType } from 'type-graphql';
import { AllowedTo, MANAGERS } from '../graphql/access';
import { DateTime, SafeInt } from '../graphql/scalars';
import { publicId } from '../public-id';
import { USAGE_INTERVALS, type UsageInterval } from './calendar';
import type { UsageBucket } from './usage';

export const UsageIntervalEnum = Object.fromEntries(USAGE_INTERVALS.map((name) => [name, name])) as {
  readonly [Name in UsageInterval]: Name;
};
registerEnumType(UsageIntervalEnum, {
  name: 'UsageInterval',
  description: 'How long a bucket of usage is, by the calendar of the time zone.',
  valuesConfig: {
    HOUR: { description: 'An hour of the clock; the hour that is lived twice when the clocks change is two.' },
    DAY: { description: 'From midnight to midnight: 23 or 25 hours when the clocks change.' },
    MONTH: { description: 'A calendar month.' },
  },
});

export const UsageGroupEnum = { APP: 'APP', TYPE: 'TYPE', CATEGORY: 'CATEGORY' } as const;
registerEnumType(UsageGroupEnum, {
  name: 'UsageGroup',
  description: 'What usage is kept apart by.',
  valuesConfig: {
    APP: { description: 'By app: `group` is the app’s id.' },
    TYPE: { description: 'By action type: `group` is an ActionType.' },
    CATEGORY: { description: 'By category: `group` is an ActionCategory.' },
  },
});

@ObjectType('UsageBucket', {
  description: 'How many credits the actions used that were opened in one hour, day or month.',
  simpleResolvers: true,
})
export class UsageBucketType {
  @Field(() => DateTime, { description: 'When the hour, day or month begins, which may be before `from`.' })
  @AllowedTo(...MANAGERS)
  start!: number;

  @Field(() => String, {
    nullable: true,
    description: 'The app’s id, the action type or the category; null where nothing is grouped, or nothing was used.',
  })
  @AllowedTo(...MANAGERS)
  group!: string | null;

  @Field(() => SafeInt, { description: 'Actions that were opened here and not voided since, one credit each.' })
  @AllowedTo(...MANAGERS)
  credits!: number;

  @Field(() => SafeInt, { description: 'How many of them were refunded since, whenever that was.' })
  @AllowedTo(...MANAGERS)
  refunded!: number;
}

export function presentBucket(ownerId: number, bucket: UsageBucket): UsageBucketType {
  const { start, appId, label, credits, refunded } = bucket;
  return { start, group: appId === null ? label : publicId('app', ownerId, appId), credits, refunded };
}
