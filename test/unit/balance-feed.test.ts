import { setImmediate as otherWork } from 'node:timers/promises';
import { BalanceFeed, type FeedReader, type RecordedAction } from '../../src/balances/balance-feed';
import type { ActionRecord, BalanceSnapshot } from '../../src/ledger/pool';

const OWNER = 7;

/**
 * One owner's pool, to which this process and another one commit an action at a time. Each action's number is that of its
 * entry, and the pool's version.
 */
class TwoProcesses implements FeedReader {
  readonly feed: BalanceFeed;
  readonly failures: unknown[] = [];
  readonly reads = { marks: 0, balances: 0, ledgers: 0 };
  /** Runs once, after the next page of the ledger was read and before its reader has it. */
  afterRead: (() => void) | null = null;
  failing = false;
  /** Of whom balances were read last. */
  readLast: readonly number[] = [];
  /** What a replica shows while it is behind; null: it is not. */
  frozenAt: number | null = null;
  private last = 0;

  constructor() {
    this.feed = new BalanceFeed(this, (error) => this.failures.push(error));
  }

  /** This process commits, and tells its feed. */
  commitsHere(actions = 1): void {
    const afterSequence = this.last;
    this.last += actions;
    const recorded = actionsBetween(afterSequence, this.last).map(({ action }) => action);
    this.feed.publish({ balance: balanceAt(this.last), afterSequence, recorded });
  }

  /** This process commits, and tells its feed only when `tell` is called: others may see it in the database before. */
  commitsHereAndTellsLater(): { tell(): void } {
    const afterSequence = this.last;
    const last = (this.last += 1);
    const recorded = actionsBetween(afterSequence, last).map(({ action }) => action);
    return { tell: () => this.feed.publish({ balance: balanceAt(last), afterSequence, recorded }) };
  }

  /** Another process commits; nobody here knows. */
  commitsElsewhere(actions = 1): void {
    this.last += actions;
  }

  /** What that process says of it. */
  saysSo(version = this.last): void {
    this.feed.hear({ ownerId: OWNER, version, lastSequence: version });
  }

  async marks(ownerIds: readonly number[]) {
    this.reads.marks += 1;
    const shown = this.shown();
    await this.answer();
    return ownerIds.map((ownerId) => ({ ownerId, version: shown, lastSequence: shown }));
  }

  async balances(ownerIds: readonly number[]): Promise<BalanceSnapshot[]> {
    this.reads.balances += 1;
    this.readLast = ownerIds;
    await this.answer();
    return ownerIds.map((ownerId) => ({ ...balanceAt(this.shown()), ownerId }));
  }

  async recordedAfter(_ownerId: number, after: number, limit: number) {
    this.reads.ledgers += 1;
    const page = actionsBetween(after, Math.min(this.shown(), after + limit));
    const { afterRead } = this;
    this.afterRead = null;
    afterRead?.();
    await this.answer();
    return { recorded: page, lastSequence: page.at(-1)?.sequence ?? after };
  }

  private shown(): number {
    return this.frozenAt ?? this.last;
  }

  private async answer(): Promise<void> {
    await otherWork();
    if (this.failing) throw new Error('out of reach');
  }
}

function balanceAt(version: number): BalanceSnapshot {
  return { ownerId: OWNER, version, lastSequence: version } as BalanceSnapshot;
}

function actionsBetween(after: number, last: number): RecordedAction[] {
  return numbersBetween(after, last).map((sequence) => ({ sequence, action: { sequence } as ActionRecord }));
}

function numbersBetween(after: number, last: number): number[] {
  return Array.from({ length: last - after }, (_, i) => after + 1 + i);
}

/** Collects what a watcher is told, and waits until the last of it is a number. */
function collect() {
  const told: number[] = [];
  let check = () => {};
  return {
    told,
    take: (numbers: readonly number[]) => {
      told.push(...numbers);
      check();
    },
    until: (last: number) =>
      new Promise<void>((resolve) => {
        check = () => told.at(-1) === last && resolve();
        check();
      }),
  };
}

async function watchingActions(processes: TwoProcesses) {
  const watcher = collect();
  const stop = await processes.feed.watchActions(OWNER, (recorded) =>
    watcher.take(recorded.map(({ sequence }) => sequence)),
  );
  return { ...watcher, stop };
}

function watchingBalances(processes: TwoProcesses) {
  const watcher = collect();
  const stop = processes.feed.watch(OWNER, ({ version }) => watcher.take([version]));
  return { ...watcher, stop };
}

describe('watchers of balances', () => {
  it('are told what this process commits at once, without a reading', () => {
    const processes = new TwoProcesses();
    const { told } = watchingBalances(processes);
    processes.commitsHere();
    processes.commitsHere();
    expect(told).toEqual([1, 2]);
    expect(processes.reads).toEqual({ marks: 0, balances: 0, ledgers: 0 });
  });

  it('are told what another process says it has committed: read once, however many watch and however often it is said', async () => {
    const processes = new TwoProcesses();
    const [first, second] = [watchingBalances(processes), watchingBalances(processes)];
    processes.commitsElsewhere(5);
    for (const version of [3, 5, 4, 5]) processes.saysSo(version);
    await Promise.all([first.until(5), second.until(5)]);
    expect(first.told).toEqual([5]);
    expect(processes.reads.balances).toBe(1);
  });

  it('never get an older balance after a newer one', async () => {
    const processes = new TwoProcesses();
    const { told, until } = watchingBalances(processes);
    processes.commitsElsewhere();
    processes.saysSo();
    processes.commitsHere();
    processes.feed.tell(balanceAt(1));
    processes.commitsElsewhere();
    processes.saysSo();
    await until(3);
    expect(told).toEqual([2, 3]);
  });

  it('find out by themselves what nobody said, once somebody looks at the pools', async () => {
    const processes = new TwoProcesses();
    const { until } = watchingBalances(processes);
    processes.commitsElsewhere();
    await processes.feed.reread();
    await until(1);
    const { balances } = processes.reads;
    await processes.feed.reread();
    // What is told already is looked at, and not read again.
    expect(processes.reads).toMatchObject({ marks: 2, balances });
  });

  it('cost nothing where nobody watches', async () => {
    const processes = new TwoProcesses();
    watchingBalances(processes).stop();
    processes.commitsElsewhere();
    processes.saysSo();
    await processes.feed.reread();
    expect(processes.reads).toEqual({ marks: 0, balances: 0, ledgers: 0 });
  });

  it('are told later where reading fails, and the failure is told to the operator', async () => {
    const processes = new TwoProcesses();
    const { told, until } = watchingBalances(processes);
    processes.commitsElsewhere();
    processes.failing = true;
    processes.saysSo();
    while (processes.failures.length === 0) await otherWork();
    processes.failing = false;
    await processes.feed.reread();
    await until(1);
    expect(told).toEqual([1]);
  });

  it('wait for a replica that is behind what was said', async () => {
    const processes = new TwoProcesses();
    const { told, until } = watchingBalances(processes);
    processes.frozenAt = 0;
    processes.commitsElsewhere();
    processes.saysSo();
    while (processes.reads.balances < 3) await otherWork();
    processes.frozenAt = null;
    await until(1);
    expect(told).toEqual([0, 1]);
  });

  it('do not wait for ever for a version that does not come', async () => {
    const processes = new TwoProcesses();
    const { told, until } = watchingBalances(processes);
    processes.saysSo(1_000_000);
    while (processes.reads.balances < 50) await otherWork();
    // That something else is new is no reason to wait longer.
    processes.commitsHere();
    while (processes.reads.balances < 100) await otherWork();
    await otherWork();
    processes.commitsElsewhere();
    processes.saysSo();
    await until(2);
    expect(told).toEqual([0, 1, 2]);
    // Another owner's balance is read without this one's, so nobody looks for that version any more.
    const another = collect();
    processes.feed.watch(OWNER + 1, ({ version }) => another.take([version]));
    processes.feed.hear({ ownerId: OWNER + 1, version: 2, lastSequence: 2 });
    await another.until(2);
    expect(processes.readLast).toEqual([OWNER + 1]);
  });
});

describe('watchers of actions', () => {
  it('are told what this process commits as it was returned, without a reading of the ledger', async () => {
    const processes = new TwoProcesses();
    const { told } = await watchingActions(processes);
    processes.commitsHere(2);
    processes.commitsHere();
    expect(told).toEqual([1, 2, 3]);
    expect(processes.reads.ledgers).toBe(0);
  });

  it('are told what another process did before what this one did after it, without gap or repeat', async () => {
    const processes = new TwoProcesses();
    const { told, until } = await watchingActions(processes);
    processes.commitsHere();
    // Lies before what this process commits next, and was not heard of.
    processes.commitsElsewhere(2);
    processes.commitsHere(2);
    await until(5);
    processes.saysSo(3);
    processes.commitsHere();
    expect(told).toEqual([1, 2, 3, 4, 5, 6]);
    expect(processes.reads.ledgers).toBe(1);
  });

  it('are told what was committed although this process did not learn of it', async () => {
    const processes = new TwoProcesses();
    const { told, until } = await watchingActions(processes);
    // The answer to a COMMIT was lost; the next attempt finds everything done, and so records nothing.
    processes.commitsElsewhere();
    processes.feed.publish({ balance: balanceAt(1), afterSequence: 1, recorded: [] });
    await until(1);
    expect(told).toEqual([1]);
  });

  it('are told in order what this process commits while the ledger is being read', async () => {
    const processes = new TwoProcesses();
    const { told, until } = await watchingActions(processes);
    processes.commitsElsewhere();
    processes.afterRead = () => processes.commitsHere();
    processes.saysSo();
    await until(2);
    expect(told).toEqual([1, 2]);
  });

  it('are told once what this process tells of while it is being read', async () => {
    const processes = new TwoProcesses();
    const { told, until } = await watchingActions(processes);
    processes.afterRead = processes.commitsHereAndTellsLater().tell;
    processes.saysSo();
    while (told.length === 0) await otherWork();
    processes.commitsElsewhere();
    processes.saysSo();
    await until(2);
    expect(told).toEqual([1, 2]);
  });

  it('are told of many that others did in bounded pages', async () => {
    const processes = new TwoProcesses();
    const { told, until } = await watchingActions(processes);
    processes.commitsElsewhere(1_000);
    processes.saysSo();
    await until(1_000);
    expect(told).toEqual(numbersBetween(0, 1_000));
    expect(processes.reads.ledgers).toBe(10);
  });

  it('who come late are not told what was before them, also where others are still waiting for it', async () => {
    const processes = new TwoProcesses();
    const early = await watchingActions(processes);
    processes.commitsElsewhere(3);
    const late = await watchingActions(processes);
    processes.commitsHere();
    await Promise.all([early.until(4), late.until(4)]);
    expect(early.told).toEqual([1, 2, 3, 4]);
    expect(late.told).toEqual([4]);
  });

  it('miss nothing that is committed here while they are being admitted', async () => {
    const processes = new TwoProcesses();
    const watching = watchingActions(processes);
    processes.commitsHere();
    const { told, until } = await watching;
    await until(1);
    expect(told).toEqual([1]);
  });

  it('are not told again what they have seen before this process was told of its own commit', async () => {
    const processes = new TwoProcesses();
    const early = await watchingActions(processes);
    const { tell } = processes.commitsHereAndTellsLater();
    const late = await watchingActions(processes);
    tell();
    expect(early.told).toEqual([1]);
    const another = processes.commitsHereAndTellsLater();
    processes.saysSo();
    await Promise.all([early.until(2), late.until(2)]);
    another.tell();
    processes.commitsHere();
    expect(early.told).toEqual([1, 2, 3]);
    // It came when the first was committed.
    expect(late.told).toEqual([2, 3]);
  });

  it('who come back after all have left begin anew', async () => {
    const processes = new TwoProcesses();
    const balances = watchingBalances(processes);
    const first = await watchingActions(processes);
    processes.commitsHere();
    first.stop();
    processes.commitsElsewhere();
    processes.saysSo();
    await balances.until(2);
    const second = await watchingActions(processes);
    processes.commitsHere();
    await second.until(3);
    expect(first.told).toEqual([1]);
    expect(second.told).toEqual([3]);
    // While nobody watched actions, nobody read them.
    expect(processes.reads.ledgers).toBe(0);
  });

  it('are refused where the pool cannot be looked at, and leave nothing behind', async () => {
    const processes = new TwoProcesses();
    processes.failing = true;
    await expect(watchingActions(processes)).rejects.toThrow('out of reach');
    processes.failing = false;
    processes.commitsElsewhere();
    processes.saysSo();
    await processes.feed.reread();
    expect(processes.reads).toEqual({ marks: 1, balances: 0, ledgers: 0 });
  });
});
