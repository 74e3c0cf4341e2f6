import { ApolloClient, ApolloLink, CombinedGraphQLErrors, gql, HttpLink, InMemoryCache } from '@apollo/client/core';
import { GraphQLWsLink } from '@apollo/client/link/subscriptions';
import { getMainDefinition } from '@apollo/client/utilities';
import type { Client } from 'graphql-ws';
import { databaseKindOf } from '../support/database';
import { startTestService, type TestService } from '../support/service';
import { socketClient } from '../support/socket';

const DEBIT = gql`
  mutation Debit($key: ID!) {
    invokeLlm(input: { idempotencyKey: $key, model: "gpt-4o" }) {
      action {
        id
        status
      }
      balance {
        available
      }
      replayed
    }
  }
`;
const WATCH = gql`
  subscription Watch {
    balanceChanged {
      available
      version
    }
  }
`;

describe('Apollo Client', () => {
  let service: TestService;
  const clients: { apollo: ApolloClient; socket: Client }[] = [];
  beforeAll(async () => {
    service = await startTestService(databaseKindOf());
  });
  afterEach(async () => {
    for (const { apollo, socket } of clients.splice(0)) {
      apollo.stop();
      await socket.dispose();
    }
  });
  afterAll(async () => {
    expect(service.failures).toEqual([]);
    await service.stop();
  });

  it('watches a balance fall as it debits', async () => {
    const { appKey } = await service.tenant(3);
    const apollo = connect(appKey);
    const watcher = watch(apollo);
    expect(await watcher.next()).toBe(3);

    const { data } = await apollo.mutate({ mutation: DEBIT, variables: { key: 'first' } });
    expect(data).toMatchObject({
      invokeLlm: { action: { status: 'CAPTURED' }, balance: { available: 2 }, replayed: false },
    });
    expect(await watcher.next()).toBe(2);

    // A client that retries a request of which it lost the answer pays once.
    const retried = await apollo.mutate({ mutation: DEBIT, variables: { key: 'first' } });
    expect(retried.data).toMatchObject({ invokeLlm: { balance: { available: 2 }, replayed: true } });
    await apollo.mutate({ mutation: DEBIT, variables: { key: 'second' } });
    expect(await watcher.next()).toBe(1);
    watcher.stop();
  });

  it('gets the code of an error, and what goes with it', async () => {
    const { appKey } = await service.tenant(0);
    const refusal = await connect(appKey)
      .mutate({ mutation: DEBIT, variables: { key: 'too much' } })
      .catch((error: unknown) => error);
    expect(CombinedGraphQLErrors.is(refusal)).toBe(true);
    expect((refusal as CombinedGraphQLErrors).errors).toMatchObject([
      { extensions: { code: 'INSUFFICIENT_CREDITS', available: 0, resetsAt: expect.stringMatching(/^\d{4}-.*Z$/) } },
    ]);
  });

  it('gets the code of a refusal as a whole, which has another status than 200', async () => {
    const { ownerKey } = await service.tenant(1);
    const query = gql`
      {
        owners {
          pageInfo {
            endCursor
          }
        }
      }
    `;
    const refusal = await connect(ownerKey)
      .query({ query })
      .catch((error: unknown) => error);
    expect(codeOf(refusal)).toBe('FORBIDDEN');
  });

  it('gets the code of an error of a subscription', async () => {
    const { appKey } = await service.tenant(1);
    const apollo = connect(appKey);
    const query = gql`
      subscription {
        balanceChanged(ownerId: "own_0000000020") {
          available
        }
      }
    `;
    const refusal = await new Promise((resolve) => {
      apollo.subscribe({ query }).subscribe({ next: ({ error }) => resolve(error), error: resolve });
    });
    expect(codeOf(refusal)).toBe('NOT_FOUND');
  });

  function connect(key: string): ApolloClient {
    const socket = socketClient(service.url, key);
    const http = new HttpLink({ uri: `${service.url}/graphql`, headers: { authorization: `Bearer ${key}` } });
    const link = ApolloLink.split(
      ({ query }) => {
        const definition = getMainDefinition(query);
        return definition.kind === 'OperationDefinition' && definition.operation === 'subscription';
      },
      new GraphQLWsLink(socket),
      http,
    );
    const apollo = new ApolloClient({ link, cache: new InMemoryCache() });
    clients.push({ apollo, socket });
    return apollo;
  }

  /** The credits available, value by value. */
  function watch(apollo: ApolloClient) {
    const values: number[] = [];
    let wake = () => {};
    const subscription = apollo.subscribe<{ balanceChanged: { available: number } }>({ query: WATCH }).subscribe({
      next: ({ data }) => {
        if (data) values.push(data.balanceChanged.available);
        wake();
      },
    });
    return {
      async next(): Promise<number> {
        while (values.length === 0) await new Promise<void>((resolve) => (wake = resolve));
        return values.shift() as number;
      },
      stop: () => subscription.unsubscribe(),
    };
  }
});

function codeOf(error: unknown): unknown {
  return CombinedGraphQLErrors.is(error) ? error.errors[0]?.extensions?.['code'] : error;
}
