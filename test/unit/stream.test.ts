import * as fc from 'fast-check';
import { BoundedQueue, LatestValue } from '../../src/balances/stream';

interface Balance {
  readonly version: number;
  readonly available: number;
}

const balance = (version: number): Balance => ({ version, available: 100 - version });
const END = { done: true, value: undefined };

/** Whatever was waiting has gone on. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await Promise.resolve();
}

function latestValue(): { slot: LatestValue<Balance>; onClose: jest.Mock } {
  const onClose = jest.fn();
  return { slot: new LatestValue<Balance>(onClose), onClose };
}

describe('a slot for the latest balance (rule 12)', () => {
  it('hands over a value to whoever waits for it', async () => {
    const { slot } = latestValue();
    const next = slot.next();
    slot.offer(balance(1));
    expect(await next).toEqual({ done: false, value: balance(1) });
  });

  it('keeps a value until it is asked for', async () => {
    const { slot } = latestValue();
    slot.offer(balance(1));
    expect(await slot.next()).toEqual({ done: false, value: balance(1) });
  });

  it('gives a slow reader the latest value, and none of those in between', async () => {
    const { slot } = latestValue();
    for (let version = 1; version <= 5_000; version++) slot.offer(balance(version));
    expect(await slot.next()).toEqual({ done: false, value: balance(5_000) });
    const next = slot.next();
    slot.offer(balance(5_001));
    expect(await next).toEqual({ done: false, value: balance(5_001) });
  });

  it('never gives an older value after a newer one, nor the same twice', async () => {
    const { slot } = latestValue();
    slot.offer(balance(3));
    expect((await slot.next()).value).toEqual(balance(3));
    const next = slot.next();
    slot.offer(balance(2));
    slot.offer(balance(3));
    slot.offer(balance(4));
    expect((await next).value).toEqual(balance(4));
  });

  it('shows rising versions that end with the highest, in whatever order they are offered and read', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.oneof(fc.nat(50), fc.constant('read' as const))), async (events) => {
        const { slot } = latestValue();
        const seen: number[] = [];
        let isReading = false;
        const read = (): void => {
          if (isReading) return;
          isReading = true;
          void slot.next().then(({ value }) => {
            isReading = false;
            seen.push((value as Balance).version);
          });
        };
        for (const event of [...events, 1_000, 'read' as const]) {
          if (event === 'read') read();
          else slot.offer(balance(event));
          await settled();
        }
        expect(seen).toEqual([...new Set(seen)].sort((a, b) => a - b));
        expect([...events, 1_000]).toEqual(expect.arrayContaining(seen));
        expect(seen.at(-1)).toBe(1_000);
      }),
    );
  });

  it('ends at once when it is closed, also while somebody waits, and closes what feeds it once', async () => {
    const { slot, onClose } = latestValue();
    const next = slot.next();
    expect(await slot.return()).toEqual(END);
    expect(await next).toEqual(END);
    expect(onClose).toHaveBeenCalledTimes(1);
    slot.offer(balance(1));
    expect(await slot.next()).toEqual(END);
    await slot.return();
    expect(onClose).toHaveBeenCalledTimes(1);
  });

  it('is left by breaking out of a loop over it', async () => {
    const { slot, onClose } = latestValue();
    slot.offer(balance(1));
    for await (const value of slot) {
      expect(value).toEqual(balance(1));
      break;
    }
    expect(onClose).toHaveBeenCalledTimes(1);
  });
});

describe('a queue of actions', () => {
  function queueOf(limit: number): { queue: BoundedQueue<string>; onClose: jest.Mock } {
    const onClose = jest.fn();
    return { queue: new BoundedQueue<string>(limit, onClose), onClose };
  }

  it('gives every value once, in order, whether somebody waits or not', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.string()), fc.nat(), async (values, readsAhead) => {
        const { queue } = queueOf(values.length + 1);
        const seen: string[] = [];
        for (const [index, value] of values.entries()) {
          const early = readsAhead % 2 === index % 2 ? queue.next() : null;
          queue.offer(value);
          seen.push(((await (early ?? queue.next())) as IteratorYieldResult<string>).value);
        }
        expect(seen).toEqual(values);
      }),
    );
  });

  it('holds as many values as its limit', async () => {
    const { queue, onClose } = queueOf(3);
    for (const value of ['a', 'b', 'c']) queue.offer(value);
    const seen = [await queue.next(), await queue.next(), await queue.next()];
    expect(seen.map(({ value }) => value as string)).toEqual(['a', 'b', 'c']);
    expect(onClose).not.toHaveBeenCalled();
  });

  it('ends a reader that is further behind with LIMIT_REACHED, and does not thin out', async () => {
    const { queue, onClose } = queueOf(3);
    for (const value of ['a', 'b', 'c', 'd']) queue.offer(value);
    await expect(queue.next()).rejects.toMatchObject({ code: 'LIMIT_REACHED' });
    expect(onClose).toHaveBeenCalledTimes(1);
    expect(await queue.next()).toEqual(END);
  });

  it('takes what comes at once whole: a reader that was up to date is not slow because one commit was large', async () => {
    const { queue } = queueOf(1);
    queue.offerAll(['a', 'b', 'c']);
    const seen = [await queue.next(), await queue.next(), await queue.next()];
    expect(seen.map(({ value }) => value as string)).toEqual(['a', 'b', 'c']);
  });

  it('counts only what nobody has taken', async () => {
    const { queue } = queueOf(1);
    for (const value of ['a', 'b', 'c']) {
      const next = queue.next();
      queue.offer(value);
      expect(await next).toEqual({ done: false, value });
    }
  });

  it('ends at once when it is closed while somebody waits', async () => {
    const { queue, onClose } = queueOf(3);
    const next = queue.next();
    await queue.return();
    expect(await next).toEqual(END);
    expect(onClose).toHaveBeenCalledTimes(1);
  });

  it('ends with the error that is thrown into it', async () => {
    const { queue, onClose } = queueOf(3);
    await expect(queue.throw(new Error('gone'))).rejects.toThrow('gone');
    expect(await queue.next()).toEqual(END);
    expect(onClose).toHaveBeenCalledTimes(1);
  });
});
