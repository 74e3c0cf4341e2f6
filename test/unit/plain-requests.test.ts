import 'reflect-metadata';
import type { AddressInfo } from 'node:net';
import type { Caller } from '../../src/access/caller';
import { limitsRule } from '../../src/graphql/limits';
import { createSchema, type SchemaParts } from '../../src/graphql/schema';
import { createHttpServer, type HttpParts, type HttpServer } from '../../src/server/http';

const CALLER: Caller = { role: 'APP', keyOwnerId: 1, keyNumber: 1, ownerId: 1, appId: 1, expiresAt: null };

describe('what fails on the short way is answered as on the long way', () => {
  let server: HttpServer;
  let url: string;
  let authenticate: () => Promise<Caller>;
  const reported: unknown[] = [];
  beforeEach(async () => {
    reported.length = 0;
    server = await createHttpServer({
      schema: createSchema({} as SchemaParts),
      rules: [limitsRule],
      introspection: true,
      authentication: { authenticate: () => authenticate() },
      live: {},
      reportBug: (error: unknown) => void reported.push(error),
      explorer: null,
      isReady: () => Promise.resolve(true),
    } as unknown as HttpParts);
    await server.fastify.listen({ port: 0, host: '127.0.0.1' });
    url = `http://127.0.0.1:${(server.fastify.server.address() as AddressInfo).port}/graphql`;
  });
  afterEach(() => server.fastify.close());

  async function answersTo(query: string) {
    const answers = [];
    for (const accept of ['application/json', 'application/json;q=0.9']) {
      const headers = { accept, 'content-type': 'application/json' };
      const response = await fetch(url, { method: 'POST', headers, body: JSON.stringify({ query }) });
      const names = [...response.headers].map(([name, value]) => (name === 'date' ? name : `${name}: ${value}`));
      // Each failure is reported under an id of its own.
      const text = (await response.text()).replace(/"requestId":"[-0-9a-f]{36}"/, '"requestId":"one"');
      answers.push({ status: response.status, names, text });
    }
    return answers as [(typeof answers)[0], (typeof answers)[0]];
  }

  it.each([
    ['the database is out of reach', Object.assign(new Error('reset'), { code: 'ECONNRESET' }), 503, 'UNAVAILABLE', 0],
    ['there is a bug', new TypeError('no such thing'), 500, 'INTERNAL_SERVER_ERROR', 2],
  ])('where a key cannot be looked up: %s', async (_what, error, status, code, bugs) => {
    authenticate = () => Promise.reject(error);
    const [short, long] = await answersTo('{ __typename }');
    expect(short).toEqual(long);
    expect([short.status, JSON.parse(short.text).errors[0].extensions.code]).toEqual([status, code]);
    expect(reported).toHaveLength(bugs);
  });

  it('where Apollo fails', async () => {
    authenticate = () => Promise.resolve(CALLER);
    const fail = () => Promise.reject(new Error('Internal server error'));
    Object.assign(server.apollo, { executeOperation: fail, executeHTTPGraphQLRequest: fail });
    const [short, long] = await answersTo('{ __typename }');
    expect(short).toEqual(long);
    expect([short.status, JSON.parse(short.text).errors[0].extensions.code]).toEqual([500, 'INTERNAL_SERVER_ERROR']);
    expect(reported).toHaveLength(2);
  });
});
