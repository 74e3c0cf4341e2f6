import type { GuardedStatement, Session } from '../database/database';
import type { Decision } from './decide';
import type { DebitedUnseen } from './ledger';
import { POOL_COLUMNS } from './ledger.rows';
import { ENTRY_COLUMNS, entryRows, Expression, insert, staleOf } from './persist.store';
import type { Pool } from './pool';
import { boundsOf, MOST_AHEAD_MS, MOVED_BY_DEBITS } from './written-behind';

/*
 * Two numbers that only the database knows are told by the one that a connection can remember of its last statement: the
 * number of the last entry, and in the lower bits by how many milliseconds another process's clock is ahead.
 */
const AHEAD_BITS = Math.log2(MOST_AHEAD_MS + 1);
const LAST_SEQUENCE = `(LAST_INSERT_ID() >> ${AHEAD_BITS})`;
const AHEAD_MS = `(LAST_INSERT_ID() & ${MOST_AHEAD_MS})`;

/**
 * Writes debits on MySQL by what they add to their pool, where it has the shape that they were decided by and enough left, and has not
 * lost entries in a failover: the database numbers them. Fails with LostUpdate where it does not.
 */
export async function persistUnseen(session: Session, decision: Decision): Promise<DebitedUnseen> {
  const { pool, entries } = decision;
  try {
    const rows = entryRows(decision).map((row) => numberedByDatabase(row, pool));
    const [written] = await session.finish([
      poolUpdate(decision),
      ...insert('mysql', 'ledger_entries', ENTRY_COLUMNS, rows),
    ]);
    const told = Number(written?.insertId);
    const aheadMs = told % (MOST_AHEAD_MS + 1);
    const lastSequence = (told - aheadMs) / (MOST_AHEAD_MS + 1);
    return { afterSequence: lastSequence - entries.length, at: pool.lastAt + aheadMs };
  } catch (error) {
    throw staleOf(error) ?? error;
  }
}

function poolUpdate(decision: Decision): GuardedStatement {
  const { before, pool } = decision;
  const { availableAtLeast, uncountedAtMost } = boundsOf(decision);
  const at = pool.lastAt;
  const sums = MOVED_BY_DEBITS.map((property) => {
    const column = POOL_COLUMNS[property];
    const sum = `${column} + ${pool[property] - before[property]}`;
    if (property !== 'lastSequence') return `${column} = ${sum}`;
    // Before last_at is set: it is the old one that may be ahead.
    return `${column} = (LAST_INSERT_ID(((${sum}) << ${AHEAD_BITS}) + GREATEST(last_at - ${at}, 0)) >> ${AHEAD_BITS})`;
  });
  const withinCap = uncountedAtMost === null ? '' : ` AND uncounted_actions <= ${uncountedAtMost}`;
  return {
    sql: `UPDATE pools SET ${sums.join(', ')}, last_at = GREATEST(last_at, ${at}) WHERE owner_id = ${pool.ownerId} AND shape = ${before.shape} AND last_sequence >= ${before.lastSequence} AND last_at <= ${at + MOST_AHEAD_MS} AND available >= ${availableAtLeast}${withinCap}`,
    parameters: [],
    rows: 1,
    onMismatch: 'LOST_UPDATE',
  };
}

/** The row of a debit as it follows from what the database tells. */
function numberedByDatabase(row: readonly unknown[], last: Pool): unknown[] {
  return ENTRY_COLUMNS.map((column, i) => {
    const value = Number(row[i]);
    switch (column) {
      case 'sequence':
      case 'action_sequence':
        return new Expression(`${LAST_SEQUENCE} - ${last.lastSequence - value}`);
      // Each debit takes one credit: what is available and the number of the entry have the same sum.
      case 'available':
        return new Expression(`${value + last.lastSequence} - ${LAST_SEQUENCE}`);
      case 'at':
        return new Expression(`${value} + ${AHEAD_MS}`);
      default:
        return row[i];
    }
  });
}
