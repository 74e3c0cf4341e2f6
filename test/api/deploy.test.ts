import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { accessSync, constants, existsSync, readFileSync } from 'node:fs';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { SETTINGS } from '../../src/config';
import { balanceOf, changeApp } from '../support/actions';
import { stopSound } from '../support/books';
import { databaseKindOf } from '../support/database';
import { ROOT } from '../support/process';
import { startTestService, type Tenant, type TestService } from '../support/service';
import { socketClient, watch } from '../support/socket';

const DEPLOY = path.join(ROOT, 'deploy');
const read = (...names: string[]) => readFileSync(path.join(...names), 'utf8');

const NGINX = ['/usr/sbin/nginx', '/usr/local/sbin/nginx', '/usr/bin/nginx'].find((file) => {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
});
if (!NGINX && databaseKindOf() === 'mysql') process.stderr.write('skipped: the proxy of deploy/ (install nginx)\n');
const behindNginx = NGINX && databaseKindOf() === 'mysql' ? describe : describe.skip;
const withoutDatabase = databaseKindOf() === 'sqlite' ? describe : describe.skip;

withoutDatabase('what is in deploy/', () => {
  const compose = read(DEPLOY, 'compose.yaml');
  const dockerfile = read(DEPLOY, 'Dockerfile');

  it('sets only settings that there are', () => {
    const [, environment = ''] = /^x-api:[^]*?\n {2}environment:\n((?: {4}.*\n)+)/m.exec(compose) ?? [];
    const names = [...environment.matchAll(/^ {4}(\w+):/gm)].map(([, name]) => name);
    expect(names).toContain('DATABASE_URL');
    expect(SETTINGS.map(({ name }) => name)).toEqual(expect.arrayContaining(names));
  });

  it('names in env.example each variable that has no default, and no other', () => {
    const example = read(DEPLOY, 'env.example');
    const known = [...example.matchAll(/^(\w+)=/gm)].map(([, name]) => name);
    const used = [...compose.matchAll(/\$\{(\w+)/g)].map(([, name]) => name);
    const required = [...compose.matchAll(/\$\{(\w+):\?/g)].map(([, name]) => name);
    expect(known).toEqual(expect.arrayContaining(required));
    expect(used).toEqual(expect.arrayContaining(known));
  });

  it('lets a stop of the API take longer than its grace', () => {
    const grace = Number(/SHUTDOWN_GRACE_SECONDS: (\d+)/.exec(compose)?.[1]);
    const [, period] = /stop_grace_period: (\d+)s/.exec(compose) ?? [];
    expect(Number(period)).toBeGreaterThan(grace);
  });

  it('builds from files that are there, and that the build is given', () => {
    const given = read(ROOT, '.dockerignore');
    const sources = [...dockerfile.matchAll(/^COPY (?!--from)(.+) \S+$/gm)].flatMap(([, files = '']) =>
      files.split(' '),
    );
    expect(sources).toContain('src');
    for (const source of sources) {
      expect(existsSync(path.join(ROOT, source))).toBe(true);
      expect(given).toMatch(new RegExp(`^!${source}$`, 'm'));
    }
  });
});

behindNginx('two processes behind nginx as deploy/nginx.conf sets it up', () => {
  let folder: string;
  let nginx: ChildProcess;
  let url: string;
  let services: TestService[];
  let tenant: Tenant;

  beforeAll(async () => {
    const first = await startTestService('mysql', { config: { port: await freePort() } });
    const { adminKey, databaseUrl } = first;
    const second = await startTestService('mysql', { databaseUrl, config: { adminKey, port: await freePort() } });
    services = [first, second];
    tenant = await first.tenant(20_000);
    folder = await mkdtemp(path.join(tmpdir(), 'icr-nginx-'));
    // Its workers are another user's.
    await chmod(folder, 0o755);
    const port = await freePort();
    url = `http://127.0.0.1:${port}`;
    const file = path.join(folder, 'nginx.conf');
    await writeFile(
      file,
      configurationFor({ folder, port, upstreams: services.map((service) => new URL(service.url).port) }),
    );
    execFileSync(NGINX as string, ['-t', '-q', '-p', folder, '-c', file], { stdio: 'pipe' });
    nginx = spawn(NGINX as string, ['-p', folder, '-c', file, '-g', 'daemon off;'], { stdio: 'ignore' });
    while (!(await fetch(`${url}/healthz`).catch(() => null))) await turn();
  });
  afterAll(async () => {
    nginx.kill('SIGQUIT');
    await once(nginx, 'exit');
    const [first, second] = services as [TestService, TestService];
    await second.service.stop();
    await stopSound(first);
    await rm(folder, { recursive: true, force: true });
  });

  async function ask(query: string, key: string, headers: Record<string, string> = {}): Promise<Response> {
    return fetch(`${url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${key}`, ...headers },
      body: JSON.stringify({ query }),
    });
  }

  async function debit(idempotencyKey: string): Promise<{ accepted: boolean; replayed?: boolean }> {
    const sms = `mutation { sendSms(input: { idempotencyKey: "${idempotencyKey}" }) { replayed } }`;
    const response = await ask(sms, tenant.appKey).catch(() => null);
    const answer = response?.status === 200 ? await response.json() : null;
    return { accepted: Boolean(answer?.data), replayed: answer?.data?.sendSms.replayed };
  }

  it('both answer queries, and a subscription stands through it', async () => {
    const client = socketClient(url, tenant.ownerKey);
    const balances = watch(client, 'subscription { balanceChanged { available } }');
    const { available } = await balanceOf(services[0] as TestService, tenant.ownerId);
    await balances.until(({ balanceChanged }) => balanceChanged.available === available);
    const debits = await Promise.all(Array.from({ length: 10 }, (_, i) => debit(`steady ${i}`)));
    for (const answer of debits) expect(answer).toEqual({ accepted: true, replayed: false });
    await balances.until(({ balanceChanged }) => balanceChanged.available === available - 10);
    await balances.stop();
    await client.dispose();
    const log = read(folder, 'access.log');
    for (const service of services) expect(log).toContain(`to ${new URL(service.url).host}: 200`);
    // Keys are in headers and in frames, and stay out of logs.
    expect(log).not.toContain('icr_');
  });

  it('passes the Origin on, by which a publishable key is good or not, over HTTP and WebSocket', async () => {
    const origin = 'https://shop.example';
    await changeApp(services[0] as TestService, tenant.appId, { allowedOrigins: [origin] });
    const { createApiKey } = await (services[0] as TestService).ask(
      'mutation ($input: CreateApiKeyInput!) { createApiKey(input: $input) { secret } }',
      { input: { name: 'page', role: 'PUBLISHABLE', appId: tenant.appId } },
    );
    const key = createApiKey.secret as string;
    const query = '{ balance { available } }';
    expect((await (await ask(query, key, { origin })).json()).data).toMatchObject({ balance: {} });
    expect((await (await ask(query, key, { origin: 'https://other.example' })).json()).data).toBeUndefined();
    const client = socketClient(url, key, { origin });
    const first = await watch(client, 'subscription { balanceChanged { available } }').next();
    expect(first.data.balanceChanged).toMatchObject({ available: expect.any(Number) });
    await client.dispose();
    const foreign = socketClient(url, key, { origin: 'https://other.example' });
    const refused = watch(foreign, 'subscription { balanceChanged { available } }');
    await expect(refused.next()).rejects.toMatchObject({ code: 4403 });
  });

  it('leaves it to the API to refuse a body that is too long, and streams a ledger', async () => {
    const long = await ask(`{ balance { available } } # ${'x'.repeat(110_000)}`, tenant.ownerKey);
    expect(long.status).toBe(413);
    expect((await long.json()).errors[0].extensions.code).toBe('BAD_USER_INPUT');
    const ledger = await fetch(`${url}/ledger.csv`, { headers: { authorization: `Bearer ${tenant.ownerKey}` } });
    expect((await ledger.text()).split('\n').length).toBeGreaterThan(10);
  });

  it('one process after the other is restarted under debits: with the same key each is accepted once', async () => {
    const before = await balanceOf(services[0] as TestService, tenant.ownerId);
    const client = socketClient(url, tenant.ownerKey, { retryAttempts: 20, shouldRetry: () => true });
    const balances = watch(client, 'subscription { balanceChanged { available version } }');
    await balances.next();
    let stopped = false;
    let accepted = 0;
    const caller = async (name: number) => {
      for (let i = 0; !stopped; i += 1) {
        while (!(await debit(`rolling ${name} ${i}`)).accepted) await turn();
        accepted += 1;
      }
    };
    const callers = [0, 1, 2, 3].map(caller);
    for (const [index, service] of services.entries()) {
      const { adminKey, databaseUrl } = service;
      await acceptedBeyond(() => accepted, accepted + 50);
      await service.service.stop();
      // The other one goes on alone.
      await acceptedBeyond(() => accepted, accepted + 50);
      const port = Number(new URL(service.url).port);
      services[index] = await startTestService('mysql', { databaseUrl, config: { adminKey, port } });
    }
    await acceptedBeyond(() => accepted, accepted + 50);
    stopped = true;
    await Promise.all(callers);
    const after = await balanceOf(services[0] as TestService, tenant.ownerId);
    expect(before.available - after.available).toBe(accepted);
    const last = await balances.until(({ balanceChanged }) => balanceChanged.available === after.available);
    expect(last.balanceChanged.version).toBe(after.version);
    await client.dispose();
  });
});

/** The configuration of deploy/, with this machine's ports and folders in the place of the containers'. */
function configurationFor(here: { folder: string; port: number; upstreams: readonly string[] }): string {
  const replacements: readonly [RegExp, string][] = [
    [/listen 8080;/, `listen 127.0.0.1:${here.port};`],
    [/api-1:4000/, `127.0.0.1:${here.upstreams[0]}`],
    [/api-2:4000/, `127.0.0.1:${here.upstreams[1]}`],
    [/\/tmp\/nginx/g, path.join(here.folder, 'nginx')],
    [/\/dev\/stdout/, path.join(here.folder, 'access.log')],
    [/\/dev\/stderr/, path.join(here.folder, 'error.log')],
  ];
  return replacements.reduce(
    (text, [from, to]) => {
      if (text.search(from) < 0) throw new Error(`deploy/nginx.conf has no ${from}.`);
      return text.replace(from, to);
    },
    read(DEPLOY, 'nginx.conf'),
  );
}

async function acceptedBeyond(accepted: () => number, wanted: number): Promise<void> {
  while (accepted() < wanted) await turn();
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address() as AddressInfo;
  probe.close();
  await once(probe, 'close');
  return port;
}
