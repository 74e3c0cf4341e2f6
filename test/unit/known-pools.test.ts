import * as fc from 'fast-check';
import type { Command, OpenAction } from '../../src/ledger/commands';
import { Ledger, type LedgerTransaction } from '../../src/ledger/ledger';
import { LedgerVerifier } from '../../src/ledger/verify';
import { grantsOf, InMemoryLedger, usedOf, type Book } from '../support/in-memory-ledger';

const NOW = Date.parse('2026-01-10T00:00:00.000Z');
const terms = { effectiveFrom: 0, monthlyCredits: 100, topUpsAllowed: true, rolloverLimit: 0 };

/** A store that tells which commands' pools were read. */
class WatchedStore extends InMemoryLedger {
  readonly loaded: string[] = [];
  attempts = 0;

  override transact<T>(work: (transaction: LedgerTransaction) => Promise<T>): Promise<T> {
    this.attempts += 1;
    return super.transact(({ load, persist }) =>
      work({
        load: (commands, now) => {
          this.loaded.push(...commands.map((command) => `${command.ownerId} ${command.kind}`));
          return load(commands, now);
        },
        persist,
      }),
    );
  }
}

let now: number;
let store: WatchedStore;
let ledger: Ledger;
beforeEach(() => {
  now = NOW;
  store = new WatchedStore(new Map([[1, [terms]]]));
  for (const ownerId of [1, 2]) store.open({ ownerId, planId: 1, at: NOW, apps: [1, 2] });
  ledger = new Ledger(store, { now: () => now });
});

function debit(text: string, changes: Partial<OpenAction> = {}): OpenAction {
  return {
    kind: 'DEBIT',
    ownerId: 1,
    appId: 1,
    key: { text, hash: Buffer.from(text.padEnd(16)).toString('hex'), fingerprint: '0'.repeat(64) },
    facts: { type: 'INVOKE_LLM', visitor: null, origin: null, details: '{}', metadata: null },
    holdSeconds: 900,
    ...changes,
  };
}

type Draw = (world: InMemoryLedger, turn: number) => Command;

/** What one of two processes does next, or what is said of an app meanwhile. */
const turns = fc.record({
  process: fc.constantFrom(0, 1),
  // Mostly so little that a pool that was found changed is not believed yet.
  advanceMs: fc.oneof(
    { weight: 20, arbitrary: fc.constantFrom(0, 1, 50, -40) },
    { weight: 2, arbitrary: fc.constantFrom(1_100, -300, 5_000) },
    { weight: 1, arbitrary: fc.constantFrom(86_400_000, 40 * 86_400_000) },
  ),
  command: fc.oneof(
    { weight: 20, arbitrary: openings() },
    { weight: 2, arbitrary: fc.record({ commands: fc.tuple(others()) }) },
    {
      weight: 1,
      arbitrary: fc.record({
        app: fc.constantFrom(1, 2),
        cap: fc.option(fc.nat(8)),
        status: fc.constantFrom('ACTIVE' as const, 'ACTIVE' as const, 'PAUSED' as const),
      }),
    },
  ),
});

/** Debits, and some holds, of one app, at once: mostly with keys of their own. */
function openings(): fc.Arbitrary<{ commands: Draw[] }> {
  const drawn = fc.record({
    kind: fc.constantFrom('DEBIT' as const, 'DEBIT' as const, 'DEBIT' as const, 'DEBIT' as const, 'HOLD' as const),
    key: fc.oneof({ weight: 9, arbitrary: fc.constant(null) }, { weight: 1, arbitrary: fc.nat(9) }),
  });
  return fc.record({
    commands: fc
      .tuple(fc.constantFrom(1, 1, 1, 1, 2), fc.array(drawn, { minLength: 1, maxLength: 3 }))
      .map(([appId, all]) =>
        all.map(
          ({ kind, key }): Draw =>
            (_world, turn) =>
              debit(key === null ? `turn ${turn}` : `key ${key}`, { kind, appId }),
        ),
      ),
  });
}

function others(): fc.Arbitrary<Draw> {
  return fc
    .record({ what: fc.constantFrom('REFUND', 'VOID', 'GRANT', 'SETTLE'), pick: fc.nat() })
    .map(({ what, pick }): Draw => (world, turn) => {
      const opened = [...world.book(1).actions.keys()];
      const resolved = {
        ownerId: 1,
        actionSequence: opened[pick % opened.length] ?? 1,
        withinAppId: null,
        reason: null,
      };
      if (what === 'REFUND' || what === 'VOID') return { kind: what, ...resolved };
      if (what === 'SETTLE') return { kind: 'SETTLE', ownerId: 1 };
      return grantOf(`g${turn}`, pick);
    });
}

/** A grant of a few credits, of any kind. */
function grantOf(text: string, pick: number): Command {
  const key = { text, hash: Buffer.from(text.padEnd(16)).toString('hex'), fingerprint: '0'.repeat(64) };
  const expiresAt = pick % 2 ? null : now + 3_000;
  const source = pick % 3 ? 'BONUS' : 'TOP_UP';
  return { kind: 'GRANT', ownerId: 1, source, amount: 1 + (pick % 4), expiresAt, reason: null, key };
}

/** What is wrong with a book: by its entries, its grants and its counters. */
function problemsOf(book: Book): string[] {
  const verifier = new LedgerVerifier('the owner');
  for (const entry of book.entries) verifier.accept(entry);
  verifier.finish(
    book.pool,
    grantsOf(book).filter(({ remaining }) => remaining > 0),
  );
  const counting = [...book.actions.values()].filter(
    ({ status, createdAt }) => createdAt >= book.pool.periodStart && (status === 'HELD' || status === 'CAPTURED'),
  );
  const miscounted = [...book.apps.values()].filter(
    (app) => usedOf(app, book.pool) !== counting.filter(({ appId }) => appId === app.appId).length,
  );
  return [...verifier.problems, ...miscounted.map(({ appId }) => `the counter of app ${appId}`)];
}

/** What was read for a command. */
async function readFor(command: Command): Promise<string[]> {
  store.loaded.length = 0;
  await ledger.submit(command);
  return [...store.loaded];
}

const codeOf = (submitted: Promise<unknown>) =>
  submitted.then(
    () => 'ACCEPTED',
    (error: { code: string }) => error.code,
  );

describe('a pool that this process wrote last', () => {
  beforeEach(async () => {
    await ledger.submit(debit('first'));
  });

  it('is not read again for the next debit or hold', async () => {
    expect(await readFor(debit('second'))).toEqual([]);
    expect(await readFor(debit('third', { kind: 'HOLD' }))).toEqual([]);
    expect(store.book(1).pool).toMatchObject({ available: 97, held: 1, spent: 2, lastSequence: 4 });
  });

  it('is read for anything else, and for an app that was not debited yet', async () => {
    expect(await readFor({ kind: 'SETTLE', ownerId: 1 })).toEqual(['1 SETTLE']);
    expect(await readFor(debit('of app 2', { appId: 2 }))).toEqual(['1 DEBIT']);
    expect(await readFor(debit('of app 2 again', { appId: 2 }))).toEqual([]);
    expect(await readFor(debit('of app 1'))).toEqual([]);
    expect(await readFor({ kind: 'REFUND', ownerId: 1, actionSequence: 2, withinAppId: null, reason: null })).toEqual([
      '1 REFUND',
    ]);
  });

  it('does not keep the pools of others from being read', async () => {
    store.loaded.length = 0;
    await Promise.all([ledger.submit(debit('mine')), ledger.submit(debit('theirs', { ownerId: 2 }))]);
    expect(store.loaded).toEqual(['2 DEBIT']);
  });

  it('is read when something has fallen due: a renewal comes before the debit of its instant', async () => {
    now = store.book(1).pool.resetsAt;
    expect(await readFor(debit('after the renewal'))).toEqual(['1 DEBIT']);
    expect(store.book(1).pool).toMatchObject({ available: 99, usedThisPeriod: 1 });
  });

  it('replays a key, although the debit of that key was not known', async () => {
    await expect(ledger.submit(debit('first'))).resolves.toMatchObject({ replayed: true, action: { sequence: 2 } });
    expect(store.book(1).pool).toMatchObject({ available: 99, lastSequence: 2 });
    expect(await readFor(debit('second'))).toEqual(['1 DEBIT']);
    expect(await readFor(debit('third'))).toEqual([]);
  });

  it('replays a key within one batch, and refuses it for another input', async () => {
    const again = { ...debit('k'), key: { ...debit('k').key, fingerprint: '1'.repeat(64) } };
    const results = [ledger.submit(debit('k')), ledger.submit(debit('k')), codeOf(ledger.submit(again))] as const;
    expect(await Promise.all(results)).toMatchObject([
      { replayed: false },
      { replayed: true },
      'IDEMPOTENCY_KEY_REUSED',
    ]);
    expect(store.book(1).pool.available).toBe(98);
  });

  it.each([
    ['paused', () => store.setApp(1, 1, { status: 'PAUSED' }), 'APP_PAUSED'],
    ['capped', () => store.setApp(1, 1, { creditCap: 1 }), 'CAP_REACHED'],
    ['suspended', () => store.setPool(1, { suspendedAt: NOW }), 'OWNER_SUSPENDED'],
  ])('is %s at once, by whoever said so', async (_what, change, code) => {
    change();
    expect(await codeOf(ledger.submit(debit('second')))).toBe(code);
    expect(store.book(1).pool.lastSequence).toBe(2);
  });

  it('serves again at once after it was refused', async () => {
    store.setApp(1, 1, { status: 'PAUSED' });
    expect(await codeOf(ledger.submit(debit('second')))).toBe('APP_PAUSED');
    store.setApp(1, 1, { status: 'ACTIVE' });
    expect(await codeOf(ledger.submit(debit('second')))).toBe('ACCEPTED');
  });

  it('is refused by what is there when it is empty, and serves what another process granted since', async () => {
    for (let n = 2; n <= 100; n++) await ledger.submit(debit(`${n}`));
    expect(await codeOf(ledger.submit(debit('one too many')))).toBe('INSUFFICIENT_CREDITS');
    const key = { text: 'g', hash: 'f'.repeat(32), fingerprint: '0'.repeat(64) };
    const other = new Ledger(store, { now: () => now });
    await other.submit({ kind: 'GRANT', ownerId: 1, source: 'BONUS', amount: 1, expiresAt: null, reason: null, key });
    expect(await codeOf(ledger.submit(debit('again')))).toBe('ACCEPTED');
  });
});

describe('a pool that two processes write to', () => {
  let other: Ledger;
  beforeEach(() => {
    other = new Ledger(store, { now: () => now });
  });

  /** Debits by one process after the other: how each of them ends. */
  async function inTurns(debits: number, changes: Partial<OpenAction> = {}): Promise<string[]> {
    const codes: string[] = [];
    for (let n = 0; n < debits; n++) codes.push(await codeOf((n % 2 ? other : ledger).submit(debit(`${n}`, changes))));
    return codes;
  }

  it('loses nothing, and is not read for each debit of the other one', async () => {
    expect(new Set(await inTurns(40))).toEqual(new Set(['ACCEPTED']));
    expect(store.book(1).pool).toMatchObject({ available: 60, spent: 40, lastSequence: 41 });
    expect(store.loaded.length).toBeLessThan(6);
    now += 1_001;
    expect(await readFor(debit('later'))).toEqual([]);
    expect(await readFor(debit('known again'))).toEqual([]);
  });

  it('gives each debit its own number and receipt, also in one batch', async () => {
    await inTurns(4);
    const [a, b] = await Promise.all([ledger.submit(debit('a')), ledger.submit(debit('b'))]);
    expect([a, b]).toMatchObject([
      { action: { sequence: 6, availableAfter: 95 }, balance: { available: 95, version: 6 } },
      { action: { sequence: 7, availableAfter: 94 }, balance: { available: 94, version: 7, usedThisPeriod: 6 } },
    ]);
    expect(b.balance.grants).toMatchObject([{ remaining: 94 }]);
  });

  it('ends at zero, whoever takes the last credit', async () => {
    const codes = await inTurns(103);
    expect(codes.filter((code) => code === 'ACCEPTED')).toHaveLength(100);
    expect(codes.slice(100)).toEqual(Array(3).fill('INSUFFICIENT_CREDITS'));
  });

  it('keeps an app within its cap, whoever counts', async () => {
    store.setApp(1, 1, { creditCap: 9 });
    const codes = await inTurns(12);
    expect(codes).toEqual([...Array(9).fill('ACCEPTED'), ...Array(3).fill('CAP_REACHED')]);
    expect(store.book(1).pool.spent).toBe(9);
  });

  it.each([
    ['nearly used up', 2],
    ['used up', 4],
  ])('burns the next grant where the other one has %s the one in use', async (_what, theirs) => {
    store.plans.set(1, [{ ...terms, monthlyCredits: 10 }]);
    store.open({ ownerId: 3, planId: 1, at: NOW, apps: [1] });
    const key = { text: 'bonus', hash: 'b'.repeat(32), fingerprint: '0'.repeat(64) };
    await ledger.submit({ ...grantOf('bonus', 1), ownerId: 3, source: 'BONUS', amount: 9, key } as Command);
    await inTurns(7, { ownerId: 3 });
    for (let n = 0; n < theirs; n++) await other.submit(debit(`theirs ${n}`, { ownerId: 3 }));
    await Promise.all(['a', 'b', 'c'].map((text) => ledger.submit(debit(text, { ownerId: 3 }))));
    const { entries } = store.book(3);
    const burnt = entries.filter(({ kind, grantSequence }) => kind === 'DEBIT' && grantSequence === 2);
    expect(burnt).toHaveLength(theirs);
    expect(problemsOf(store.book(3))).toEqual([]);
  });

  it.each([
    ['paused', () => store.setApp(1, 1, { status: 'PAUSED' }), 'APP_PAUSED'],
    ['suspended', () => store.setPool(1, { suspendedAt: NOW }), 'OWNER_SUSPENDED'],
  ])('is %s at once', async (_what, change, code) => {
    await inTurns(6);
    change();
    expect(await codeOf(ledger.submit(debit('afterwards')))).toBe(code);
  });

  it('is read where the other one did anything else but debits', async () => {
    await inTurns(6);
    expect(await readFor(debit('unread'))).toEqual([]);
    await other.submit(debit('held', { kind: 'HOLD' }));
    expect(await readFor(debit('read'))).toEqual(['1 DEBIT']);
    expect(store.book(1).entries.at(-1)).toMatchObject({ held: 1, available: 91 });
    expect(problemsOf(store.book(1))).toEqual([]);
  });

  it('never goes back to an older version, whatever cancels out in one batch', async () => {
    store.plans.set(2, [{ ...terms, monthlyCredits: 50 }]);
    await inTurns(6);
    const changes = [2, 1].map((planId) => other.submit({ kind: 'CHANGE_PLAN', ownerId: 1, planId }));
    const versions = (await Promise.all(changes)).map(({ balance }) => balance.version);
    const { balance } = await ledger.submit(debit('afterwards'));
    expect(balance.version).toBeGreaterThan(Math.max(...versions));
    expect(balance.version).toBe(store.book(1).pool.version);
  });

  it('is read where a failover has lost its last entries', async () => {
    await inTurns(6);
    const book = store.book(1);
    const { entries, actions, keys } = book;
    const [pool, count] = [book.pool, entries.length];
    await ledger.submit(debit('lost'));
    book.pool = pool;
    entries.length = count;
    actions.delete(count + 1);
    for (const [key, { sequence }] of keys) if (sequence === count + 1) keys.delete(key);
    expect(await ledger.submit(debit('lost'))).toMatchObject({ replayed: false, action: { sequence: count + 1 } });
    expect(problemsOf(store.book(1))).toEqual([]);
  });

  it('is tried unseen more and more rarely where the other one does more than debits', async () => {
    let tries = 0;
    const persistUnseen = store.persistUnseen.bind(store);
    store.persistUnseen = (decision) => {
      tries += 1;
      return persistUnseen(decision);
    };
    for (let n = 0; n < 40; n++) {
      await other.submit(debit(`held ${n}`, { kind: 'HOLD' }));
      await ledger.submit(debit(`${n}`));
    }
    expect(tries).toBeLessThan(8);
  });

  it('replays what the other one did', async () => {
    await inTurns(6);
    await other.submit(debit('theirs'));
    await expect(ledger.submit(debit('theirs'))).resolves.toMatchObject({ replayed: true, action: { sequence: 8 } });
    expect(store.book(1).pool.spent).toBe(7);
  });

  it('is debited at the instant of the other one’s last debit where that clock is ahead, and read where it is far ahead', async () => {
    await inTurns(6);
    now += 900;
    await other.submit(debit('later'));
    now -= 900;
    expect(await readFor(debit('earlier'))).toEqual([]);
    expect(store.book(1).entries.slice(-2)).toMatchObject([{ at: NOW + 900 }, { at: NOW + 900 }]);
    expect(await ledger.submit(debit('earlier'))).toMatchObject({ replayed: true, action: { createdAt: NOW + 900 } });

    await inTurns(2, { key: debit('again').key });
    now += 5_000;
    await other.submit(debit('much later'));
    now -= 5_000;
    expect(await readFor(debit('much earlier'))).toEqual(['1 DEBIT']);
    expect(store.book(1).entries.at(-1)).toMatchObject({ at: NOW + 5_000 });
  });

  it('keeps its books whatever both do to it', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(turns, { minLength: 30, maxLength: 60 }), async (drawn) => {
        const world = new InMemoryLedger(new Map([[1, [{ ...terms, monthlyCredits: 30, rolloverLimit: 7 }]]]));
        world.open({ ownerId: 1, planId: 1, at: NOW, apps: [1, 2] });
        now = NOW;
        const processes = [0, 1].map(() => new Ledger(world, { now: () => now }));
        for (const pick of [3, 4, 5, 7]) await processes[0]?.submit(grantOf(`first ${pick}`, pick));
        // So that each knows that it is not alone.
        for (const n of [0, 1, 2, 3]) await processes[n % 2]?.submit(debit(`first ${n}`));
        for (const [number, { process, advanceMs, command }] of drawn.entries()) {
          now += advanceMs;
          if ('app' in command) world.setApp(1, command.app, { creditCap: command.cap, status: command.status });
          else {
            const submitted = command.commands.map((one, i) =>
              (processes[process] as Ledger).submit(one(world, 10 * number + i)),
            );
            await Promise.allSettled(submitted);
          }
          expect(problemsOf(world.book(1))).toEqual([]);
        }
      }),
      { numRuns: 300 },
    );
  });

  it('is not believed again soon where that turns out to be wrong again and again', async () => {
    const inVain = async () => {
      store.attempts = 0;
      await ledger.submit(debit(`mine ${Math.random()}`.slice(0, 16)));
      return store.attempts > 0;
    };
    const triedAt: number[] = [];
    for (const end = now + 8_000; now < end; now += 200) {
      await other.submit(debit(`theirs ${now}`));
      if (await inVain()) triedAt.push((now - NOW) / 1_000);
    }
    // At first it is read; it is believed again after one second, two and four.
    expect(triedAt).toEqual([0, 0.2, 1.4, 3.6, 7.8]);
  });

  it('is not tried in vain by whoever hears that the other one has changed it', async () => {
    await ledger.submit(debit('first'));
    const { balance } = await other.submit(debit('second'));
    ledger.hear(balance);
    store.attempts = 0;
    expect(await readFor(debit('third'))).toEqual([]);
    expect(store.attempts).toBe(0);
  });

  it('is not read because of news that is older than what is known', async () => {
    const { balance } = await ledger.submit(debit('first'));
    await ledger.submit(debit('second'));
    for (const version of [1, balance.version, balance.version + 1]) ledger.hear({ ownerId: 1, version });
    ledger.hear({ ownerId: 2, version: 1_000 });
    expect(await readFor(debit('third'))).toEqual([]);
  });
});

describe('debits that come while a pool is waited for', () => {
  let held: (() => void)[];
  beforeEach(() => {
    held = [];
  });

  /** As when another process holds the pool's row: what is read comes when the test says so. */
  class HeldStore extends WatchedStore {
    transactions = 0;

    override transact<T>(work: (transaction: LedgerTransaction) => Promise<T>): Promise<T> {
      this.transactions += 1;
      return super.transact(({ load, persist }) =>
        work({
          load: async (commands, at) => {
            if (held.length === 0) await new Promise<void>((resolve) => held.push(resolve));
            return load(commands, at);
          },
          persist,
        }),
      );
    }
  }

  async function whileHeld(commands: readonly OpenAction[], monthlyCredits = 100) {
    const heldStore = new HeldStore(new Map([[1, [{ ...terms, monthlyCredits }]]]));
    for (const ownerId of [1, 2]) heldStore.open({ ownerId, planId: 1, at: NOW, apps: [1, 2] });
    const waiting = new Ledger(heldStore, { now: () => now });
    const first = waiting.submit(debit('first'));
    while (held.length === 0) await new Promise((resume) => setImmediate(resume));
    const others = commands.map((command) => codeOf(waiting.submit(command)));
    held[0]?.();
    await first;
    return { store: heldStore, codes: await Promise.all(others) };
  }

  it('are committed with those that waited', async () => {
    const { store: heldStore, codes } = await whileHeld([debit('second'), debit('third', { kind: 'HOLD' })]);
    expect(codes).toEqual(['ACCEPTED', 'ACCEPTED']);
    expect(heldStore.transactions).toBe(1);
    expect(heldStore.book(1).pool).toMatchObject({ available: 97, held: 1, spent: 2 });
  });

  it('wait for their own turn when they are for another pool or an app that was not read', async () => {
    const { store: heldStore, codes } = await whileHeld([
      debit('second', { appId: 2 }),
      debit('third', { ownerId: 2 }),
    ]);
    expect(codes).toEqual(['ACCEPTED', 'ACCEPTED']);
    expect(heldStore.transactions).toBe(2);
  });

  it('leave another app’s count alone that was not read', async () => {
    const heldStore = new HeldStore(new Map([[1, [terms]]]));
    heldStore.open({ ownerId: 1, planId: 1, at: NOW, apps: [1, 2] });
    held.push(() => undefined);
    const waiting = new Ledger(heldStore, { now: () => now });
    await waiting.submit(debit('of app 2', { appId: 2 }));
    const refund = { kind: 'REFUND', ownerId: 1, actionSequence: 2, withinAppId: null, reason: null } as const;
    await waiting.submit(refund);
    for (const text of ['a', 'b', 'c']) await waiting.submit(debit(text));
    held.length = 0;
    // Its replay reads app 2 only, and a debit of app 2 comes late.
    const replayed = waiting.submit(refund);
    while (held.length === 0) await new Promise((resume) => setImmediate(resume));
    const late = waiting.submit(debit('late', { appId: 2 }));
    held[0]?.();
    await Promise.all([replayed, late]);
    expect(problemsOf(heldStore.book(1))).toEqual([]);
  });

  it('are not refused before their keys were looked up: a replay on an empty pool has its receipt', async () => {
    const { store: heldStore, codes } = await whileHeld([debit('first'), debit('second')], 1);
    expect(codes).toEqual(['ACCEPTED', 'INSUFFICIENT_CREDITS']);
    expect(heldStore.book(1).pool).toMatchObject({ available: 0, spent: 1 });
  });

  it('are looked up when one of their keys turns out to be known', async () => {
    const heldStore = new HeldStore(new Map([[1, [terms]]]));
    heldStore.open({ ownerId: 1, planId: 1, at: NOW, apps: [1] });
    held.push(() => undefined);
    await new Ledger(heldStore, { now: () => now }).submit(debit('known'));
    held.length = 0;
    const other = new Ledger(heldStore, { now: () => now });
    const first = other.submit(debit('first'));
    while (held.length === 0) await new Promise((resume) => setImmediate(resume));
    const replay = other.submit(debit('known'));
    held[0]?.();
    expect([(await first).replayed, (await replay).replayed]).toEqual([false, true]);
    expect(heldStore.book(1).pool).toMatchObject({ available: 98, spent: 2 });
  });
});
