import { FieldResolver, Resolver, Root } from 'type-graphql';
import { BalanceType, snapshotBehind } from '../balances/balance.graphql';
import { AllowedTo, EVERYONE } from '../graphql/access';
import { RunwayType } from './runway.graphql';
import type { Runways } from './runways';

@Resolver(() => BalanceType)
export class RunwayResolver {
  constructor(private readonly runways: Runways) {}

  @FieldResolver(() => RunwayType, { description: 'How long these credits will last at the present pace.' })
  @AllowedTo(...EVERYONE)
  runway(@Root() balance: BalanceType): Promise<RunwayType> {
    return this.runways.of(snapshotBehind(balance));
  }
}
