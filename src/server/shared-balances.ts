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
/** From so many watchers on, a round of sends is followed by a pause as long as itself, so that debits get half the time. */
const CROWD = 200;
/** How soon a socket that had no room is tried again, and how long it may have none. */
const RETRY_MS = 50;
const PATIENCE_MS = 30_000;
/** A retryable code: what closes with it may come back and starts with the latest balance. */
const TOO_SLOW_CLOSE = 1013;
const LONGEST_VARIABLES = 1_000;

/** A subscription as the socket that sent it knows it. */
export interface Subscriber {
  readonly socket: WebSocket;
  readonly id: string;
}

/**
 * Subscriptions of balances, of which many may ask the same: an update is executed and put into words once for all whose
 * document, operation, variables, role and scope are equal, and each gets the latest one that its socket has room for.
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
  private readonly members = new Set<Member>();
  private readonly lagging = new Set<Member>();
  private source: AsyncIterableIterator<BalanceSnapshot> | null = null;
  private latest: Update | null = null;
  private retry: NodeJS.Timeout | null = null;
  private outcome: Outcome | null = null;

  constructor(
    private readonly args: ExecutionArgs,
    private readonly reportBug: ReportBug,
    private readonly onOver: () => void,
  ) {}

  join(subscriber: Subscriber): AsyncIterableIterator<ExecutionResult> {
    const member = new Member(subscriber, {
      // graphql-ws has begun to listen: before, a message of this id would say nothing to the client.
      onBegin: () => this.begin(member),
      onEnd: () => this.leave(member),
    });
    this.members.add(member);
    return member;
  }

  /** Sends each balance that comes, the latest where they come faster than they can be sent, until nobody is left. */
  async run(): Promise<void> {
    try {
      const source = await createSourceEventStream(this.args);
      // Its arguments are refused, such as an owner that is not the caller's.
      if (!(Symbol.asyncIterator in source)) return this.end({ result: source });
      this.source = source as AsyncIterableIterator<BalanceSnapshot>;
      if (this.members.size === 0) await this.source.return?.();
      for await (const balance of this.source) {
        this.latest = await this.inWords(balance);
        const startedAt = performance.now();
        await this.sendToAll(this.latest);
        if (this.members.size >= CROWD) await pause(performance.now() - startedAt, undefined, { ref: false });
      }
      this.end({});
    } catch (error) {
      this.end({ error });
    }
  }

  private begin(member: Member): void {
    if (this.outcome) member.finish(this.outcome);
    else if (this.latest) this.send(member, this.latest);
  }

  private async sendToAll(update: Update): Promise<void> {
    let sent = 0;
    for (const member of this.members) {
      this.send(member, update);
      if ((sent += 1) % SENDS_AT_ONCE === 0) await otherWork();
    }
  }

  private send(member: Member, update: Update): void {
    if (member.send(update)) this.lagging.delete(member);
    else {
      this.lagging.add(member);
      this.retry ??= setInterval(() => this.sendToLagging(), RETRY_MS).unref();
    }
  }

  /** Sockets without room get what is the latest when they have some; those that never have are closed. */
  private sendToLagging(): void {
    const { latest } = this;
    if (latest) for (const member of this.lagging) this.send(member, latest);
    if (this.lagging.size > 0 || !this.retry) return;
    clearInterval(this.retry);
    this.retry = null;
  }

  private leave(member: Member): void {
    this.members.delete(member);
    this.lagging.delete(member);
    if (this.members.size > 0 || this.outcome) return;
    // Whoever comes from now on starts anew; before the source is open, `run` looks whether anybody is left.
    this.onOver();
    void this.source?.return?.();
  }

  private end(outcome: Outcome): void {
    this.outcome = outcome;
    this.onOver();
    if (this.retry) clearInterval(this.retry);
    for (const member of this.members) member.finish(outcome);
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
 * One subscription's part in a shared watch. To graphql-ws it is a stream that never has a value: the values go to the socket
 * past it, since it would put each into words again.
 */
class Member implements AsyncIterableIterator<ExecutionResult> {
  private readonly prefix: string;
  private sentVersion = -1;
  private fullSince = 0;
  private begun = false;
  private outcome: Outcome | null = null;
  private settle: { resolve(result: IteratorResult<ExecutionResult>): void; reject(error: unknown): void } | null =
    null;

  constructor(
    private readonly subscriber: Subscriber,
    private readonly hooks: { onBegin(): void; onEnd(): void },
  ) {
    this.prefix = `{"id":${JSON.stringify(subscriber.id)},"type":"next","payload":`;
  }

  /** False where the socket has no room: what is older than the next update is then never sent. */
  send({ version, payload }: Update): boolean {
    const { socket } = this.subscriber;
    if (!this.begun || version <= this.sentVersion || socket.readyState !== socket.OPEN) return true;
    if (socket.bufferedAmount > 0) {
      this.fullSince ||= performance.now();
      if (performance.now() - this.fullSince > PATIENCE_MS) socket.close(TOO_SLOW_CLOSE, 'Too slow');
      return false;
    }
    this.fullSince = 0;
    this.sentVersion = version;
    socket.send(`${this.prefix}${payload}}`);
    return true;
  }

  next(): Promise<IteratorResult<ExecutionResult>> {
    if (!this.begun) {
      this.begun = true;
      this.hooks.onBegin();
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
    this.hooks.onEnd();
    this.finish({});
    return Promise.resolve({ done: true, value: undefined });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return();
  }
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
