import { FieldResolver, Resolver, Root } from 'type-graphql';
import { IntegrationActionType, presentAction } from '../actions/action.graphql';
import { GrantType, presentGrant } from './balance.graphql';
import { LedgerEntryType } from './ledger-entry.graphql';
import type { LedgerReader } from './ledger-reader';

@Resolver(() => LedgerEntryType)
export class LedgerEntryResolver {
  constructor(private readonly reader: LedgerReader) {}

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
