import { Field, Float, ObjectType } from 'type-graphql';
import { AllowedTo, EVERYONE } from '../graphql/access';
import { DateTime } from '../graphql/scalars';
import { PACE_WINDOW_HOURS } from './runways';

@ObjectType('Runway', {
  description: 'How long the credits will last at the present pace.',
  simpleResolvers: true,
})
export class RunwayType {
  @Field(() => Float, {
    description: `Credits used and not returned per hour, over the last ${PACE_WINDOW_HOURS} hours or since the owner was created, at least one hour.`,
  })
  @AllowedTo(...EVERYONE)
  creditsPerHour!: number;

  @Field(() => DateTime, {
    nullable: true,
    description:
      'When nothing will be available at that pace, with grants that expire before; now where nothing is. null: not before the reset.',
  })
  @AllowedTo(...EVERYONE)
  emptyAt!: number | null;

  @Field(() => Boolean, { description: 'Whether something will be available until the plan’s credits renew.' })
  @AllowedTo(...EVERYONE)
  lastsUntilReset!: boolean;
}
