import type { MigrationInterface, QueryRunner } from 'typeorm';
import { suffixesOf } from '../../owners/owner-suffixes';

const OWNERS_AT_ONCE = 200;

/** What the lists of actions and the search of owners are found by (docs/adr/0010-indexes-of-lists.md). */
export class IndexLists1764000200000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    const mysql = runner.dataSource.driver.options.type === 'mysql';
    const suffix = mysql ? ' ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin' : '';
    for (const statement of INDEXES) await runner.query(statement);
    // Bytes, so that both databases compare them alike: by value, and with the blanks at their end.
    await runner.query(
      `CREATE TABLE owner_suffixes (
        suffix VARBINARY(48) NOT NULL,
        owner_id BIGINT NOT NULL,
        PRIMARY KEY (suffix, owner_id)
      )${suffix}`,
    );
    await fillSuffixes(runner);
  }

  async down(runner: QueryRunner): Promise<void> {
    const mysql = runner.dataSource.driver.options.type === 'mysql';
    await runner.query('DROP TABLE owner_suffixes');
    for (const index of ['ledger_entries_visitors', 'ledger_entries_facets']) {
      await runner.query(`DROP INDEX ${index}${mysql ? ' ON ledger_entries' : ''}`);
    }
  }
}

const INDEXES = [
  'CREATE INDEX ledger_entries_facets ON ledger_entries (owner_id, action_type, app_id, status, sequence)',
  'CREATE INDEX ledger_entries_visitors ON ledger_entries (owner_id, visitor, sequence)',
];

interface ExistingOwner {
  id: unknown;
  name: string;
  email: string | null;
  external_id: string | null;
}

async function fillSuffixes(runner: QueryRunner): Promise<void> {
  for (let last = -1; ;) {
    const owners = (await runner.query(
      'SELECT id, name, email, external_id FROM owners WHERE id > ? ORDER BY id LIMIT ?',
      [last, OWNERS_AT_ONCE],
    )) as ExistingOwner[];
    for (const { id, name, email, external_id: externalId } of owners) {
      const suffixes = suffixesOf({ name, email, externalId });
      const marks = suffixes.map(() => '(?, ?)').join(', ');
      const values = suffixes.flatMap((suffix) => [suffix, id]);
      if (suffixes.length > 0) await runner.query(`INSERT INTO owner_suffixes VALUES ${marks}`, values);
    }
    if (owners.length < OWNERS_AT_ONCE) return;
    last = Number(owners.at(-1)?.id);
  }
}
