import { Turns } from '../../src/database/turns';

/** Work that ends when the test says so. */
function work() {
  let finish = () => {};
  const begun = jest.fn(() => new Promise<void>((resolve) => (finish = resolve)));
  return { begun, finish: () => finish() };
}

const settled = () => jest.advanceTimersByTimeAsync(0);

describe('turns', () => {
  beforeEach(() => jest.useFakeTimers());
  afterEach(() => jest.useRealTimers());

  it('are taken by so many at once, in the order of arrival', async () => {
    const turns = new Turns({ atOnce: 2, waiting: 10, waitMs: 1_000 });
    const works = [work(), work(), work(), work()];
    const all = Promise.all(works.map(({ begun }) => turns.take(begun)));
    await settled();
    expect(works.map(({ begun }) => begun.mock.calls.length)).toEqual([1, 1, 0, 0]);
    works[1]?.finish();
    await settled();
    expect(works.map(({ begun }) => begun.mock.calls.length)).toEqual([1, 1, 1, 0]);
    for (const { finish } of works) {
      finish();
      await settled();
    }
    works[3]?.finish();
    await all;
    expect(jest.getTimerCount()).toBe(0);
  });

  it('are not waited for without end, nor by too many', async () => {
    const turns = new Turns({ atOnce: 1, waiting: 1, waitMs: 1_000 });
    const first = work();
    const held = turns.take(first.begun);
    const late = work();
    const waiting = expect(turns.take(late.begun)).rejects.toMatchObject({ code: 'NO_FREE_CONNECTION' });
    await expect(turns.take(late.begun)).rejects.toMatchObject({ code: 'NO_FREE_CONNECTION' });
    await jest.advanceTimersByTimeAsync(1_000);
    await waiting;
    expect(late.begun).not.toHaveBeenCalled();
    first.finish();
    await held;
    await expect(turns.take(() => Promise.resolve('free again'))).resolves.toBe('free again');
  });

  it('are given back by work that fails', async () => {
    const turns = new Turns({ atOnce: 1, waiting: 1, waitMs: 1_000 });
    await expect(turns.take(() => Promise.reject(new Error('no')))).rejects.toThrow('no');
    await expect(turns.take(() => Promise.resolve(1))).resolves.toBe(1);
  });
});
