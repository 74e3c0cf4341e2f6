import type { Instant } from '../clock';
import type { Session } from '../database/database';
import type { Row } from './ledger.rows';

/**
 * The number of an owner's first entry at or after `instant`; one beyond the last where there is none. An owner's entries never
 * go back in time, so a binary search by the primary key finds it in some twenty look-ups, without an index on time.
 */
export async function firstSequenceAt(session: Session, ownerId: number, instant: Instant): Promise<number> {
  const [pool] = await session.query<Row>('SELECT last_sequence FROM pools WHERE owner_id = ?', [ownerId]);
  let low = 1;
  let high = Number(pool?.['last_sequence'] ?? 0) + 1;
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    const [entry] = await session.query<Row>('SELECT at FROM ledger_entries WHERE owner_id = ? AND sequence = ?', [
      ownerId,
      middle,
    ]);
    if (Number(entry?.['at']) < instant) low = middle + 1;
    else high = middle;
  }
  return low;
}
