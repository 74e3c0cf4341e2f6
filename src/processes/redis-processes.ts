import { randomBytes } from 'node:crypto';
import type { Redis, RedisOptions } from 'ioredis';
import type { PoolMark } from '../balances/balance-feed';
import { SECOND_MS } from '../clock';
import { messageOf, textOf } from './message';

/** What other processes say is heard by this. None of it may throw or wait. */
export interface OtherProcessesListener {
  onCommitted(mark: PoolMark): void;
  onCurtailed(): void;
  /** Messages may have been lost: whatever they could have said must be looked up. */
  onGap(): void;
}

/** The least time between two messages: commits of the same pool within it are told as one, the latest. A lone commit is told at once. */
const GATHER_MS = 25;
const MARKS_PER_MESSAGE = 500;
/** More than are ever gathered while one message is under way; whatever is dropped is found by looking at the pools. */
const MOST_GATHERED = 10_000;
const CONNECT_TIMEOUT_MS = 2 * SECOND_MS;
/** A connection that says nothing for so long, although it is asked something every second, is taken for lost. */
const SILENCE_MS = 3 * SECOND_MS;
const LOOK_MS = SECOND_MS;
const LONGEST_RETRY_MS = SECOND_MS;
const FAREWELL_MS = 500;

/**
 * The processes on one database, told apart from themselves, over Redis pub/sub. What is said is a hint and is kept nowhere:
 * while Redis is away nothing is said, queued or waited for, and once it is back everything counts as missed.
 */
export class RedisProcesses {
  private readonly name = randomBytes(12).toString('base64url');
  private readonly gathered = new Map<number, PoolMark>();
  private curtailed = false;
  private timer: NodeJS.Timeout | null = null;
  private sentAt = -Infinity;
  private sending: Promise<void> | null = null;
  private look: NodeJS.Timeout | null = null;
  private listener: OtherProcessesListener | null = null;
  /** Connections that do not do what they are for. */
  private readonly faults = new Set<Redis>();
  /** When a connection was asked for a sign of life that it has not given yet. */
  private readonly askedAt = new Map<Redis, number>();

  private constructor(
    private readonly publisher: Redis,
    private readonly subscriber: Redis,
    private readonly parts: { channel: string; tellOperator(line: string): void },
  ) {}

  /** Prepares the connections without opening them. The client is loaded here, so that who needs no Redis does not load it. */
  static async prepare(
    url: string,
    parts: { channel: string; tellOperator(line: string): void },
  ): Promise<RedisProcesses> {
    const { Redis } = await import('ioredis');
    const connection = () => new Redis(url, CONNECTION_OPTIONS);
    return new RedisProcesses(connection(), connection(), parts);
  }

  /** Begins to connect, and goes on trying for as long as it takes. Waits for nothing: the service works without. */
  listen(listener: OtherProcessesListener): void {
    this.listener = listener;
    for (const connection of [this.publisher, this.subscriber]) {
      // Without a listener, an error would end the process.
      connection.on('error', (error: Error) => this.noteFault(connection, reasonOf(error)));
      connection.on('close', () => {
        this.askedAt.delete(connection);
        this.noteFault(connection, 'the connection was closed');
      });
      // The client asks by itself whether the server is ready.
      connection.on('connect', () => this.askedAt.set(connection, performance.now()));
      connection.on('ready', () => this.askedAt.delete(connection));
    }
    this.publisher.on('ready', () => this.noteRecovery(this.publisher));
    this.subscriber.on('ready', () => void this.subscribe());
    this.subscriber.on('message', (_channel: string, text: string) => this.receive(text));
    for (const connection of [this.publisher, this.subscriber]) connection.connect().catch(() => undefined);
    this.look = setInterval(() => this.lookAtConnections(), LOOK_MS).unref();
  }

  /** Tells the others where a pool stands. Waits for nothing and never fails. */
  tellCommitted({ ownerId, version, lastSequence }: PoolMark): void {
    if (this.publisher.status !== 'ready') return;
    if (this.gathered.size >= MOST_GATHERED && !this.gathered.has(ownerId)) return;
    this.gathered.set(ownerId, { ownerId, version, lastSequence });
    this.sendSoon();
  }

  /** Tells the others to look at keys again. Waits for nothing and never fails. */
  tellCurtailed(): void {
    if (this.publisher.status !== 'ready') return;
    this.curtailed = true;
    this.sendSoon();
  }

  /** Says what is still to be said, where that is quick, and disconnects. */
  async stop(): Promise<void> {
    if (this.look) clearInterval(this.look);
    let farewell: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => (farewell = setTimeout(resolve, FAREWELL_MS)));
    await Promise.race([this.sending?.then(() => this.send()) ?? this.send(), late]);
    clearTimeout(farewell);
    if (this.timer) clearTimeout(this.timer);
    this.listener = null;
    for (const connection of [this.publisher, this.subscriber]) connection.disconnect();
  }

  private sendSoon(): void {
    if (this.timer || this.sending) return;
    this.timer = setTimeout(
      () => {
        this.timer = null;
        this.sending = this.send().finally(() => {
          this.sending = null;
          if (this.gathered.size > 0 || this.curtailed) this.sendSoon();
        });
      },
      Math.max(this.sentAt + GATHER_MS - performance.now(), 0),
    );
  }

  private async send(): Promise<void> {
    const marks = [...this.gathered.values()];
    const { curtailed } = this;
    this.sentAt = performance.now();
    this.gathered.clear();
    this.curtailed = false;
    for (let start = 0; start < marks.length || (curtailed && start === 0); start += MARKS_PER_MESSAGE) {
      const committed = marks.slice(start, start + MARKS_PER_MESSAGE);
      const text = textOf({ from: this.name, committed, curtailed: curtailed && start === 0 });
      try {
        await this.publisher.publish(this.parts.channel, text);
      } catch (error) {
        // It may be that it was said, and that nobody heard: the others look at the pools that they watch by themselves.
        return this.noteFault(this.publisher, reasonOf(error as Error));
      }
      this.noteRecovery(this.publisher);
    }
  }

  private receive(text: string): void {
    const message = messageOf(text);
    if (!this.listener || !message || message.from === this.name) return;
    for (const mark of message.committed) this.listener.onCommitted(mark);
    if (message.curtailed) this.listener.onCurtailed();
  }

  private async subscribe(): Promise<void> {
    try {
      await this.subscriber.subscribe(this.parts.channel);
    } catch (error) {
      return this.noteFault(this.subscriber, reasonOf(error as Error));
    }
    this.noteRecovery(this.subscriber);
    this.listener?.onGap();
  }

  /** Notices a connection that has gone silent, and tries again to subscribe where that was refused. */
  private lookAtConnections(): void {
    for (const connection of [this.publisher, this.subscriber]) {
      const askedAt = this.askedAt.get(connection);
      if (askedAt !== undefined && performance.now() - askedAt >= SILENCE_MS) {
        this.noteFault(connection, 'it does not answer');
        connection.disconnect(true);
      } else if (askedAt === undefined && connection.status === 'ready') this.ask(connection);
    }
    if (this.subscriber.status === 'ready' && this.faults.has(this.subscriber)) void this.subscribe();
  }

  private ask(connection: Redis): void {
    this.askedAt.set(connection, performance.now());
    const onAnswer = () => void this.askedAt.delete(connection);
    // A refusal is an answer, too; a connection that is lost is asked again once it is another one.
    connection.ping().then(onAnswer, onAnswer);
  }

  private noteFault(connection: Redis, reason: string): void {
    const wasSound = this.faults.size === 0;
    if (!this.listener || this.faults.has(connection)) return;
    this.faults.add(connection);
    if (wasSound) {
      this.parts.tellOperator(
        `Redis is out of reach (${reason}): what other processes do is seen within a few seconds instead of at once.`,
      );
    }
  }

  private noteRecovery(connection: Redis): void {
    if (this.faults.delete(connection) && this.faults.size === 0) this.parts.tellOperator('Redis is back.');
  }
}

const CONNECTION_OPTIONS: RedisOptions = {
  lazyConnect: true,
  // What cannot be said now is not said later: it would be old news, and a queue without bound.
  enableOfflineQueue: false,
  autoResendUnfulfilledCommands: false,
  maxRetriesPerRequest: 0,
  // `subscribe` does it, and tells that something may have been missed.
  autoResubscribe: false,
  connectTimeout: CONNECT_TIMEOUT_MS,
  disableClientInfo: true,
  connectionName: 'integration-credits',
  // Spread, so that all processes do not come back in the same instant.
  retryStrategy: (times) => Math.min(50 * 2 ** times, LONGEST_RETRY_MS) * (0.5 + Math.random() / 2),
};

/** One line without the URL, which holds the password. */
function reasonOf(error: Error & { code?: string }): string {
  return (error.code ?? error.message.split('\n', 1)[0]) || error.name;
}
