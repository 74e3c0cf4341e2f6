import { Arg, Ctx, ID, Query, Resolver } from 'type-graphql';
import type { ApiKeyRole } from '../access/api-key-secret';
import { forbidden, type Caller } from '../access/caller';
import { notFound } from '../errors';
import { parsePublicId, type NodeKind } from '../public-id';
import { ALL_BUT_PUBLISHABLE, AllowedTo } from './access';
import type { RequestContext } from './context';
import { Node } from './node.graphql';

/** How a kind of node is found by its id, and which roles may find it that way. */
export interface NodeLoader {
  readonly allowedTo: readonly ApiKeyRole[];
  /** Throws NOT_FOUND where there is none, or where it is not the caller's. */
  load(caller: Caller, id: string): Promise<Node>;
}

export class NodeLoaders {
  constructor(private readonly loaders: Readonly<Record<NodeKind, NodeLoader>>) {}

  /** FORBIDDEN where the caller's role never has this kind of node: decided before anything is looked up. */
  async load(caller: Caller, id: string): Promise<Node> {
    const identity = parsePublicId(id);
    if (!identity) throw notFound('node');
    const loader = this.loaders[identity.kind];
    if (!loader.allowedTo.includes(caller.role)) throw forbidden();
    return loader.load(caller, id);
  }
}

@Resolver()
export class NodeResolver {
  constructor(private readonly loaders: NodeLoaders) {}

  @Query(() => Node, { nullable: true, description: 'Anything by its id. NOT_FOUND where it is not the caller’s.' })
  @AllowedTo(...ALL_BUT_PUBLISHABLE)
  node(@Ctx() { caller }: RequestContext, @Arg('id', () => ID, { description: 'The id.' }) id: string): Promise<Node> {
    return this.loaders.load(caller, id);
  }
}
