import { setImmediate as otherWork, setTimeout as pause } from 'node:timers/promises';
import {
  createSourceEventStream,
  execute,
  getOperationAST,
  Kind,
  type ExecutionArgs,
  type ExecutionResult,
} from 'graphql';
import type { WebSocket } from 'ws';
import type { Caller } from '../access/caller';
import type { RequestContext } from '../graphql/context';
import { publicError, type ReportBug } from '../graphql/public-error';
import type { BalanceSnapshot } from '../ledger/pool';

/** Sockets that are written to before other work gets its turn: some half a millisecond. */
const SENDS_AT_ONCE = 50;
/**
 * So many watchers are sent to in rounds, of which one begins at most this often, after a rest of at least a part of
 * the one before: debits get their time, and a balance that changes all the time is sent no more often than one can see.
 */
const CROWD = 200;
const ROUND_MS = 80;
const REST = 0.25;
/** How often a newer balance is executed for a crowd while a round is under way: its later half is not told old news. */
const REFRESH_MS = 10;
/** How long a message may wait in its socket while newer balances come, and how often that is looked at. */
const PATIENCE_MS = 30_000;
const LOOK_MS = 1_000;
/** A retryable code: what closes with it may come back and starts with the latest balance. */
const TOO_SLOW_CLOSE = 1013;
const LONGEST_VARIABLES = 1_000;

/** A subscription as the socket that sent it knows it. */
export interface Subscriber {
  readonly socket: WebSocket;
  readonly id: string;
}

/**
 * Subscriptions of balances, of which many may ask the same: an update is executed and put into words once for all
 * whose document, operation, variables, role and scope are equal, and each gets the latest that its socket has room for.
 */
export class SharedBalances {
  private readonly watches = new Map<string, SharedWatch>();
  private readonly documentNumbers = new WeakMap<object, number>();
  private documents = 0;

  constructor(private readonly reportBug: ReportBug) {}

  /** Null where the operation is anything but `balanceChanged` alone: then it runs like any other subscription. */
  subscribe(args: ExecutionArgs, subscriber: Subscriber): AsyncIterableIterator<ExecutionResult> | null {
    const variables = JSON.stringify(args.variableValues ?? {});
    if (!asksForBalanceAlone(args) || variables.length > LONGEST_VARIABLES) return null;
    const { caller } = args.contextValue as RequestContext;
    const key = [this.numberOf(args.document), args.operationName ?? '', scopeOf(caller), variables].join(' ');
    let watch = this.watches.get(key);
    if (!watch) {
      const opened = new SharedWatch(args, this.reportBug, () => {
        if (this.watches.get(key) === opened) this.watches.delete(key);
      });
      this.watches.set(key, (watch = opened));
      void opened.run();
    }
    return watch.join(subscriber);
  }

  private numberOf(document: object): number {
    let number = this.documentNumbers.get(document);
    if (number === undefined) this.documentNumbers.set(document, (number = this.documents += 1));
    return number;
  }
}

/** One balance as one kind of caller asks for it, and all who do. */
class SharedWatch {
  /** Who has joined and is not to be sent anything yet. */
  private readonly coming = new Set<Member>();
  private readonly members = new Set<Member>();
  /** Members whose sockets had no room for the latest update. */
  private readonly lagging = new Set<Member>();
  private newcomers: Member[] = [];
  private welcoming = false;
  private sending = false;
  private source: AsyncIterableIterator<BalanceSnapshot> | null = null;
  private latest: Update | null = null;
  private look: NodeJS.Timeout | null = null;
  private outcome: Outcome | null = null;

  constructor(
    private readonly args: ExecutionArgs,
    private readonly reportBug: ReportBug,
    private readonly onOver: () => void,
  ) {}

  join(subscriber: Subscriber): Member {
    const member = new Member(subscriber, this);
    this.coming.add(member);
    return member;
  }

  /** Puts each balance that comes into words, the latest where they come faster than that, until nobody is left. */
  async run(): Promise<void> {
    try {
      const source = await this.open();
      // Its arguments are refused, such as an owner that is not the caller's.
      if (!(Symbol.asyncIterator in source)) return this.end({ result: source });
      this.source = source;
      if (this.isDeserted()) await source.return?.();
      for await (const balance of source) {
        this.keepLatest(await this.inWords(balance));
        void this.sendRounds();
        if (this.isCrowd()) await pause(REFRESH_MS, undefined, { ref: false });
      }
      this.end({});
    } catch (error) {
      this.end({ error });
    }
  }

  /** graphql-ws has begun to listen for this member: before, a message of its id would say nothing to the client. */
  begin(member: Member): void {
    if (this.outcome) member.finish(this.outcome);
    else if (this.latest === null) this.admit(member);
    else {
      this.newcomers.push(member);
      void this.welcome();
    }
  }

  /** The member's socket has taken the message that it was given. */
  onRoom(member: Member): void {
    if (this.lagging.delete(member)) this.send(member);
  }

  leave(member: Member): void {
    for (const group of [this.coming, this.members, this.lagging]) group.delete(member);
    if (!this.isDeserted() || this.outcome) return;
    // Whoever comes from now on starts anew; before the source is open, `run` looks whether anybody is left.
    this.onOver();
    void this.source?.return?.();
  }

  /**
   * Shows who comes late a balance that is read after they came: the latest that was sent may be of before a renewal
   * that has fallen due (rule 4), or of before another process committed. All who come during one reading share the
   * next one.
   */
  private async welcome(): Promise<void> {
    if (this.welcoming) return;
    this.welcoming = true;
    while (this.newcomers.length > 0) {
      const newcomers = this.newcomers;
      this.newcomers = [];
      const outcome = await this.readAnew().catch((error: unknown) => ({ error }));
      const present = newcomers.filter((member) => this.coming.has(member));
      if (outcome) {
        for (const member of present) {
          member.finish(outcome);
          this.leave(member);
        }
      } else {
        for (const member of present) this.admit(member);
        await this.sendTo(present);
      }
    }
    this.welcoming = false;
  }

  /** Makes the balance as it is now the latest; or says why it cannot be read. */
  private async readAnew(): Promise<Outcome | null> {
    const source = await this.open();
    if (!(Symbol.asyncIterator in source)) return { result: source };
    const { value } = (await source.next()) as IteratorYieldResult<BalanceSnapshot>;
    await source.return?.();
    this.keepLatest(await this.inWords(value));
    return null;
  }

  private async open(): Promise<AsyncIterableIterator<BalanceSnapshot> | ExecutionResult> {
    return (await createSourceEventStream(this.args)) as AsyncIterableIterator<BalanceSnapshot> | ExecutionResult;
  }

  /** Two executions may overtake each other: version never goes back. */
  private keepLatest(update: Update): void {
    if (this.latest === null || update.version >= this.latest.version) this.latest = update;
  }

  private admit(member: Member): void {
    this.coming.delete(member);
    this.members.add(member);
  }

  private isCrowd(): boolean {
    return this.members.size >= CROWD;
  }

  private isDeserted(): boolean {
    return this.members.size === 0 && this.coming.size === 0;
  }

  /** Sends the latest to all members, and again where it is no longer the latest that the first of them were sent. */
  private async sendRounds(): Promise<void> {
    if (this.sending) return;
    this.sending = true;
    for (let toldVersion = -1; this.latest && this.latest.version > toldVersion && !this.isDeserted();) {
      toldVersion = this.latest.version;
      const startedAt = performance.now();
      await this.sendTo(this.members);
      const tookMs = performance.now() - startedAt;
      if (this.isCrowd()) await pause(Math.max(tookMs * REST, ROUND_MS - tookMs), undefined, { ref: false });
    }
    this.sending = false;
  }

  private async sendTo(members: Iterable<Member>): Promise<void> {
    let sent = 0;
    for (const member of members) {
      this.send(member);
      if ((sent += 1) % SENDS_AT_ONCE === 0) await otherWork();
    }
  }

  private send(member: Member): void {
    // It may have left, or been told the end, while others were sent to.
    if (this.latest === null || this.outcome || !this.members.has(member)) return;
    if (member.send(this.latest)) this.lagging.delete(member);
    else {
      this.lagging.add(member);
      this.look ??= setInterval(() => this.closeStuck(), LOOK_MS).unref();
    }
  }

  private closeStuck(): void {
    for (const member of this.lagging) if (member.closeIfStuck()) this.lagging.delete(member);
    if (this.lagging.size === 0) this.stopLooking();
  }

  private stopLooking(): void {
    if (this.look) clearInterval(this.look);
    this.look = null;
  }

  private end(outcome: Outcome): void {
    this.outcome = outcome;
    this.onOver();
    this.stopLooking();
    for (const member of [...this.coming, ...this.members]) member.finish(outcome);
  }

  /** The balance as the payload of a message, executed for all members at once: their role and scope are the same. */
  private async inWords(balance: BalanceSnapshot): Promise<Update> {
    const { data, errors } = await execute({ ...this.args, rootValue: balance });
    const payload = errors ? { errors: errors.map((error) => publicError(error, this.reportBug)), data } : { data };
    return { version: balance.version, payload: JSON.stringify(payload) };
  }
}

/** How a watch ended: with a last result that says why it cannot be, with an error, or because nobody was left. */
interface Outcome {
  readonly result?: ExecutionResult;
  readonly error?: unknown;
}

interface Update {
  readonly version: number;
  /** JSON text. */
  readonly payload: string;
}

/**
 * One subscription's part in a shared watch. To graphql-ws it is a stream that never has a value: the values go to the
 * socket past it, since it would put each into words again.
 */
class Member implements AsyncIterableIterator<ExecutionResult> {
  private readonly prefix: string;
  private sentVersion = -1;
  /** When the socket was given a message that it has not taken yet; null: there is none. */
  private sendingSince: number | null = null;
  private begun = false;
  private outcome: Outcome | null = null;
  private settle: { resolve(result: IteratorResult<ExecutionResult>): void; reject(error: unknown): void } | null =
    null;

  constructor(
    private readonly subscriber: Subscriber,
    private readonly watch: SharedWatch,
  ) {
    this.prefix = `{"id":${JSON.stringify(subscriber.id)},"type":"next","payload":`;
  }

  /**
   * False while the socket has no room. Room is what this subscription's own last message has left: the others of
   * the same socket, such as a long history that is being read, must not make it wait.
   */
  send({ version, payload }: Update): boolean {
    const { socket } = this.subscriber;
    if (version <= this.sentVersion || socket.readyState !== socket.OPEN) return true;
    if (this.sendingSince !== null) return false;
    this.sendingSince = performance.now();
    this.sentVersion = version;
    socket.send(`${this.prefix}${payload}}`, this.onSent);
    return true;
  }

  /** Whether the socket is being closed, since nobody reads it. */
  closeIfStuck(): boolean {
    if (this.sendingSince === null || performance.now() - this.sendingSince < PATIENCE_MS) return false;
    this.subscriber.socket.close(TOO_SLOW_CLOSE, 'Too slow');
    return true;
  }

  next(): Promise<IteratorResult<ExecutionResult>> {
    if (!this.begun) {
      this.begun = true;
      this.watch.begin(this);
    }
    return new Promise((resolve, reject) => {
      this.settle = { resolve, reject };
      if (this.outcome) this.finish(this.outcome);
    });
  }

  /** Ends the subscription from this side. */
  finish(outcome: Outcome): void {
    this.outcome = outcome;
    const { settle } = this;
    if (!settle) return;
    this.settle = null;
    if (outcome.error !== undefined) settle.reject(outcome.error);
    else if (outcome.result) settle.resolve({ done: false, value: outcome.result });
    else settle.resolve({ done: true, value: undefined });
    // The result is told once.
    this.outcome = {};
  }

  return(): Promise<IteratorResult<ExecutionResult>> {
    this.watch.leave(this);
    this.finish({});
    return Promise.resolve({ done: true, value: undefined });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return();
  }

  private readonly onSent = (): void => {
    this.sendingSince = null;
    this.watch.onRoom(this);
  };
}

/** Whether `balanceChanged` is all that is asked, without a directive that could leave it out. */
function asksForBalanceAlone({ document, operationName }: ExecutionArgs): boolean {
  const [field, ...others] = getOperationAST(document, operationName)?.selectionSet.selections ?? [];
  if (field?.kind !== Kind.FIELD || others.length > 0) return false;
  return field.name.value === 'balanceChanged' && !field.directives?.length;
}

function scopeOf({ role, ownerId, appId }: Caller): string {
  return `${role} ${ownerId ?? ''} ${appId ?? ''}`;
}
