// What the rivals that are stores stand behind: Apollo on Fastify, set as in our own server, with a mutation comparable
// to ours. So a comparison with them is one of stores and limits, and not of frameworks. It is kinder to them than our
// own server is to us: the owner is taken from the bearer token without a look-up, and no input is checked.
import { ApolloServer } from '@apollo/server';
import { ApolloServerPluginCacheControlDisabled } from '@apollo/server/plugin/disabled';
import { fastifyApolloHandler } from '@as-integrations/fastify';
import Fastify from 'fastify';
import { GraphQLError } from 'graphql';

export interface DebitInput {
  idempotencyKey: string;
  model: string;
}

/** What came of a debit; null: there was no credit left. */
export type Debited = { actionId: string; available: number } | null;

/** Takes one credit from an owner. */
export type Debit = (ownerId: number, input: DebitInput) => Promise<Debited>;

interface Context {
  ownerId: number;
}

const typeDefs = /* GraphQL */ `
  input InvokeLlmInput {
    idempotencyKey: ID!
    model: String!
  }
  type Action {
    id: ID!
    idempotencyKey: ID!
    type: String!
    model: String!
  }
  type Balance {
    available: Int!
  }
  type InvokeLlmPayload {
    action: Action!
    balance: Balance!
    replayed: Boolean!
  }
  type Query {
    service: String!
  }
  type Mutation {
    invokeLlm(input: InvokeLlmInput!): InvokeLlmPayload!
  }
`;

/** Serves the mutation at /graphql on the port of the environment, and GET /readyz. */
export async function serve(debit: Debit): Promise<void> {
  const apollo = new ApolloServer<Context>({
    typeDefs,
    resolvers: resolversOf(debit),
    persistedQueries: false,
    plugins: [ApolloServerPluginCacheControlDisabled()],
  });
  await apollo.start();
  const fastify = Fastify({ logger: false });
  const context = (request: { headers: { authorization?: string | undefined } }): Promise<Context> =>
    contextOf(request);
  fastify.route({
    method: ['GET', 'POST'],
    url: '/graphql',
    handler: fastifyApolloHandler(apollo, { context }) as never,
  });
  fastify.get('/readyz', () => ({ status: 'ready' }));
  await fastify.listen({ port: Number(process.env['PORT'] ?? 4001), host: '127.0.0.1' });
}

async function contextOf({ headers }: { headers: { authorization?: string | undefined } }): Promise<Context> {
  const ownerId = /^Bearer owner-(\d+)$/.exec(headers.authorization ?? '')?.[1];
  if (ownerId === undefined) throw new GraphQLError('Not signed in', { extensions: { code: 'UNAUTHENTICATED' } });
  return { ownerId: Number(ownerId) };
}

function resolversOf(debit: Debit) {
  return {
    Query: { service: () => 'a rival' },
    Mutation: {
      invokeLlm: async (_parent: unknown, { input }: { input: DebitInput }, { ownerId }: Context) => {
        const debited = await debit(ownerId, input);
        if (debited === null)
          throw new GraphQLError('No credits left', { extensions: { code: 'INSUFFICIENT_CREDITS' } });
        return {
          action: { ...input, id: debited.actionId, type: 'INVOKE_LLM' },
          balance: { available: debited.available },
          replayed: false,
        };
      },
    },
  };
}
