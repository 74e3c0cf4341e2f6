/** What a database driver throws, as far as it matters here. */
interface DriverError {
  errno?: unknown;
  errcode?: unknown;
  code?: unknown;
  fatal?: unknown;
  driverError?: unknown;
}

/** Deadlock or certification conflict, lock wait timeout, record changed, node not ready: the whole transaction may run again. */
const LOCK_WAIT_TIMEOUT = 1205;
const TRANSIENT_ERRNOS = new Set([1213, LOCK_WAIT_TIMEOUT, 1020, 1047, 1180, 1053, 1927, 2006, 2013, 1290, 1836]);
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
  'PROTOCOL_SEQUENCE_TIMEOUT',
  'PROTOCOL_CONNECTION_LOST',
  'POOL_CLOSED',
]);
const DUPLICATE_ERRNO = 1062;
/** SQLite's extended result codes: a primary key or a unique value is taken; busy. */
const SQLITE_DUPLICATES = new Set([1555, 2067]);
const SQLITE_BUSY = 5;

/** The database is out of reach, and whether a statement took effect is unknown. */
export function isConnectionLoss(error: unknown): boolean {
  const { code, fatal } = driverErrorOf(error);
  return fatal === true || CONNECTION_CODES.has(String(code));
}

/** Somebody else holds a row for long: whoever does not need that row should not wait for it. */
export function isLockWait(error: unknown): boolean {
  return Number(driverErrorOf(error).errno) === LOCK_WAIT_TIMEOUT;
}

/** The transaction did not take effect for a reason that passes, or its outcome is unknown: look up the keys, run it again. */
export function isTransient(error: unknown): boolean {
  const { errno, errcode } = driverErrorOf(error);
  return isConnectionLoss(error) || TRANSIENT_ERRNOS.has(Number(errno)) || (Number(errcode) & 0xff) === SQLITE_BUSY;
}

/** A primary key or a unique value is taken. */
export function isDuplicate(error: unknown): boolean {
  const { errno, errcode } = driverErrorOf(error);
  return Number(errno) === DUPLICATE_ERRNO || SQLITE_DUPLICATES.has(Number(errcode));
}

/** TypeORM wraps what the driver threw. */
function driverErrorOf(error: unknown): DriverError {
  if (typeof error !== 'object' || error === null) return {};
  const { driverError } = error as DriverError;
  return (typeof driverError === 'object' && driverError !== null ? driverError : error) as DriverError;
}
