import type { GraphQLFieldResolver, GraphQLSchema } from 'graphql';
import { buildSchemaSync, type PubSub } from 'type-graphql';
import { enforceAccess } from './access';
import type { RequestContext } from './context';

/** A resolver class and the instance that answers for it. */
export type ResolverEntry = readonly [new (...parts: never[]) => object, object];

/** How a mutation with one input is resolved. */
export type MutationResolver = GraphQLFieldResolver<unknown, RequestContext, { input: object }>;

/** Every subscription brings its own stream (`subscribe`), so nothing is ever published by topic. */
const noTopics: PubSub = {
  publish: () => undefined,
  subscribe: () => {
    throw new Error('Subscriptions bring their own streams.');
  },
};

/**
 * Builds the executable schema; fails where a field does not declare who may use it. `direct` resolves the mutations that it names:
 * type-graphql would make class instances of their inputs and walk its chain of middlewares for each call, to no effect.
 */
export function buildSchema(
  resolvers: readonly ResolverEntry[],
  orphanedTypes: (new () => object)[],
  direct: ReadonlyMap<string, MutationResolver> = new Map(),
): GraphQLSchema {
  const instances = new Map<unknown, object>(resolvers);
  const [first, ...others] = resolvers.map(([resolver]) => resolver);
  if (!first) throw new Error('A schema needs resolvers.');
  const schema = buildSchemaSync({
    resolvers: [first, ...others],
    orphanedTypes,
    container: { get: (resolver) => instances.get(resolver) },
    // Inputs are checked by their bounds (src/bounds.ts): class-validator costs a quarter of the hot path.
    validate: false,
    pubSub: noTopics,
  });
  describeRoots(schema);
  resolveDirectly(schema, direct);
  enforceAccess(schema);
  return schema;
}

function resolveDirectly(schema: GraphQLSchema, direct: ReadonlyMap<string, MutationResolver>): void {
  const mutations = schema.getMutationType()?.getFields() ?? {};
  for (const [name, resolve] of direct) {
    const field = mutations[name];
    if (!field) throw new Error(`There is no mutation ${name}.`);
    field.resolve = resolve;
  }
}

/** type-graphql makes the root types itself and gives them no description. */
function describeRoots(schema: GraphQLSchema): void {
  const [query, mutation, subscription] = [
    schema.getQueryType(),
    schema.getMutationType(),
    schema.getSubscriptionType(),
  ];
  if (query) query.description = 'What can be read, over HTTP.';
  if (mutation)
    mutation.description =
      'What can be changed, over HTTP. One action mutation per document: one request is one credit.';
  if (subscription) subscription.description = 'What can be watched, over WebSocket (graphql-transport-ws).';
}
