import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * The first schema. One text for SQLite, MySQL, MariaDB, TiDB and Vitess: the types are those that all of them take, and the
 * invariants are CHECK and UNIQUE constraints (I1-I3). Instants are milliseconds since 1970 in UTC. Everything that a debit
 * touches is keyed by owner_id first, so that it can be sharded by owner.
 */
export class CreateLedger1764000000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    const mysql = runner.dataSource.driver.options.type === 'mysql';
    // _bin: keys and codes are compared exactly, not without regard to case and accents.
    const suffix = mysql ? ' ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin' : '';
    for (const statement of [...TABLES.map((table) => table + suffix), ...INDEXES]) await runner.query(statement);
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const table of TABLE_NAMES) await runner.query(`DROP TABLE ${table}`);
  }
}

const TABLE_NAMES = ['api_keys', 'holds', 'ledger_entries', 'grants', 'apps', 'pools', 'owners', 'plan_terms', 'plans'];

const TABLES = [
  `CREATE TABLE plans (
    id INT NOT NULL PRIMARY KEY,
    code VARCHAR(64) NOT NULL,
    name VARCHAR(255) NOT NULL,
    monthly_credits INT NOT NULL,
    max_apps INT NULL,
    top_ups_allowed SMALLINT NOT NULL,
    rollover_limit INT NOT NULL,
    archived_at BIGINT NULL,
    created_at BIGINT NOT NULL,
    CONSTRAINT plans_code UNIQUE (code),
    CONSTRAINT plans_amounts CHECK (monthly_credits >= 0 AND rollover_limit >= 0 AND (max_apps IS NULL OR max_apps >= 0))
  )`,
  `CREATE TABLE plan_terms (
    plan_id INT NOT NULL,
    effective_from BIGINT NOT NULL,
    monthly_credits INT NOT NULL,
    top_ups_allowed SMALLINT NOT NULL,
    rollover_limit INT NOT NULL,
    PRIMARY KEY (plan_id, effective_from),
    CONSTRAINT plan_terms_amounts CHECK (monthly_credits >= 0 AND rollover_limit >= 0)
  )`,
  `CREATE TABLE owners (
    id BIGINT NOT NULL PRIMARY KEY,
    name VARCHAR(255) NOT NULL,
    email VARCHAR(255) NULL,
    external_id VARCHAR(255) NULL,
    created_at BIGINT NOT NULL,
    CONSTRAINT owners_external_id UNIQUE (external_id)
  )`,
  `CREATE TABLE pools (
    owner_id BIGINT NOT NULL PRIMARY KEY,
    version BIGINT NOT NULL,
    last_sequence BIGINT NOT NULL,
    last_at BIGINT NOT NULL,
    available INT NOT NULL,
    held INT NOT NULL,
    paused INT NOT NULL,
    granted BIGINT NOT NULL,
    spent BIGINT NOT NULL,
    expired BIGINT NOT NULL,
    revoked BIGINT NOT NULL,
    plan_id INT NOT NULL,
    next_plan_id INT NULL,
    anchor_at BIGINT NOT NULL,
    period_start BIGINT NOT NULL,
    resets_at BIGINT NOT NULL,
    allowance INT NOT NULL,
    used_this_period BIGINT NOT NULL,
    monthly_credits INT NOT NULL,
    top_ups_allowed SMALLINT NOT NULL,
    rollover_limit INT NOT NULL,
    suspended_at BIGINT NULL,
    next_hold_expires_at BIGINT NULL,
    next_due_at BIGINT NOT NULL,
    CONSTRAINT pools_i1 CHECK (granted = available + paused + held + spent + expired + revoked),
    CONSTRAINT pools_i2 CHECK (available >= 0 AND held >= 0 AND paused >= 0 AND available + paused + held <= 2000000000),
    CONSTRAINT pools_totals CHECK (spent >= 0 AND expired >= 0 AND revoked >= 0 AND used_this_period >= 0),
    CONSTRAINT pools_period CHECK (resets_at > period_start AND next_due_at <= resets_at)
  )`,
  `CREATE TABLE grants (
    owner_id BIGINT NOT NULL,
    sequence BIGINT NOT NULL,
    source VARCHAR(16) NOT NULL,
    amount INT NOT NULL,
    remaining INT NOT NULL,
    effective_at BIGINT NOT NULL,
    expires_at BIGINT NULL,
    revoked_at BIGINT NULL,
    reason VARCHAR(500) NULL,
    PRIMARY KEY (owner_id, sequence),
    CONSTRAINT grants_i2 CHECK (amount > 0 AND remaining >= 0 AND remaining <= amount),
    CONSTRAINT grants_source CHECK (source IN ('PLAN', 'BONUS', 'TOP_UP'))
  )`,
  `CREATE TABLE apps (
    owner_id BIGINT NOT NULL,
    id INT NOT NULL,
    name VARCHAR(255) NOT NULL,
    status VARCHAR(16) NOT NULL,
    credit_cap INT NULL,
    used_this_period BIGINT NOT NULL,
    counted_from BIGINT NOT NULL,
    allowed_origins TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (owner_id, id),
    CONSTRAINT apps_status CHECK (status IN ('ACTIVE', 'PAUSED')),
    CONSTRAINT apps_counts CHECK (used_this_period >= 0 AND (credit_cap IS NULL OR credit_cap >= 0))
  )`,
  `CREATE TABLE ledger_entries (
    owner_id BIGINT NOT NULL,
    sequence BIGINT NOT NULL,
    kind VARCHAR(8) NOT NULL,
    credits INT NOT NULL,
    available INT NOT NULL,
    held INT NOT NULL,
    paused INT NOT NULL,
    grant_sequence BIGINT NOT NULL,
    at BIGINT NOT NULL,
    app_id INT NOT NULL,
    key_hash BINARY(16) NULL,
    idempotency_key VARCHAR(255) NULL,
    fingerprint BINARY(32) NULL,
    action_sequence BIGINT NULL,
    action_type VARCHAR(32) NULL,
    status VARCHAR(8) NULL,
    visitor VARCHAR(255) NULL,
    origin VARCHAR(255) NULL,
    details TEXT NULL,
    metadata TEXT NULL,
    hold_expires_at BIGINT NULL,
    reason VARCHAR(500) NULL,
    PRIMARY KEY (owner_id, sequence),
    CONSTRAINT ledger_entries_i3 UNIQUE (owner_id, app_id, key_hash),
    CONSTRAINT ledger_entries_i2 CHECK (credits > 0 AND available >= 0 AND held >= 0 AND paused >= 0),
    CONSTRAINT ledger_entries_kind CHECK (
      kind IN ('GRANT', 'DEBIT', 'HOLD', 'CAPTURE', 'VOID', 'REFUND', 'EXPIRE', 'REVOKE', 'PAUSE', 'RESUME')),
    CONSTRAINT ledger_entries_action CHECK (
      kind NOT IN ('DEBIT', 'HOLD') OR (credits = 1 AND key_hash IS NOT NULL AND status IS NOT NULL AND action_sequence = sequence))
  )`,
  `CREATE TABLE holds (
    owner_id BIGINT NOT NULL,
    sequence BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    PRIMARY KEY (owner_id, sequence)
  )`,
  `CREATE TABLE api_keys (
    owner_id BIGINT NOT NULL,
    id INT NOT NULL,
    name VARCHAR(255) NOT NULL,
    role VARCHAR(16) NOT NULL,
    app_id INT NULL,
    hash BINARY(32) NOT NULL,
    hint VARCHAR(32) NOT NULL,
    created_at BIGINT NOT NULL,
    last_used_at BIGINT NULL,
    expires_at BIGINT NULL,
    revoked_at BIGINT NULL,
    PRIMARY KEY (owner_id, id),
    CONSTRAINT api_keys_hash UNIQUE (hash),
    CONSTRAINT api_keys_role CHECK (role IN ('ADMIN', 'OWNER', 'APP', 'PUBLISHABLE')),
    CONSTRAINT api_keys_scope CHECK ((role IN ('APP', 'PUBLISHABLE')) = (app_id IS NOT NULL) AND (role = 'ADMIN') = (owner_id = 0))
  )`,
];

const INDEXES = [
  'CREATE INDEX pools_due ON pools (next_due_at)',
  'CREATE INDEX grants_open ON grants (owner_id, remaining)',
  'CREATE INDEX holds_due ON holds (owner_id, expires_at)',
];
