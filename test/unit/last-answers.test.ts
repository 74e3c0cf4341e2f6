import { once } from 'node:events';
import { Agent, get, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import Fastify, { type FastifyInstance } from 'fastify';
import { SECOND_MS } from '../../src/clock';
import { LastAnswers } from '../../src/server/last-answers';

/** Far below the 72 seconds for which a connection is kept. */
const SOON_MS = 10 * SECOND_MS;

let fastify: FastifyInstance;
let lastAnswers: LastAnswers;
const agent = new Agent({ keepAlive: true });
/** Ends the answer of /long, whose head and first part are sent at once. */
let endLong: () => void;

beforeEach(async () => {
  lastAnswers = new LastAnswers();
  fastify = Fastify({ forceCloseConnections: 'idle', http: { ServerResponse: lastAnswers.ServerResponse } });
  lastAnswers.watch(fastify.server);
  fastify.get('/short', () => 'all of it');
  fastify.get('/long', (_request, reply) => {
    reply.hijack();
    reply.raw.writeHead(200, { 'content-type': 'text/plain' }).write('begun');
    endLong = () => reply.raw.end(', ended');
  });
  await fastify.listen({ port: 0, host: '127.0.0.1' });
});
afterEach(() => fastify.close());
afterAll(() => agent.destroy());

async function ask(path: string): Promise<IncomingMessage> {
  const { port } = fastify.server.address() as AddressInfo;
  const [response] = (await once(get({ port, host: '127.0.0.1', path, agent }), 'response')) as [IncomingMessage];
  return response.setEncoding('utf8');
}

async function textOf(response: IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of response) text += chunk;
  return text;
}

describe('an HTTP server that ends', () => {
  it('says so with each answer from then on, and answers', async () => {
    const before = await ask('/short');
    expect([before.headers.connection, await textOf(before)]).toEqual(['keep-alive', 'all of it']);
    lastAnswers.begin();
    const after = await ask('/short');
    expect([after.headers.connection, await textOf(after)]).toEqual(['close', 'all of it']);
    // As a request would that nothing is known of.
    const missing = await ask('/missing');
    expect([missing.statusCode, missing.headers.connection]).toEqual([404, 'close']);
    missing.resume();
  });

  it('is not held up by the promise of an answer that was begun before, and sends all of that answer', async () => {
    const long = await ask('/long');
    expect(long.headers.connection).toBe('keep-alive');
    const text = textOf(long);
    const startedAt = performance.now();
    const closing = lastAnswers.close(fastify);
    // The server has stopped listening, so it has let go of what is idle.
    while (fastify.server.listening) await new Promise((resolve) => setImmediate(resolve));
    endLong();
    expect(await text).toBe('begun, ended');
    await closing;
    expect(performance.now() - startedAt).toBeLessThan(SOON_MS);
  });
});
