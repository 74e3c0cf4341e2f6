import 'reflect-metadata';
import type { Caller } from '../../src/access/caller';
import type { Command } from '../../src/ledger/commands';
import type { Ledger } from '../../src/ledger/ledger';
import { limitsRule } from '../../src/graphql/limits';
import { createSchema, type SchemaParts } from '../../src/graphql/schema';
import { createHttpServer, type HttpParts } from '../../src/server/http';

const CALLER: Caller = { role: 'APP', keyOwnerId: 1, keyNumber: 1, ownerId: 1, appId: 1, expiresAt: null };
const DEBIT = `mutation ($input: InvokeLlmInput!) {
  invokeLlm(input: $input) { action { id visitor } balance { available grants { id } } replayed }
}`;

/** A server over a ledger that accepts every debit, and answers with a balance that may be spoilt. */
async function serverOver(balance: object) {
  const submitted: Command[] = [];
  const reported: unknown[] = [];
  const submit = (command: Command) => {
    submitted.push(command);
    const action = {
      ownerId: 1,
      sequence: submitted.length,
      appId: 1,
      status: 'CAPTURED',
      visitor: null,
      details: '{}',
    };
    return Promise.resolve({ action, balance: { ownerId: 1, available: 9, grants: [], ...balance }, replayed: false });
  };
  const { fastify } = await createHttpServer({
    schema: createSchema({ ledger: { submit } as unknown as Ledger } as SchemaParts),
    rules: [limitsRule],
    introspection: true,
    authentication: { authenticate: () => Promise.resolve(CALLER) },
    live: {},
    reportBug: (error: unknown) => void reported.push(error),
    explorer: null,
    isReady: () => Promise.resolve(true),
  } as unknown as HttpParts);
  const send = async (input: object) => {
    const body = { query: DEBIT, variables: { input } };
    const response = await fastify.inject({ method: 'POST', url: '/graphql', payload: body });
    return response.json<{ data: unknown; errors?: { path: string[]; extensions: { code: string } }[] }>();
  };
  return { send, submitted, reported };
}

describe('a debit whose answer is prepared', () => {
  it('is performed once, and answered with what the ledger said', async () => {
    const { send, submitted, reported } = await serverOver({});
    expect(await send({ idempotencyKey: 'a', model: 'm' })).toEqual({
      data: {
        invokeLlm: {
          action: { id: expect.any(String), visitor: null },
          balance: { available: 9, grants: [] },
          replayed: false,
        },
      },
    });
    expect(submitted).toMatchObject([{ kind: 'DEBIT', key: { text: 'a' }, holdSeconds: 900 }]);
    expect(reported).toEqual([]);
  });

  it.each([
    ['a null where none may be', { available: null }],
    ['a number that is none', { available: 'many' }],
    ['a list that is none', { grants: null }],
  ])(
    'is performed once also where the answer cannot be made, for %s: the bug is told as always',
    async (_what, balance) => {
      const { send, submitted, reported } = await serverOver(balance);
      const answer = await send({ idempotencyKey: 'a', model: 'm' });
      expect(answer).toMatchObject({ data: null, errors: [{ extensions: { code: 'INTERNAL_SERVER_ERROR' } }] });
      expect(answer.errors?.[0]?.path.slice(0, 2)).toEqual(['invokeLlm', 'balance']);
      expect(submitted).toHaveLength(1);
      expect(reported).toHaveLength(1);
    },
  );

  it('is not performed where its input does not fit', async () => {
    const { send, submitted } = await serverOver({});
    expect(await send({ idempotencyKey: 'a', model: 'm', promptTokens: 'x' })).toMatchObject({
      errors: [{ extensions: { code: 'BAD_USER_INPUT' } }],
    });
    expect(submitted).toEqual([]);
  });
});
