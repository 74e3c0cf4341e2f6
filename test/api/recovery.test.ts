import { copyFile, rm, stat } from 'node:fs/promises';
import { createServer, connect, type Server, type Socket } from 'node:net';
import { createSecret } from '../../src/access/api-key-secret';
import { start } from '../../src/compose';
import { Database } from '../../src/database/database';
import { entities } from '../../src/database/entities';
import { createTestDatabase, databaseKindOf } from '../support/database';
import { startTestService } from '../support/service';

const quiet = { info: () => undefined, error: () => undefined };

function configOf(databaseUrl: string, port: number) {
  return {
    port,
    host: '127.0.0.1',
    databaseUrl,
    redisUrl: null,
    adminKey: null,
    introspection: true,
    explorer: false,
    dashboard: false,
    widget: false,
    drainSeconds: 0,
    shutdownGraceSeconds: 1,
  };
}

describe('a start that fails', () => {
  it('because the port is taken, leaves no key behind that nobody was shown', async () => {
    const database = await createTestDatabase(databaseKindOf());
    const occupied = await listen(createServer());
    await expect(start(configOf(database.url, portOf(occupied)), { log: quiet })).rejects.toThrow(/EADDRINUSE/);
    occupied.close();

    const service = await start(configOf(database.url, 0), { log: quiet });
    expect(service.firstRun?.adminSecret).toMatch(/^icr_adm_/);
    await service.stop();
    await database.drop();
  });
});

if (databaseKindOf() === 'sqlite') {
  describe('a stopped service', () => {
    it('leaves one file that holds everything: a copy of it is a backup', async () => {
      const service = await startTestService('sqlite');
      const { appKey } = await service.tenant(100);
      await service.ask('mutation { sendSms(input: { idempotencyKey: "1" }) { replayed } }', {}, appKey);
      await service.service.stop();
      const file = service.databaseUrl.slice('sqlite:'.length);
      const copy = `${file}.copy`;
      await copyFile(file, copy);

      const restored = await startTestService('sqlite', { databaseUrl: `sqlite:${copy}` });
      expect(await restored.ask('{ balance { available } }', {}, appKey)).toEqual({ balance: { available: 99 } });
      await restored.stop();
      expect((await stat(copy)).size).toBeGreaterThan(50_000);
      await rm(copy, { force: true });
    });
  });
} else {
  describe('on MySQL', () => {
    it('every connection is prepared before its first statement, the one that TypeORM opens by itself too', async () => {
      const files = await createTestDatabase('mysql');
      const database = await Database.open(files.url, entities);
      const settings = 'SELECT @@session.tx_isolation AS isolation, @@session.innodb_lock_wait_timeout AS wait';
      const expected = [{ isolation: 'READ-COMMITTED', wait: 2 }];
      expect(await database.write((session) => session.query(settings))).toEqual(expected);
      const reads = await Promise.all(Array.from({ length: 12 }, () => database.reader.query(settings)));
      for (const read of reads) expect(read).toEqual(expected);
      await database.close();
      await files.drop();
    });

    it('a database that stops answering makes callers UNAVAILABLE, and when it answers again the same keys converge', async () => {
      const files = await createTestDatabase('mysql');
      const proxy = await startProxy(new URL(files.url));
      const service = await startTestService('mysql', {
        databaseUrl: proxy.url,
        config: { adminKey: createSecret('ADMIN') },
      });
      const { appKey } = await service.tenant(100);
      const debit = (key: string) =>
        service.send(
          'mutation($key: ID!) { sendSms(input: { idempotencyKey: $key }) { replayed balance { available } } }',
          { key },
          appKey,
        );
      await debit('before');

      proxy.cut();
      const during = await debit('during');
      expect(during.code).toBe('UNAVAILABLE');
      expect(await service.send('{ plans { code } }')).toMatchObject({ code: 'UNAVAILABLE' });
      proxy.mend();

      const after = await debit('during');
      expect(after.data.sendSms.balance).toEqual({ available: 98 });
      expect(service.failures).toEqual([]);
      await service.stop();
      proxy.close();
      await files.drop();
    });
  });
}

function listen(server: Server): Promise<Server> {
  return new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(server)));
}

function portOf(server: Server): number {
  return (server.address() as { port: number }).port;
}

/** Stands between the service and its database: it can be cut, which ends what is open and refuses what is new. */
async function startProxy(database: URL) {
  const open = new Set<Socket>();
  let cut = false;
  const server = await listen(
    createServer((client) => {
      if (cut) return void client.destroy();
      const upstream = connect(Number(database.port), database.hostname);
      for (const socket of [client, upstream]) {
        open.add(socket);
        socket.on('error', () => undefined).on('close', () => open.delete(socket));
      }
      client.pipe(upstream).pipe(client);
    }),
  );
  const url = new URL(database.href);
  url.port = String(portOf(server));
  return {
    url: url.href,
    cut: () => {
      cut = true;
      for (const socket of open) socket.destroy();
    },
    mend: () => void (cut = false),
    close: () => server.close(),
  };
}
