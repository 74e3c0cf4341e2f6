import { setTimeout as pause } from 'node:timers/promises';
import { performed, resolved } from '../support/actions';
import { stopSound } from '../support/books';
import { databaseKindOf } from '../support/database';
import { granted, revoked } from '../support/pools';
import { ManualClock, startTestService, type Tenant, type TestService } from '../support/service';
import { recordStatements } from '../support/statements';

/**
 * The schema shards by owner only if every statement says which owners it is about: one that does not goes to every shard, and
 * waits for the slowest. So each is taken from where it is sent, and asked for its owners in each of its alternatives.
 */
const LEDGER_TABLES = ['owners', 'pools', 'grants', 'apps', 'ledger_entries', 'holds', 'api_keys', 'usage_counts'];

/** What names no owner, and why that is no hindrance to shards. */
const EXCEPTIONS: readonly { readonly statement: RegExp; readonly why: string }[] = [
  {
    statement: /^SELECT .* FROM `?api_keys`? .*WHERE .*hash/is,
    why: 'who calls is found by the hash of the key, before the debit, and kept in memory: a look-up table by hash',
  },
  {
    statement: /^SELECT owner_id FROM pools WHERE next_due_at <= \?/,
    why: 'the sweep, which looks for pools with due work once a second, and is no part of a debit',
  },
];

/** The catalogue of plans: a few rows, which debits only read, and which every shard can hold. */
const EVERYWHERE = ['plans', 'plan_terms'];

let service: TestService;
const clock = new ManualClock();
beforeAll(async () => {
  service = await startTestService(databaseKindOf(), { clock });
});
afterAll(() => stopSound(service));

describe('every statement of a debit names its owners', () => {
  const MOVEMENTS: readonly [string, (tenants: readonly [Tenant, Tenant]) => Promise<unknown>, readonly string[]][] = [
    ['debits of several owners in one batch', (tenants) => together(tenants, 20), ['pools', 'ledger_entries']],
    [
      'a hold that is captured',
      async ([{ appKey }]) => {
        const { action } = await performed(service, appKey, { idempotencyKey: 'captured', hold: true });
        await resolved(service, appKey, 'captureAction', { actionId: action.id });
      },
      ['pools', 'ledger_entries', 'grants', 'holds'],
    ],
    [
      'a hold that is voided, and one that expires',
      async ([{ appKey, ownerId }]) => {
        const { action } = await performed(service, appKey, { idempotencyKey: 'voided', hold: true });
        await resolved(service, appKey, 'voidAction', { actionId: action.id });
        await performed(service, appKey, { idempotencyKey: 'expired', hold: true, holdSeconds: 60 });
        clock.advanceMinutes(2);
        await service.ask('query($ownerId: ID) { balance(ownerId: $ownerId) { held } }', { ownerId });
      },
      ['pools', 'ledger_entries', 'grants', 'apps', 'holds'],
    ],
    [
      'an action that is refunded, and a replay',
      async ([{ appKey }]) => {
        const { action } = await performed(service, appKey, { idempotencyKey: 'refunded' });
        await performed(service, appKey, { idempotencyKey: 'refunded' });
        await resolved(service, appKey, 'refundAction', { actionId: action.id });
      },
      ['pools', 'ledger_entries', 'grants', 'apps'],
    ],
    [
      'grants, and their end',
      async ([{ ownerId }]) => {
        const request = { ownerId, amount: 5, source: 'BONUS', idempotencyKey: 'bonus' } as const;
        const { grant } = await granted(service, request);
        await revoked(service, { grantId: grant.id });
      },
      ['pools', 'ledger_entries', 'grants'],
    ],
    [
      'renewals that have fallen due, of several owners at once',
      async (tenants) => {
        clock.advance(40 * 86_400_000);
        await together(tenants, 20);
      },
      ['pools', 'ledger_entries', 'grants'],
    ],
  ];

  const onMysql = databaseKindOf() === 'mysql' ? it : it.skip;
  onMysql('also where one statement is about several owners: it joins their rows by owner', async () => {
    const tenants = [await service.tenant(100), await service.tenant(100)];
    const recorder = recordStatements('mysql');
    const hold = { idempotencyKey: 'expired with another', hold: true, holdSeconds: 60 };
    await Promise.all(tenants.map(({ appKey }) => performed(service, appKey, hold)));
    clock.advanceMinutes(2);
    // The sweep finds both at once.
    while (!recorder.sent.some((sql) => sql.startsWith('DELETE FROM holds'))) await pause(10);
    recorder.stop();
    for (const table of ['grants', 'apps']) {
      const joins = recorder.sent.filter((sql) => sql.includes(`STRAIGHT_JOIN ${table} `));
      expect(joins).not.toEqual([]);
      expect(joins.filter((sql) => !namesItsOwners(sql))).toEqual([]);
    }
  });

  it.each(MOVEMENTS)('%s', async (_title, move, written) => {
    const tenants: [Tenant, Tenant] = [await service.tenant(100), await service.tenant(100)];
    const recorder = recordStatements(databaseKindOf());
    await move(tenants);
    recorder.stop();

    expect(recorder.sent.filter((sql) => !namesItsOwners(sql) && !isException(sql))).toEqual([]);
    // What was recorded is the movement, and not silence.
    for (const table of written) expect(recorder.sent.filter((sql) => writes(sql, table))).not.toEqual([]);
  });
});

/** Debits of all of them in turn that arrive at once, so that those behind the first one share a batch. */
function together(tenants: readonly Tenant[], rounds: number): Promise<unknown> {
  const keys = Array.from({ length: rounds }, (_, i) => `together ${i}`);
  return Promise.all(
    keys.flatMap((idempotencyKey) => tenants.map(({ appKey }) => performed(service, appKey, { idempotencyKey }))),
  );
}

describe('the check itself', () => {
  it.each([
    'SELECT available FROM pools',
    'SELECT at FROM ledger_entries WHERE sequence = 5',
    'SELECT at FROM ledger_entries WHERE owner_id = 1 OR sequence = 5',
    'SELECT at FROM ledger_entries WHERE (owner_id = 1 AND sequence = 5) OR (sequence IN (6, 7))',
    'SELECT at FROM ledger_entries WHERE (owner_id = 1 OR sequence = 5) AND app_id = 1',
    'UPDATE pools SET owner_id = 1 WHERE version = 2',
    'UPDATE (SELECT 1 AS k0) v STRAIGHT_JOIN pools t FORCE INDEX (PRIMARY) ON t.version = v.k0 SET t.held = 1',
    'INSERT INTO holds (sequence, expires_at) VALUES (1, 2)',
    'DELETE FROM holds WHERE sequence = 1',
    'SELECT name FROM owners WHERE external_id = 5',
    'SELECT p.held FROM pools p LEFT JOIN grants g ON g.sequence = 1 WHERE p.owner_id = 1',
  ])('finds the statement that names no owner: %s', (sql) => {
    expect(namesItsOwners(sql)).toBe(false);
  });

  it.each([
    'COMMIT',
    'SELECT monthly_credits FROM plan_terms WHERE plan_id IN (1)',
    'SELECT at FROM ledger_entries WHERE (owner_id = 1 AND sequence = 5) OR (owner_id = 2 AND sequence IN (6, 7))',
    'UPDATE (SELECT 1 AS k0) v STRAIGHT_JOIN pools t FORCE INDEX (PRIMARY) ON t.owner_id = v.k0 SET t.held = 1',
    'SELECT name FROM owners WHERE id = 5',
    'SELECT p.held FROM pools p LEFT JOIN grants g ON g.owner_id = p.owner_id WHERE p.owner_id IN (1, 2)',
  ])('lets pass: %s', (sql) => {
    expect(namesItsOwners(sql)).toBe(true);
  });
});

function isException(sql: string): boolean {
  return EXCEPTIONS.some(({ statement }) => statement.test(sql.trim()));
}

function writes(sql: string, table: string): boolean {
  return new RegExp(`^\\s*(INSERT INTO|UPDATE|DELETE FROM)\\b.*\\b${table}\\b`, 'is').test(sql);
}

/** Whether all that a statement looks for says by `owner_id` (in owners: `id`) which owners it is about. */
function namesItsOwners(statement: string): boolean {
  const sql = statement.replaceAll(/[`"]/g, '').replaceAll(/\s+/g, ' ').trim();
  const tables = [...sql.matchAll(/\b(?:FROM|(?:STRAIGHT_)?JOIN|UPDATE|INTO) (\w+)/gi)].map(
    ([, table]) => table as string,
  );
  const unknown = tables.filter((table) => ![...LEDGER_TABLES, ...EVERYWHERE].includes(table));
  if (unknown.length > 0) throw new Error(`Is ${unknown.join(', ')} sharded by owner? ${sql}`);
  const sharded = tables.filter((table) => LEDGER_TABLES.includes(table));
  if (sharded.length === 0) return true;
  const columns = /^INSERT INTO \w+ ?\(([^)]*)\)/i.exec(sql);
  if (columns) return (columns[1] ?? '').split(',').some((column) => column.trim() === 'owner_id');
  const owner = sharded.every((table) => table === 'owners') ? 'id' : 'owner_id';
  const found = [
    ...sql.matchAll(/ (?:ON|WHERE) (.*?)(?= (?:ON|WHERE|SET|LEFT JOIN|JOIN|ORDER BY|GROUP BY|LIMIT) |$)/gi),
  ];
  return found.length > 0 && found.every(([, condition]) => isBoundTo(owner, condition as string));
}

/** Of alternatives, each must be bound to owners; of what must hold together, one is enough. */
function isBoundTo(owner: string, condition: string): boolean {
  const alternatives = splitAt(' OR ', condition);
  if (alternatives.length > 1) return alternatives.every((part) => isBoundTo(owner, part));
  const together = splitAt(' AND ', condition);
  if (together.length > 1) return together.some((part) => isBoundTo(owner, part));
  if (condition.startsWith('(') && closesAtItsEnd(condition)) return isBoundTo(owner, condition.slice(1, -1));
  return new RegExp(`^(\\w+\\.)?${owner} (=|IN) `, 'i').test(condition);
}

/** Splits where the word stands outside of parentheses. */
function splitAt(word: string, condition: string): string[] {
  const parts: string[] = [];
  let depth = 0;
  let start = 0;
  for (let place = 0; place < condition.length; place += 1) {
    if (condition[place] === '(') depth += 1;
    else if (condition[place] === ')') depth -= 1;
    else if (depth === 0 && condition.startsWith(word, place)) {
      parts.push(condition.slice(start, place));
      start = place + word.length;
    }
  }
  return [...parts, condition.slice(start)];
}

function closesAtItsEnd(text: string): boolean {
  let depth = 0;
  for (const [place, character] of [...text].entries()) {
    if (character === '(') depth += 1;
    else if (character === ')') depth -= 1;
    if (depth === 0) return place === text.length - 1;
  }
  return false;
}
