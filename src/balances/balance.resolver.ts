import { Arg, Ctx, ID, Query, Resolver, Root, Subscription } from 'type-graphql';
import { ownerScope } from '../access/caller';
import { AllowedTo, EVERYONE } from '../graphql/access';
import type { RequestContext } from '../graphql/context';
import type { Ledger } from '../ledger/ledger';
import type { BalanceSnapshot } from '../ledger/pool';
import { BalanceType, presentBalance } from './balance.graphql';

@Resolver()
export class BalanceResolver {
  constructor(private readonly ledger: Ledger) {}

  @Query(() => BalanceType, {
    description: 'An owner’s balance now: what has fallen due is settled before it is read.',
  })
  @AllowedTo(...EVERYONE)
  async balance(
    @Ctx() { caller }: RequestContext,
    @Arg('ownerId', () => ID, { nullable: true, description: 'Whose; ADMIN keys must give it.' })
    ownerId: string | null,
  ): Promise<BalanceType> {
    return presentBalance(await this.ledger.balance(ownerScope(caller, ownerId)));
  }

  @Subscription(() => BalanceType, {
    description:
      'The owner’s balance: the current one first, then newer ones. Latest value wins; version never goes back.',
    subscribe: ({ context, args }) =>
      (context as RequestContext).live.balances.watch(
        (context as RequestContext).caller,
        args['ownerId'] as string | null,
      ),
  })
  @AllowedTo(...EVERYONE)
  balanceChanged(
    @Root() balance: BalanceSnapshot,
    @Arg('ownerId', () => ID, { nullable: true, description: 'Whose; ADMIN keys must give it.' }) _owner: string | null,
  ): BalanceType {
    return presentBalance(balance);
  }
}
