import { createSecret } from '../../src/access/api-key-secret';
import { createTestDatabase, databaseKindOf, type TestDatabase } from '../support/database';
import { Fleet, Load } from '../support/fleet';
import { buildService, run, type Running } from '../support/process';
import type { Tenant } from '../support/service';

let database: TestDatabase;
let fleet: Fleet;
let tenant: Tenant;
const running: Running[] = [];

beforeAll(async () => {
  await buildService();
  database = await createTestDatabase(databaseKindOf());
  fleet = new Fleet(database.url);
  await fleet.start(0);
  tenant = await fleet.tenant();
}, 120_000);
afterEach(() => Promise.all(running.splice(0).map((one) => one.kill())));
afterAll(async () => {
  await fleet.kill();
  await database.drop();
});

/** Runs `npm run watch` as npm would; what it says of its connection is among its output. */
function watch(...options: readonly string[]): Running {
  const words = [process.execPath, 'dist/src/cli/watch.js', '--url', fleet.at(0).url, ...options];
  const one = run('sh', ['-c', `${words.join(' ')} 2>&1`]);
  running.push(one);
  return one;
}

/** Performs this many actions, one after the other. */
async function act(count: number): Promise<void> {
  const load = new Load(fleet, tenant.appKey);
  for (let action = 0; action < count; action += 1) await load.performOne();
}

describe('npm run watch', () => {
  it('shows the balance, says when it has lost the service and when it is back, and goes on', async () => {
    const watcher = watch('--key', tenant.appKey);
    await watcher.printed(/^50000 available, 0 held; 0 of 50000 used, renews [\d-]+ \(version \d+\)\n/);
    await fleet.restart(0);
    await watcher.printed(/disconnected \(1001\); trying again in 0\.\d s\n(disconnected [^\n]+\n)*connected again\n/);
    await act(1);
    await watcher.printed(/\n49999 available/);
    // The balance that it came back to was known.
    expect(watcher.stdout.match(/50000 available/g)).toHaveLength(1);
  });

  it('shows the ledger with --after, without gap or repeat while the service restarts', async () => {
    const watcher = watch('--key', tenant.ownerKey, '--after', '0');
    await watcher.printed(/^1 {2}20[^ ]+Z {2}GRANT 50000: 50000 available, 0 held\n/);
    await act(3);
    await Promise.all([fleet.restart(0), act(3)]);
    await watcher.printed(/\n8 {2}[^\n]+\n/);
    const lines = watcher.stdout.split('\n').filter((line) => /^\d/.test(line));
    expect(lines.map((line) => parseInt(line, 10))).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
    expect(lines.at(-1)).toMatch(/DEBIT 1 of SEND_SMS [0-9a-f-]{36}: 49993 available, 0 held$/);
  });

  it('ends where its key is refused, and where another attempt would mend nothing', async () => {
    const refused = watch('--key', createSecret('APP'));
    expect(await refused.exited).toEqual({ code: 1, signal: null });
    expect(refused.stdout).toBe('The API key is refused.\n');
    const forbidden = watch('--key', tenant.appKey, '--after', '0');
    expect(await forbidden.exited).toEqual({ code: 1, signal: null });
    expect(forbidden.stdout).toBe('This API key may not do that.\n');
    const mistaken = watch('--key', tenant.ownerKey, '--after', 'all');
    expect(await mistaken.exited).toEqual({ code: 2, signal: null });
    expect(mistaken.stdout).toContain('--after must be a whole number.');
  });
});
