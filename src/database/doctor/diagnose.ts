import { databaseKind } from '../connection-options';
import type { Diagnosis } from './finding';
import { diagnoseMysql } from './mysql-checks';
import { diagnoseSqlite } from './sqlite-checks';

/**
 * Looks at the database that a DATABASE_URL names: whether a ledger is safe in it. Changes nothing, makes no file, runs
 * no migration. What cannot be looked at is a finding, not an error. `now` is this machine's clock, in milliseconds
 * since 1970.
 */
export function diagnose(databaseUrl: string, now: () => number): Promise<Diagnosis> {
  return databaseKind(databaseUrl) === 'sqlite' ? diagnoseSqlite(databaseUrl) : diagnoseMysql(databaseUrl, now);
}
