import { Reachability } from '../../src/database/reachability';

const DEADLINES = { probeMs: 2_000, probeIntervalMs: 250, graceMs: 1_000 };

/** A database of which the test says what it answers; a question without an answer fails after its limit. */
class Answers {
  now: 'YES' | 'NO' | 'SILENCE' = 'YES';
  asked = 0;

  readonly ask = (limitMs: number): Promise<void> => {
    this.asked += 1;
    if (this.now === 'YES') return Promise.resolve();
    const failure = new Error(this.now);
    if (this.now === 'NO') return Promise.reject(failure);
    return new Promise((_, reject) => setTimeout(() => reject(failure), limitMs));
  };
}

function reachabilityOf(answers: Answers) {
  const reachability = new Reachability(answers.ask, DEADLINES, () => 0.5);
  const told: [boolean, string][] = [];
  reachability.onChange((away, reason) => told.push([away, reason instanceof Error ? reason.message : '']));
  return { reachability, told };
}

describe('whether the database can be reached', () => {
  beforeEach(() => jest.useFakeTimers());
  afterEach(() => jest.useRealTimers());

  it('is asked after a loss, and not asked again once it has answered', async () => {
    const answers = new Answers();
    const { reachability, told } = reachabilityOf(answers);
    reachability.lost(0);
    await jest.advanceTimersByTimeAsync(5_000);
    expect([answers.asked, reachability.isAway, told]).toEqual([1, false, []]);
  });

  it('is given the time of a failover, then it is away, until it answers', async () => {
    const answers = new Answers();
    const { reachability, told } = reachabilityOf(answers);
    answers.now = 'NO';
    reachability.doubt();
    await jest.advanceTimersByTimeAsync(999);
    expect(reachability.isAway).toBe(false);
    await jest.advanceTimersByTimeAsync(1);
    expect([reachability.isAway, reachability.reason]).toEqual([true, new Error('NO')]);
    answers.now = 'YES';
    await jest.advanceTimersByTimeAsync(250);
    expect([reachability.isAway, reachability.reason]).toEqual([false, null]);
    expect(told).toEqual([
      [true, 'NO'],
      [false, ''],
    ]);
    expect(jest.getTimerCount()).toBe(0);
  });

  it('is asked without waiting for the answer to the last question: after a silence it is back within one round', async () => {
    const answers = new Answers();
    const { reachability } = reachabilityOf(answers);
    answers.now = 'SILENCE';
    reachability.doubt();
    await jest.advanceTimersByTimeAsync(10_000);
    expect(reachability.isAway).toBe(true);
    answers.now = 'YES';
    await jest.advanceTimersByTimeAsync(250);
    expect(reachability.isAway).toBe(false);
    // Questions of the silence fail later: they are of the past.
    await jest.advanceTimersByTimeAsync(5_000);
    expect(reachability.isAway).toBe(false);
  });

  it('changes the generation once for many connections that are lost together, and again when it goes away', async () => {
    const answers = new Answers();
    const { reachability } = reachabilityOf(answers);
    for (let connection = 0; connection < 10; connection++) reachability.lost(0);
    expect(reachability.generation).toBe(1);
    answers.now = 'NO';
    await jest.advanceTimersByTimeAsync(0);
    reachability.doubt();
    await jest.advanceTimersByTimeAsync(1_000);
    expect(reachability.generation).toBe(2);
  });

  it('is of no interest any more when it is closed', async () => {
    const answers = new Answers();
    const { reachability, told } = reachabilityOf(answers);
    answers.now = 'NO';
    reachability.doubt();
    await jest.advanceTimersByTimeAsync(2_000);
    reachability.close();
    reachability.doubt();
    await jest.advanceTimersByTimeAsync(5_000);
    expect([jest.getTimerCount(), reachability.isAway, told.length]).toEqual([0, false, 1]);
  });
});
