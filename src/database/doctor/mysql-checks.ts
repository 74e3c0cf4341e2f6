import { entities } from '../entities';
import { isUnfitNode } from '../failure';
import { Database, RowsMismatch, type GuardedStatement, type Session } from '../database';
import { attempt, safe, type Diagnosis, type Finding } from './finding';
import { checkSettings, productOf, type ServerSettings } from './mysql-settings';
import { checkSchema } from './schema-drift';
import { expectedSchema, mysqlSchema, type Row } from './schema-shape';

const NO_ROW = -1;
/** What is beyond it moves renewals and the ends of holds; between processes it adds up. */
const SKEW_WARNING_MS = 1_000;
const SKEW_LIMIT_MS = 30_000;
const LOCK_NAME = 'integration-credits doctor';

/** Looks at a MySQL database through the service's own sessions, and so at every proxy between. Changes nothing. */
export async function diagnoseMysql(databaseUrl: string, now: () => number): Promise<Diagnosis> {
  const { host, pathname } = new URL(databaseUrl);
  const place = `${host}, database ${decodeURIComponent(pathname.slice(1))}`;
  let database: Database;
  try {
    database = await Database.open(databaseUrl, entities);
  } catch (error) {
    return { subject: place, findings: [unreachable(error as Error)] };
  }
  try {
    const server = await settingsOf(database);
    const findings = [
      ...checkSettings(server),
      ...(await attempt('group-replication', () => checkGroup(database, server))),
      ...(await attempt('several-statements', () => checkSeveralStatements(database))),
      ...(await attempt('start-lock', () => checkStartLock(database))),
      ...(await attempt('clock', () => checkClock(database, now))),
      ...(await attempt('schema', () => checkTables(database))),
      ...(await attempt('collation', () => checkText(database))),
      ...(await attempt('guards', () => checkGuards(database))),
    ];
    return { subject: `${productOf(server)} at ${place}`, findings };
  } catch (error) {
    return { subject: place, findings: [unreachable(error as Error)] };
  } finally {
    await database.close();
  }
}

function unreachable(error: Error & { code?: string }): Finding {
  const { message, code } = error;
  if (isUnfitNode(error)) {
    return {
      check: 'quorum',
      verdict: 'unsafe',
      what: `this node does not accept statements: ${message}`,
      why: 'It is not with the majority of its cluster, or has not joined it yet: it refuses every debit.',
      mend: 'Bring the other nodes back, or name another node in DATABASE_URL; docs/operations.md tells about quorum.',
    };
  }
  return {
    check: 'connection',
    verdict: 'unknown',
    what: `the database does not answer: ${message || code}`,
    why: 'Nothing can be looked at, and no debit can work.',
    mend: 'Look at DATABASE_URL, at whether the server runs, and at who may connect from here.',
  };
}

/** In a transaction, as debits run: a proxy may treat its statements differently from those outside. */
async function settingsOf(database: Database): Promise<ServerSettings> {
  const byName = (rows: readonly Row[]) =>
    new Map(rows.map((row): [string, string] => [String(row['Variable_name']).toLowerCase(), String(row['Value'])]));
  const variables = await inTransaction(database, (session) => session.query<Row>('SHOW SESSION VARIABLES'));
  return { variables: byName(variables), status: byName(await database.reader.query<Row>('SHOW GLOBAL STATUS')) };
}

/** Without a second try: what fails is what is looked for. */
function inTransaction<T>(database: Database, work: (session: Session) => Promise<T>): Promise<T> {
  return database.write(work, { callerRetries: true });
}

/** MySQL's Group Replication, where this server is a member of one. */
async function checkGroup(database: Database, { variables }: ServerSettings): Promise<Finding[]> {
  if (!variables.get('group_replication_group_name')) return [];
  const members = await database.reader.query<Row>(
    'SELECT MEMBER_ID AS id, MEMBER_STATE AS state FROM performance_schema.replication_group_members',
  );
  const online = members.filter(({ state }) => state === 'ONLINE').length;
  const here = members.find(({ id }) => id === variables.get('server_uuid'))?.['state'];
  const what = `this member is ${String(here ?? 'not in the group')}; ${online} of ${members.length} are ONLINE`;
  if (here === 'ONLINE' && online * 2 > members.length) return [safe('quorum', what)];
  return [
    {
      check: 'quorum',
      verdict: 'unsafe',
      what,
      why: 'Without the majority of its group every debit waits; a member outside of it keeps books of its own.',
      mend: 'Bring the other members back, or name the primary of the majority in DATABASE_URL.',
    },
  ];
}

/** Statements travel together, and what follows one that fails must not run: the COMMIT is among them (ADR 13). */
async function checkSeveralStatements(database: Database): Promise<Finding[]> {
  const mark = (value: number) => ({ sql: `SET @integration_credits_doctor = ${value}`, parameters: [] });
  const tooMany = { sql: 'SELECT 9223372036854775807 + 1', parameters: [] };
  const advice = {
    check: 'several-statements',
    why: 'The statements of a debit and its COMMIT travel as one text, which must end at the first that fails.',
    mend: 'Something between here and the server splits or refuses such texts: let them pass, or connect past it.',
  };
  return inTransaction(database, async (session) => {
    try {
      await session.queryAll([mark(0), tooMany, mark(1)]);
      return [{ ...advice, verdict: 'unsafe', what: 'a statement that fails is not reported' }];
    } catch (error) {
      const { errno, message } = error as Error & { errno?: number };
      // Out of range, which is what was asked for.
      if (errno !== 1690)
        return [{ ...advice, verdict: 'unsafe', what: `several statements at once fail: ${message}` }];
    }
    const [row] = await session.query<Row>('SELECT @integration_credits_doctor AS ran');
    return Number(row?.['ran']) === 0
      ? [safe(advice.check, 'several statements travel as one text, and end at the first that fails')]
      : [{ ...advice, verdict: 'unsafe', what: 'statements behind one that failed are run' }];
  });
}

/** Processes that start at once take turns by a named lock, for migrations and the first keys. */
async function checkStartLock(database: Database): Promise<Finding[]> {
  try {
    await inTransaction(database, async (session) => {
      await session.query('SELECT GET_LOCK(?, 0)', [LOCK_NAME]);
      await session.query('SELECT RELEASE_LOCK(?)', [LOCK_NAME]);
    });
    return [safe('start-lock', 'named locks work (on one node: not across a cluster)')];
  } catch (error) {
    return [
      {
        check: 'start-lock',
        verdict: 'unsafe',
        what: `named locks are refused: ${(error as Error).message}`,
        why: 'The service takes one while it starts, so it cannot start here.',
        mend: 'Use a version that allows GET_LOCK, or let the cluster permit it (docs/operations.md).',
      },
    ];
  }
}

async function checkClock(database: Database, now: () => number): Promise<Finding[]> {
  const before = now();
  const [row] = await database.reader.query<Row>('SELECT UNIX_TIMESTAMP(NOW(6)) AS seconds');
  const after = now();
  const there = Number(row?.['seconds']) * 1_000;
  // As far as it is off at least, wherever within the round trip the database looked at its clock.
  const skewMs = Math.round(there < before ? there - before : there > after ? there - after : 0);
  const what = `the clocks of the database and of this machine differ by ${Math.abs(skewMs)} ms`;
  if (Math.abs(skewMs) <= SKEW_WARNING_MS) return [safe('clock', what)];
  return [
    {
      check: 'clock',
      verdict: Math.abs(skewMs) > SKEW_LIMIT_MS ? 'unsafe' : 'warning',
      what,
      why: "Renewals, expiries and the ends of holds go by this machine's clock, which other processes may not share.",
      mend: 'Run NTP (chrony, systemd-timesyncd) on every machine of the service, and on the database.',
    },
  ];
}

async function checkTables(database: Database): Promise<readonly Finding[]> {
  const actual = await mysqlSchema((sql) => database.reader.query<Row>(sql));
  return checkSchema(await expectedSchema(), actual);
}

function nameOf({ t, c }: Row): string {
  return `${String(t)}.${String(c)}`;
}

/** Codes and keys are compared byte by byte, and tables must take part in transactions. */
async function checkText(database: Database): Promise<readonly Finding[]> {
  const columns = await database.reader.query<Row>(
    `SELECT TABLE_NAME AS t, COLUMN_NAME AS c, COLLATION_NAME AS collation_name FROM information_schema.COLUMNS
     WHERE TABLE_SCHEMA = DATABASE() AND COLLATION_NAME IS NOT NULL AND TABLE_NAME <> 'migrations'`,
  );
  const engines = await database.reader.query<Row>(
    `SELECT TABLE_NAME AS t, ENGINE AS engine FROM information_schema.TABLES
     WHERE TABLE_SCHEMA = DATABASE() AND TABLE_TYPE = 'BASE TABLE'`,
  );
  const folding = columns.filter((row) => !/^utf8mb4_.*bin$/.test(String(row['collation_name'])));
  const others = engines.filter(({ engine }) => engine !== 'InnoDB');
  return [
    folding.length === 0
      ? safe('collation', 'all text is utf8mb4 and compared exactly')
      : {
          check: 'collation',
          verdict: 'unsafe',
          what: `not utf8mb4 with a _bin collation: ${folding.map(nameOf).join(', ')}`,
          why: 'Codes, external ids and visitors that differ by case or accents would be taken for one another.',
          mend: 'ALTER TABLE … CONVERT TO CHARACTER SET utf8mb4 COLLATE utf8mb4_bin.',
        },
    others.length === 0
      ? safe('engine', 'all tables are InnoDB')
      : {
          check: 'engine',
          verdict: 'unsafe',
          what: `not InnoDB: ${others.map(({ t }) => String(t)).join(', ')}`,
          why: 'What is written there is not rolled back with the rest of its transaction.',
          mend: 'ALTER TABLE … ENGINE = InnoDB.',
        },
  ];
}

/**
 * Sends what a debit sends (begin, a guarded write, COMMIT, as one text), with a write that changes nothing. A row that
 * is matched and not changed must count, and one that is not matched must end the transaction.
 */
async function checkGuards(database: Database): Promise<Finding[]> {
  const advice = {
    check: 'guards',
    why: 'A debit is written only if what was read is still there: the database counts the rows that match (ADR 13).',
    mend: 'Something between here and the server drops the flag FOUND_ROWS: let it pass, or connect past it.',
  };
  // Where there are no tables yet, that is told by the schema's check.
  const plans = (await database.isReady()) ? 'SELECT id FROM plans ORDER BY id LIMIT 1' : null;
  const [plan] = plans ? await database.reader.query<Row>(plans) : [];
  if (!plan) {
    const mend = 'Start the service once: it makes the tables and the first plans. Then ask again.';
    return [{ ...advice, mend, verdict: 'unknown', what: 'there is no plan to try a guarded write on' }];
  }
  const untouched = (id: unknown, onMismatch: GuardedStatement['onMismatch']): GuardedStatement => ({
    sql: 'UPDATE plans SET code = code WHERE id = ?',
    parameters: [id],
    rows: 1,
    onMismatch,
  });
  const outcomeOf = async (statement: GuardedStatement) => {
    try {
      await inTransaction(database, (session) => session.finish([statement]));
      return 'passed';
    } catch (error) {
      if (error instanceof RowsMismatch) return error.meaning;
      throw error;
    }
  };
  for (const meaning of ['LOST_UPDATE', 'BUG'] as const) {
    if ((await outcomeOf(untouched(plan['id'], meaning))) !== 'passed') {
      return [{ ...advice, verdict: 'unsafe', what: 'a row that is matched, and not changed, is not counted' }];
    }
    if ((await outcomeOf(untouched(NO_ROW, meaning))) !== meaning) {
      return [{ ...advice, verdict: 'unsafe', what: 'a write that matches no row passes its guard' }];
    }
  }
  return [safe(advice.check, 'a write that matches another number of rows than was read ends its transaction')];
}
