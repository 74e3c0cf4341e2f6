import 'reflect-metadata';
import { BalanceFeed } from '../../src/balances/balance-feed';
import { SqlFeedReader } from '../../src/balances/balance-feed.store';
import { LedgerHistory } from '../../src/balances/ledger-history';
import { SqlLedgerReader } from '../../src/balances/ledger-reader.store';
import { Database } from '../../src/database/database';
import { entities } from '../../src/database/entities';
import { type HistoryOptions, type HistorySummary, writeHistory } from '../../src/sample/history';
import { createSampleWorld } from '../../src/sample/sample-world';
import { createTestDatabase } from '../support/database';

const OPTIONS: HistoryOptions = {
  seed: 3,
  owners: 4,
  days: 8,
  actions: 1_500,
  endsAt: Date.parse('2026-03-02T00:00:00.000Z'),
  frugalPerMille: 600,
};

/** Writes a history into a database of its own and hands both over. */
async function withHistory<T>(
  options: HistoryOptions,
  look: (database: Database, summary: HistorySummary) => Promise<T>,
): Promise<T> {
  const files = await createTestDatabase('sqlite');
  const database = await Database.open(files.url, entities);
  try {
    await database.migrate();
    return await look(database, await writeHistory(database, options));
  } finally {
    await database.close();
    await files.drop();
  }
}

/** Every entry of a history, owner by owner, without what chance gives: the owners' ids. */
async function storyOf(database: Database, { owners }: HistorySummary): Promise<unknown[]> {
  const stories = owners.map(({ ownerId }) =>
    database.reader.query(
      `SELECT sequence, kind, credits, available, at, app_id, action_type, status, visitor, idempotency_key, details
       FROM ledger_entries WHERE owner_id = ? ORDER BY sequence`,
      [ownerId],
    ),
  );
  return (await Promise.all(stories)).flat();
}

describe('a sample history', () => {
  it('has as many actions as were asked for, every kind of movement, and books that add up', async () => {
    await withHistory(OPTIONS, async (database, summary) => {
      const { ledger } = createSampleWorld(database, OPTIONS.endsAt);
      const reader = new SqlLedgerReader(database);
      const verification = await new LedgerHistory(
        reader,
        ledger,
        new BalanceFeed(new SqlFeedReader(database)),
      ).verifyAll();
      expect(verification.problems).toEqual([]);
      const kinds = await database.reader.query<{ kind: string; number: number }>(
        'SELECT kind, COUNT(*) AS number FROM ledger_entries GROUP BY kind',
      );
      const counted = Object.fromEntries(kinds.map(({ kind, number }) => [kind, number]));
      expect((counted['DEBIT'] ?? 0) + (counted['HOLD'] ?? 0)).toBe(OPTIONS.actions);
      expect(summary.actions).toBe(OPTIONS.actions);
      expect(Object.keys(counted)).toEqual(expect.arrayContaining(['CAPTURE', 'VOID', 'REFUND', 'GRANT']));
      expect(summary.refused).toBeGreaterThan(0);
    });
  });

  it('is busier by day than by night', async () => {
    const hours = await withHistory(OPTIONS, (database) =>
      database.reader.query<{ hour: number; number: number }>(
        `SELECT at / 3600000 % 24 AS hour, COUNT(*) AS number FROM ledger_entries
         WHERE action_type IS NOT NULL GROUP BY 1`,
      ),
    );
    const at = (hour: number) => hours.find((row) => row.hour === hour)?.number ?? 0;
    expect(at(10) + at(14)).toBeGreaterThan(5 * (at(1) + at(2)));
  });

  it('is the same again for the same seed, and another for another', async () => {
    const story = await withHistory(OPTIONS, storyOf);
    expect(await withHistory(OPTIONS, storyOf)).toEqual(story);
    expect(await withHistory({ ...OPTIONS, seed: 4 }, storyOf)).not.toEqual(story);
  });
});
