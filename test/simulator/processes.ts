import type { Clock } from '../../src/clock';
import { DomainError, notBegun } from '../../src/errors';
import { Ledger, type Committed, type LedgerStore } from '../../src/ledger/ledger';
import { leavesUnanswered, type DrawnFault, type Struck } from './faults';
import { withoutPauses } from './no-pauses';
import type { Stage } from './stage';

/** Wraps the store of the ledger, to see whether faults are found out, or to make some. */
export type StoreWrapper = (store: LedgerStore) => LedgerStore;

/** What came of questions that were asked at once. */
export interface Answers<T> {
  /** In the order of the questions; null: there was none, as whoever asks a process that crashes gets none. */
  readonly given: readonly (PromiseSettledResult<T> | null)[];
  readonly struck: readonly Struck[];
  /** The process that was asked is another one now, which knows nothing. */
  readonly restarted: boolean;
  /** Somebody was told that nothing was done. */
  readonly denied: boolean;
}

export interface Surroundings {
  readonly stage: Stage;
  readonly wrap: StoreWrapper;
  readonly clock: Clock;
  /** What watchers are told. */
  onCommitted(committed: Committed): void;
}

/** Ledgers that take turns on one database, as the processes of a service do, and crash, and are started again. */
export class Processes {
  private ledgers: Ledger[];

  constructor(
    count: number,
    private readonly surroundings: Surroundings,
  ) {
    this.ledgers = Array.from({ length: count }, () => this.start());
  }

  /** Lets faults happen from now on, one after the other, until `calm`. */
  layInWait(faults: readonly DrawnFault[]): void {
    this.surroundings.stage.faults?.arm(faults);
  }

  /** Faults that have not struck do not strike any more. */
  calm(): void {
    this.surroundings.stage.faults?.arm([]);
  }

  /** Asks one process several things at once. */
  async ask<T>(process: number, questions: readonly ((ledger: Ledger) => Promise<T>)[]): Promise<Answers<T>> {
    const { stage } = this.surroundings;
    const ledger = this.ledgers[process] as Ledger;
    const heard = await withoutPauses(() => Promise.all(questions.map((question) => this.hear(question(ledger)))));
    const restarted = stage.faults?.isGone ?? false;
    const struck = stage.faults?.mend() ?? [];
    if (restarted) await this.restart(process, struck.at(-1)?.kind === 'kill');
    const mayStayOpen = struck.some((fault) => leavesUnanswered(fault, questions.length));
    const given = heard.map((result) => (result && mayStayOpen && isNoAnswer(result) ? null : result));
    const denied = heard.some((result) => result?.status === 'rejected' && saysNothingWasDone(result.reason));
    return { given, struck, restarted, denied };
  }

  /** null where the process was gone when the answer was ready. */
  private hear<T>(answer: Promise<T>): Promise<PromiseSettledResult<T> | null> {
    const heard = (result: PromiseSettledResult<T>) => (this.surroundings.stage.faults?.isGone ? null : result);
    return answer.then(
      (value) => heard({ status: 'fulfilled', value }),
      (reason: unknown) => heard({ status: 'rejected', reason }),
    );
  }

  /** Who is killed with the machine's files takes the other processes along. */
  private async restart(process: number, all: boolean): Promise<void> {
    await this.surroundings.stage.restart();
    this.ledgers = this.ledgers.map((ledger, number) => (all || number === process ? this.start() : ledger));
  }

  private start(): Ledger {
    const { stage, wrap, clock, onCommitted } = this.surroundings;
    const ledger = new Ledger(wrap(stage.store), clock);
    // Who watches a process that is gone hears nothing of it.
    ledger.onCommitted((committed) => void (stage.faults?.isGone || onCommitted(committed)));
    return ledger;
  }
}

/** It says that what happened is unknown, or nothing that a caller could know. A refusal is an answer. */
function isNoAnswer(result: PromiseSettledResult<unknown>): boolean {
  if (result.status === 'fulfilled') return false;
  return !(result.reason instanceof DomainError) || result.reason.code === 'UNAVAILABLE';
}

function saysNothingWasDone(reason: unknown): boolean {
  return reason instanceof DomainError && reason.message === notBegun().message;
}
