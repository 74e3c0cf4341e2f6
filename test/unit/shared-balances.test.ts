import { buildSchema, parse, type ExecutionArgs, type ExecutionResult, type GraphQLSchema } from 'graphql';
import type { WebSocket } from 'ws';
import type { Caller } from '../../src/access/caller';
import { LatestValue } from '../../src/balances/stream';
import type { BalanceSnapshot } from '../../src/ledger/pool';
import { SharedBalances } from '../../src/server/shared-balances';

const BALANCE = parse('subscription { balanceChanged { available version } }');

const OWNER: Caller = { role: 'OWNER', keyOwnerId: 1, keyNumber: 1, ownerId: 1, appId: null, expiresAt: null };

/** A socket whose buffer the test empties. */
class FakeSocket {
  onSend = (): void => {};
  readonly OPEN = 1;
  readyState = 1;
  readonly close = jest.fn(() => void (this.readyState = 2));
  readonly sent: { id: string; version: number; payload: ExecutionResult }[] = [];
  hasRoom = true;
  private readonly unsent: (() => void)[] = [];

  send(text: string, onSent: () => void): void {
    this.onSend();
    const { id, payload } = JSON.parse(text) as { id: string; payload: ExecutionResult };
    const balance = payload.data?.['balanceChanged'] as { version: number } | undefined;
    this.sent.push({ id, version: balance?.version ?? NaN, payload });
    if (this.hasRoom) process.nextTick(onSent);
    else this.unsent.push(onSent);
  }

  drain(): void {
    this.hasRoom = true;
    for (const onSent of this.unsent.splice(0)) onSent();
  }

  versions(): number[] {
    return this.sent.map(({ version }) => version);
  }
}

/** Balances that the test commits. It knows how often they were opened and executed, and who listens. */
class World {
  version = 1;
  opened = 0;
  executed = 0;
  /** Holds up whoever opens a balance. */
  gate: Promise<void> = Promise.resolve();
  failure: Error | null = null;
  /** Holds up the execution of a balance, by its version. */
  readonly executionGates = new Map<number, Promise<void>>();
  readonly listeners = new Set<LatestValue<BalanceSnapshot>>();
  readonly reportBug = jest.fn();
  readonly shared = new SharedBalances(this.reportBug);
  readonly schema = this.createSchema();

  commit(): void {
    this.version += 1;
    for (const listener of this.listeners) listener.offer(this.snapshot());
  }

  /** Subscribes as graphql-ws does. */
  watch(options: { socket?: FakeSocket; id?: string; caller?: Caller; args?: Partial<ExecutionArgs> } = {}) {
    const { socket = new FakeSocket(), id = '1', caller = OWNER, args } = options;
    const contextValue = { caller };
    const stream = this.shared.subscribe(
      { schema: this.schema, document: BALANCE, contextValue, ...args },
      { socket: socket as unknown as WebSocket, id },
    );
    if (!stream) throw new Error('not shared');
    const results: ExecutionResult[] = [];
    const ended = (async () => {
      for await (const result of stream) results.push(result);
    })();
    ended.catch(() => undefined);
    return { socket, results, ended, leave: () => stream.return?.() };
  }

  private snapshot(): BalanceSnapshot {
    return { ownerId: 1, available: 100 - this.version, version: this.version } as BalanceSnapshot;
  }

  private createSchema(): GraphQLSchema {
    const schema = buildSchema(`
      type Query { balance: Balance }
      type Balance { available: Int! version: Int! }
      type Subscription { balanceChanged(ownerId: ID): Balance! actionRecorded: Balance! }
    `);
    const field = schema.getSubscriptionType()!.getFields()['balanceChanged']!;
    field.subscribe = () => this.open();
    field.resolve = async (balance: BalanceSnapshot) => {
      this.executed += 1;
      await this.executionGates.get(balance.version);
      return balance;
    };
    return schema;
  }

  private async open(): Promise<LatestValue<BalanceSnapshot>> {
    this.opened += 1;
    const { failure } = this;
    await this.gate;
    if (failure) throw failure;
    const slot = new LatestValue<BalanceSnapshot>(() => this.listeners.delete(slot));
    this.listeners.add(slot);
    slot.offer(this.snapshot());
    return slot;
  }
}

/** Whatever was under way has gone on, as far as it goes without a timer. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
}

let world: World;
beforeEach(() => (world = new World()));
afterEach(() => jest.useRealTimers());

describe('all who ask the same', () => {
  it('share one listener and one execution of each balance, and get each under their own id', async () => {
    const watchers = Array.from({ length: 40 }, (_, n) => world.watch({ id: `subscription "${n}"` }));
    await settled();
    world.commit();
    await settled();
    for (const [n, { socket }] of watchers.entries()) {
      expect(socket.sent.map(({ id, version }) => [id, version])).toEqual([
        [`subscription "${n}"`, 1],
        [`subscription "${n}"`, 2],
      ]);
    }
    expect(world).toMatchObject({ opened: 1, executed: 2 });
    expect(world.listeners.size).toBe(1);
  });

  it('get rising versions and the last one, where thousands of commits meet hundreds of watchers', async () => {
    const watchers = Array.from({ length: 300 }, () => world.watch());
    await settled();
    for (let commits = 0; commits < 2_000; commits++) {
      world.commit();
      if (commits % 10 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    const isUpToDate = () => watchers.every(({ socket }) => socket.versions().at(-1) === 2_001);
    while (!isUpToDate()) await settled();
    for (const { socket } of watchers) {
      expect(socket.versions()).toEqual([...new Set(socket.versions())].sort((a, b) => a - b));
      expect(socket.versions()[0]).toBe(1);
      expect(socket.sent.length).toBeLessThan(100);
    }
    expect(world.executed).toBeLessThan(100);
  });

  it('are told what came during a round in the same round, where their turn has not come yet', async () => {
    const watchers = Array.from({ length: 300 }, () => world.watch());
    const [first, middle, last] = [0, 150, 299].map((index) => watchers[index]!.socket) as [
      FakeSocket,
      FakeSocket,
      FakeSocket,
    ];
    while (last.sent.length === 0) await settled();
    // Writing to it takes longer than a crowd waits for newer balances to be put into words.
    middle.onSend = () => {
      world.commit();
      for (const until = performance.now() + 30; performance.now() < until;);
      middle.onSend = () => {};
    };
    world.commit();
    while (last.versions().at(-1) !== 3 || first.versions().at(-1) !== 3) await settled();
    expect(first.versions()).toEqual([1, 2, 3]);
    expect(last.versions()).toEqual([1, 3]);
  });

  it.each<[string, Partial<ExecutionArgs>, Partial<Caller>]>([
    ['another role', {}, { role: 'PUBLISHABLE' }],
    ['another owner', {}, { ownerId: 2 }],
    ['another app', {}, { appId: 3 }],
    ['other variables', { variableValues: { ownerId: 'own_2' } }, {}],
    ['another document of the same text', { document: parse('subscription { balanceChanged { version } }') }, {}],
  ])('are not those with %s', async (_title, args, caller) => {
    world.watch();
    world.watch({ args, caller: { ...OWNER, ...caller } });
    await settled();
    expect(world).toMatchObject({ opened: 2, executed: 2 });
  });

  it('are not those of another operation of one document', async () => {
    const document = parse(
      'subscription A { balanceChanged { version } } subscription B { balanceChanged { available } }',
    );
    const [a, b] = ['A', 'B'].map((operationName) => world.watch({ args: { document, operationName } }));
    await settled();
    expect(a!.socket.sent[0]?.payload.data).toEqual({ balanceChanged: { version: 1 } });
    expect(b!.socket.sent[0]?.payload.data).toEqual({ balanceChanged: { available: 99 } });
  });

  it.each([
    ['another field', 'subscription { actionRecorded { version } }'],
    ['a field that may be left out', 'subscription { balanceChanged @include(if: true) { version } }'],
    ['a fragment', 'subscription { ...Balance } fragment Balance on Subscription { balanceChanged { version } }'],
  ])('ask for the balance and nothing else: %s runs by itself', (_title, source) => {
    const args = { schema: world.schema, document: parse(source), contextValue: { caller: OWNER } };
    const socket = new FakeSocket() as unknown as WebSocket;
    expect(world.shared.subscribe(args, { socket, id: '1' })).toBeNull();
    const variableValues = { ownerId: 'x'.repeat(2_000) };
    expect(world.shared.subscribe({ ...args, document: BALANCE, variableValues }, { socket, id: '1' })).toBeNull();
  });
});

describe('who comes late', () => {
  it('gets a balance that was read after they came, and not the last one that was sent', async () => {
    const early = world.watch();
    await settled();
    // Of another process, say: nobody is told.
    world.version = 7;
    const late = world.watch();
    await settled();
    expect(late.socket.versions()).toEqual([7]);
    world.commit();
    await settled();
    expect(late.socket.versions()).toEqual([7, 8]);
    expect(early.socket.versions()).toEqual([1, 8]);
  });

  it('shares one reading with all who come during the one before', async () => {
    world.watch();
    await settled();
    const late = Array.from({ length: 100 }, () => world.watch());
    await settled();
    for (const { socket } of late) expect(socket.versions()).toEqual([1]);
    // One for the first, one for the 99 who came meanwhile.
    expect(world.opened).toBe(3);
    expect(world.listeners.size).toBe(1);
  });

  it('never gets an older balance after it, whatever was committed while it was read', async () => {
    world.watch();
    await settled();
    let open = () => {};
    world.gate = new Promise((resolve) => (open = resolve));
    const late = world.watch();
    await settled();
    world.commit();
    await settled();
    expect(late.socket.sent).toEqual([]);
    open();
    await settled();
    world.commit();
    await settled();
    expect(late.socket.versions()).toEqual([2, 3]);
  });

  it('is never shown a balance whose execution was overtaken by that of a newer one', async () => {
    const early = world.watch();
    await settled();
    let execute = () => {};
    world.executionGates.set(1, new Promise((resolve) => (execute = resolve)));
    const late = world.watch();
    await settled();
    world.commit();
    await settled();
    expect(early.socket.versions()).toEqual([1, 2]);
    execute();
    await settled();
    expect(late.socket.versions()).toEqual([2]);
  });

  it('is told where it cannot be read, and ends; the others go on', async () => {
    const early = world.watch();
    await settled();
    world.failure = new Error('out of reach');
    const late = world.watch();
    await late.ended;
    expect(late.results).toMatchObject([{ errors: [{ message: 'out of reach' }] }]);
    expect(late.socket.sent).toEqual([]);
    world.commit();
    await settled();
    expect(early.socket.versions()).toEqual([1, 2]);
    await early.leave();
    expect(world.listeners.size).toBe(0);
  });

  it('gets nothing where it has left before it was read', async () => {
    world.watch();
    await settled();
    const late = world.watch();
    await late.leave();
    await late.ended;
    await settled();
    world.commit();
    await settled();
    expect(late.socket.sent).toEqual([]);
  });
});

describe('who leaves', () => {
  it('gets nothing any more, and the last one ends the listening', async () => {
    const [first, second] = [world.watch(), world.watch()];
    await settled();
    await first.leave();
    await first.ended;
    world.commit();
    await settled();
    expect(first.socket.versions()).toEqual([1]);
    expect(second.socket.versions()).toEqual([1, 2]);
    await second.leave();
    await second.ended;
    expect(world.listeners.size).toBe(0);
    world.commit();
    await settled();
    expect(world.executed).toBe(2);
  });

  it('while the balance is being opened leaves nothing behind; who comes then starts anew', async () => {
    let open = () => {};
    world.gate = new Promise((resolve) => (open = resolve));
    const early = world.watch();
    await early.leave();
    const next = world.watch();
    open();
    await settled();
    expect(early.socket.sent).toEqual([]);
    expect(next.socket.versions()).toEqual([1]);
    expect(world.listeners.size).toBe(1);
    await next.leave();
    await settled();
    expect(world.listeners.size).toBe(0);
  });

  it('and comes back in the same turn is shown the balance anew', async () => {
    const before = world.watch();
    await settled();
    void before.leave();
    const after = world.watch();
    await settled();
    world.commit();
    await settled();
    expect(before.socket.versions()).toEqual([1]);
    expect(after.socket.versions()).toEqual([1, 2]);
    expect(world.listeners.size).toBe(1);
  });

  it('without a word, by a socket that is closed, is not written to', async () => {
    const watcher = world.watch();
    await settled();
    watcher.socket.readyState = 3;
    world.commit();
    await settled();
    expect(watcher.socket.versions()).toEqual([1]);
  });
});

describe('a balance that cannot be opened', () => {
  it('is told to all who wait for it, once each, and ends them; who comes then tries again', async () => {
    world.failure = new Error('out of reach');
    const watchers = [world.watch(), world.watch()];
    for (const { ended, results } of watchers) {
      await ended;
      expect(results).toMatchObject([{ errors: [{ message: 'out of reach' }] }]);
    }
    world.failure = null;
    const next = world.watch();
    await settled();
    expect(next.socket.versions()).toEqual([1]);
  });
});

describe('an execution that fails', () => {
  it('is told to all without its cause, is logged once, and the next balance comes', async () => {
    const watchers = [world.watch(), world.watch()];
    await settled();
    const field = world.schema.getType('Balance') as unknown as {
      getFields(): Record<string, { resolve?: () => never } | undefined>;
    };
    field.getFields()['available']!.resolve = () => {
      throw new Error('secret');
    };
    world.commit();
    await settled();
    delete field.getFields()['available']!.resolve;
    world.commit();
    await settled();
    for (const { socket } of watchers) {
      expect(socket.sent[1]?.payload.errors).toMatchObject([{ extensions: { code: 'INTERNAL_SERVER_ERROR' } }]);
      expect(JSON.stringify(socket.sent)).not.toContain('secret');
      expect(socket.versions()).toEqual([1, NaN, 3]);
    }
    expect(world.reportBug).toHaveBeenCalledTimes(1);
  });
});

describe('a socket without room', () => {
  beforeEach(() => void jest.useFakeTimers({ doNotFake: ['nextTick', 'setImmediate', 'queueMicrotask'] }));

  it('gets the latest balance when it has room, none of those in between, and delays nobody', async () => {
    const [slow, quick] = [world.watch(), world.watch()];
    slow.socket.hasRoom = false;
    await settled();
    for (let commits = 0; commits < 5; commits++) {
      world.commit();
      await settled();
    }
    expect(slow.socket.versions()).toEqual([1]);
    expect(quick.socket.versions()).toEqual([1, 2, 3, 4, 5, 6]);
    slow.socket.drain();
    expect(slow.socket.versions()).toEqual([1, 6]);
  });

  it('is closed with 1013 once it has taken nothing for 30 seconds, and no timer remains', async () => {
    const [slow, quick] = [world.watch(), world.watch()];
    slow.socket.hasRoom = false;
    await settled();
    world.commit();
    await settled();
    jest.advanceTimersByTime(29_000);
    expect(slow.socket.close).not.toHaveBeenCalled();
    jest.advanceTimersByTime(2_000);
    expect(slow.socket.close).toHaveBeenCalledWith(1013, 'Too slow');
    expect(slow.socket.close).toHaveBeenCalledTimes(1);
    expect(quick.socket.close).not.toHaveBeenCalled();
    expect(jest.getTimerCount()).toBe(0);
  });

  it('is left open where it takes a message now and then, however many it misses', async () => {
    const slow = world.watch();
    slow.socket.hasRoom = false;
    await settled();
    for (let rounds = 0; rounds < 10; rounds++) {
      world.commit();
      await settled();
      jest.advanceTimersByTime(20_000);
      slow.socket.drain();
      slow.socket.hasRoom = false;
    }
    expect(slow.socket.close).not.toHaveBeenCalled();
  });

  it('is left open where nothing new is to be said', async () => {
    const slow = world.watch();
    slow.socket.hasRoom = false;
    await settled();
    jest.advanceTimersByTime(60_000);
    expect(slow.socket.close).not.toHaveBeenCalled();
    expect(jest.getTimerCount()).toBe(0);
  });
});
