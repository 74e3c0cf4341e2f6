import { type Finding, safe } from './finding';
import type { Schema, TableShape } from './schema-shape';

/** How a database's schema differs from the one that this build's migrations make. */
export function checkSchema(expected: Schema, actual: Schema): readonly Finding[] {
  const pending = expected.migrations.filter((name) => !actual.migrations.includes(name));
  if (pending.length > 0) return [pendingFinding(pending, actual)];
  const unknown = actual.migrations.filter((name) => !expected.migrations.includes(name));
  const faults = [...expected.tables].flatMap(([name, table]) => faultsOf(name, table, actual.tables.get(name)));
  const drift: Finding =
    faults.length === 0
      ? safe(
          'schema',
          `${expected.tables.size} tables with their columns, keys, indexes and CHECKs are as they were made`,
        )
      : {
          check: 'schema',
          verdict: 'unsafe',
          what: `the schema is not what the migrations made: ${faults.join('; ')}`,
          why: 'Unique indexes and CHECKs are the last guard against double debits and negative balances (I1 to I3).',
          mend: 'Make what is missing as src/database/migrations makes it, then ask again and run npm run verify.',
        };
  return unknown.length === 0 ? [migrationsFinding(expected), drift] : [newerFinding(unknown), drift];
}

function migrationsFinding(expected: Schema): Finding {
  return safe('migrations', `all ${expected.migrations.length} are applied`);
}

function pendingFinding(pending: readonly string[], actual: Schema): Finding {
  const empty = actual.migrations.length === 0;
  return {
    check: 'migrations',
    verdict: 'unknown',
    what: empty ? 'the database holds no ledger yet' : `not applied yet: ${pending.join(', ')}`,
    why: 'The tables that are to be looked at are not there, so nothing can be said of them.',
    mend: 'Start the service on it, which applies them, and ask again.',
  };
}

function newerFinding(unknown: readonly string[]): Finding {
  return {
    check: 'migrations',
    verdict: 'warning',
    what: `applied by a newer version than this one: ${unknown.join(', ')}`,
    why: 'This version does not know what they changed.',
    mend: 'Run the version that made them.',
  };
}

function faultsOf(name: string, expected: TableShape, actual: TableShape | undefined): string[] {
  if (!actual) return [`table ${name} is missing`];
  const faults: string[] = [];
  for (const [part, texts] of [
    ['column', [expected.columns, actual.columns]],
    ['index', [expected.indexes, actual.indexes]],
  ] as const) {
    const [wanted, found] = texts;
    for (const [key, text] of wanted) {
      const other = found.get(key);
      if (other === undefined) faults.push(`${part} ${name}.${key} is missing`);
      else if (other !== text) faults.push(`${part} ${name}.${key} is ${other} instead of ${text}`);
    }
  }
  for (const [key, text] of actual.indexes) {
    if (!expected.indexes.has(key) && text.startsWith('UNIQUE')) faults.push(`unique index ${name}.${key} is not ours`);
  }
  for (const check of expected.checks) if (!actual.checks.has(check)) faults.push(`CHECK ${check} is missing`);
  return faults;
}
