import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What a pool has counted for one app that the app's own counter does not have yet, and its shape (docs/adr/0016-a-debit-writes-its-pool.md). */
export class CountBehind1764000300000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE pools ADD COLUMN uncounted_app_id INT');
    await runner.query('ALTER TABLE pools ADD COLUMN uncounted_actions BIGINT NOT NULL DEFAULT 0');
    await runner.query('ALTER TABLE pools ADD COLUMN shape BIGINT NOT NULL DEFAULT 0');
  }

  async down(runner: QueryRunner): Promise<void> {
    await writeWhatFollows(runner);
    await runner.query('ALTER TABLE pools DROP COLUMN shape');
    await runner.query('ALTER TABLE pools DROP COLUMN uncounted_actions');
    await runner.query('ALTER TABLE pools DROP COLUMN uncounted_app_id');
  }
}

/** Before this, each grant and each counter said by itself what is left of it, and what it counts. */
async function writeWhatFollows(runner: QueryRunner): Promise<void> {
  // Whoever knows a pool as it was must read it again; and nobody changes one between what is read and what is written here.
  await runner.query('UPDATE pools SET version = version + 1, shape = shape + 1');
  const pool = 'FROM pools p WHERE p.owner_id = apps.owner_id';
  await runner.query(
    `UPDATE apps SET
       used_this_period = CASE WHEN counted_from = (SELECT p.period_start ${pool}) THEN used_this_period ELSE 0 END
         + (SELECT p.uncounted_actions ${pool}),
       counted_from = (SELECT p.period_start ${pool})
     WHERE EXISTS (SELECT 1 ${pool} AND p.uncounted_app_id = apps.id AND p.uncounted_actions <> 0)`,
  );
  const usable = "(g.source <> 'TOP_UP' OR p.top_ups_allowed = 1)";
  const behind = (await runner.query(
    `SELECT p.owner_id, SUM(g.remaining) - p.available AS credits FROM pools p JOIN grants g ON g.owner_id = p.owner_id
     WHERE ${usable} GROUP BY p.owner_id, p.available HAVING SUM(g.remaining) > p.available`,
  )) as { owner_id: unknown; credits: unknown }[];
  for (const { owner_id: ownerId, credits } of behind) {
    const [inUse] = (await runner.query(
      `SELECT g.sequence FROM grants g JOIN pools p ON p.owner_id = g.owner_id
       WHERE g.owner_id = ? AND g.remaining > 0 AND ${usable}
       ORDER BY g.source = 'TOP_UP', g.expires_at IS NULL, g.expires_at, g.sequence LIMIT 1`,
      [ownerId],
    )) as { sequence: unknown }[];
    await runner.query('UPDATE grants SET remaining = remaining - ? WHERE owner_id = ? AND sequence = ?', [
      credits,
      ownerId,
      inUse?.sequence,
    ]);
  }
  // MySQL commits before an ALTER: where that fails, this may run again, and the service too.
  await runner.query('UPDATE pools SET uncounted_app_id = NULL, uncounted_actions = 0');
}
