import { createConnection, type Connection } from 'mysql2/promise';
import { DEADLINES } from '../../src/database/deadlines';
import { parsePublicId } from '../../src/public-id';
import { performed, resolved } from '../support/actions';
import { createTestDatabase, databaseKindOf, type TestDatabase } from '../support/database';
import { startDatabaseProxy, type DatabaseProxy } from '../support/database-proxy';
import { SHORT_DEADLINES } from '../support/deadlines';
import { startMariadb } from '../support/mariadb';
import { startTestService, type Answer, type Tenant, type TestService } from '../support/service';

/** More than any deadline here, and less than two in a row. */
const PATIENCE_MS = SHORT_DEADLINES.statementMs + SHORT_DEADLINES.acquireMs + 1_000;
/** What is refused at once waits for nothing; the rest is what a loaded machine takes. */
const AT_ONCE_MS = 500;
/** The promise of ADR 8, which the short deadlines do not shorten. */
const RECOVERY_MS = 1_000;
const GIVE_UP_MS = 10_000;
const CREDITS_UNDER_LOAD = 50_000;

const DEBIT = `mutation($key: ID!) {
  sendSms(input: { idempotencyKey: $key }) { replayed action { sequence } balance { available } }
}`;

let files: TestDatabase;
let proxy: DatabaseProxy;
let service: TestService;
let tenant: Tenant;
/** A connection that does not pass the proxy, on which a test stands in everybody's way. */
let other: Connection;
let keys = 0;

const nextKey = () => `key ${(keys += 1)}`;
const debit = (key: string, appKey = tenant.appKey) => service.send(DEBIT, { key }, appKey);
const available = async (ownerKey = tenant.ownerKey) =>
  (await service.ask('{ balance { available } }', {}, ownerKey)).balance.available as number;
const appNames = async () => {
  const { owner } = await service.ask('query($id: ID!) { owner(id: $id) { apps { edges { node { name } } } } }', {
    id: tenant.ownerId,
  });
  return owner.apps.edges.map(({ node }: { node: { name: string } }) => node.name) as string[];
};
const numberOf = (ownerId: string) => parsePublicId(ownerId)?.ownerId;

(databaseKindOf() === 'mysql' ? describe : describe.skip)('a MySQL that cannot be reached', () => {
  beforeAll(async () => {
    files = await createTestDatabase('mysql');
    proxy = await startDatabaseProxy(files.url);
    service = await startTestService('mysql', { databaseUrl: proxy.url, deadlines: SHORT_DEADLINES });
    other = await createConnection(files.url);
  });

  beforeEach(async () => {
    await proxy.pass();
    await recovered();
    tenant = await service.tenant();
    // The pool is known from now on: the next debit takes one round trip, which ends with its COMMIT.
    await debit(nextKey());
  });

  afterEach(async () => {
    expect(service.failures).toEqual([]);
    await other.query('UNLOCK TABLES');
    await other.rollback();
  });

  afterAll(async () => {
    await proxy.pass();
    await other.end();
    await service.stop();
    await proxy.close();
    await files.drop();
  });

  describe('falls silent', () => {
    it('leaves no request without an answer, and what comes later is refused at once until it is back', async () => {
      const key = nextKey();
      const owner = { ownerId: tenant.ownerId };
      const fresh = await service.ask(
        'mutation($input: CreateApiKeyInput!) { createApiKey(input: $input) { secret } }',
        { input: { name: 'never used', role: 'OWNER', ...owner } },
      );
      proxy.silence();
      const asked = {
        debit: debit(key),
        unknownKey: service.send('{ balance { available } }', {}, fresh.createApiKey.secret),
        balance: service.send('{ balance { available } }', {}, tenant.ownerKey),
        actions: service.send('{ actions(first: 5) { edges { node { id } } } }', {}, tenant.ownerKey),
        ledger: service.send('{ ledger(first: 5) { edges { node { sequence } } } }', {}, tenant.ownerKey),
        plans: service.send('{ plans { code } }'),
        owners: service.send('{ owners(first: 5) { edges { node { id } } } }'),
        verify: service.send('query($ownerId: ID!) { verifyLedger(ownerId: $ownerId) { ok } }', owner),
        createApp: service.send('mutation($input: CreateAppInput!) { createApp(input: $input) { app { id } } }', {
          input: { ...owner, name: 'lost' },
        }),
        grant: service.send('mutation($input: GrantCreditsInput!) { grantCredits(input: $input) { replayed } }', {
          input: { ...owner, amount: 5, source: 'BONUS', idempotencyKey: key },
        }),
      };
      const [answers, tookMs] = await timed(Promise.all(Object.values(asked)));
      expect(answers.map(({ code }) => code)).toEqual(answers.map(() => 'UNAVAILABLE'));
      expect(tookMs).toBeLessThan(PATIENCE_MS);

      const [refused, refusedMs] = await timed(
        Promise.all([debit(nextKey()), debit(key), service.send('{ plans { code } }')]),
      );
      expect(refused.map(({ code }) => code)).toEqual(['UNAVAILABLE', 'UNAVAILABLE', 'UNAVAILABLE']);
      expect(refused[0]?.errors[0]?.message).toMatch(/retry with the same key/);
      expect(refusedMs).toBeLessThan(AT_ONCE_MS);

      await proxy.pass();
      const [, backMs] = await timed(accepted(key));
      expect(backMs).toBeLessThan(RECOVERY_MS);
      expect(await available()).toBe(98);
      expect(await appNames()).toEqual(['An app']);
    });

    it('makes /readyz say so within 2 s, whatever else waits, and /healthz does not care', async () => {
      expect(DEADLINES.readyMs).toBeLessThan(2_000);
      proxy.silence();
      const waiting = Array.from({ length: 30 }, () => service.send('{ plans { code } }'));
      const [ready, tookMs] = await timed(fetch(`${service.url}/readyz`));
      expect(ready.status).toBe(503);
      expect(tookMs).toBeLessThan(SHORT_DEADLINES.readyMs + AT_ONCE_MS);
      expect((await fetch(`${service.url}/healthz`)).status).toBe(200);
      await Promise.all(waiting);
      await proxy.pass();
      await recovered();
      expect((await fetch(`${service.url}/readyz`)).status).toBe(200);
    });

    it('only on the connections that are open: one deadline later everything works, on new ones', async () => {
      proxy.silenceOpen();
      const key = nextKey();
      const [answer, tookMs] = await timed(debit(key));
      expect(answer.code).toBe('UNAVAILABLE');
      expect(tookMs).toBeLessThan(PATIENCE_MS);
      // The reader's connections are as dead; nobody finds that out one by one.
      const [after, afterMs] = await timed(Promise.all([debit(key), available(), service.ask('{ plans { code } }')]));
      expect(after[0].code).toBeUndefined();
      expect(afterMs).toBeLessThan(RECOVERY_MS);
      expect(await available()).toBe(98);
    });

    it('does not hold up a stop', async () => {
      const silenced = await startDatabaseProxy(files.url);
      const stopping = await startTestService('mysql', {
        databaseUrl: silenced.url,
        deadlines: SHORT_DEADLINES,
        config: { adminKey: service.adminKey, shutdownGraceSeconds: 1 },
      });
      await stopping.send(DEBIT, { key: nextKey() }, tenant.appKey);
      silenced.silence();
      const inFlight = stopping.send(DEBIT, { key: nextKey() }, tenant.appKey).catch(() => 'cut');
      const [, tookMs] = await timed(stopping.stop());
      expect(tookMs).toBeLessThan(3_000);
      await inFlight;
      await silenced.close();
    });
  });

  describe('loses connections', () => {
    it('is not noticed where a new one can be had: debits, reads and management are tried again', async () => {
      for (let round = 0; round < 3; round++) {
        proxy.reset();
        const answers = await Promise.all([
          debit(nextKey()),
          service.send('{ balance { available } }', {}, tenant.ownerKey),
          service.send('mutation($input: CreateAppInput!) { createApp(input: $input) { app { id } } }', {
            input: { ownerId: tenant.ownerId, name: `app ${round}` },
          }),
        ]);
        expect(answers.map(({ code }) => code)).toEqual([undefined, undefined, undefined]);
      }
      expect(await available()).toBe(96);
    });

    it('because an operator kills them all under load: every debit is made once, none fails', async () => {
      const wanted = Array.from({ length: 40 }, nextKey);
      const answers = Promise.all(wanted.map((key) => debit(key)));
      const [processes] = await other.query(
        'SELECT id FROM information_schema.processlist WHERE id <> CONNECTION_ID() AND db = ?',
        [new URL(files.url).pathname.slice(1)],
      );
      for (const { id } of processes as { id: number }[]) await other.query(`KILL ${id}`).catch(() => undefined);
      expect((await answers).map(({ code }) => code)).toEqual(wanted.map(() => undefined));
      expect(await available()).toBe(59);
    });

    it('and refuses new ones: callers are soon refused at once, and served when it is back', async () => {
      await proxy.refuse();
      const key = nextKey();
      const [answer, tookMs] = await timed(debit(key));
      expect(answer.code).toBe('UNAVAILABLE');
      expect(tookMs).toBeLessThan(RECOVERY_MS);
      const [refused, refusedMs] = await timed(Promise.all(Array.from({ length: 50 }, () => debit(nextKey()))));
      expect(new Set(refused.map(({ code }) => code))).toEqual(new Set(['UNAVAILABLE']));
      expect(refusedMs).toBeLessThan(RECOVERY_MS);
      expect((await fetch(`${service.url}/readyz`)).status).toBe(503);

      await proxy.pass();
      const [, backMs] = await timed(accepted(key));
      expect(backMs).toBeLessThan(RECOVERY_MS);
      expect(await available()).toBe(98);
    });
  });

  describe('commits, and its answer is lost', () => {
    it('with the connection: the debit is found by its key inside, and the caller gets its receipt', async () => {
      const lost = proxy.loseNextCommit('RESET');
      const answer = await debit(nextKey());
      await lost;
      expect(answer.data.sendSms).toEqual({ replayed: true, action: { sequence: 3 }, balance: { available: 98 } });
      expect(await available()).toBe(98);
    });

    it('in silence: the caller is told that nobody knows, and the same key finds the one debit', async () => {
      const lost = proxy.loseNextCommit('SILENCE');
      const key = nextKey();
      expect(await debit(key)).toMatchObject({ code: 'UNAVAILABLE' });
      await lost;
      const answer = await accepted(key);
      expect(answer.data.sendSms).toEqual({ replayed: true, action: { sequence: 3 }, balance: { available: 98 } });
    });

    it('of a mutation that has no key: it is not made twice', async () => {
      const lost = proxy.loseNextCommit('RESET');
      const input = { ownerId: tenant.ownerId, name: 'once' };
      const created = await service.send(
        'mutation($input: CreateAppInput!) { createApp(input: $input) { app { id } } }',
        { input },
      );
      await lost;
      expect(created.code).toBe('UNAVAILABLE');
      expect(await appNames()).toEqual(['once', 'An app']);
    });
  });

  describe('fails in every way in turn, under load', () => {
    it('and each key that was tried until it was accepted is one debit, with one receipt', async () => {
      const { appKey, ownerKey, ownerId } = await service.tenant(CREDITS_UNDER_LOAD);
      const receipts = new Map<string, number>();
      let faulting = true;
      const client = async (name: number) => {
        for (let number = 0; faulting; number++) {
          const key = `client ${name}, key ${number}`;
          const { data } = await untilServed(() => debit(key, appKey));
          receipts.set(key, data.sendSms.action.sequence);
        }
      };
      const clients = Promise.all(Array.from({ length: 12 }, (_, name) => client(name)));
      const served = async () => void (await untilServed(() => debit(nextKey(), tenant.appKey)));
      for (const fault of [
        () => proxy.loseNextCommit('RESET'),
        () => Promise.resolve(proxy.reset()),
        () => proxy.loseNextCommit('SILENCE'),
        () => Promise.resolve(proxy.silenceOpen()),
        () => proxy.refuse(),
        () => proxy.loseNextCommit('RESET'),
        () => Promise.resolve(proxy.silence()),
      ]) {
        await fault();
        // Whatever is refused or silent is so for as long as it takes somebody to be told.
        await debit(nextKey(), tenant.appKey);
        await proxy.pass();
        await served();
      }
      faulting = false;
      await clients;
      for (const [key, sequence] of receipts) {
        const again = await debit(key, appKey);
        expect(again.data.sendSms).toMatchObject({ replayed: true, action: { sequence } });
      }
      expect(receipts.size).toBeGreaterThan(50);
      expect(new Set(receipts.values()).size).toBe(receipts.size);
      expect(await available(ownerKey)).toBe(CREDITS_UNDER_LOAD - receipts.size);
      const { verifyLedger } = await service.ask('query($id: ID!) { verifyLedger(ownerId: $id) { ok } }', {
        id: ownerId,
      });
      expect(verifyLedger.ok).toBe(true);
    });
  });

  describe('takes no more connections', () => {
    it('is not given up for it: what can be done on those that are open is done', async () => {
      const server = await startMariadb({ durable: false });
      const root = await createConnection(server.url);
      const undo: (() => Promise<unknown>)[] = [() => server.stop(), () => root.end()];
      try {
        await root.query('CREATE DATABASE crowded CHARACTER SET utf8mb4 COLLATE utf8mb4_bin');
        // A superuser would always get one connection more.
        await root.query('CREATE USER anybody');
        await root.query('GRANT ALL ON crowded.* TO anybody');
        const databaseUrl = `${server.url.replace('root@', 'anybody@')}/crowded`;
        const crowded = await startTestService('mysql', { databaseUrl, deadlines: SHORT_DEADLINES });
        undo.push(() => crowded.stop());
        const { appKey } = await crowded.tenant(CREDITS_UNDER_LOAD);
        const debitThere = () => crowded.send(DEBIT, { key: nextKey() }, appKey);
        expect((await debitThere()).code).toBeUndefined();

        await root.query('SET GLOBAL max_connections = 10');
        const crowd = await connectionsUntilRefused(databaseUrl);
        undo.push(() => Promise.all(crowd.map((connection) => connection.end())));
        // It asks on a connection of its own, in vain, and doubts whether the database is there at all.
        expect((await fetch(`${crowded.url}/readyz`)).status).toBe(503);
        const until = performance.now() + 4 * SHORT_DEADLINES.graceMs;
        while (performance.now() < until) expect((await debitThere()).code).toBeUndefined();
        expect(crowded.lines).toEqual([]);
      } finally {
        for (const step of undo.reverse()) await step();
      }
    });
  });

  describe('is held up by somebody else', () => {
    it('who holds a pool: only its debits wait, and are made once when it is free; nobody else notices', async () => {
      const innocents = await Promise.all(Array.from({ length: 5 }, () => service.tenant()));
      const debitInnocents = () => Promise.all(innocents.map(({ appKey }) => debit(nextKey(), appKey)));
      await debitInnocents();
      await other.beginTransaction();
      await other.query('SELECT version FROM pools WHERE owner_id = ? FOR UPDATE', [numberOf(tenant.ownerId)]);
      const held = Promise.all(Array.from({ length: 3 }, () => debit(nextKey())));
      // With them in one batch or right behind it, these wait until it is known who is to blame, and no longer.
      expect((await debitInnocents()).map(({ code }) => code)).toEqual(innocents.map(() => undefined));
      for (let round = 0; round < 3; round++) {
        const [answers, tookMs] = await timed(debitInnocents());
        expect(answers.map(({ code }) => code)).toEqual(innocents.map(() => undefined));
        expect(tookMs).toBeLessThan(RECOVERY_MS);
      }
      await other.rollback();
      expect((await held).map(({ code }) => code)).toEqual([undefined, undefined, undefined]);
      expect(await available()).toBe(96);
      expect((await debit(nextKey())).data.sendSms.balance).toEqual({ available: 95 });
    });

    it('in a deadlock that it loses: the batch runs again, and the caller does not notice', async () => {
      const ownerId = numberOf(tenant.ownerId);
      const { action } = await performed(service, tenant.appKey, { idempotencyKey: nextKey() });
      const before = await statusOf('Innodb_deadlocks');
      await other.query('CREATE TEMPORARY TABLE weight (n INT) ENGINE = InnoDB');
      await other.beginTransaction();
      // Many changes, so that the database picks the other transaction as its victim.
      await other.query('INSERT INTO weight SELECT seq FROM seq_1_to_500');
      await other.query('SELECT status FROM apps WHERE owner_id = ? FOR UPDATE', [ownerId]);
      const answer = resolved(service, tenant.ownerKey, 'refundAction', { actionId: action.id });
      while ((await statusOf('Innodb_row_lock_current_waits')) === 0);
      await other.query('SELECT version FROM pools WHERE owner_id = ? FOR UPDATE', [ownerId]);
      await other.commit();
      expect(await answer).toMatchObject({ replayed: false, balance: { available: 99 } });
      expect(await statusOf('Innodb_deadlocks')).toBeGreaterThan(before);
      await other.query('DROP TEMPORARY TABLE weight');
    });

    it('who locks a table: who waits behind its readers is told in time, and debits go on', async () => {
      const made = await Promise.all(
        Array.from({ length: 15 }, (_, number) =>
          service.ask('mutation($input: CreateApiKeyInput!) { createApiKey(input: $input) { secret } }', {
            input: { name: `${number}`, role: 'OWNER', ownerId: tenant.ownerId },
          }),
        ),
      );
      await other.query('LOCK TABLES api_keys WRITE');
      const looksUp = made.map(({ createApiKey }) =>
        service.send('{ balance { available } }', {}, createApiKey.secret),
      );
      const debited = await Promise.all(Array.from({ length: 10 }, () => debit(nextKey())));
      expect(new Set(debited.map(({ code }) => code))).toEqual(new Set([undefined]));
      const [answers, tookMs] = await timed(Promise.all(looksUp));
      expect(new Set(answers.map(({ code }) => code))).toEqual(new Set(['UNAVAILABLE']));
      expect(tookMs).toBeLessThan(PATIENCE_MS);
    });

    it('so that its tables cannot be read, although it answers: /readyz says so (hazard 11)', async () => {
      await other.query('LOCK TABLES plans WRITE');
      const [ready, tookMs] = await timed(fetch(`${service.url}/readyz`));
      expect(ready.status).toBe(503);
      expect(tookMs).toBeLessThan(SHORT_DEADLINES.readyMs + AT_ONCE_MS);
    });

    it('who locks all tables for a backup: one batch waits, the others are refused at once', async () => {
      await other.query('FLUSH TABLES WITH READ LOCK');
      const key = nextKey();
      const [first, tookMs] = await timed(debit(key));
      expect(first.code).toBe('UNAVAILABLE');
      expect(tookMs).toBeLessThan(PATIENCE_MS);
      const trial = debit(nextKey());
      while (!(await isWaitedFor()));
      const [refused, refusedMs] = await timed(Promise.all(Array.from({ length: 20 }, () => debit(nextKey()))));
      expect(refused.map(({ code }) => code)).toEqual(Array(20).fill('UNAVAILABLE'));
      expect(refusedMs).toBeLessThan(AT_ONCE_MS);
      // Reads have no part in it.
      expect(await available()).toBe(99);
      await other.query('UNLOCK TABLES');
      expect((await trial).code).toBeUndefined();
      expect((await accepted(key)).data.sendSms.balance).toEqual({ available: 97 });
    });
  });
});

/** Waits, by asking again, until the service answers as if nothing had happened. */
async function recovered(): Promise<void> {
  await untilServed(() => service.send('{ plans { code } }'));
}

/** A client that retries with the same key until it knows. */
function accepted(key: string): Promise<Answer> {
  return untilServed(() => debit(key));
}

async function untilServed(ask: () => Promise<Answer>): Promise<Answer> {
  const start = performance.now();
  for (;;) {
    const answer = await ask();
    if (answer.code !== 'UNAVAILABLE') return answer;
    if (performance.now() - start > GIVE_UP_MS) throw new Error('The service does not come back.');
  }
}

async function timed<T>(promise: Promise<T>): Promise<[T, number]> {
  const start = performance.now();
  return [await promise, performance.now() - start];
}

async function statusOf(name: string): Promise<number> {
  const [rows] = await other.query('SHOW GLOBAL STATUS WHERE Variable_name = ?', [name]);
  return Number((rows as { Value: string }[])[0]?.Value);
}

/** All the connections that the server has to spare. */
async function connectionsUntilRefused(url: string): Promise<Connection[]> {
  const taken: Connection[] = [];
  for (;;) {
    try {
      taken.push(await createConnection(url));
    } catch (error) {
      expect(error).toMatchObject({ errno: 1040 });
      return taken;
    }
  }
}

/** Whether somebody waits for a lock of a table, or of all of them. */
async function isWaitedFor(): Promise<boolean> {
  const [waiting] = await other.query(
    "SELECT 1 FROM information_schema.processlist WHERE state LIKE 'Waiting for %lock'",
  );
  return (waiting as unknown[]).length > 0;
}
