import { setTimeout as pause } from 'node:timers/promises';
import { GroupCommit, type GroupCommitOptions } from '../../src/ledger/group-commit';

// The only timer of a lane is the pause before a retry: it is counted here, and takes no time.
jest.mock('node:timers/promises', () => ({ setTimeout: jest.fn(() => Promise.resolve()) }));
const pauses = () => jest.mocked(pause).mock.calls.map(([ms]) => ms);

beforeEach(() => jest.mocked(pause).mockClear());

class Passing extends Error {}

/** A store whose commits end when the test says so. */
class Store {
  readonly batches: number[][] = [];
  private readonly open: { resolve(results: string[]): void; reject(error: Error): void; batch: number[] }[] = [];

  readonly commit = (batch: readonly number[]): Promise<string[]> => {
    this.batches.push([...batch]);
    return new Promise((resolve, reject) => this.open.push({ resolve, reject, batch: [...batch] }));
  };

  finish(): void {
    const commit = this.open.shift();
    commit?.resolve(commit.batch.map((command) => `done ${command}`));
  }

  fail(error: Error): void {
    this.open.shift()?.reject(error);
  }
}

type Options = Partial<GroupCommitOptions<number, string>>;

function laneOf(commit: GroupCommitOptions<number, string>['commit'], options: Options = {}) {
  const isTransient = (error: unknown) => error instanceof Passing;
  return new GroupCommit<number, string>({ commit, isTransient, random: () => 0.5, ...options });
}

/** All that can happen without a timer or the outside world has happened. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await new Promise((resume) => setImmediate(resume));
}

describe('a lane of group commit', () => {
  it('commits a lone command without a timer', async () => {
    // Time stands still: whoever waits for a timer waits for ever.
    jest.useFakeTimers({ doNotFake: ['setImmediate', 'nextTick', 'queueMicrotask'] });
    try {
      const store = new Store();
      const lane = laneOf(store.commit);
      const result = lane.submit(1);
      await settled();
      expect(store.batches).toEqual([[1]]);
      store.finish();
      expect(await result).toBe('done 1');
      expect([jest.getTimerCount(), pauses()]).toEqual([0, []]);
    } finally {
      jest.useRealTimers();
    }
  });

  it('puts commands of one turn of the event loop into one batch, and gives each its own result', async () => {
    const store = new Store();
    const lane = laneOf(store.commit);
    const results = Promise.all([1, 2, 3].map((command) => Promise.resolve().then(() => lane.submit(command))));
    await settled();
    store.finish();
    expect(await results).toEqual(['done 1', 'done 2', 'done 3']);
    expect(store.batches).toEqual([[1, 2, 3]]);
  });

  it('forms the next batch of what arrives while one is in flight', async () => {
    const store = new Store();
    const lane = laneOf(store.commit);
    const first = lane.submit(1);
    await settled();
    const others = [2, 3, 4].map((command) => lane.submit(command));
    await settled();
    expect(store.batches).toEqual([[1]]);
    store.finish();
    await first;
    await settled();
    expect(store.batches).toEqual([[1], [2, 3, 4]]);
    store.finish();
    expect(await Promise.all(others)).toEqual(['done 2', 'done 3', 'done 4']);
  });

  it('caps a batch, and keeps the order', async () => {
    const seen: number[][] = [];
    const lane = laneOf(
      (batch) => {
        seen.push([...batch]);
        return Promise.resolve(batch.map(String));
      },
      { maxBatch: 2 },
    );
    expect(await Promise.all([1, 2, 3, 4, 5].map((command) => lane.submit(command)))).toEqual([...'12345']);
    expect(seen).toEqual([[1, 2], [3, 4], [5]]);
  });

  it('runs again after it was idle', async () => {
    const lane = laneOf((batch) => Promise.resolve(batch.map(String)));
    expect(await lane.submit(1)).toBe('1');
    await lane.idle();
    expect(await lane.submit(2)).toBe('2');
  });

  it('is idle when nothing is waiting or in flight, and not before', async () => {
    const store = new Store();
    const lane = laneOf(store.commit);
    let isIdle = false;
    const result = lane.submit(1);
    const idle = lane.idle().then(() => (isIdle = true));
    await settled();
    expect(isIdle).toBe(false);
    store.finish();
    await result;
    await idle;
    expect(isIdle).toBe(true);
  });
});

describe('a batch that fails for a reason that does not pass', () => {
  const CULPRIT = 6;
  const seen: number[][] = [];
  const commit = (batch: readonly number[]) => {
    seen.push([...batch]);
    return batch.includes(CULPRIT)
      ? Promise.reject(new Error('cannot be stored'))
      : Promise.resolve(batch.map((command) => `done ${command}`));
  };

  beforeEach(() => (seen.length = 0));

  it('is halved until only the culprit fails, and nothing is committed twice', async () => {
    const lane = laneOf(commit);
    const results = await Promise.allSettled([1, 2, 3, 4, 5, 6, 7, 8].map((command) => lane.submit(command)));
    expect(results.map(({ status }) => status)).toEqual([
      ...Array<string>(5).fill('fulfilled'),
      'rejected',
      ...Array<string>(2).fill('fulfilled'),
    ]);
    expect(results[5]).toMatchObject({ reason: { message: 'cannot be stored' } });
    const committed = seen.filter((batch) => !batch.includes(CULPRIT)).flat();
    expect(committed).toEqual([1, 2, 3, 4, 5, 7, 8]);
    expect(pauses()).toEqual([]);
  });

  it('does not stop the lane', async () => {
    const lane = laneOf(commit);
    await expect(lane.submit(CULPRIT)).rejects.toThrow('cannot be stored');
    expect(await lane.submit(1)).toBe('done 1');
  });
});

describe('a batch that fails for a reason that passes', () => {
  it('is run again as a whole until it is committed', async () => {
    const store = new Store();
    const lane = laneOf(store.commit);
    const results = Promise.all([lane.submit(1), lane.submit(2)]);
    for (let failure = 0; failure < 2; failure++) {
      await settled();
      store.fail(new Passing());
    }
    await settled();
    store.finish();
    expect(await results).toEqual(['done 1', 'done 2']);
    expect(store.batches).toEqual([
      [1, 2],
      [1, 2],
      [1, 2],
    ]);
  });

  it('is UNAVAILABLE for all of it after a bounded number of attempts, with longer and longer pauses', async () => {
    const seen: number[][] = [];
    const lane = laneOf((batch) => {
      seen.push([...batch]);
      return Promise.reject(new Passing());
    });
    const results = await Promise.allSettled([lane.submit(1), lane.submit(2)]);
    expect(results).toMatchObject([
      { status: 'rejected', reason: { code: 'UNAVAILABLE' } },
      { status: 'rejected', reason: { code: 'UNAVAILABLE' } },
    ]);
    expect(seen).toEqual(Array(8).fill([1, 2]));
    expect(pauses()).toEqual([8, 16, 32, 64, 128, 256, 500]);
  });

  it('is tried as often as it is told', async () => {
    const commit = jest.fn(() => Promise.reject(new Passing()));
    await expect(laneOf(commit, { maxAttempts: 3 }).submit(1)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    expect(commit).toHaveBeenCalledTimes(3);
  });

  it('waits for a time of chance, so that writers that collided do not collide again', async () => {
    const failing = () => Promise.reject(new Passing());
    for (const random of [0, 0.25, 0.999]) {
      await expect(laneOf(failing, { maxAttempts: 2, random: () => random }).submit(1)).rejects.toThrow();
    }
    expect(pauses()).toEqual([4, 6, 8 * 1.499]);
  });

  it('does not stop the lane: what came meanwhile is committed next', async () => {
    const store = new Store();
    const lane = laneOf(store.commit, { maxAttempts: 1 });
    const first = lane.submit(1);
    await settled();
    const second = lane.submit(2);
    store.fail(new Passing());
    await expect(first).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    await settled();
    store.finish();
    expect(await second).toBe('done 2');
  });
});

describe('the queue of a lane', () => {
  it('has a bound: what comes beyond it is refused with UNAVAILABLE at once', async () => {
    const store = new Store();
    const lane = laneOf(store.commit, { maxQueued: 2 });
    const inFlight = lane.submit(1);
    await settled();
    const queued = [lane.submit(2), lane.submit(3)];
    await expect(lane.submit(4)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    store.finish();
    await inFlight;
    await settled();
    store.finish();
    expect(await Promise.all(queued)).toEqual(['done 2', 'done 3']);
    expect(store.batches.flat()).not.toContain(4);
  });

  it('takes commands again when it has room', async () => {
    const lane = laneOf((batch) => Promise.resolve(batch.map(String)), { maxQueued: 1 });
    const first = lane.submit(1);
    await expect(lane.submit(2)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    await first;
    expect(await lane.submit(3)).toBe('3');
  });
});

describe('a batch of which only some commands wait for a row that somebody holds', () => {
  it('is halved at once, so that the others do not wait with them', async () => {
    const seen: number[][] = [];
    const lane = laneOf(
      (batch) => {
        seen.push([...batch]);
        return batch.includes(3) ? Promise.reject(new Passing()) : Promise.resolve(batch.map((n) => `done ${n}`));
      },
      { isPartial: () => true },
    );
    const results = await Promise.allSettled([1, 2, 3, 4].map((command) => lane.submit(command)));
    expect(results.map((result) => result.status)).toEqual(['fulfilled', 'fulfilled', 'rejected', 'fulfilled']);
    expect(results[2]).toMatchObject({ reason: { code: 'UNAVAILABLE' } });
    expect(seen).toEqual([[1, 2, 3, 4], [1, 2], [3, 4], [3], [4]]);
  });
});

describe('a group of commands that waits for a row that somebody holds', () => {
  const groupOf = (command: number) => Math.floor(command / 10);

  /** A store in which some groups are held: a batch with them fails when the test lets it. */
  function heldStore(...groups: number[]) {
    const held = new Set(groups);
    const seen: number[][] = [];
    const failures: (() => void)[] = [];
    const commit = (batch: readonly number[]) => {
      seen.push([...batch]);
      const result = batch.map((command) => `done ${command}`);
      if (!batch.some((command) => held.has(groupOf(command)))) return Promise.resolve(result);
      return new Promise<string[]>((resolve, reject) => {
        failures.push(() => (batch.some((n) => held.has(groupOf(n))) ? reject(new Passing()) : resolve(result)));
      });
    };
    const next = async () => {
      await settled();
      failures.shift()?.();
      await settled();
    };
    return { held, seen, commit, next };
  }

  it('gets a lane of its own, so that nobody else waits with it, until it is through', async () => {
    const { held, seen, commit, next } = heldStore(1);
    const lane = laneOf(commit, { isPartial: () => true, groupOf });
    const blocked = [lane.submit(10), lane.submit(11)];
    const innocent = [lane.submit(20), lane.submit(30)];
    await next();
    // The whole batch has failed, and the group on its own is tried.
    expect(seen).toEqual([
      [10, 11, 20, 30],
      [10, 11],
    ]);
    const waiting = lane.submit(12);
    await next();
    // It is set aside, with those of it that waited; the others go on beside it.
    expect(await Promise.all(innocent)).toEqual(['done 20', 'done 30']);
    expect(await lane.submit(21)).toBe('done 21');
    const late = lane.submit(13);
    held.clear();
    await next();
    expect(await Promise.all([...blocked, waiting, late])).toEqual(['done 10', 'done 11', 'done 12', 'done 13']);
    expect(seen.slice(2)).toEqual([[20], [30], [10, 11, 12], [21], [13]]);
    // It is one of the others again.
    const together = [lane.submit(14), lane.submit(22)];
    await Promise.all(together);
    expect(seen.at(-1)).toEqual([14, 22]);
  });

  it('is never in two lanes, however a batch was taken apart', async () => {
    const { held, seen, commit, next } = heldStore(1);
    let failed = false;
    const failOnce = (batch: readonly number[]) => {
      if (failed) return commit(batch);
      failed = true;
      return Promise.reject(new Error('cannot be stored'));
    };
    const lane = laneOf(failOnce, { isPartial: () => true, groupOf });
    const results = Promise.all([10, 11].map((command) => lane.submit(command)));
    await next();
    held.clear();
    for (let turn = 0; turn < 3; turn++) await next();
    expect(await results).toEqual(['done 10', 'done 11']);
    expect(seen).toEqual([[10], [10, 11]]);
  });

  it('is waited for by whoever waits until the lane is idle', async () => {
    const { held, commit, next } = heldStore(1);
    const lane = laneOf(commit, { isPartial: () => true, groupOf });
    const blocked = lane.submit(10);
    await next();
    let isIdle = false;
    const idle = lane.idle().then(() => (isIdle = true));
    await settled();
    expect(isIdle).toBe(false);
    held.clear();
    await next();
    expect(await blocked).toBe('done 10');
    await idle;
  });

  it('is not told that nothing was done where its lane is closed before the turn of those who were tried before', async () => {
    class Lost extends Passing {}
    class Away extends Passing {}
    let handedOver = () => {};
    const isHandedOver = new Promise<void>((resolve) => (handedOver = resolve));
    let tries = 0;
    const answer: Record<string, () => Promise<string[]>> = {
      // What the first attempt has done, of all of them, nobody knows.
      '10,20,11,21': () => Promise.reject((tries += 1) === 1 ? new Lost() : new Error('cannot be stored')),
      '10,20': () => Promise.reject(new Passing()),
      '10': () =>
        (tries += 1) === 3
          ? Promise.reject(new Passing())
          : isHandedOver.then(() => {
              throw new Away();
            }),
      '20': async () => settled().then(() => ['done 20']),
      '21': async () => (handedOver(), settled().then(() => ['done 21'])),
    };
    const lane = laneOf((batch) => answer[String(batch)]!(), {
      isPartial: (error) => !(error instanceof Lost || error instanceof Away),
      isAway: (error) => error instanceof Away,
      groupOf,
    });
    const results = await Promise.allSettled([10, 20, 11, 21].map((command) => lane.submit(command)));
    expect(results.map(({ status }) => status)).toEqual(['rejected', 'fulfilled', 'rejected', 'fulfilled']);
    for (const result of [results[0], results[2]]) {
      expect(result).toMatchObject({ reason: { code: 'UNAVAILABLE', message: expect.stringContaining('unknown') } });
    }
  });

  it('is UNAVAILABLE after a bounded number of attempts, or at once where too many are set aside', async () => {
    const { seen, commit, next } = heldStore(1, 2, 3, 4, 5);
    const lane = laneOf(commit, { isPartial: () => true, groupOf });
    const results = [10, 20, 30, 40, 50].map((command) => lane.submit(command));
    const codes = Promise.allSettled(results).then((all) => all.map(({ status }) => status));
    for (let failure = 0; failure < 40; failure++) await next();
    expect(await codes).toEqual(Array(5).fill('rejected'));
    await expect(results[0]).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      message: expect.stringContaining('unknown'),
    });
    const tries = [10, 20, 30, 40, 50].map((n) => seen.filter((batch) => batch.length === 1 && batch[0] === n).length);
    expect(tries).toEqual([9, 9, 9, 9, 1]);
    expect(await lane.submit(60)).toBe('done 60');
  });
});

describe('a commit that had to wait', () => {
  it('admits who came late, in the order that it likes, and each gets its own result', async () => {
    let loaded = () => {};
    const batches: number[][] = [];
    const lane = laneOf(async (batch, late) => {
      if (batches.length === 0) await new Promise<void>((resolve) => (loaded = resolve));
      const odd = [...late.find((command) => command % 2 === 1)].reverse();
      late.admit(odd);
      batches.push([...batch, ...odd]);
      return batches.at(-1)!.map((command) => `done ${command}`);
    });
    const first = lane.submit(1);
    await settled();
    const others = Promise.all([2, 3, 4, 5].map((command) => lane.submit(command)));
    await settled();
    loaded();
    expect([await first, ...(await others)]).toEqual(['done 1', 'done 2', 'done 3', 'done 4', 'done 5']);
    expect(batches).toEqual([
      [1, 5, 3],
      [2, 4],
    ]);
  });

  it('keeps those it admitted when it fails: they run again with it, and a full batch admits nobody', async () => {
    let attempts = 0;
    const batches: number[][] = [];
    const lane = laneOf(
      async (batch, late) => {
        batches.push([...batch]);
        await settled();
        late.admit(late.find(() => true));
        if (attempts++ === 0) throw new Passing();
        return batch.map((command) => `done ${command}`);
      },
      { maxBatch: 2 },
    );
    const first = lane.submit(1);
    await new Promise((resume) => setImmediate(resume));
    const others = [2, 3].map((command) => lane.submit(command));
    expect(await Promise.all([first, ...others])).toEqual(['done 1', 'done 2', 'done 3']);
    expect(batches).toEqual([[1], [1, 2], [3]]);
  });

  it('admits nobody any more once it is taken apart, so that whoever is left is soon found', async () => {
    let next = 1;
    const seen: number[][] = [];
    const others: Promise<unknown>[] = [];
    const lane = laneOf(
      async (batch, late) => {
        seen.push([...batch]);
        // Somebody comes with every attempt, as on a busy pool.
        if (seen.length < 20) others.push(lane.submit((next += 1)).catch(() => undefined));
        late.admit(late.find(() => true));
        throw new Error('cannot be stored');
      },
      { maxBatch: 4 },
    );
    const first = lane.submit(1).catch(() => seen.length);
    expect(await first).toBeLessThan(5);
    await Promise.all(others);
  });

  it('gives each its own answer also where one object was submitted twice', async () => {
    interface Numbered {
      number: number;
    }
    const lane = new GroupCommit<Numbered, string>({
      commit: async (batch, late) => {
        await settled();
        const admitted = late.find(() => true);
        late.admit(admitted);
        return [...batch, ...admitted].map(({ number }) => `done ${number}`);
      },
      isTransient: () => false,
    });
    const first = lane.submit({ number: 1 });
    await new Promise((resume) => setImmediate(resume));
    const twice = { number: 2 };
    const others = [lane.submit(twice), lane.submit(twice)];
    expect(await Promise.all([first, ...others])).toEqual(['done 1', 'done 2', 'done 2']);
  });
});

describe('a lane whose store is away', () => {
  class Away extends Passing {}
  const isAway = (error: unknown) => error instanceof Away;

  it('tries nothing again, and refuses at once who waits', async () => {
    const store = new Store();
    const lane = laneOf(store.commit, { isAway });
    const inFlight = lane.submit(1);
    await settled();
    const waiting = [lane.submit(2), lane.submit(3)];
    store.fail(new Away());
    await expect(inFlight).rejects.toMatchObject({ code: 'UNAVAILABLE', message: expect.stringContaining('unknown') });
    for (const one of waiting) {
      await expect(one).rejects.toMatchObject({
        code: 'UNAVAILABLE',
        message: expect.stringContaining('Nothing was done'),
      });
    }
    expect([store.batches, pauses()]).toEqual([[[1]], []]);
  });

  it('lets one batch at a time try whether it is back, and refuses the others at once', async () => {
    const store = new Store();
    const lane = laneOf(store.commit, { isAway });
    const first = lane.submit(1);
    await settled();
    store.fail(new Away());
    await expect(first).rejects.toThrow();

    for (const trial of [2, 4]) {
      const tried = lane.submit(trial);
      await settled();
      await expect(lane.submit(trial + 1)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
      store.fail(new Away());
      await expect(tried).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    }
    const back = lane.submit(6);
    await settled();
    store.finish();
    expect(await back).toBe('done 6');
    const more = [lane.submit(7)];
    await settled();
    more.push(lane.submit(8));
    store.finish();
    await settled();
    store.finish();
    expect(await Promise.all(more)).toEqual(['done 7', 'done 8']);
    expect(store.batches).toEqual([[1], [2], [4], [6], [7], [8]]);
  });

  it('is not opened by a batch that wrote nothing: a store that can be read need not be one that can be written', async () => {
    const store = new Store();
    let wrote = false;
    const lane = laneOf(store.commit, { isAway, hasWritten: () => wrote });
    const first = lane.submit(1);
    await settled();
    store.fail(new Away());
    await expect(first).rejects.toThrow();
    for (const step of [1, 2]) {
      const tried = lane.submit(10 * step);
      await settled();
      const beside = lane.submit(10 * step + 1);
      await expect(beside).rejects.toMatchObject({ code: 'UNAVAILABLE' });
      wrote = step === 2;
      store.finish();
      await tried;
      await settled();
    }
    const open = lane.submit(3);
    await settled();
    const queued = lane.submit(4);
    store.finish();
    await settled();
    store.finish();
    expect([await open, await queued]).toEqual(['done 3', 'done 4']);
  });

  it('is opened by any answer where nothing has failed for as long as anybody waits: callers may have nothing to write', async () => {
    let now = 0;
    const clock = jest.spyOn(performance, 'now').mockImplementation(() => now);
    try {
      const store = new Store();
      const lane = laneOf(store.commit, { isAway, hasWritten: () => false, maxWaitMs: 10_000 });
      const first = lane.submit(1);
      await settled();
      store.fail(new Away());
      await expect(first).rejects.toThrow();
      now += 10_000;
      const refusedByRule = lane.submit(2);
      await settled();
      store.finish();
      await refusedByRule;
      await settled();
      const both = [lane.submit(3)];
      await settled();
      both.push(lane.submit(4));
      store.finish();
      await settled();
      store.finish();
      expect(await Promise.all(both)).toEqual(['done 3', 'done 4']);
    } finally {
      clock.mockRestore();
    }
  });

  it('takes who asks again as soon as it was answered, also while it is closed', async () => {
    const lane = laneOf(
      (batch) => (batch.includes(1) ? Promise.reject(new Away()) : Promise.resolve(batch.map((n) => `done ${n}`))),
      { isAway, hasWritten: () => false },
    );
    await expect(lane.submit(1)).rejects.toThrow();
    for (const command of [2, 3, 4]) expect(await lane.submit(command)).toBe(`done ${command}`);
  });

  it('does not try the rest of a batch that was taken apart', async () => {
    const seen: number[][] = [];
    const lane = laneOf(
      (batch) => {
        seen.push([...batch]);
        return Promise.reject(batch.length === 4 ? new Error('cannot be stored') : new Away());
      },
      { isAway },
    );
    const results = await Promise.allSettled([1, 2, 3, 4].map((command) => lane.submit(command)));
    for (const result of results) expect(result).toMatchObject({ reason: { code: 'UNAVAILABLE' } });
    expect(seen).toEqual([
      [1, 2, 3, 4],
      [1, 2],
    ]);
  });

  it('begins nothing while the store is known to be away', async () => {
    const commit = jest.fn((batch: readonly number[]) => Promise.resolve(batch.map(String)));
    let away = true;
    const lane = laneOf(commit, { storeIsAway: () => away });
    await expect(lane.submit(1)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    expect(commit).not.toHaveBeenCalled();
    away = false;
    expect(await lane.submit(2)).toBe('2');
  });
});

describe('a batch that is halved for too long', () => {
  it('is UNAVAILABLE for those who are left, and says that the outcome is unknown: an earlier attempt may have been of all', async () => {
    let now = 0;
    const clock = jest.spyOn(performance, 'now').mockImplementation(() => now);
    try {
      const seen: number[][] = [];
      const commit = (batch: readonly number[]) => {
        seen.push([...batch]);
        now += 2_000;
        return Promise.reject<string[]>(new Passing());
      };
      const lane = laneOf(commit, { isPartial: () => true, maxWaitMs: 5_000 });
      const results = await Promise.allSettled([1, 2, 3, 4, 5, 6, 7, 8].map((command) => lane.submit(command)));
      for (const result of results) {
        expect(result).toMatchObject({ reason: { code: 'UNAVAILABLE', message: expect.stringContaining('unknown') } });
      }
      expect(seen).toEqual([
        [1, 2, 3, 4, 5, 6, 7, 8],
        [1, 2, 3, 4],
        [1, 2],
      ]);
    } finally {
      clock.mockRestore();
    }
  });
});
