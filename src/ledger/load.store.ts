import type { Database, Session, Statement } from '../database/database';
import { groupBy } from './group-by';
import { inChunks, ownedRows, readActions } from './actions.store';
import type { Command } from './commands';
import { GRANTS_APP_ID, keyOf, type PoolState, type SeenKey } from './draft';
import {
  GRANT_COLUMNS,
  grantOf,
  hexOf,
  METER_COLUMNS,
  meterOf,
  poolOf,
  POOL_COLUMNS,
  termsOf,
  type Row,
} from './ledger.rows';
import type { ActionRecord, AppMeter, DatedPlanTerms, Grant, Pool } from './pool';

/** How many expired holds one transaction settles. More wait for the next one, and the commands with them. */
const DUE_HOLDS_PER_BATCH = 1_000;

/** Per owner, what the commands and the due work of a batch refer to. */
interface Wanted {
  pool: Pool;
  sequences: Set<number>;
  apps: Set<number>;
  grants: Set<number>;
  plans: Set<number>;
  holdsDue: boolean;
}

/** What a transaction is about: commands to be decided by what is there, and owners of whom it is known already. */
export interface Batch {
  readonly commands: readonly Command[];
  readonly now: number;
  readonly alsoWritten?: readonly number[] | undefined;
}

/**
 * Locks the pools of a batch, in id order so that two writers never wait for one another (hazard 3), and reads what deciding
 * the commands needs. Owners that do not exist are left out.
 */
export async function loadStates(
  session: Session,
  kind: Database['kind'],
  { commands, now, alsoWritten = [] }: Batch,
): Promise<Map<number, PoolState>> {
  const first = await readFirst(session, kind, commands, alsoWritten);
  const wanted = new Map(first.pools.map((pool) => [pool.ownerId, wantedOf(pool, now)]));
  for (const command of commands) {
    const owner = wanted.get(command.ownerId);
    if (owner) want(owner, command);
  }
  for (const [ownerId, sequences] of first.seen.actions)
    for (const s of sequences) wanted.get(ownerId)?.sequences.add(s);
  for (const [ownerId, sequences] of first.seen.grants) for (const s of sequences) wanted.get(ownerId)?.grants.add(s);
  const holds = await readDueHolds(session, [...wanted.values()], now);
  const actions = await readWantedActions(session, wanted, holds);
  for (const action of actions) {
    const owner = wanted.get(action.ownerId) as Wanted;
    owner.grants.add(action.grantSequence);
    owner.apps.add(action.appId);
  }
  for (const grant of first.openGrants) wanted.get(grant.ownerId)?.grants.delete(grant.sequence);
  for (const meter of first.meters) wanted.get(meter.ownerId)?.apps.delete(meter.appId);
  const grants = [...first.openGrants, ...(await readGrants(session, wanted))];
  const meters = [...first.meters, ...(await readMeters(session, wanted))];
  const planTerms = await readPlanTerms(session, [...wanted.values()]);
  return statesOf(first.pools, { grants, meters, actions, holds, planTerms, seen: first.seen });
}

interface Loaded {
  grants: readonly Grant[];
  meters: readonly AppMeter[];
  actions: readonly ActionRecord[];
  holds: ReadonlyMap<number, DueHolds>;
  planTerms: ReadonlyMap<number, readonly DatedPlanTerms[]>;
  seen: SeenKeys;
}

function statesOf(pools: readonly Pool[], loaded: Loaded): Map<number, PoolState> {
  const byOwner = <T extends { ownerId: number }>(rows: readonly T[]) => groupBy(rows, (row) => row.ownerId);
  const grants = byOwner(loaded.grants);
  const actions = byOwner(loaded.actions);
  const meters = byOwner(loaded.meters);
  return new Map(
    pools.map((pool): [number, PoolState] => {
      const due = loaded.holds.get(pool.ownerId);
      const ownActions = actions.get(pool.ownerId) ?? [];
      return [
        pool.ownerId,
        {
          pool,
          grants: grants.get(pool.ownerId) ?? [],
          apps: meters.get(pool.ownerId) ?? [],
          actions: ownActions,
          seenKeys: loaded.seen.keys.get(pool.ownerId) ?? new Map(),
          dueHolds: due ? inOrder(due.sequences, ownActions) : [],
          moreDueHolds: due?.more ?? false,
          nextHoldExpiresAt: due ? due.next : pool.nextHoldExpiresAt,
          planTerms: loaded.planTerms,
        },
      ];
    }),
  );
}

interface FirstRead {
  pools: Pool[];
  openGrants: Grant[];
  seen: SeenKeys;
  meters: AppMeter[];
}

/** What nearly every batch needs, in one round trip. The lock comes first, so what follows is what its holder left. */
async function readFirst(
  session: Session,
  kind: Database['kind'],
  commands: readonly Command[],
  alsoWritten: readonly number[],
): Promise<FirstRead> {
  const owners = [...new Set(commands.map((command) => command.ownerId))].sort((a, b) => a - b);
  const marks = owners.map(() => '?').join(', ');
  const lock = kind === 'mysql' ? ' FOR UPDATE' : '';
  const keys = seenKeysStatements(kind, commands);
  const apps = meterStatements(appsOf(commands));
  const locks = kind === 'mysql' && alsoWritten.length > 0 ? [lockOf([...owners, ...alsoWritten])] : [];
  const statements = [
    ...locks,
    {
      sql: `SELECT ${Object.values(POOL_COLUMNS).join(', ')} FROM pools WHERE owner_id IN (${marks}) ORDER BY owner_id${lock}`,
      parameters: owners,
    },
    { sql: `SELECT ${GRANT_COLUMNS} FROM grants WHERE owner_id IN (${marks}) AND remaining > 0`, parameters: owners },
    ...apps,
    ...keys,
  ];
  const [pools = [], grants = [], ...others] = (await session.queryAll<Row>(statements)).slice(locks.length);
  return {
    pools: pools.map(poolOf),
    openGrants: grants.map(grantOf),
    meters: others.slice(0, apps.length).flat().map(meterOf),
    seen: seenKeysOf(others.slice(apps.length).flat()),
  };
}

function lockOf(owners: readonly number[]): Statement {
  const marks = owners.map(() => '?').join(', ');
  const sql = `SELECT owner_id FROM pools WHERE owner_id IN (${marks}) ORDER BY owner_id FOR UPDATE`;
  return { sql, parameters: owners };
}

function appsOf(commands: readonly Command[]): Map<number, Set<number>> {
  const apps = new Map<number, Set<number>>();
  for (const command of commands) {
    if (command.kind !== 'DEBIT' && command.kind !== 'HOLD') continue;
    const own = apps.get(command.ownerId);
    if (own) own.add(command.appId);
    else apps.set(command.ownerId, new Set([command.appId]));
  }
  return apps;
}

function wantedOf(pool: Pool, now: number): Wanted {
  const at = Math.max(now, pool.lastAt);
  const plans = pool.resetsAt <= at ? [pool.nextPlanId ?? pool.planId] : [];
  return {
    pool,
    sequences: new Set(),
    apps: new Set(),
    grants: new Set(),
    plans: new Set(plans),
    holdsDue: pool.nextHoldExpiresAt !== null && pool.nextHoldExpiresAt <= at,
  };
}

function want(owner: Wanted, command: Command): void {
  switch (command.kind) {
    case 'CAPTURE':
    case 'VOID':
    case 'REFUND':
      owner.sequences.add(command.actionSequence);
      break;
    case 'REVOKE':
      owner.grants.add(command.grantSequence);
      break;
    case 'CHANGE_PLAN':
      owner.plans.add(command.planId);
      break;
    case 'DEBIT':
    case 'HOLD':
      // Its actions may displace another's.
      if (owner.pool.uncountedAppId !== null) owner.apps.add(owner.pool.uncountedAppId);
      break;
    // What these need was read first.
    case 'GRANT':
    case 'SETTLE':
      break;
  }
}

async function readGrants(session: Session, wanted: ReadonlyMap<number, Wanted>): Promise<Grant[]> {
  const asked = [...wanted]
    .filter(([, owner]) => owner.grants.size > 0)
    .map(([ownerId, owner]) => ({ ownerId, values: [...owner.grants] }));
  const statements = inChunks(asked).map((chunk) => {
    const where = ownedRows('sequence', chunk);
    return { sql: `SELECT ${GRANT_COLUMNS} FROM grants WHERE ${where.sql}`, parameters: where.parameters };
  });
  return (await session.queryAll<Row>(statements)).flat().map(grantOf);
}

interface SeenKeys {
  keys: Map<number, Map<string, SeenKey>>;
  actions: Map<number, number[]>;
  grants: Map<number, number[]>;
}

/** Which keys of the batch are known already: read after the lock, so that what a concurrent writer committed is seen. */
function seenKeysStatements(kind: Database['kind'], commands: readonly Command[]): Statement[] {
  // Else MySQL weighs each index that begins with owner_id for each owner of the batch: dearer than the look-up.
  const entries = kind === 'mysql' ? 'ledger_entries FORCE INDEX (ledger_entries_i3)' : 'ledger_entries';
  const asked = new Map<string, { ownerId: number; appId: number; hashes: Buffer[] }>();
  for (const command of commands) {
    if (command.kind !== 'DEBIT' && command.kind !== 'HOLD' && command.kind !== 'GRANT') continue;
    const appId = command.kind === 'GRANT' ? GRANTS_APP_ID : command.appId;
    const group = `${command.ownerId}:${appId}`;
    const hash = Buffer.from(command.key.hash, 'hex');
    const entry = asked.get(group);
    if (entry) entry.hashes.push(hash);
    else asked.set(group, { ownerId: command.ownerId, appId, hashes: [hash] });
  }
  return inChunks([...asked.values()]).map((groups) => ({
    sql: `SELECT owner_id, app_id, sequence, key_hash, idempotency_key, fingerprint FROM ${entries} WHERE ${groups
      .map(({ hashes }) => `(owner_id = ? AND app_id = ? AND key_hash IN (${hashes.map(() => '?').join(', ')}))`)
      .join(' OR ')}`,
    parameters: groups.flatMap(({ ownerId, appId, hashes }) => [ownerId, appId, ...hashes]),
  }));
}

function seenKeysOf(rows: readonly Row[]): SeenKeys {
  const seen: SeenKeys = { keys: new Map(), actions: new Map(), grants: new Map() };
  for (const row of rows) {
    const ownerId = Number(row['owner_id']);
    const appId = Number(row['app_id']);
    const sequence = Number(row['sequence']);
    const keys = seen.keys.get(ownerId) ?? new Map<string, SeenKey>();
    seen.keys.set(ownerId, keys);
    const key = { sequence, text: String(row['idempotency_key']), fingerprint: hexOf(row['fingerprint']) };
    keys.set(keyOf(appId, hexOf(row['key_hash'])), key);
    const opened = appId === GRANTS_APP_ID ? seen.grants : seen.actions;
    opened.set(ownerId, [...(opened.get(ownerId) ?? []), sequence]);
  }
  return seen;
}

interface DueHolds {
  sequences: number[];
  more: boolean;
  /** The earliest expiry of the holds that are not due; null: there is none. */
  next: number | null;
}

/** The budget is the batch's: many owners with due holds share it, and the rest waits for the next batch. */
async function readDueHolds(session: Session, owners: readonly Wanted[], now: number): Promise<Map<number, DueHolds>> {
  const asked = owners.filter(({ holdsDue }) => holdsDue).map(({ pool }) => ({ pool, at: Math.max(now, pool.lastAt) }));
  const limit = Math.max(1, Math.floor(DUE_HOLDS_PER_BATCH / Math.max(1, asked.length)));
  const results = await session.queryAll<Row>(
    asked.flatMap(({ pool: { ownerId }, at }) => [
      {
        sql: 'SELECT sequence FROM holds WHERE owner_id = ? AND expires_at <= ? ORDER BY expires_at, sequence LIMIT ?',
        parameters: [ownerId, at, limit + 1],
      },
      {
        sql: 'SELECT MIN(expires_at) AS next FROM holds WHERE owner_id = ? AND expires_at > ?',
        parameters: [ownerId, at],
      },
    ]),
  );
  return new Map(
    asked.map(({ pool }, index): [number, DueHolds] => {
      const rows = results[2 * index] ?? [];
      const next = results[2 * index + 1]?.[0]?.['next'];
      return [
        pool.ownerId,
        {
          sequences: rows.slice(0, limit).map((row) => Number(row['sequence'])),
          more: rows.length > limit,
          next: next === null || next === undefined ? null : Number(next),
        },
      ];
    }),
  );
}

async function readWantedActions(
  session: Session,
  wanted: ReadonlyMap<number, Wanted>,
  holds: ReadonlyMap<number, DueHolds>,
): Promise<ActionRecord[]> {
  return readActions(
    session,
    [...wanted].map(([ownerId, { sequences }]) => ({
      ownerId,
      sequences: [...new Set([...sequences, ...(holds.get(ownerId)?.sequences ?? [])])],
    })),
  );
}

async function readMeters(session: Session, wanted: ReadonlyMap<number, Wanted>): Promise<AppMeter[]> {
  const statements = meterStatements(new Map([...wanted].map(([ownerId, { apps }]) => [ownerId, apps])));
  return (await session.queryAll<Row>(statements)).flat().map(meterOf);
}

function meterStatements(apps: ReadonlyMap<number, ReadonlySet<number>>): Statement[] {
  const asked = [...apps].filter(([, ids]) => ids.size > 0).map(([ownerId, ids]) => ({ ownerId, values: [...ids] }));
  return inChunks(asked).map((chunk) => {
    const where = ownedRows('id', chunk);
    return { sql: `SELECT ${METER_COLUMNS} FROM apps WHERE ${where.sql}`, parameters: where.parameters };
  });
}

async function readPlanTerms(
  session: Session,
  owners: readonly Wanted[],
): Promise<Map<number, readonly DatedPlanTerms[]>> {
  const plans = [...new Set(owners.flatMap((owner) => [...owner.plans]))];
  if (plans.length === 0) return new Map();
  const rows = await session.query<Row>(
    `SELECT plan_id, effective_from, monthly_credits, top_ups_allowed, rollover_limit FROM plan_terms
     WHERE plan_id IN (${plans.map(() => '?').join(', ')}) ORDER BY plan_id, effective_from`,
    plans,
  );
  const byPlan = groupBy(rows, (row) => Number(row['plan_id']));
  return new Map([...byPlan].map(([planId, dated]) => [planId, dated.map(termsOf)]));
}

function inOrder(sequences: readonly number[], actions: readonly ActionRecord[]): ActionRecord[] {
  const bySequence = new Map(actions.map((action) => [action.sequence, action]));
  return sequences.map((sequence) => bySequence.get(sequence)).filter((action) => action !== undefined);
}
