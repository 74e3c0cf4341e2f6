import { UsageFold } from '../../src/usage/usage-fold';

const STRETCH = 2_000;

/** A ledger of so many entries per owner that only knows how far each is counted; a fold ends when the test says so. */
class Counting {
  readonly last = new Map<number, number>();
  readonly counted = new Map<number, number>();
  readonly events: string[] = [];
  readonly errors: unknown[] = [];
  failure: Error | null = null;
  gate: Promise<void> = Promise.resolve();
  readonly fold = new UsageFold({ fold: (ownerId, limit) => this.count(ownerId, limit) }, (error) =>
    this.errors.push(error),
  );

  /** The pool has so many entries now, as after a commit. */
  commit(ownerId: number, lastSequence: number): void {
    this.last.set(ownerId, lastSequence);
    this.fold.note({ ownerId, lastSequence });
  }

  private async count(ownerId: number, limit: number): Promise<boolean> {
    this.events.push(`fold ${ownerId}`);
    await this.gate;
    if (this.failure) throw this.failure;
    const last = this.last.get(ownerId) ?? 0;
    const counted = Math.min((this.counted.get(ownerId) ?? 0) + limit, last);
    this.counted.set(ownerId, counted);
    return counted < last;
  }
}

let counting: Counting;
beforeEach(() => {
  counting = new Counting();
});

describe('counting usage', () => {
  it('counts all there is before the work, in stretches, and returns what the work returns', async () => {
    counting.last.set(1, 2 * STRETCH + 1);
    const answer = await counting.fold.upToDate(1, () => Promise.resolve(`counted ${counting.counted.get(1)}`));
    expect(answer).toBe('counted 4001');
    expect(counting.events).toEqual(['fold 1', 'fold 1', 'fold 1']);
  });

  it('counts nothing of an owner while another work on it runs: all that it reads is of one moment', async () => {
    let finish = () => {};
    const first = counting.fold.upToDate(1, async () => {
      counting.events.push('first begins');
      await new Promise<void>((resolve) => (finish = resolve));
      counting.events.push('first ends');
    });
    const second = counting.fold.upToDate(1, () => Promise.resolve(counting.events.push('second')));
    // Another owner's work does not wait: it is done before the first one may end.
    await counting.fold.upToDate(2, () => Promise.resolve(counting.events.push('other owner')));
    finish();
    await Promise.all([first, second]);
    expect(counting.events.filter((event) => event !== 'fold 2' && event !== 'other owner')).toEqual([
      ...['fold 1', 'first begins', 'first ends'],
      ...['fold 1', 'second'],
    ]);
  });

  it('goes on after a failure, of the counting or of the work', async () => {
    counting.failure = new Error('no database');
    const failed = counting.fold.upToDate(1, () => Promise.resolve('never'));
    await expect(failed).rejects.toThrow('no database');
    counting.failure = null;
    await expect(counting.fold.upToDate(1, () => Promise.reject(new Error('no work')))).rejects.toThrow('no work');
    expect(await counting.fold.upToDate(1, () => Promise.resolve('works'))).toBe('works');
  });

  it('happens by itself after 2,000 new entries, and not before', async () => {
    counting.commit(1, 10);
    counting.commit(1, 10 + STRETCH - 1);
    await counting.fold.idle();
    expect(counting.counted.get(1)).toBeUndefined();
    counting.commit(1, 10 + STRETCH);
    await counting.fold.idle();
    expect(counting.counted.get(1)).toBe(10 + STRETCH);
    counting.commit(1, 10 + 2 * STRETCH - 1);
    await counting.fold.idle();
    expect(counting.counted.get(1)).toBe(10 + STRETCH);
  });

  it('by itself is of each owner on its own', async () => {
    counting.commit(1, 1);
    counting.commit(2, STRETCH + 1);
    counting.commit(1, STRETCH);
    counting.commit(2, STRETCH + 2);
    await counting.fold.idle();
    expect(counting.events).toEqual([]);
  });

  it('that fails by itself is told, and fails nobody', async () => {
    counting.commit(1, 1);
    counting.failure = new Error('no database');
    counting.commit(1, 1 + STRETCH);
    await counting.fold.idle();
    expect(counting.errors).toEqual([counting.failure]);
  });

  it('is waited for at the end', async () => {
    let open = () => {};
    counting.gate = new Promise((resolve) => (open = resolve));
    counting.commit(1, 1);
    counting.commit(1, 1 + STRETCH);
    let idle = false;
    const waiting = counting.fold.idle().then(() => (idle = true));
    await new Promise((resume) => setImmediate(resume));
    expect(idle).toBe(false);
    open();
    await waiting;
    expect(counting.counted.get(1)).toBe(1 + STRETCH);
  });
});
