import { once } from 'node:events';
import { readdir } from 'node:fs/promises';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import path from 'node:path';
import { createSecret } from '../../src/access/api-key-secret';
import { createTestDatabase, databaseKindOf, type TestDatabase } from '../support/database';
import { buildService, run, runService, type Running } from '../support/process';
import { connectSocket } from '../support/raw-socket';

const onSqlite = (title: string, tests: () => void) => void (databaseKindOf() === 'sqlite' && describe(title, tests));
const onMysql = (title: string, tests: () => void) => void (databaseKindOf() === 'mysql' && describe(title, tests));

let database: TestDatabase;
let settings: Record<string, string>;
const running: Running[] = [];

beforeAll(buildService, 120_000);
beforeEach(async () => {
  database = await createTestDatabase(databaseKindOf());
  settings = { DATABASE_URL: database.url };
});
afterEach(async () => {
  await Promise.all(running.splice(0).map((one) => one.kill()));
  await database.drop();
});

onSqlite('the first start on an empty embedded database', () => {
  it('prints the ADMIN key once, and how to try the service', async () => {
    const service = start();
    const url = await ready(service);
    const [, adminKey] = await service.printed(/The ADMIN key, shown this once:\n {2}(icr_adm_\w+)\n/);
    expect(service.stdout.split(adminKey as string)).toHaveLength(2);
    expect(await roleOf(url, adminKey as string)).toBe('ADMIN');
    expect(service.stderr).toBe('');
  });

  it('prints a curl line that debits, ready to paste: twice the same line debits once', async () => {
    const service = start();
    await ready(service);
    const [curl] = await service.printed(/curl [^\n]+\\\n[^\n]+\n/);
    for (let time = 1; time <= 2; time++) {
      const shell = launch('sh', ['-c', curl]);
      expect(await shell.exited).toEqual({ code: 0, signal: null });
      const { data, errors } = JSON.parse(shell.stdout);
      expect(errors).toBeUndefined();
      expect(data.invokeLlm).toMatchObject({ action: { id: expect.any(String) }, balance: { available: 99 } });
    }
  });

  it('prints a line that subscribes, ready to paste: it shows the balance, and then its changes', async () => {
    const service = start();
    await ready(service);
    const [watch] = await service.printed(/npm run watch [^\n]+/);
    const [curl] = await service.printed(/curl [^\n]+\\\n[^\n]+\n/);
    const watcher = launch('sh', ['-c', watch]);
    await watcher.printed(/100 available/);
    await launch('sh', ['-c', curl]).exited;
    await watcher.printed(/99 available/);
  });

  it('comes once: the next one prints no key, and the keys go on working', async () => {
    const first = start();
    await ready(first);
    const [, adminKey] = await first.printed(/(icr_adm_\w+)/);
    await stop(first, 'SIGTERM');

    const second = start();
    const url = await ready(second);
    expect(await roleOf(url, adminKey as string)).toBe('ADMIN');
    await stop(second, 'SIGTERM');
    expect(second.stdout).not.toContain('icr_');
    expect(second.stdout.trim().split('\n')).toEqual([
      expect.stringMatching(/^Ready at /),
      'SIGTERM: stopping',
      'stopped',
    ]);
  });

  it('takes an ADMIN_KEY that is set, and never prints it', async () => {
    const adminKey = createSecret('ADMIN');
    const service = start({ ADMIN_KEY: adminKey });
    const url = await ready(service);
    expect(await roleOf(url, adminKey)).toBe('ADMIN');
    await stop(service, 'SIGTERM');
    expect(service.stdout).not.toMatch(/icr_adm_/);
    expect(service.stdout + service.stderr).not.toContain(adminKey);
    expect(service.stdout).toMatch(/icr_app_/);
  });
});

onMysql('the first start on an empty MySQL database', () => {
  it('prints the ADMIN key once, and makes no sample owner', async () => {
    const first = start();
    const url = await ready(first);
    const [, adminKey] = await first.printed(/The ADMIN key, shown this once:\n {2}(icr_adm_\w+)\n/);
    expect(await roleOf(url, adminKey as string)).toBe('ADMIN');
    const { data } = await ask(url, '{ owners { edges { node { id } } } plans { code } }', adminKey as string);
    expect(data).toMatchObject({ owners: { edges: [] }, plans: [{ code: 'free' }, {}, {}, {}, {}] });
    await stop(first, 'SIGTERM');
    expect(first.stdout).not.toMatch(/icr_app_|curl/);

    const second = start();
    expect(await roleOf(await ready(second), adminKey as string)).toBe('ADMIN');
    expect(second.stdout).not.toContain('icr_');
  });
});

onSqlite('a setting that cannot be used', () => {
  const MALFORMED_KEY = createSecret('ADMIN').replace(/.$/, (last) => (last === '0' ? '1' : '0'));

  it.each([
    ['PORT', 'http'],
    ['PORT', '65536'],
    ['PORT', '-1'],
    ['HOST', 'two words'],
    ['DATABASE_URL', 'postgres://root:marker@127.0.0.1/x'],
    ['DATABASE_URL', 'mysql://root:marker@127.0.0.1'],
    ['ADMIN_KEY', 'marker'],
    ['ADMIN_KEY', MALFORMED_KEY],
    ['ADMIN_KEY', createSecret('APP')],
    ['INTROSPECTION', 'yes'],
    ['EXPLORER', '1'],
    ['SHUTDOWN_GRACE_SECONDS', '301'],
  ])('ends the start with one clear line: %s=%s', async (name, value) => {
    const service = start({ [name]: value });
    expect(await service.exited).toEqual({ code: 1, signal: null });
    expect(service.stderr).toMatch(new RegExp(`^Cannot start: ${name} must be [^\\n]+\\.\\n$`));
    expect(service.stderr).not.toContain('marker');
    expect(service.stderr).not.toContain(MALFORMED_KEY);
    expect(service.stdout).toBe('');
    expect(await readdir(path.dirname(database.url.slice('sqlite:'.length)))).toEqual([]);
  });

  it('can be looked up with --help, which starts nothing', async () => {
    const service = start({}, '--help');
    expect(await service.exited).toEqual({ code: 0, signal: null });
    for (const name of ['PORT', 'HOST', 'DATABASE_URL', 'ADMIN_KEY', 'INTROSPECTION', 'EXPLORER']) {
      expect(service.stdout).toContain(`  ${name} `);
    }
  });
});

describe('a start that cannot succeed', () => {
  it('says so in one line where the port is in use', async () => {
    const taken = createServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    const { port } = taken.address() as AddressInfo;
    const service = start({ PORT: String(port) });
    await failsWith(service, new RegExp(`EADDRINUSE.*:${port}`));
    taken.close();
  });

  onSqlite('on SQLite', () => {
    it('says so in one line where the file is a folder', async () => {
      await failsWith(start({ DATABASE_URL: `sqlite:${path.dirname(database.url.slice('sqlite:'.length))}` }), /open/);
    });

    it('says so in one line where the folder cannot be made', async () => {
      await failsWith(start({ DATABASE_URL: `sqlite:${__filename}/credits.sqlite` }), /startup/);
    });
  });

  onMysql('on MySQL', () => {
    it.each(['127.0.0.1', 'localhost'])('says so in one line where the server cannot be reached: %s', async (host) => {
      await failsWith(start({ DATABASE_URL: `mysql://root:marker@${host}:1/credits` }), /ECONNREFUSED/);
    });

    it('says so in one line where the server knows neither the user nor the database', async () => {
      const url = new URL(database.url);
      await failsWith(start({ DATABASE_URL: `mysql://nobody:marker@${url.host}${url.pathname}` }), /nobody/);
      await failsWith(start({ DATABASE_URL: `mysql://root@${url.host}/missing` }), /missing/);
    });
  });

  async function failsWith(service: Running, reason: RegExp): Promise<void> {
    expect(await service.exited).toEqual({ code: 1, signal: null });
    expect(service.stderr).toMatch(/^Cannot start: [^\n]+\n$/);
    expect(service.stderr).toMatch(reason);
    expect(service.stderr).not.toMatch(/marker|node_modules|\.js:\d/);
    expect(service.stdout).not.toContain('Ready');
  }
});

describe('a running service', () => {
  it('says that it is alive and ready', async () => {
    const url = await ready(start());
    for (const [route, status] of [
      ['/healthz', 'ok'],
      ['/readyz', 'ready'],
    ]) {
      const response = await fetch(`${url}${route}`);
      expect(response.status).toBe(200);
      expect(await response.json()).toEqual({ status });
    }
  });

  it('shows browsers an explorer that needs nothing from elsewhere, unless it is configured off', async () => {
    const url = await ready(start());
    const page = await fetch(`${url}/`, { headers: { accept: 'text/html,application/xhtml+xml' } });
    expect(page.status).toBe(200);
    expect(page.headers.get('content-type')).toMatch(/^text\/html/);
    const html = await page.text();
    expect(html).toMatch(/<title>Integration credits/);
    const tags = html.match(/<(script|link|img|iframe|style)\b[^>]*>/g) ?? [];
    expect(tags.length).toBeGreaterThan(0);
    for (const tag of tags) expect(tag).not.toMatch(/(src|href)\s*=\s*["']?\s*(https?:)?\/\//i);
    expect(html).not.toMatch(/@import\s+(url\()?["']?(https?:)?\/\//);
    expect(html).not.toMatch(/\bimport\s*\(\s*["']https?:/);

    const others = await fetch(`${url}/`, { headers: { accept: 'application/json' } });
    expect(others.status).toBe(404);
    expect(await others.json()).toMatchObject({ errors: [{ extensions: { code: 'NOT_FOUND' } }] });

    const without = await ready(start({ EXPLORER: 'off' }));
    expect((await fetch(`${without}/`, { headers: { accept: 'text/html' } })).status).toBe(404);
  });
});

describe('a service that is told to stop', () => {
  it.each(['SIGTERM', 'SIGINT'] as const)('by %s finishes what is in flight and ends with 0', async (signal) => {
    const adminKey = createSecret('ADMIN');
    const service = start({ ADMIN_KEY: adminKey });
    const url = await ready(service);
    const body = JSON.stringify({
      query: 'mutation { createOwner(input: { name: "In flight" }) { owner { balance { available } } } }',
    });
    const request = await beginRequest(url, adminKey, body.length);
    const socket = await connectSocket(url, adminKey);

    service.child.kill(signal);
    await service.printed(new RegExp(`${signal}: stopping`));
    expect(await socket.closed).toMatchObject({ code: 1001 });
    request.socket.write(body);
    expect(await request.answer).toMatch(/^HTTP\/1\.1 200 OK[^]*"available":100/);
    expect(await service.exited).toEqual({ code: 0, signal: null });
    expect(service.stderr).toBe('');

    // What was answered is kept.
    const next = start();
    const { data } = await ask(
      await ready(next),
      '{ owners(search: "In flight") { edges { node { name } } } }',
      adminKey,
    );
    expect(data).toEqual({ owners: { edges: [{ node: { name: 'In flight' } }] } });
  });

  it('takes no new connections, and is not ready any more', async () => {
    const adminKey = createSecret('ADMIN');
    const service = start({ ADMIN_KEY: adminKey });
    const url = await ready(service);
    const request = await beginRequest(url, adminKey, 2);
    const socket = await connectSocket(url, adminKey);
    service.child.kill('SIGTERM');
    await socket.closed;
    request.socket.write('{}');
    await request.answer;
    expect(await service.exited).toEqual({ code: 0, signal: null });
    await expect(fetch(`${url}/readyz`)).rejects.toThrow();
  });

  it('does not wait longer than its grace for connections and requests that come to nothing', async () => {
    const service = start({ SHUTDOWN_GRACE_SECONDS: '1', ADMIN_KEY: createSecret('ADMIN') });
    const url = await ready(service);
    // Browsers open connections in advance, and say nothing on them.
    const silent = connect(Number(new URL(url).port), '127.0.0.1').on('error', () => {});
    await once(silent, 'connect');
    const hanging = await beginRequest(url, 'any', 1_000);
    const startedAt = Date.now();
    service.child.kill('SIGTERM');
    expect(await service.exited).toEqual({ code: 0, signal: null });
    expect(Date.now() - startedAt).toBeLessThan(5_000);
    silent.destroy();
    hanging.socket.destroy();
  });
});

function start(more: Record<string, string> = {}, ...args: string[]): Running {
  const service = runService({ ...settings, ...more }, ...args);
  running.push(service);
  return service;
}

function launch(program: string, args: readonly string[]): Running {
  const one = run(program, args);
  running.push(one);
  return one;
}

async function ready(service: Running): Promise<string> {
  const [, url] = await service.printed(/^Ready at (http:\/\/127\.0\.0\.1:\d+)\/graphql/m);
  return url as string;
}

async function stop(service: Running, signal: NodeJS.Signals): Promise<void> {
  service.child.kill(signal);
  expect(await service.exited).toEqual({ code: 0, signal: null });
}

async function ask(url: string, query: string, key: string): Promise<{ data: unknown }> {
  const response = await fetch(`${url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${key}` },
    body: JSON.stringify({ query }),
  });
  return (await response.json()) as { data: unknown };
}

async function roleOf(url: string, key: string): Promise<string> {
  const { data } = await ask(url, '{ viewer { role } }', key);
  return (data as { viewer: { role: string } }).viewer.role;
}

/** Sends the head of a request, and waits until the service has taken it: it then says that it wants the body. */
async function beginRequest(
  url: string,
  key: string,
  bytes: number,
): Promise<{ socket: Socket; answer: Promise<string> }> {
  const { port, host } = new URL(url);
  const socket = connect(Number(port), '127.0.0.1');
  let text = '';
  let wake = () => {};
  socket.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk;
    wake();
  });
  socket.on('error', () => {});
  const answer = once(socket, 'close').then(() => text);
  socket.write(
    [
      'POST /graphql HTTP/1.1',
      `Host: ${host}`,
      'Content-Type: application/json',
      `Authorization: Bearer ${key}`,
      `Content-Length: ${bytes}`,
      'Connection: close',
      'Expect: 100-continue',
      '',
      '',
    ].join('\r\n'),
  );
  while (!text.includes('100 Continue')) await new Promise<void>((resolve) => (wake = resolve));
  text = '';
  return { socket, answer };
}
