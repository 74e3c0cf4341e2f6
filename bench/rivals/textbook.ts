// The textbook service: what a team writes first, from the tutorials of Apollo, Express and TypeORM. One transaction
// per request reads the owner's row FOR UPDATE, checks the balance, saves the owner, saves the action and commits.
// As in the tutorials, an action has a UUID and belongs to its owner by a relation. Elsewhere it is given the faster choice:
// NODE_ENV=production, the pool at TypeORM's usual 10, the owner taken from the bearer token without a look-up, and the key's
// UNIQUE constraint instead of a look-up of it.
import 'reflect-metadata';
import { ApolloServer } from '@apollo/server';
import { expressMiddleware } from '@as-integrations/express5';
import express from 'express';
import { GraphQLError } from 'graphql';
import { DataSource, EntitySchema } from 'typeorm';

interface Owner {
  id: number;
  balance: number;
}

interface Action {
  id: string;
  owner: Owner;
  idempotencyKey: string;
  type: string;
  model: string;
  createdAt: Date;
}

interface Context {
  ownerId: number;
}

const OwnerEntity = new EntitySchema<Owner>({
  name: 'Owner',
  tableName: 'owner',
  columns: { id: { type: Number, primary: true }, balance: { type: Number } },
});

const ActionEntity = new EntitySchema<Action>({
  name: 'Action',
  tableName: 'action',
  columns: {
    id: { type: 'uuid', primary: true, generated: 'uuid' },
    idempotencyKey: { type: String },
    type: { type: String },
    model: { type: String },
    createdAt: { type: 'datetime', createDate: true },
  },
  relations: { owner: { type: 'many-to-one', target: 'Owner', nullable: false } },
  uniques: [{ columns: ['owner', 'idempotencyKey'] }],
});

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
    balance: Balance!
  }
  type Mutation {
    invokeLlm(input: InvokeLlmInput!): InvokeLlmPayload!
  }
`;

void main();

async function main(): Promise<void> {
  const dataSource = await new DataSource({
    type: 'mysql',
    url: process.env['DATABASE_URL'] ?? '',
    poolSize: 10,
    entities: [OwnerEntity, ActionEntity],
    synchronize: true,
  }).initialize();
  const server = new ApolloServer<Context>({ typeDefs, resolvers: resolversOf(dataSource) });
  await server.start();

  const app = express();
  app.use('/graphql', express.json(), expressMiddleware(server, { context: ({ req }) => contextOf(req) }));
  app.get('/readyz', (_request, response) => response.send('ok'));
  const port = Number(process.env['PORT'] ?? 4001);
  app.listen(port, '127.0.0.1', (error) => {
    if (error !== undefined) throw error;
    console.log(`textbook service ready at http://127.0.0.1:${port}/graphql`);
  });
}

async function contextOf(request: express.Request): Promise<Context> {
  const ownerId = /^Bearer owner-(\d+)$/.exec(request.headers['authorization'] ?? '')?.[1];
  if (ownerId === undefined) throw new GraphQLError('Not signed in', { extensions: { code: 'UNAUTHENTICATED' } });
  return { ownerId: Number(ownerId) };
}

function resolversOf(dataSource: DataSource) {
  const owners = dataSource.getRepository(OwnerEntity);
  return {
    Query: {
      balance: async (_parent: unknown, _args: unknown, { ownerId }: Context) => {
        const owner = await owners.findOneByOrFail({ id: ownerId });
        return { available: owner.balance };
      },
    },
    Mutation: {
      invokeLlm: (_parent: unknown, args: { input: { idempotencyKey: string; model: string } }, context: Context) =>
        dataSource.transaction(async (manager) => {
          const owner = await manager.findOneOrFail(OwnerEntity, {
            where: { id: context.ownerId },
            lock: { mode: 'pessimistic_write' },
          });
          if (owner.balance < 1) {
            throw new GraphQLError('No credits left', { extensions: { code: 'INSUFFICIENT_CREDITS' } });
          }
          owner.balance -= 1;
          await manager.save(OwnerEntity, owner);
          const action = await manager.save(ActionEntity, { ...args.input, owner, type: 'INVOKE_LLM' });
          return { action, balance: { available: owner.balance }, replayed: false };
        }),
    },
  };
}
