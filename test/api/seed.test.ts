import { createTestDatabase, databaseKindOf, type TestDatabase } from '../support/database';
import { run, type Running } from '../support/process';
import { startTestService } from '../support/service';

let database: TestDatabase;
const running: Running[] = [];

beforeEach(async () => void (database = await createTestDatabase(databaseKindOf())));
afterEach(async () => {
  await Promise.all(running.splice(0).map((one) => one.kill()));
  await database.drop();
});

describe('npm run seed', () => {
  it('fills an empty database with owners whose books add up, and prints keys to look at them', async () => {
    const { summary, keys } = await seed('--owners', '8', '--days', '35', '--actions', '4000');
    expect(summary.added).toHaveLength(8);

    const service = await startTestService(databaseKindOf(), { databaseUrl: database.url });
    const { owners, verifyLedger } = await service.ask(OWNERS, { ownerId: summary.added[0]?.ownerId }, keys.admin);
    expect(verifyLedger.ok).toBe(true);
    const nodes = owners.edges.map(({ node }: { node: unknown }) => node);
    expect(nodes).toHaveLength(8);
    const byName = Object.fromEntries(nodes.map((node: { name: string }) => [node.name, node]));
    expect(byName['Lighthouse books'].balance.available).toBe(0);
    expect(byName['Fern & Fjord'].balance.available).toBe(6);
    expect(byName['Robot bakery']).toMatchObject({ plan: { code: 'pro' }, balance: { held: expect.any(Number) } });
    expect(byName['Robot bakery'].balance.held).toBeGreaterThanOrEqual(4);

    const secret = keys.owners[0]?.secret;
    const { actions, owner } = await service.ask(OWN, { ownerId: summary.added[0]?.ownerId }, secret);
    const newest = Date.parse(actions.edges[0].node.createdAt);
    expect(Date.now() - newest).toBeLessThan(5 * 60_000);
    expect(owner.apps.edges.map(({ node }: { node: { status: string } }) => node.status)).toContain('PAUSED');
    expect(service.failures).toEqual([]);
    await service.stop();
  });

  it('leaves a database alone that has owners, unless it is told to add, and adds each owner once', async () => {
    const few = ['--owners', '2', '--days', '3', '--actions', '50'];
    await seed(...few);
    const refused = start(...few);
    expect(await refused.exited).toEqual({ code: 2, signal: null });
    expect(refused.stderr).toMatch(/has owners already: say --add/);

    const again = await seed(...few, '--add');
    expect(again.summary).toMatchObject({ added: [], skipped: ['Robot bakery', 'Lighthouse books'], actions: 0 });
    expect(again.keys).toEqual({ admin: null, owners: [] });
    const more = await seed('--owners', '3', '--days', '3', '--actions', '50', '--add');
    expect(more.summary.added.map(({ name }) => name)).toEqual(['Fern & Fjord']);
  });
});

describe('npm start -- --sample', () => {
  it('gives an empty database one owner with a past, and prints a key of each role, once', async () => {
    const first = startService();
    const [, url] = await first.printed(/^Ready at (http\S+)\/graphql/);
    const [, publishable] = await first.printed(/(icr_pub_\w+) .*http:\/\/localhost:8080/);
    const [, ownerKey] = /(icr_own_\w+) .*\/dashboard/.exec(first.stdout) ?? [];
    const answer = (key: string | undefined, headers: Record<string, string> = {}) =>
      fetch(`${url}/graphql`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', authorization: `Bearer ${key}`, ...headers },
        body: '{ "query": "{ balance { available usedThisPeriod } }" }',
      }).then((response) => response.json());
    const { data } = (await answer(ownerKey)) as { data: { balance: { usedThisPeriod: number } } };
    expect(data.balance.usedThisPeriod).toBeGreaterThan(0);
    expect(await answer(publishable, { origin: 'http://localhost:8080' })).toEqual({ data });
    expect(first.stdout).not.toMatch(/Cannot|my-first-action/);
    first.child.kill('SIGTERM');
    expect(await first.exited).toEqual({ code: 0, signal: null });

    const second = startService();
    await second.printed(/The database was not empty: nothing was added/);
    expect(second.stdout).not.toContain('icr_');
  });
});

const OWNERS = `query($ownerId: ID!) {
  verifyLedger(ownerId: $ownerId) { ok }
  owners(first: 100) { edges { node { name plan { code } balance { available held } } } }
}`;
const OWN = `query($ownerId: ID!) {
  actions(first: 1) { edges { node { createdAt } } }
  owner(id: $ownerId) { apps(first: 10) { edges { node { status } } } }
}`;

interface Seeded {
  readonly summary: { added: { ownerId: string; name: string }[]; skipped: string[]; actions: number };
  readonly keys: { admin: string; owners: { secret: string }[] };
}

function start(...args: string[]): Running {
  const seeding = run(process.execPath, ['-r', '@swc-node/register', 'src/cli/seed.ts', ...args], {
    DATABASE_URL: database.url,
  });
  running.push(seeding);
  return seeding;
}

function startService(): Running {
  const service = run(process.execPath, ['-r', '@swc-node/register', 'src/main.ts', '--sample'], {
    DATABASE_URL: database.url,
    PORT: '0',
  });
  running.push(service);
  return service;
}

async function seed(...args: string[]): Promise<Seeded> {
  const seeding = start(...args, '--json');
  const { code } = await seeding.exited;
  if (code !== 0) throw new Error(seeding.stderr);
  const { keys, ...summary } = JSON.parse(seeding.stdout);
  return { summary, keys };
}
