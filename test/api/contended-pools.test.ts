import { Database } from '../../src/database/database';
import { entities } from '../../src/database/entities';
import { hashKey } from '../../src/idempotency';
import type { ActionOutcome, Command, OpenAction } from '../../src/ledger/commands';
import type { Decision } from '../../src/ledger/decide';
import { type Committed, type DebitedUnseen, Ledger } from '../../src/ledger/ledger';
import { SqlLedgerStore } from '../../src/ledger/ledger.store';
import { parsePublicId } from '../../src/public-id';
import { addApp, changeApp } from '../support/actions';
import { problemsOf, readBooks } from '../support/books';
import { databaseKindOf } from '../support/database';
import { ManualClock, startTestService, type Tenant, type TestService } from '../support/service';

/** Pools that several processes debit are debited unseen on MySQL (docs/adr/0017). */
const describeOnMysql = databaseKindOf() === 'mysql' ? describe : describe.skip;

/** How the clocks of the processes differ, which changes on the way. */
const SKEWS_MS = [0, 0, 0, 300, 900, -400, 2_000, -3_000];
const STEPS = 500;

const clock = new ManualClock();
const skews = [0, 0, 0];
let service: TestService;
let databases: Database[];
let processes: Ledger[];
let unseen: { tried: number; committed: number };
const committed: Committed[] = [];
const failures: unknown[] = [];

class WatchedStore extends SqlLedgerStore {
  override async persistUnseen(decision: Decision): Promise<DebitedUnseen | null> {
    unseen.tried += 1;
    const written = await super.persistUnseen(decision);
    unseen.committed += 1;
    // One in a while is committed, and its answer lost.
    if (draw() < 0.02) throw Object.assign(new Error('lost'), { code: 'PROTOCOL_CONNECTION_LOST', fatal: true });
    return written;
  }
}

let seed = 7;
/** From 0 to 1, the same numbers in each run. */
function draw(): number {
  seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0;
  return seed / 2 ** 32;
}
const oneOf = <T>(values: readonly T[]): T => values[Math.floor(draw() * values.length)] as T;

function debit(ownerId: number, text: string, changes: Partial<OpenAction> = {}): OpenAction {
  return {
    kind: 'DEBIT',
    ownerId,
    appId: 1,
    key: { text, hash: hashKey(text), fingerprint: '0'.repeat(64) },
    facts: { type: 'INVOKE_LLM', visitor: null, origin: null, details: '{}', metadata: null },
    holdSeconds: 60,
    ...changes,
  };
}

describeOnMysql('a pool that three processes debit', () => {
  beforeAll(async () => {
    service = await startTestService('mysql', { clock });
    databases = await Promise.all(skews.map(() => Database.open(service.databaseUrl, entities)));
    processes = databases.map((database, i) => {
      const own = { now: () => clock.now() + (skews[i] ?? 0) };
      return new Ledger(new WatchedStore(database), own, (error) => failures.push(error));
    });
    for (const ledger of processes) ledger.onCommitted((told) => committed.push(told));
  });
  beforeEach(() => {
    unseen = { tried: 0, committed: 0 };
    committed.length = 0;
  });
  afterAll(async () => {
    await Promise.all(databases.map((database) => database.close()));
    await service.stop();
    expect(failures).toEqual([]);
  });

  it('keeps its books, whatever they do to it and whatever their clocks say', async () => {
    const tenant = await service.tenant(400);
    await addApp(service, tenant.ownerId);
    const ownerId = parsePublicId(tenant.ownerId)?.ownerId ?? 0;
    const accepted: { command: OpenAction; outcome: ActionOutcome }[] = [];
    for (let step = 0; step < STEPS; step++) {
      if (draw() < 0.02) skews.forEach((_, i) => (skews[i] = oneOf(SKEWS_MS)));
      clock.advance(draw() < 0.004 ? 15 * 86_400_000 : oneOf([0, 1, 7, 40]));
      const commands = Array.from({ length: oneOf([1, 1, 2, 5]) }, (_, n) => anyCommand(ownerId, `${step} ${n}`));
      await Promise.all(
        commands.map(async (command) => {
          const outcome = await oneOf(processes)
            .submit(command)
            .catch((error: { code?: string }) => {
              // A refusal, or an answer that was lost: never a bug.
              expect(error.code).toMatch(/^[A-Z_]+$/);
              expect(error.code).not.toBe('INTERNAL_SERVER_ERROR');
            });
          if (outcome && 'action' in outcome && command.kind === 'DEBIT') accepted.push({ command, outcome });
        }),
      );
      if (draw() < 0.01) await changeApp(service, tenant.appId, oneOf(APP_CHANGES));
    }
    await assertSound(tenant, accepted);
    expect(unseen.committed).toBeGreaterThan(20);
  });

  it('is read where a failover has lost its last entries, and its watchers are told', async () => {
    const { ownerId: publicOwnerId } = await service.tenant(1_000);
    const ownerId = parsePublicId(publicOwnerId)?.ownerId ?? 0;
    skews.fill(0);
    for (let n = 0; n < 8; n++) await processes[n % 2]?.submit(debit(ownerId, `${n}`));
    expect(unseen.committed).toBeGreaterThan(0);
    await databases[0]?.write(async (session) => {
      await session.execute('DELETE FROM ledger_entries WHERE owner_id = ? AND sequence > 7', [ownerId]);
      const lost = ['spent', 'used_this_period', 'uncounted_actions', 'version', 'last_sequence'];
      const sets = lost.map((column) => `${column} = ${column} - 2`).join(', ');
      await session.execute(`UPDATE pools SET ${sets}, available = available + 2 WHERE owner_id = ?`, [ownerId]);
    });
    committed.length = 0;
    const outcome = await processes[1]?.submit(debit(ownerId, 'afterwards'));
    expect(outcome).toMatchObject({ replayed: false, action: { sequence: 8, availableAfter: 993 } });
    expect(committed.map(({ balance }) => balance.lastSequence)).toEqual([8]);
  });
});

const APP_CHANGES = [
  { creditCap: null },
  { creditCap: 30 },
  { status: 'PAUSED' },
  { creditCap: null, status: 'ACTIVE' },
];

/** Mostly debits of one app, with keys of their own. */
function anyCommand(ownerId: number, text: string): Command {
  const dice = draw();
  const about = { ownerId, actionSequence: 2 + Math.floor(draw() * 200), withinAppId: null, reason: null };
  if (dice < 0.95)
    return debit(ownerId, draw() < 0.06 ? `again ${oneOf([1, 2, 3])}` : text, { appId: draw() < 0.96 ? 1 : 2 });
  if (dice < 0.96) return debit(ownerId, text, { kind: 'HOLD' });
  if (dice < 0.98) return { kind: oneOf(['CAPTURE', 'VOID', 'REFUND'] as const), ...about };
  const { key } = debit(ownerId, text);
  const expiresAt = oneOf([null, clock.now() + 60_000]);
  return {
    kind: 'GRANT',
    ownerId,
    source: oneOf(['BONUS', 'TOP_UP'] as const),
    amount: 60,
    expiresAt,
    reason: null,
    key,
  };
}

/** The tables, each receipt and each balance that was told say the same. */
async function assertSound(
  { ownerId }: Tenant,
  accepted: readonly { command: OpenAction; outcome: ActionOutcome }[],
): Promise<void> {
  const books = await readBooks(service.databaseUrl, [parsePublicId(ownerId)?.ownerId ?? 0]);
  expect(problemsOf(books)).toEqual([]);
  const entries = new Map(books.entries.map((entry) => [entry.sequence, entry]));
  for (const { command, outcome } of accepted) {
    const { sequence, availableAfter, heldAfter, createdAt, grantSequence } = outcome.action;
    expect(entries.get(sequence)).toMatchObject({
      keyHash: command.key.hash,
      appId: command.appId,
      available: availableAfter,
      held: heldAfter,
      at: createdAt,
      grantSequence,
    });
  }
  for (const { balance } of committed) {
    const { available, held, paused } = balance;
    expect(entries.get(balance.lastSequence)).toMatchObject({ available, held, paused });
  }
  const told = committed.map(({ balance }) => balance).sort((a, b) => a.version - b.version);
  told.forEach(({ lastSequence }, i) => expect(lastSequence).toBeGreaterThanOrEqual(told[i - 1]?.lastSequence ?? 0));
}
