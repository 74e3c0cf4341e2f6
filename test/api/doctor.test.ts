import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { connect, createServer, type AddressInfo } from 'node:net';
import path from 'node:path';
import { createConnection, type Connection } from 'mysql2/promise';
import { checkRedis } from '../../src/cli/redis-check';
import { diagnose } from '../../src/database/doctor/diagnose';
import { type Finding, verdictOf } from '../../src/database/doctor/finding';
import { checkSettings } from '../../src/database/doctor/mysql-settings';
import { fileSystemFinding } from '../../src/database/doctor/sqlite-checks';
import { SqliteDatabase } from '../../src/database/sqlite-driver';
import { databaseKindOf } from '../support/database';
import { startMariadb, type Mariadb } from '../support/mariadb';
import { ROOT, run, type Exit } from '../support/process';
import { redisIsAvailable, startRedis } from '../support/redis';
import { startTestService } from '../support/service';

const onSqlite = (title: string, tests: () => void) => void (databaseKindOf() === 'sqlite' && describe(title, tests));
const onMysql = (title: string, tests: () => void) => void (databaseKindOf() === 'mysql' && describe(title, tests));
const now = () => Date.now();

onSqlite('npm run doctor, of a database file', () => {
  let folder: string;
  let file: string;
  beforeEach(async () => {
    // On the disk of the checkout: the temporary folder may be in memory, which the doctor calls unsafe.
    const cache = path.join(ROOT, 'node_modules', '.cache');
    await mkdir(cache, { recursive: true });
    folder = await mkdtemp(path.join(cache, 'doctor-'));
    file = path.join(folder, 'credits.sqlite');
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  async function aLedger(): Promise<void> {
    const service = await startTestService('sqlite', { databaseUrl: `sqlite:${file}` });
    await service.tenant(100);
    await service.stop();
  }

  it('says safe of what a stopped service left, and leaves it as it was to the byte', async () => {
    await aLedger();
    const before = await contentOf(folder);
    const { exit, stdout, stderr } = await doctor({ DATABASE_URL: `sqlite:${file}` });
    expect({ exit, stderr }).toEqual({ exit: { code: 0, signal: null }, stderr: '' });
    expect(stdout.trimEnd().split('\n').at(-1)).toBe('safe');
    expect(stdout).toMatch(/^ok +journal: changes go to a write-ahead log first$/m);
    expect(await contentOf(folder)).toEqual(before);
  });

  it('says safe of one that a running service has open', async () => {
    const service = await startTestService('sqlite', { databaseUrl: `sqlite:${file}` });
    await service.tenant(100);
    expect(await readdir(folder)).toContain('credits.sqlite-wal');
    expect(worst(await findingsOf(`sqlite:${file}`))).toEqual({ verdict: 'safe', checks: [] });
    await service.stop();
  });

  it('cannot tell of a file that is not there, and does not make it; nor does npm run verify', async () => {
    const settings = { DATABASE_URL: `sqlite:${path.join(folder, 'no', 'such.sqlite')}` };
    const { exit, stdout } = await doctor(settings);
    expect(exit.code).toBe(2);
    expect(stdout.trimEnd().split('\n').at(-1)).toBe('cannot tell');
    const verify = await command('verify', settings);
    expect(verify).toMatchObject({ exit: { code: 2 }, stderr: expect.stringMatching(/there is no database .*such/) });
    expect(await readdir(folder)).toEqual([]);
  });

  it.each([
    ['CREATE TABLE other (id INT)', 'unknown', 'migrations'],
    ['DROP TABLE holds', 'unsafe', 'schema'],
    ['DROP INDEX grants_open', 'unsafe', 'schema'],
    ['ALTER TABLE pools RENAME COLUMN held TO kept', 'unsafe', 'schema'],
    ['CREATE UNIQUE INDEX one_grant ON grants (owner_id)', 'unsafe', 'schema'],
    ["INSERT INTO migrations (timestamp, name) VALUES (1, 'FromTheFuture')", 'warning', 'migrations'],
  ])('sees what was done to the schema: %s', async (sql, verdict, check) => {
    if (verdict !== 'unknown') await aLedger();
    const database = new SqliteDatabase(file);
    database.exec(sql);
    database.close();
    const found = (await findingsOf(`sqlite:${file}`)).filter((finding) => finding.verdict === verdict);
    expect(found.map((finding) => finding.check)).toEqual([check]);
  });

  it('is not taken in by another file', async () => {
    await writeFile(file, 'Not a database, and longer than the header of one would have to be.'.repeat(4));
    expect(worst(await findingsOf(`sqlite:${file}`))).toEqual({ verdict: 'unsafe', checks: ['file'] });
    await writeFile(file, '');
    expect(worst(await findingsOf(`sqlite:${file}`))).toEqual({ verdict: 'unknown', checks: ['file'] });
  });

  it.each([
    ['NFS', 0x6969, 'unsafe'],
    ['memory', 0x01021994, 'unsafe'],
    ["a container's own layer", 0x794c7630, 'warning'],
    ['ext4', 0xef53, 'safe'],
  ])('knows what a file system means: %s', (_name, type, verdict) => {
    expect(fileSystemFinding(type, 10 ** 12).verdict).toBe(verdict);
  });

  it('warns of a disk that is nearly full', () => {
    expect(fileSystemFinding(0xef53, 10 ** 6)).toMatchObject({ verdict: 'warning', what: 'only 0 MB are free' });
  });

  it('prints findings for scripts with --json, what it does with --help, and refuses any other option', async () => {
    await aLedger();
    const { stdout } = await doctor({ DATABASE_URL: `sqlite:${file}` }, '--json');
    const report = JSON.parse(stdout) as { verdict: string; findings: Finding[] };
    expect(report.verdict).toBe('safe');
    expect(report.findings).toContainEqual({ check: 'migrations', verdict: 'safe', what: expect.any(String) });
    expect(await doctor({}, '--help')).toMatchObject({ exit: { code: 0 }, stdout: expect.stringContaining('Usage:') });
    expect(await doctor({}, '--force')).toMatchObject({
      exit: { code: 2 },
      stderr: expect.stringContaining('--force'),
    });
  });
});

onMysql('npm run doctor, of a server', () => {
  let server: Mariadb;
  let operator: Connection;
  let url: string;
  beforeAll(async () => {
    server = await startMariadb({ durable: true });
    operator = await createConnection(`${server.url}/mysql`);
    await operator.query('CREATE DATABASE credits CHARACTER SET utf8mb4 COLLATE utf8mb4_bin');
    await operator.query("CREATE USER 'credits'@'127.0.0.1' IDENTIFIED BY 'a-secret-word'");
    await operator.query("GRANT ALL ON credits.* TO 'credits'@'127.0.0.1'");
    await operator.query('USE credits');
    url = `mysql://credits:a-secret-word@127.0.0.1:${server.port}/credits`;
  });
  afterAll(async () => {
    await operator.end();
    await server.stop();
  });

  it('cannot tell of an empty database, and leaves it empty', async () => {
    const { exit, stdout } = await doctor({ DATABASE_URL: url });
    expect(exit.code).toBe(2);
    expect(stdout).toMatch(/^cannot tell +migrations: the database holds no ledger yet$/m);
    expect((await operator.query('SHOW TABLES'))[0]).toEqual([]);
  });

  describe('with a ledger', () => {
    beforeAll(async () => {
      const service = await startTestService('mysql', { databaseUrl: url });
      await service.tenant(100);
      await service.stop();
    });

    async function checksums(): Promise<unknown> {
      const [tables] = await operator.query('SHOW TABLES');
      const names = (tables as Record<string, string>[]).flatMap((row) => Object.values(row));
      return (await operator.query(`CHECKSUM TABLE ${names.join(', ')} EXTENDED`))[0];
    }

    it('says safe, names the server, changes nothing, and does not print the password', async () => {
      const before = await checksums();
      const { exit, stdout, stderr } = await doctor({ DATABASE_URL: url });
      expect({ exit, stderr }).toEqual({ exit: { code: 0, signal: null }, stderr: '' });
      expect(stdout).toMatch(new RegExp(`^MariaDB \\S+ at 127.0.0.1:${server.port}, database credits\\n`));
      expect(stdout.trimEnd().split('\n').at(-1)).toBe('safe');
      expect(stdout).not.toContain('a-secret-word');
      expect(await checksums()).toEqual(before);
    });

    it('cannot tell where it may not connect, in words without the password', async () => {
      const refused = await doctor({ DATABASE_URL: url.replace('a-secret-word', 'a-wrong-word') });
      expect(refused.exit.code).toBe(2);
      expect(refused.stdout).toMatch(/^cannot tell +connection: .*Access denied/m);
      expect(refused.stdout + refused.stderr).not.toContain('a-wrong-word');
      const away = await doctor({ DATABASE_URL: 'mysql://credits:a-secret-word@127.0.0.1:1/credits' });
      expect(away.exit.code).toBe(2);
      expect(away.stdout + away.stderr).not.toContain('a-secret-word');
    });

    it.each([
      ['innodb_flush_log_at_trx_commit = 2', 'innodb_flush_log_at_trx_commit = 1', 'unsafe', 'flush-at-commit'],
      ['read_only = ON', 'read_only = OFF', 'unsafe', 'writable'],
      ['autocommit = OFF', 'autocommit = ON', 'unsafe', 'autocommit'],
      ['unique_checks = OFF', 'unique_checks = ON', 'unsafe', 'unique-checks'],
      ['check_constraint_checks = OFF', 'check_constraint_checks = ON', 'unsafe', 'check-constraints'],
      ['max_allowed_packet = 1048576', 'max_allowed_packet = 16777216', 'warning', 'packet-size'],
      ['wait_timeout = 10', 'wait_timeout = 28800', 'warning', 'idle-connections'],
      ['max_connections = 30', 'max_connections = 151', 'warning', 'connections'],
    ])('sees SET GLOBAL %s', async (change, back, verdict, check) => {
      await operator.query(`SET GLOBAL ${change}`);
      const findings = await findingsOf(url);
      await operator.query(`SET GLOBAL ${back}`);
      expect(findings.find((finding) => finding.check === check)?.verdict).toBe(verdict);
      expect(verdictOf(findings)).toBe(verdict === 'unsafe' ? 'unsafe' : 'safe');
    });

    it.each([
      [
        'ALTER TABLE ledger_entries DROP INDEX ledger_entries_i3',
        'ALTER TABLE ledger_entries ADD CONSTRAINT ledger_entries_i3 UNIQUE (owner_id, app_id, key_hash)',
        'schema',
      ],
      [
        'ALTER TABLE grants DROP CONSTRAINT grants_i2',
        'ALTER TABLE grants ADD CONSTRAINT grants_i2 CHECK (amount > 0 AND remaining >= 0 AND remaining <= amount)',
        'schema',
      ],
      ['ALTER TABLE pools MODIFY held SMALLINT NULL', 'ALTER TABLE pools MODIFY held INT NOT NULL', 'schema'],
      [
        'ALTER TABLE plans MODIFY code VARCHAR(64) COLLATE utf8mb4_general_ci NOT NULL',
        'ALTER TABLE plans MODIFY code VARCHAR(64) COLLATE utf8mb4_bin NOT NULL',
        'collation',
      ],
      ['ALTER TABLE holds ENGINE = Aria', 'ALTER TABLE holds ENGINE = InnoDB', 'engine'],
    ])('sees what was done to the schema: %s', async (change, back, check) => {
      await operator.query(change);
      const findings = await findingsOf(url);
      await operator.query(back);
      expect(worst(findings)).toEqual({ verdict: 'unsafe', checks: [check] });
    });

    it('finds out when a proxy drops the flag that makes matched rows count', async () => {
      const proxy = await proxyWithout(FOUND_ROWS, server.port);
      const findings = await findingsOf(url.replace(`:${server.port}/`, `:${proxy.port}/`));
      proxy.close();
      expect(worst(findings)).toEqual({ verdict: 'unsafe', checks: ['guards'] });
    });

    it('finds out when a proxy drops the flag that lets statements travel together', async () => {
      const proxy = await proxyWithout(MULTI_STATEMENTS, server.port);
      const findings = await findingsOf(url.replace(`:${server.port}/`, `:${proxy.port}/`));
      proxy.close();
      expect(verdictOf(findings)).toBe('unsafe');
      expect(findings.find(({ check }) => check === 'several-statements')?.verdict).toBe('unsafe');
    });

    it.each([
      [500, 'safe'],
      [5_000, 'warning'],
      [-60_000, 'unsafe'],
    ])('compares the clocks: %i ms apart is %s', async (apartMs, verdict) => {
      const { findings } = await diagnose(url, () => Date.now() + apartMs);
      expect(findings.find(({ check }) => check === 'clock')?.verdict).toBe(verdict);
    });
  });
});

const withRedis = databaseKindOf() === 'sqlite' && redisIsAvailable() ? describe : describe.skip;
withRedis('the Redis that REDIS_URL names', () => {
  it('is a warning where it does not answer, and no more: debits do without it', async () => {
    const redis = await startRedis();
    expect(await checkRedis(redis.url)).toEqual({ check: 'redis', verdict: 'safe', what: 'Redis answers' });
    const withPassword = redis.url.replace('//', '//somebody:a-secret-word@');
    const refused = await checkRedis(withPassword);
    expect(refused).toMatchObject({ verdict: 'warning', what: expect.stringContaining('WRONGPASS') });
    redis.freeze();
    expect(await checkRedis(redis.url)).toMatchObject({ verdict: 'warning' });
    redis.thaw();
    await redis.kill();
    const gone = await checkRedis(withPassword);
    expect(gone).toMatchObject({ verdict: 'warning', what: expect.stringContaining('ECONNREFUSED') });
    expect(JSON.stringify([refused, gone])).not.toContain('a-secret-word');
    await redis.stop();
  });
});

onSqlite('what the settings of a server that is not here would mean', () => {
  const sound = {
    version: '8.0.36',
    version_comment: 'MySQL Community Server - GPL',
    innodb_flush_log_at_trx_commit: '1',
    sync_binlog: '1',
    log_bin: 'ON',
    binlog_format: 'ROW',
    innodb_doublewrite: 'ON',
    transaction_isolation: 'READ-COMMITTED',
    sql_mode: 'STRICT_ALL_TABLES',
    autocommit: 'ON',
  };
  const galera = {
    wsrep_cluster_status: 'Primary',
    wsrep_ready: 'ON',
    wsrep_local_state_comment: 'Synced',
    wsrep_cluster_size: '3',
  };
  const look = (variables: Record<string, string>, status: Record<string, string> = {}) =>
    worst(
      checkSettings({
        variables: new Map(Object.entries({ ...sound, ...variables })),
        status: new Map(Object.entries(status)),
      }),
    );

  it('MySQL 8 as it comes is safe, and so is a Galera node with its cluster', () => {
    expect(look({})).toEqual({ verdict: 'safe', checks: [] });
    expect(look({ wsrep_on: 'ON', log_bin: 'OFF', sync_binlog: '0' }, galera)).toEqual({ verdict: 'safe', checks: [] });
  });

  it.each([
    ['a binary log that is not flushed', { sync_binlog: '0' }, 'sync-binlog'],
    ['statements in the binary log', { binlog_format: 'STATEMENT' }, 'binlog-format'],
    ['doublewrite that only detects', { innodb_doublewrite: 'DETECT_ONLY' }, 'doublewrite'],
    ['a flush method that does not flush', { innodb_flush_method: 'nosync' }, 'flush-method'],
    ['REPEATABLE READ', { transaction_isolation: 'REPEATABLE-READ' }, 'isolation'],
    ['no strict mode', { sql_mode: 'NO_ZERO_DATE' }, 'strict-mode'],
    ['no escaping', { sql_mode: 'STRICT_ALL_TABLES,NO_BACKSLASH_ESCAPES' }, 'escaping'],
    ['MySQL 5.7', { version: '5.7.44' }, 'version'],
    ['MySQL 8.0.15', { version: '8.0.15' }, 'version'],
    ['MariaDB 10.5', { version: '10.5.9-MariaDB' }, 'version'],
  ])('is unsafe: %s', (_title, variables, check) => {
    expect(look(variables as Record<string, string>)).toEqual({ verdict: 'unsafe', checks: [check] });
  });

  it.each([
    ['lost quorum', { wsrep_cluster_status: 'non-Primary' }, 'unsafe', 'quorum'],
    ['a node that is not ready', { wsrep_ready: 'OFF' }, 'unsafe', 'node-ready'],
  ])('is unsafe: %s', (_title, status, verdict, check) => {
    expect(look({ wsrep_on: 'ON' }, { ...galera, ...(status as Record<string, string>) })).toEqual({
      verdict,
      checks: [check],
    });
  });

  it('cannot tell of TiDB and Vitess, where it has never been run', () => {
    const tidb = { version: '8.0.11-TiDB-v8.5.0', tidb_txn_mode: 'pessimistic', tidb_enable_check_constraint: 'ON' };
    expect(look(tidb)).toEqual({ verdict: 'unknown', checks: ['version'] });
    expect(look({ ...tidb, tidb_enable_check_constraint: 'OFF' })).toEqual({
      verdict: 'unsafe',
      checks: ['check-constraints'],
    });
    expect(look({ version: '8.0.30-Vitess' })).toEqual({ verdict: 'unknown', checks: ['version'] });
  });
});

/** Bits of the client's capabilities, in the first packet that it sends. */
const FOUND_ROWS = 0x2;
const MULTI_STATEMENTS = 0x10000;
const HEADER_BYTES = 4;

/** Stands before a server and takes one capability from every client, as some proxies do. */
async function proxyWithout(capability: number, port: number): Promise<{ port: number; close(): void }> {
  const proxy = createServer((client) => {
    const upstream = connect(port, '127.0.0.1');
    client.once('data', (packet: Buffer) => {
      packet.writeUInt32LE((packet.readUInt32LE(HEADER_BYTES) & ~capability) >>> 0, HEADER_BYTES);
      upstream.write(packet);
      client.pipe(upstream);
    });
    upstream.pipe(client);
    for (const socket of [client, upstream]) socket.on('error', () => undefined);
  });
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  return { port: (proxy.address() as AddressInfo).port, close: () => void proxy.close() };
}

async function findingsOf(databaseUrl: string): Promise<readonly Finding[]> {
  return (await diagnose(databaseUrl, now)).findings;
}

/** The verdict, and the checks that it comes from. */
function worst(findings: readonly Finding[]): { verdict: string; checks: string[] } {
  const verdict = verdictOf(findings);
  const checks = verdict === 'safe' ? [] : findings.filter((finding) => finding.verdict === verdict);
  return { verdict, checks: checks.map(({ check }) => check) };
}

interface Output {
  readonly exit: Exit;
  readonly stdout: string;
  readonly stderr: string;
}

const doctor = (settings: Record<string, string>, ...options: string[]) => command('doctor', settings, ...options);

/** A command from its source, as its own process. */
async function command(name: string, settings: Record<string, string>, ...options: string[]): Promise<Output> {
  const file = path.join('src', 'cli', `${name}.ts`);
  const running = run(process.execPath, ['-r', '@swc-node/register', file, ...options], settings);
  const exit = await running.exited;
  return { exit, stdout: running.stdout, stderr: running.stderr };
}

/** Without the index of the write-ahead log: it is memory that whoever reads the file shares, and writes to. */
async function contentOf(folder: string): Promise<Record<string, string>> {
  const names = (await readdir(folder)).filter((name) => !name.endsWith('-shm'));
  const hash = async (name: string) =>
    createHash('sha256')
      .update(await readFile(path.join(folder, name)))
      .digest('hex');
  return Object.fromEntries(await Promise.all(names.map(async (name) => [name, await hash(name)] as const)));
}
