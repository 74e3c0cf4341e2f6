import { serverAudits } from 'graphql-http';
import { databaseKindOf } from '../support/database';
import { startTestService, type TestService } from '../support/service';

/**
 * What the audits recommend (a warning) or allow (a notice), and is not done here. MUSTs have no place in this list.
 *
 * - 572B, FDE2, 7B9B: a client that accepts application/json alone gets 400, and not 200, for a document or variables that cannot
 *   be run. That is Apollo Server's behaviour, which its clients expect, and what monitoring and proxies understand. A client
 *   that accepts application/graphql-response+json gets what the specification says for it.
 * - 5A70, D6D5, 6A70: a GET is answered only with the header apollo-require-preflight, which pages of other sites cannot send
 *   without a preflight (CSRF prevention). The specification leaves GET to the server.
 */
const NOT_DONE: Record<string, 'warn' | 'notice'> = {
  '572B': 'warn',
  FDE2: 'warn',
  '7B9B': 'warn',
  '5A70': 'notice',
  D6D5: 'notice',
  '6A70': 'notice',
};

describe('GraphQL over HTTP', () => {
  let service: TestService;
  beforeAll(async () => {
    service = await startTestService(databaseKindOf());
  });
  afterAll(async () => {
    expect(service.failures).toEqual([]);
    await service.stop();
  });

  // The audits select __typename only, which needs no key. Their URL is asked for when they run, when there is a server.
  const audits = serverAudits({ url: () => `${service.url}/graphql`, fetchFn: fetch });

  it.each(audits.map((audit) => [`${audit.id}: ${audit.name}`, audit] as const))('%s', async (_title, audit) => {
    const { status } = await audit.fn();
    expect(status).toBe(NOT_DONE[audit.id] ?? 'ok');
  });

  it('does everything that an audit calls a MUST', () => {
    const names = audits.filter(({ id }) => id in NOT_DONE).map(({ name }) => name);
    expect(names).toHaveLength(Object.keys(NOT_DONE).length);
    for (const name of names) expect(name).toMatch(/^(SHOULD|MAY) /);
  });
});
