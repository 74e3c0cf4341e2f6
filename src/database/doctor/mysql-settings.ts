import { type Finding, safe, type Verdict } from './finding';

/** SHOW VARIABLES of one of the service's own sessions, and SHOW GLOBAL STATUS, by name in lower case. */
export interface ServerSettings {
  readonly variables: ReadonlyMap<string, string>;
  readonly status: ReadonlyMap<string, string>;
}

interface Rule {
  readonly check: string;
  /** The first of these that the server has is looked at; a rule for settings that it does not have does not apply. */
  readonly settings: readonly string[];
  readonly holds: (value: string, server: ServerSettings) => boolean;
  readonly otherwise: Exclude<Verdict, 'safe'>;
  readonly applies?: (server: ServerSettings) => boolean;
  readonly why: string;
  readonly mend: string;
}

/** Two pools of ten connections for each process (connection-options.ts), two processes, and some for operators. */
const CONNECTIONS = 50;
/** A batch of a thousand debits with long facts, in one packet; MariaDB's default, and a quarter of MySQL's. */
const PACKET_BYTES = 16 * 1024 * 1024;
const IDLE_SECONDS = 60;

const isOn = (value: string) => ['1', 'ON', 'YES'].includes(value.toUpperCase());
const is = (wanted: string) => (value: string) => value.toUpperCase() === wanted;
const atLeast = (wanted: number) => (value: string) => Number(value) >= wanted;
const binaryLogIsOn = ({ variables }: ServerSettings) => isOn(variables.get('log_bin') ?? 'OFF');

const DURABILITY: readonly Rule[] = [
  {
    check: 'flush-at-commit',
    settings: ['innodb_flush_log_at_trx_commit'],
    // 3 is MariaDB's: as 1, and flushes once more.
    holds: (value) => value === '1' || value === '3',
    otherwise: 'unsafe',
    why: 'A debit is acknowledged before it is on disk: a crash takes back actions that were performed.',
    mend: 'SET GLOBAL innodb_flush_log_at_trx_commit = 1, and the same in the configuration file.',
  },
  {
    check: 'sync-binlog',
    settings: ['sync_binlog'],
    holds: (value) => value === '1',
    otherwise: 'unsafe',
    applies: binaryLogIsOn,
    why: 'Recovery after a crash goes by the binary log: what was not flushed is lost, here and on replicas.',
    mend: 'SET GLOBAL sync_binlog = 1, and the same in the configuration file.',
  },
  {
    check: 'doublewrite',
    settings: ['innodb_doublewrite'],
    holds: (value) => ['1', 'ON', 'FAST', 'DETECT_AND_RECOVER'].includes(value.toUpperCase()),
    otherwise: 'unsafe',
    why: 'A page that is half written when the power fails cannot be repaired.',
    mend: 'Set innodb_doublewrite = ON, unless the storage is known to write whole pages or nothing.',
  },
  {
    check: 'flush-method',
    settings: ['innodb_flush_method'],
    holds: (value) => !['NOSYNC', 'LITTLESYNC'].includes(value.toUpperCase()),
    otherwise: 'unsafe',
    why: 'Nothing is flushed to the disk, whatever the other settings say.',
    mend: 'Remove innodb_flush_method from the configuration, or set O_DIRECT or fsync, and restart the server.',
  },
  {
    check: 'redo-log',
    settings: ['innodb_redo_log_enabled'],
    holds: isOn,
    otherwise: 'unsafe',
    why: 'Without its redo log the server cannot recover from a crash at all.',
    mend: 'ALTER INSTANCE ENABLE INNODB REDO_LOG.',
  },
];

const SESSIONS: readonly Rule[] = [
  {
    check: 'isolation',
    settings: ['transaction_isolation', 'tx_isolation'],
    holds: is('READ-COMMITTED'),
    otherwise: 'unsafe',
    why: 'In REPEATABLE READ debits deadlock on ranges, and a retry cannot see what it lost to.',
    mend: 'The service asks for it, and a proxy drops that: let it pass, or set the level on the server.',
  },
  {
    check: 'strict-mode',
    settings: ['sql_mode'],
    holds: (value) => /STRICT_(ALL|TRANS)_TABLES/i.test(value),
    otherwise: 'unsafe',
    why: 'Without it a value that does not fit is stored cut or as zero, instead of failing.',
    mend: 'A proxy drops SET SESSION sql_mode: let it pass, or set STRICT_ALL_TABLES on the server.',
  },
  {
    check: 'escaping',
    settings: ['sql_mode'],
    holds: (value) => !/NO_BACKSLASH_ESCAPES|ANSI_QUOTES/i.test(value),
    otherwise: 'unsafe',
    why: 'Text is escaped with backslashes on its way: in this mode it could end its own quotes, and be run.',
    mend: 'A proxy drops SET SESSION sql_mode: let it pass, or take both modes from the server.',
  },
  {
    check: 'lock-wait',
    settings: ['innodb_lock_wait_timeout'],
    holds: (value) => Number(value) <= 5,
    otherwise: 'warning',
    why: 'The service asks for 2 s. Who waits longer for the row of one owner keeps the others waiting.',
    mend: 'A proxy drops SET SESSION innodb_lock_wait_timeout: let it pass, or set it on the server.',
  },
  {
    check: 'autocommit',
    settings: ['autocommit'],
    holds: isOn,
    otherwise: 'unsafe',
    why: 'A read outside a transaction would open one that nobody ends, and a single write would never be committed.',
    mend: 'Set autocommit = ON on the server, and look at init_connect and at what a proxy sets.',
  },
  {
    check: 'unique-checks',
    settings: ['unique_checks'],
    holds: isOn,
    otherwise: 'unsafe',
    why: 'InnoDB may then skip a unique index, and an idempotency key could be debited twice.',
    mend: 'Set unique_checks = ON on the server, and look at init_connect.',
  },
  {
    check: 'check-constraints',
    settings: ['check_constraint_checks', 'tidb_enable_check_constraint'],
    holds: isOn,
    otherwise: 'unsafe',
    why: 'The CHECKs of I1 and I2 are not looked at: a fault in the service would go unnoticed by the database.',
    mend: 'Turn it on globally; where it was off when the tables were made (TiDB), make them anew.',
  },
  {
    check: 'pessimistic',
    settings: ['tidb_txn_mode'],
    holds: is('PESSIMISTIC'),
    otherwise: 'unsafe',
    why: 'An optimistic transaction counts the rows of its snapshot, so the guards of a debit guard nothing.',
    mend: "SET GLOBAL tidb_txn_mode = 'pessimistic'.",
  },
];

const SERVING: readonly Rule[] = [
  {
    check: 'writable',
    settings: ['read_only'],
    holds: (value) => ['0', 'OFF', 'FALSE'].includes(value.toUpperCase()),
    otherwise: 'unsafe',
    why: 'The server refuses writes: it is a replica, or was set so. No debit can work.',
    mend: 'Name the primary in DATABASE_URL, or SET GLOBAL read_only = OFF on it.',
  },
  {
    check: 'binlog-format',
    settings: ['binlog_format'],
    holds: (value) => value.toUpperCase() !== 'STATEMENT',
    otherwise: 'unsafe',
    applies: binaryLogIsOn,
    why: 'InnoDB refuses writes in READ COMMITTED when the binary log is of statements: no debit can work.',
    mend: 'SET GLOBAL binlog_format = ROW, and the same in the configuration file.',
  },
  {
    check: 'packet-size',
    settings: ['max_allowed_packet'],
    holds: atLeast(PACKET_BYTES),
    otherwise: 'warning',
    why: 'A thousand debits travel as one packet: one that is too large fails, and its callers get UNAVAILABLE.',
    mend: `SET GLOBAL max_allowed_packet = ${PACKET_BYTES} or more, in the server and in what stands before it.`,
  },
  {
    check: 'idle-connections',
    settings: ['wait_timeout'],
    holds: atLeast(IDLE_SECONDS),
    otherwise: 'warning',
    why: 'Idle connections of the pool are cut, and a debit that meets one is tried again: slower, and never wrong.',
    mend: `SET GLOBAL wait_timeout to at least ${IDLE_SECONDS}; the default is 28800.`,
  },
  {
    check: 'connections',
    settings: ['max_connections'],
    holds: atLeast(CONNECTIONS),
    otherwise: 'warning',
    why: 'Each process of the service takes up to 20 connections.',
    mend: `SET GLOBAL max_connections to at least ${CONNECTIONS}, or 20 for each process and some more.`,
  },
];

const isGalera = ({ variables, status }: ServerSettings) =>
  isOn(variables.get('wsrep_on') ?? 'OFF') && status.has('wsrep_cluster_status');

const GALERA: readonly Rule[] = [
  {
    check: 'quorum',
    settings: ['wsrep_cluster_status'],
    holds: is('PRIMARY'),
    otherwise: 'unsafe',
    why: 'This node is not with the majority of its cluster: it refuses every debit.',
    mend: 'Bring the other nodes back; docs/operations.md tells what to do where they are gone for good.',
  },
  {
    check: 'node-ready',
    settings: ['wsrep_ready'],
    holds: isOn,
    otherwise: 'unsafe',
    why: 'This node does not accept statements.',
    mend: 'Wait until it has joined; its error log says what it waits for.',
  },
  {
    check: 'node-synced',
    settings: ['wsrep_local_state_comment'],
    holds: is('SYNCED'),
    otherwise: 'warning',
    why: 'A node that gives or takes a state transfer lags behind, and slows the others down.',
    mend: 'Write to another node until it is synced.',
  },
  {
    check: 'cluster-size',
    settings: ['wsrep_cluster_size'],
    holds: (value) => Number(value) >= 3 && Number(value) % 2 === 1,
    otherwise: 'warning',
    why: 'With fewer than three nodes, or an even number, losing one or a split in halves stops every debit.',
    mend: 'Run three nodes, or five; garbd counts as one.',
  },
  {
    check: 'streaming-replication',
    settings: ['wsrep_trx_fragment_size'],
    holds: (value) => value === '0',
    otherwise: 'warning',
    why: 'Transactions are then replicated in pieces, which makes every short one dearer.',
    mend: 'SET GLOBAL wsrep_trx_fragment_size = 0.',
  },
];

/** What the server's settings, as the service's own sessions get them, mean for the ledger. */
export function checkSettings(server: ServerSettings): readonly Finding[] {
  const rules = [...DURABILITY, ...SESSIONS, ...SERVING, ...(isGalera(server) ? GALERA : [])];
  return [versionOf(server), ...rules.flatMap((rule) => findingsOf(rule, server))];
}

function findingsOf(rule: Rule, server: ServerSettings): Finding[] {
  if (rule.applies && !rule.applies(server)) return [];
  const name = rule.settings.find((setting) => server.variables.has(setting) || server.status.has(setting));
  if (name === undefined) return [];
  const value = server.variables.get(name) ?? server.status.get(name) ?? '';
  const what = `${name} = ${value || '(empty)'}`;
  if (rule.holds(value, server)) return [safe(rule.check, what)];
  const { check, otherwise, why, mend } = rule;
  return [{ check, verdict: otherwise, what, why, mend }];
}

/** The oldest that refuse rows by CHECK (MySQL) or are still mended by their makers (MariaDB). */
const OLDEST = { MariaDB: [10, 6, 0], MySQL: [8, 0, 16] } as const;

/** The product and version, such as "MariaDB 10.11.6". */
export function productOf({ variables }: ServerSettings): string {
  const version = variables.get('version') ?? 'of an unknown version';
  const comment = variables.get('version_comment') ?? '';
  const tidb = /TiDB-v?([\d.]+)/.exec(version);
  if (tidb) return `TiDB ${tidb[1]}`;
  if (/vitess/i.test(version + comment)) return `Vitess ${version}`;
  const number = /^\d+\.\d+\.\d+/.exec(version)?.[0] ?? version;
  return `${/mariadb/i.test(version + comment) ? 'MariaDB' : 'MySQL'} ${number}`;
}

function versionOf(server: ServerSettings): Finding {
  const product = productOf(server);
  const [name = '', version = ''] = product.split(' ');
  const oldest = OLDEST[name as keyof typeof OLDEST];
  if (!oldest) {
    return {
      check: 'version',
      verdict: 'unknown',
      what: product,
      why: `The service has never been run on ${name}.`,
      mend: 'docs/operations.md tells what to look at; try it with a copy before you rely on it.',
    };
  }
  if (!isBefore(version.split('.').map(Number), oldest)) return safe('version', product);
  return {
    check: 'version',
    verdict: 'unsafe',
    what: product,
    why: 'It is older than what the service is made for: MySQL 8.0.16 is the first that keeps CHECKs.',
    mend: `Upgrade to ${name} ${oldest.join('.')} or newer.`,
  };
}

function isBefore(version: readonly number[], oldest: readonly number[]): boolean {
  for (const [place, part] of oldest.entries()) {
    if ((version[place] ?? 0) !== part) return (version[place] ?? 0) < part;
  }
  return false;
}
