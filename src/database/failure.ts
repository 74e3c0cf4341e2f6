/** What a database driver throws, as far as it matters here. */
interface DriverError {
  message?: unknown;
  errno?: unknown;
  errcode?: unknown;
  code?: unknown;
  fatal?: unknown;
  driverError?: unknown;
}

/** Known by their codes: between the driver and a caller an error may be copied, which loses its class. */
const NO_ANSWER = 'PROTOCOL_SEQUENCE_TIMEOUT';
const OUT_OF_REACH = 'DATABASE_OUT_OF_REACH';
const NO_FREE_CONNECTION = 'NO_FREE_CONNECTION';

/** The connection did not answer in time, and was ended; what became of its last statement is unknown. */
export class NoAnswer extends Error {
  readonly code = NO_ANSWER;

  constructor() {
    super('The database does not answer.');
  }
}

/** Nothing was sent: the database is known to be out of reach. `reason` is what was found when it was last tried. */
export class OutOfReach extends Error {
  readonly code = OUT_OF_REACH;

  constructor(readonly reason: unknown) {
    super('The database is out of reach.');
  }
}

/** Nothing was sent: all connections were busy for too long, or too many callers wait for one. */
export class NoFreeConnection extends Error {
  readonly code = NO_FREE_CONNECTION;

  constructor() {
    super('No connection to the database became free in time.');
  }
}

/**
 * Deadlock or certification conflict (3101 with Group Replication, also at COMMIT), lock wait timeout, record changed: nothing
 * took effect, the whole transaction may run again.
 */
const LOCK_WAIT_TIMEOUT = 1205;
const CONFLICT_ERRNOS = new Set([1213, 3101, LOCK_WAIT_TIMEOUT, 1020]);
/** Quorum lost; read-only, as a primary is that has been replaced: another connection may lead to another node. */
const UNFIT_ERRNOS = new Set([1047, 1290, 1792, 1836]);
/** The server, all users or this one have as many connections as they may. */
const CROWDED_ERRNOS = new Set([1040, 1203, 1226]);
/** Shutting down, killed, gone, an error at COMMIT. */
const PASSING_ERRNOS = new Set([1053, 1180, 1927, 2006, 2013]);
const CONNECTION_CODES = new Set([
  'ECONNRESET',
  'ECONNREFUSED',
  'ETIMEDOUT',
  'EPIPE',
  'ENOTFOUND',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ECONNABORTED',
  'EAI_AGAIN',
  'PROTOCOL_CONNECTION_LOST',
  'POOL_CLOSED',
  NO_ANSWER,
  OUT_OF_REACH,
  NO_FREE_CONNECTION,
]);
/** mysql2 gives this one no code. */
const CLOSED_CONNECTION = "Can't add new command when connection is in closed state";
const DUPLICATE_ERRNO = 1062;
/** SQLite's extended result codes: a primary key or a unique value is taken. */
const SQLITE_DUPLICATES = new Set([1555, 2067]);
/** SQLite's result codes: somebody else holds the file's lock. */
const SQLITE_BUSY = new Set([5, 6, 15]);
/**
 * No memory, read-only, input or output failed, full, cannot be opened: mended outside, and tried again by the next
 * one.
 */
const SQLITE_STORAGE = new Set([7, 8, 10, 13, 14]);
/** The same of MySQL's: the disk is full, cannot be written to, or leaves a table no room. */
const MYSQL_STORAGE = new Set([1021, 1026, 1114]);

/** The connection is lost, or there was none, and whether a statement took effect is unknown. */
export function isConnectionLoss(error: unknown): boolean {
  const { code, fatal, message } = driverErrorOf(error);
  return fatal === true || CONNECTION_CODES.has(String(code)) || message === CLOSED_CONNECTION;
}

/** Somebody else holds a row for long: whoever does not need that row should not wait for it. */
export function isLockWait(error: unknown): boolean {
  return Number(driverErrorOf(error).errno) === LOCK_WAIT_TIMEOUT;
}

/** Nothing took effect, for certain, even where it was the COMMIT that failed: another transaction was in the way. */
export function isConflict(error: unknown): boolean {
  const { errno, errcode } = driverErrorOf(error);
  return CONFLICT_ERRNOS.has(Number(errno)) || SQLITE_BUSY.has(Number(errcode) & 0xff);
}

/** The node that this connection leads to cannot write, or not even read: the connection is of no more use. */
export function isUnfitNode(error: unknown): boolean {
  return UNFIT_ERRNOS.has(Number(driverErrorOf(error).errno));
}

/** The database answers, but takes no more connections: those that are open are as good as before. */
export function isCrowded(error: unknown): boolean {
  return CROWDED_ERRNOS.has(Number(driverErrorOf(error).errno));
}

/**
 * The transaction did not take effect for a reason that passes, or its outcome is unknown: look up the keys, run it
 * again. Where it reaches a caller it is UNAVAILABLE, and no bug.
 */
export function isTransient(error: unknown): boolean {
  const { errno } = driverErrorOf(error);
  return (
    isConnectionLoss(error) ||
    isConflict(error) ||
    isUnfitNode(error) ||
    isCrowded(error) ||
    PASSING_ERRNOS.has(Number(errno)) ||
    isStorageFailure(error)
  );
}

/**
 * To run it again at once is of no use: it has waited already, the database is known to be away, or its disk is at
 * fault.
 */
export function isAway(error: unknown): boolean {
  const { code } = driverErrorOf(error);
  return code === NO_ANSWER || code === OUT_OF_REACH || code === NO_FREE_CONNECTION || isStorageFailure(error);
}

/** A primary key or a unique value is taken. */
export function isDuplicate(error: unknown): boolean {
  const { errno, errcode } = driverErrorOf(error);
  return Number(errno) === DUPLICATE_ERRNO || SQLITE_DUPLICATES.has(Number(errcode));
}

function isStorageFailure(error: unknown): boolean {
  const { errno, errcode } = driverErrorOf(error);
  return MYSQL_STORAGE.has(Number(errno)) || SQLITE_STORAGE.has(Number(errcode) & 0xff);
}

/** TypeORM wraps what the driver threw. */
function driverErrorOf(error: unknown): DriverError {
  if (typeof error !== 'object' || error === null) return {};
  const { driverError } = error as DriverError;
  return (typeof driverError === 'object' && driverError !== null ? driverError : error) as DriverError;
}
