import { Arg, Ctx, FieldResolver, ID, Int, Query, Resolver, Root, Subscription } from 'type-graphql';
import { IntegrationActionType, presentAction } from '../actions/action.graphql';
import { badUserInput } from '../errors';
import { AllowedTo, MANAGERS } from '../graphql/access';
import { connectionOf } from '../graphql/connection';
import type { RequestContext } from '../graphql/context';
import { SafeInt } from '../graphql/scalars';
import type { LedgerEntry } from '../ledger/pool';
import { GrantType, presentGrant } from './balance.graphql';
import { LedgerEntryConnection, LedgerEntryType, LedgerVerificationType, presentEntry } from './ledger-entry.graphql';
import type { LedgerHistory } from './ledger-history';
import type { LedgerReader } from './ledger-reader';

@Resolver(() => LedgerEntryType)
export class LedgerEntryResolver {
  constructor(
    private readonly reader: LedgerReader,
    private readonly history: LedgerHistory,
  ) {}

  @Query(() => LedgerEntryConnection, { description: 'An owner’s ledger, ascending by sequence.' })
  @AllowedTo(...MANAGERS)
  ledger(
    @Ctx() { caller }: RequestContext,
    @Arg('ownerId', () => ID, { nullable: true, description: 'Whose; ADMIN keys must give it.' })
    ownerId: string | null,
    @Arg('afterSequence', () => SafeInt, {
      nullable: true,
      description: 'Only entries after this one; not with after.',
    })
    afterSequence: number | null,
    @Arg('first', () => Int, { defaultValue: 20, description: 'The size of the page, 1 to 100.' }) first: number,
    @Arg('after', () => String, { nullable: true, description: 'The cursor to continue after.' }) after: string | null,
  ): Promise<object> {
    if (typeof afterSequence === 'number' && typeof after === 'string') {
      throw badUserInput([{ path: 'afterSequence', message: 'and after must not both be given' }]);
    }
    return connectionOf(
      { first, after },
      {
        read: (cursor, limit) => this.history.page(caller, { ownerId, after: cursor ?? afterSequence ?? 0, limit }),
        positionOf: (entry) => entry.sequence,
        nodeOf: presentEntry,
      },
    );
  }

  @Query(() => LedgerVerificationType, {
    description:
      'Recomputes the invariants from the ledger entries alone, of one owner or, with an ADMIN key and without ownerId, of all.',
  })
  @AllowedTo(...MANAGERS)
  verifyLedger(
    @Ctx() { caller }: RequestContext,
    @Arg('ownerId', () => ID, { nullable: true, description: 'Whose; without it all, with an ADMIN key.' })
    ownerId: string | null,
  ): Promise<LedgerVerificationType> {
    return this.history.verify(caller, ownerId);
  }

  @Subscription(() => LedgerEntryType, {
    description:
      'Every ledger entry after a sequence number: first the missed ones, then live ones. No gap, no repeat. A watcher that is too slow is ended with LIMIT_REACHED.',
    subscribe: ({ context, args }) =>
      (context as RequestContext).live.ledger.watch((context as RequestContext).caller, {
        ownerId: args['ownerId'] as string | null,
        afterSequence: args['afterSequence'] as number,
      }),
  })
  @AllowedTo(...MANAGERS)
  ledgerAppended(
    @Root() entry: LedgerEntry,
    @Arg('ownerId', () => ID, { nullable: true, description: 'Whose; ADMIN keys must give it.' }) _owner: string | null,
    @Arg('afterSequence', () => SafeInt, { description: 'The last entry that the client has; 0: none.' })
    _after: number,
  ): LedgerEntryType {
    return presentEntry(entry);
  }

  @FieldResolver(() => GrantType)
  async grant(@Root() entry: LedgerEntryType): Promise<GrantType> {
    const { grant, terms } = await this.reader.grant(entry.ownerId, entry.grantSequence);
    return presentGrant(grant, terms);
  }

  @FieldResolver(() => IntegrationActionType, { nullable: true })
  async action(@Root() entry: LedgerEntryType): Promise<IntegrationActionType | null> {
    if (entry.actionSequence === null) return null;
    return presentAction(await this.reader.action(entry.ownerId, entry.actionSequence));
  }
}
