import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import path from 'node:path';
import { ModuleKind, ScriptTarget, transpileModule } from 'typescript';
import WebSocket from 'ws';
import { createSecret } from '../../src/access/api-key-secret';
import { SECOND_MS } from '../../src/clock';
import { performed } from '../support/actions';
import { entriesOf, problemsOf, readBooks } from '../support/books';
import { createTestDatabase, databaseKindOf, type TestDatabase } from '../support/database';
import { buildService, ROOT } from '../support/process';
import { Fleet, Load, Watcher } from '../support/fleet';
import { connectSocket, openSocket, type RawSocket } from '../support/raw-socket';
import { startTestService, type TestOptions, type Tenant, type TestService } from '../support/service';

const BALANCE = 'subscription { balanceChanged { available version } }';
const UPGRADE = [
  'GET /graphql HTTP/1.1',
  'Host: localhost',
  'Connection: Upgrade',
  'Upgrade: websocket',
  'Sec-WebSocket-Version: 13',
  `Sec-WebSocket-Key: ${Buffer.alloc(16).toString('base64')}`,
  'Sec-WebSocket-Protocol: graphql-transport-ws',
  '\r\n',
].join('\r\n');
/** Far more than any of these stops takes, so that one which waits for its grace is found out. */
const LONG_GRACE_SECONDS = 30;
const SOON_MS = 8 * SECOND_MS;

describe('a service that is told to stop', () => {
  let service: TestService;
  let tenant: Tenant;
  const opened: { destroy(): void }[] = [];
  async function begin(config: TestOptions['config'] = {}): Promise<void> {
    service = await startTestService(databaseKindOf(), {
      config: { shutdownGraceSeconds: LONG_GRACE_SECONDS, ...config },
    });
    tenant = await service.tenant(100);
  }
  afterEach(async () => {
    for (const one of opened.splice(0)) one.destroy();
    await service.stop();
    expect(service.failures).toEqual([]);
  });

  /** Stops it, and returns how long that took. */
  async function stopped(): Promise<number> {
    const startedAt = performance.now();
    await service.service.stop();
    return performance.now() - startedAt;
  }
  async function socketOf(key = tenant.appKey): Promise<RawSocket> {
    const socket = await connectSocket(service.url, key);
    opened.push({ destroy: () => socket.socket.terminate() });
    return socket;
  }
  async function lineTo(url = service.url): Promise<Line> {
    const line = await Line.open(url);
    opened.push(line.socket);
    return line;
  }

  it('is not ready from that moment on, and serves on for its drain: requests, connections and sockets', async () => {
    await begin({ drainSeconds: 1 });
    const before = await socketOf();
    const stopping = service.service.stop();
    const readiness = await fetch(`${service.url}/readyz`);
    expect([readiness.status, await readiness.json()]).toEqual([503, { status: 'not ready' }]);
    expect((await fetch(`${service.url}/healthz`)).status).toBe(200);
    await performed(service, tenant.appKey, { idempotencyKey: 'during the drain' });
    const during = await socketOf();
    for (const socket of [before, during]) {
      socket.subscribe('1', BALANCE);
      expect((await socket.next()).payload.data.balanceChanged).toMatchObject({ available: 99 });
    }
    await stopping;
    for (const socket of [before, during]) expect(await socket.closed).toEqual({ code: 1001, reason: 'Going away' });
    await expect(fetch(`${service.url}/readyz`)).rejects.toThrow();
  });

  it('answers a request that comes on a kept-alive connection, as the last one of that connection', async () => {
    await begin({ drainSeconds: 1 });
    const line = await lineTo();
    expect(await line.ask(debitBy(tenant, 'before'))).toMatch(
      /^HTTP\/1\.1 200 OK[^]*connection: keep-alive[^]*"replayed":false/i,
    );
    const stopping = service.service.stop();
    expect(await line.ask(debitBy(tenant, 'during'))).toMatch(
      /^HTTP\/1\.1 200 OK[^]*connection: close[^]*"replayed":false/i,
    );
    await line.closed;
    await stopping;
  });

  it('answers what is in flight, lets go of its connection, and does not wait for another request on it', async () => {
    await begin();
    const line = await lineTo();
    const { head, body } = debitBy(tenant, 'in flight');
    await line.beginWith(head);
    const stopping = stopped();
    // It takes no new connection any more.
    while (await takesConnections(service.url));
    line.socket.write(body);
    expect(await line.until(/"replayed":\w+/)).toMatch(/HTTP\/1\.1 200 OK[^]*connection: close[^]*"replayed":false/i);
    await line.closed;
    expect(await stopping).toBeLessThan(SOON_MS);
  });

  it('is not held up by a connection on which nothing is said, as browsers open them in advance', async () => {
    await begin();
    const line = await lineTo();
    expect(await stopped()).toBeLessThan(SOON_MS);
    await line.closed;
  });

  it('closes many sockets one after the other with 1001, and ends no subscription by a message', async () => {
    await begin();
    const sockets = await Promise.all(Array.from({ length: 60 }, () => socketOf()));
    for (const socket of sockets) {
      socket.subscribe('1', BALANCE);
      expect(await socket.next()).toMatchObject({ type: 'next' });
    }
    const closedAt: number[] = [];
    for (const { closed } of sockets) void closed.then(() => closedAt.push(performance.now()));
    const tookMs = await stopped();
    for (const socket of sockets) {
      expect(await socket.closed).toMatchObject({ code: 1001 });
      await expect(socket.next()).rejects.toThrow('The socket was closed.');
    }
    expect(Math.max(...closedAt) - Math.min(...closedAt)).toBeGreaterThan(300);
    expect(tookMs).toBeLessThan(SOON_MS);
  });

  it('has closed every socket within its grace, however many there are', async () => {
    await begin({ shutdownGraceSeconds: 2 });
    const sockets = await Promise.all(Array.from({ length: 300 }, () => socketOf()));
    // At one socket in 10 ms it would take three seconds.
    expect(await stopped()).toBeLessThan(2 * SECOND_MS);
    for (const socket of sockets) expect(await socket.closed).toMatchObject({ code: 1001 });
  });

  it('does not wait long for a socket that does not answer the close', async () => {
    await begin();
    const deaf = await openSocket(service.url);
    opened.push({ destroy: () => deaf.socket.terminate() });
    deaf.socket.pause();
    expect(await stopped()).toBeLessThan(SOON_MS);
  });

  it('ends in order although a socket breaks the protocol while it is being closed', async () => {
    await begin();
    const [line, other] = [await lineTo(), await socketOf()];
    line.socket.write(UPGRADE);
    await line.until(/101 Switching Protocols/);
    const stopping = stopped();
    await other.closed;
    // A frame that is not masked, instead of the answer.
    line.socket.write(Buffer.from([0x81, 0x01, 0x78]));
    expect(await stopping).toBeLessThan(SOON_MS);
  });

  it('closes a socket that is opened only then with 1001 too, after which clients come back', async () => {
    await begin();
    const waiting = connect(Number(new URL(service.url).port), '127.0.0.1');
    await once(waiting, 'connect');
    const [deaf, other] = [await openSocket(service.url), await socketOf()];
    deaf.socket.pause();
    opened.push({ destroy: () => deaf.socket.terminate() });
    const stopping = service.service.stop();
    await other.closed;
    const late = new WebSocket(`${service.url.replace('http', 'ws')}/graphql`, 'graphql-transport-ws', {
      createConnection: () => waiting,
    });
    expect((await once(late, 'close'))[0]).toBe(1001);
    await stopping;
  });
});

describe('a process that is told to stop', () => {
  let database: TestDatabase;
  let fleet: Fleet;
  const watchers: Watcher[] = [];
  beforeAll(buildService, 120_000);
  beforeEach(async () => {
    database = await createTestDatabase(databaseKindOf());
    fleet = new Fleet(database.url);
  });
  afterEach(async () => {
    for (const { client } of watchers.splice(0)) await client.dispose();
    await fleet.kill();
    await database.drop();
  });

  it('a second time, stops at once', async () => {
    await fleet.start(0, { SHUTDOWN_GRACE_SECONDS: String(LONG_GRACE_SECONDS) });
    const { process, url } = fleet.at(0);
    const line = await Line.open(url);
    // A request whose body does not come.
    await line.beginWith(
      `POST /graphql HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 9\r\n`,
    );
    const startedAt = Date.now();
    const impatience = setInterval(() => process.child.kill('SIGTERM'), 100);
    // The same signal within a moment is taken for one.
    expect(await process.exited).toEqual({ code: 1, signal: null });
    clearInterval(impatience);
    expect(process.stdout).toMatch(/SIGTERM: stopping\nSIGTERM: stopping at once\n$/);
    expect(Date.now() - startedAt).toBeLessThan(SOON_MS);
    line.socket.destroy();
  });

  const processes = databaseKindOf() === 'mysql' ? 2 : 1;
  it(`under load loses nothing: ${processes === 2 ? 'two processes, each in its turn' : 'one process, restarted'}`, async () => {
    for (let index = 0; index < processes; index += 1) await fleet.start(index);
    const tenant = await fleet.tenant();
    const load = new Load(fleet, tenant.appKey);
    const places = [0, 1, 2, 3, 4, 5];
    const ledgers = places.map((place) => Watcher.ofLedger(fleet, tenant.ownerKey, place));
    const balances = places.map((place) => Watcher.ofBalance(fleet, tenant.appKey, place));
    watchers.push(...ledgers, ...balances);
    await Promise.all(watchers.map(({ seen }) => seen.until(({ length }) => length > 0)));
    const running = load.run(12);
    for (let turn = 0; turn < 2; turn += 1) {
      await load.more(100);
      await fleet.restart(turn % processes);
    }
    await load.more(100);
    load.end();
    await running;

    expect(load.failures).toEqual([]);
    expect(problemsOf(await readBooks(database.url))).toEqual([]);
    // What was acknowledged is there, each once, and nothing else is.
    const entries = await entriesOf(database.url, tenant.ownerId);
    const debits = entries.filter(({ kind }) => kind === 'DEBIT').map(({ sequence }) => sequence);
    expect(debits).toEqual(ascending(load.sequences.values));
    const last = entries.length;
    for (const { seen } of ledgers) {
      await seen.until((sequences) => sequences.length >= last);
      expect(seen.values).toEqual(Array.from({ length: last }, (_, index) => index + 1));
    }
    for (const { seen } of balances) expect(seen.values).toEqual(ascending(seen.values));
    // Each lost the process that it watched at least once, and was told so.
    const closes = watchers.map((watcher) => watcher.closes);
    expect(closes.filter((codes) => codes.length === 0)).toEqual([]);
    expect(new Set(closes.flat())).toEqual(new Set([1001]));
  });

  it('is outlasted by the client of docs/api.md: each entry once, each action once', async () => {
    await fleet.start(0);
    const tenant = await fleet.tenant();
    const { url } = fleet.at(0);
    const { ledgerEntries, charge } = sampleClient();
    const seen: number[] = [];
    const reading = (async () => {
      for await (const { sequence } of ledgerEntries(url, tenant.ownerKey)) {
        seen.push(sequence);
        if (sequence === 21) return;
      }
    })();
    const charges = async (label: string) => {
      for (let i = 0; i < 10; i += 1) {
        await charge(url, tenant.appKey, { model: 'example', idempotencyKey: `${label} ${i}` });
      }
    };
    await charges('before');
    await Promise.all([fleet.restart(0), charges('during')]);
    await reading;
    expect(seen).toEqual(Array.from({ length: 21 }, (_, index) => index + 1));
    await expect(charge(url, createSecret('APP'), { model: 'example' })).rejects.toThrow();
  });
});

/** A connection without an HTTP library, for what none of them would do. */
class Line {
  text = '';
  readonly closed: Promise<unknown>;
  private wake = () => {};

  private constructor(readonly socket: Socket) {
    socket.setEncoding('utf8').on('data', (chunk: string) => {
      this.text += chunk;
      this.wake();
    });
    socket.on('error', () => {});
    this.closed = once(socket, 'close');
  }

  static async open(url: string): Promise<Line> {
    const socket = connect(Number(new URL(url).port), '127.0.0.1');
    await once(socket, 'connect');
    return new Line(socket);
  }

  async until(pattern: RegExp): Promise<string> {
    while (!pattern.test(this.text)) {
      if (this.socket.destroyed) throw new Error(`It was closed without ${pattern}: ${this.text}`);
      await Promise.race([new Promise<void>((resolve) => (this.wake = resolve)), this.closed]);
    }
    return this.text;
  }

  /** Sends the head of a request, and waits until the service has taken it: it then says that it wants the body. */
  async beginWith(head: string): Promise<void> {
    this.socket.write(`${head}Expect: 100-continue\r\n\r\n`);
    await this.until(/100 Continue\r\n\r\n/);
    this.text = '';
  }

  /** Sends a request, and returns its answer. */
  async ask({ head, body }: { head: string; body: string }): Promise<string> {
    this.text = '';
    this.socket.write(`${head}\r\n${body}`);
    return this.until(/\r\n\r\n.*\n/);
  }
}

async function takesConnections(url: string): Promise<boolean> {
  return Line.open(url).then(
    ({ socket }) => Boolean(socket.destroy()),
    () => false,
  );
}

/** The client that docs/api.md shows, as it is shown there. */
function sampleClient(): {
  ledgerEntries(url: string, key: string, afterSequence?: number): AsyncGenerator<{ sequence: number }>;
  charge(url: string, key: string, input: { model: string; idempotencyKey?: string }): Promise<{ replayed: boolean }>;
} {
  const [, source] = /```ts\n([^]*?)```/.exec(readFileSync(path.join(ROOT, 'docs/api.md'), 'utf8')) as string[];
  const { outputText } = transpileModule(source as string, {
    compilerOptions: { module: ModuleKind.CommonJS, target: ScriptTarget.ES2023, esModuleInterop: true },
  });
  const module = { exports: {} };
  new Function('module', 'exports', 'require', outputText)(module, module.exports, require);
  return module.exports as ReturnType<typeof sampleClient>;
}

function debitBy({ appKey }: Tenant, idempotencyKey: string): { head: string; body: string } {
  const query = `mutation { sendSms(input: { idempotencyKey: "${idempotencyKey}" }) { replayed } }`;
  const body = JSON.stringify({ query });
  const head = [
    'POST /graphql HTTP/1.1',
    'Host: localhost',
    'Content-Type: application/json',
    `Authorization: Bearer ${appKey}`,
    `Content-Length: ${body.length}`,
    '',
  ].join('\r\n');
  return { head, body };
}

const ascending = (numbers: readonly number[]) => [...numbers].sort((a, b) => a - b);
