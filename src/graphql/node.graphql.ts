import { Field, ID, InterfaceType, ObjectType } from 'type-graphql';
import { parsePublicId, type NodeKind } from '../public-id';
import { ALL_BUT_PUBLISHABLE, AllowedTo } from './access';

/** The GraphQL type that the id of each kind of node stands for. */
export const NODE_TYPES: Readonly<Record<NodeKind, string>> = {
  plan: 'Plan',
  owner: 'Owner',
  app: 'App',
  apiKey: 'ApiKey',
  action: 'IntegrationAction',
  grant: 'Grant',
  ledgerEntry: 'LedgerEntry',
};

@InterfaceType('Node', {
  description: 'Anything with an id. Every id is opaque: a type prefix and an encoding that names the owner too.',
  resolveType: (node: { id: string }) => {
    const identity = parsePublicId(node.id);
    return identity ? NODE_TYPES[identity.kind] : undefined;
  },
})
export abstract class Node {
  @Field(() => ID, { description: 'The opaque id: pass it back as it is.' })
  @AllowedTo(...ALL_BUT_PUBLISHABLE)
  id!: string;
}

@ObjectType({
  description: 'Where a page stands in its list, as the Relay specification has it.',
  simpleResolvers: true,
})
export class PageInfo {
  @Field(() => Boolean, { description: 'Whether more follows.' })
  @AllowedTo(...ALL_BUT_PUBLISHABLE)
  hasNextPage!: boolean;

  @Field(() => Boolean, { description: 'Whether the page began after a cursor.' })
  @AllowedTo(...ALL_BUT_PUBLISHABLE)
  hasPreviousPage!: boolean;

  @Field(() => String, { nullable: true, description: 'The cursor of the first node; null on an empty page.' })
  @AllowedTo(...ALL_BUT_PUBLISHABLE)
  startCursor!: string | null;

  @Field(() => String, { nullable: true, description: 'The cursor of the last node: pass it as `after`.' })
  @AllowedTo(...ALL_BUT_PUBLISHABLE)
  endCursor!: string | null;
}

type NodeClass = () => new () => object;

/** The Connection and Edge types of a node type: `XConnection` and `XEdge`. */
export function connectionTypes(name: string, node: NodeClass): { Connection: new () => object } {
  @ObjectType(`${name}Edge`, { description: 'A node and its cursor.', simpleResolvers: true })
  class Edge {
    @Field(() => String, { description: 'The node’s place in the list. It stays good while rows are added.' })
    @AllowedTo(...ALL_BUT_PUBLISHABLE)
    cursor!: string;

    @Field(node, { description: 'The node.' })
    @AllowedTo(...ALL_BUT_PUBLISHABLE)
    node!: object;
  }

  @ObjectType(`${name}Connection`, { description: 'A page of a list.', simpleResolvers: true })
  class Connection {
    @Field(() => [Edge], { description: 'The nodes of this page, in order.' })
    @AllowedTo(...ALL_BUT_PUBLISHABLE)
    edges!: Edge[];

    @Field(() => PageInfo, { description: 'Where this page stands.' })
    @AllowedTo(...ALL_BUT_PUBLISHABLE)
    pageInfo!: PageInfo;
  }

  return { Connection };
}
