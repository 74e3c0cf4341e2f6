import type { Session } from '../database/database';
import { ACTION_COLUMNS, actionOf, resolutionKey, type Row } from './ledger.rows';
import type { ActionRecord } from './pool';

/** Identities of one owner's rows: (owner_id, sequence) is the primary key everywhere. */
export interface OwnedSequences {
  readonly ownerId: number;
  readonly sequences: readonly number[];
}

/** `(owner_id = ? AND column IN (?, …)) OR …`, with its parameters. `wanted` must not be empty. */
export function ownedRows(
  column: string,
  wanted: readonly { ownerId: number; values: readonly unknown[] }[],
): { sql: string; parameters: unknown[] } {
  const sql = wanted
    .map(({ values }) => `(owner_id = ? AND ${column} IN (${values.map(() => '?').join(', ')}))`)
    .join(' OR ');
  return { sql: `(${sql})`, parameters: wanted.flatMap(({ ownerId, values }) => [ownerId, ...values]) };
}

/** Keeps a statement's OR below the 1,000 terms that SQLite takes. */
const TERMS_PER_STATEMENT = 400;

export function inChunks<T>(terms: readonly T[]): T[][] {
  const chunks: T[][] = [];
  for (let start = 0; start < terms.length; start += TERMS_PER_STATEMENT) {
    chunks.push(terms.slice(start, start + TERMS_PER_STATEMENT));
  }
  return chunks;
}

/** Whole actions by identity; those that do not exist are left out. */
export async function readActions(session: Session, wanted: readonly OwnedSequences[]): Promise<ActionRecord[]> {
  const asked = wanted
    .filter(({ sequences }) => sequences.length > 0)
    .map(({ ownerId, sequences }) => ({ ownerId, values: sequences }));
  const pages = await session.queryAll<Row>(
    inChunks(asked).map((chunk) => {
      const where = ownedRows('sequence', chunk);
      const sql = `SELECT ${ACTION_COLUMNS} FROM ledger_entries WHERE ${where.sql} AND kind IN ('DEBIT', 'HOLD')`;
      return { sql, parameters: where.parameters };
    }),
  );
  return actionsOf(session, pages.flat());
}

/** Actions from the rows of their opening entries, completed by the entries that resolved them. */
export async function actionsOf(session: Session, rows: readonly Row[]): Promise<ActionRecord[]> {
  const actions = rows.map(actionOf);
  const resolved = actions.filter(
    ({ status, holdExpiresAt }) => status !== 'HELD' && !(status === 'CAPTURED' && holdExpiresAt === null),
  );
  if (resolved.length === 0) return actions;
  const pages = await session.queryAll<Row>(
    inChunks(resolved).map((chunk) => ({
      sql: `SELECT owner_id, action_sequence, at, reason FROM ledger_entries WHERE ${chunk
        .map(() => '(owner_id = ? AND app_id = ? AND key_hash = ?)')
        .join(' OR ')}`,
      parameters: chunk.flatMap(({ ownerId, appId, sequence, status }) => [
        ownerId,
        appId,
        resolutionKey(status === 'REFUNDED' ? 'REFUND' : 'VOID', sequence),
      ]),
    })),
  );
  const resolutions = new Map(pages.flat().map((row) => [`${row['owner_id']}:${row['action_sequence']}`, row]));
  return actions.map((action) => {
    const entry = resolutions.get(`${action.ownerId}:${action.sequence}`);
    if (!entry) return action;
    return { ...action, resolvedAt: Number(entry['at']), reason: (entry['reason'] as string | null) ?? null };
  });
}
