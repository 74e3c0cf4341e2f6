import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Usage by quarters of an hour, folded from the ledger; `usage_sequence` is the last entry that is counted. A row may be given
 * less than zero for a moment of the statement that adds to it, so no CHECK says that it never is.
 */
export class CountUsage1764000100000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    const mysql = runner.dataSource.driver.options.type === 'mysql';
    const suffix = mysql ? ' ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin' : '';
    await runner.query(
      `CREATE TABLE usage_counts (
        owner_id BIGINT NOT NULL,
        starts_at BIGINT NOT NULL,
        app_id INT NOT NULL,
        action_type VARCHAR(32) NOT NULL,
        credits BIGINT NOT NULL,
        refunded BIGINT NOT NULL,
        PRIMARY KEY (owner_id, starts_at, app_id, action_type)
      )${suffix}`,
    );
    await runner.query('ALTER TABLE owners ADD COLUMN usage_sequence BIGINT NOT NULL DEFAULT 0');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE owners DROP COLUMN usage_sequence');
    await runner.query('DROP TABLE usage_counts');
  }
}
