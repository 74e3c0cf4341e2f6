import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import type { Client } from 'graphql-ws';
import { createSecret } from '../../src/access/api-key-secret';
import { MINUTE_MS } from '../../src/clock';
import { runService, type Running } from './process';
import { createTenant, type Tenant } from './service';
import { socketClient } from './socket';

const PATIENCE_MS = MINUTE_MS;
const RETRY_MS = 20;
/** Between two actions of one caller, so that a fleet is busy and not busy alone. */
const REST_MS = 5;

/** Processes of the built service on one database, each at a port that it keeps when it is started again. */
export class Fleet {
  private readonly adminKey = createSecret('ADMIN');
  private readonly members: { process: Running; url: string; settings: Record<string, string> }[] = [];

  constructor(private readonly databaseUrl: string) {}

  get urls(): readonly string[] {
    return this.members.map(({ url }) => url);
  }

  at(index: number): { readonly process: Running; readonly url: string } {
    const member = this.members[index];
    if (!member) throw new Error(`There is no process ${index}.`);
    return member;
  }

  async start(index: number, settings: Record<string, string> = {}): Promise<void> {
    const before = this.members[index];
    const process = runService({
      DATABASE_URL: this.databaseUrl,
      ADMIN_KEY: this.adminKey,
      PORT: before ? new URL(before.url).port : '0',
      ...settings,
    });
    const [, url] = await process.printed(/^Ready at (http:\/\/127\.0\.0\.1:\d+)\/graphql/m);
    this.members[index] = { process, url: url as string, settings };
  }

  /** Tells a process to stop with SIGTERM, and starts it again once it has ended; fails where it did not end in order. */
  async restart(index: number): Promise<void> {
    const { process, settings } = this.members[index] as (typeof this.members)[number];
    process.child.kill('SIGTERM');
    const { code } = await process.exited;
    if (code !== 0) throw new Error(`It ended with ${code}:\n${process.stdout}\n${process.stderr}`);
    await this.start(index, settings);
  }

  /** An owner with 50,000 credits, one app and its keys. */
  tenant(): Promise<Tenant> {
    const ask = async (query: string, variables = {}) => {
      const { data, errors } = await post(this.at(0).url, this.adminKey, { query, variables });
      if (errors) throw new Error(JSON.stringify(errors));
      return data;
    };
    return createTenant(ask, 'elite');
  }

  async kill(): Promise<void> {
    await Promise.all(this.members.splice(0).map(({ process }) => process.kill()));
  }
}

/** What comes one by one, and can be waited for. */
export class Seen<T> {
  readonly values: T[] = [];
  private wake: () => void = () => undefined;

  add(value: T): void {
    this.values.push(value);
    this.wake();
  }

  async until(isEnough: (values: readonly T[]) => boolean): Promise<void> {
    while (!isEnough(this.values)) await new Promise<void>((resolve) => (this.wake = resolve));
  }
}

/** Callers that perform one action after the other, and send each to another process with the same key until it is answered. */
export class Load {
  /** Of the actions that were acknowledged. */
  readonly sequences = new Seen<number>();
  /** What was answered with an error, or with nothing for a minute. */
  readonly failures: unknown[] = [];
  /** How often an action had to be sent again. */
  retries = 0;
  private ended = false;

  constructor(
    private readonly fleet: Fleet,
    private readonly appKey: string,
  ) {}

  async run(callers: number): Promise<void> {
    await Promise.all(Array.from({ length: callers }, (_, caller) => this.call(caller)));
  }

  end(): void {
    this.ended = true;
  }

  /** Waits until so many more actions are acknowledged. */
  async more(count: number): Promise<void> {
    const before = this.sequences.values.length;
    await this.sequences.until(({ length }) => length >= before + count);
  }

  /** Performs one action; fails where it is refused, or not answered for a minute. */
  async performOne(): Promise<void> {
    await this.perform(0, randomUUID());
  }

  private async call(caller: number): Promise<void> {
    while (!this.ended) {
      await this.perform(caller, randomUUID()).catch((error: unknown) => this.failures.push(error));
      await pause(REST_MS);
    }
  }

  private async perform(first: number, key: string): Promise<void> {
    const query = 'mutation ($key: ID!) { sendSms(input: { idempotencyKey: $key }) { action { sequence } } }';
    const deadline = Date.now() + PATIENCE_MS;
    for (let attempt = first; ; attempt += 1) {
      const { urls } = this.fleet;
      try {
        const { data, errors } = await post(urls[attempt % urls.length] as string, this.appKey, {
          query,
          variables: { key },
        });
        if (!errors) return this.sequences.add(data.sendSms.action.sequence as number);
        if (errors[0]?.extensions.code !== 'UNAVAILABLE') throw new Refused(JSON.stringify(errors));
      } catch (error) {
        if (error instanceof Refused || Date.now() > deadline) throw error;
      }
      this.retries += 1;
      await pause(RETRY_MS);
    }
  }
}

class Refused extends Error {}

/** A graphql-ws client that goes to the next process whenever it has lost one, and takes its subscription up again there. */
export class Watcher {
  /** What `ledgerAppended` or `balanceChanged` told: sequences or versions, as they came. */
  readonly seen = new Seen<number>();
  /** The codes that its connections were closed with, once they were made. */
  readonly closes: number[] = [];
  readonly client: Client;

  private constructor(fleet: Fleet, key: string, first: number) {
    let attempt = first - 1;
    let connected = false;
    this.client = socketClient('', key, {
      url: () => {
        attempt += 1;
        return `${(fleet.urls[attempt % fleet.urls.length] as string).replace('http', 'ws')}/graphql`;
      },
      retryAttempts: Infinity,
      shouldRetry: () => true,
      retryWait: () => pause(RETRY_MS),
      on: {
        connected: () => (connected = true),
        closed: (event) => {
          if (connected) this.closes.push((event as { code: number }).code);
          connected = false;
        },
      },
    });
  }

  static ofLedger(fleet: Fleet, ownerKey: string, first: number): Watcher {
    const watcher = new Watcher(fleet, ownerKey, first);
    const query =
      'subscription ($afterSequence: SafeInt!) { ledgerAppended(afterSequence: $afterSequence) { sequence } }';
    const variables = { afterSequence: 0 };
    watcher.subscribe<{ ledgerAppended: { sequence: number } }>({ query, variables }, ({ ledgerAppended }) => {
      variables.afterSequence = ledgerAppended.sequence;
      watcher.seen.add(ledgerAppended.sequence);
    });
    return watcher;
  }

  static ofBalance(fleet: Fleet, appKey: string, first: number): Watcher {
    const watcher = new Watcher(fleet, appKey, first);
    const query = 'subscription { balanceChanged { version } }';
    watcher.subscribe<{ balanceChanged: { version: number } }>({ query }, ({ balanceChanged }) => {
      watcher.seen.add(balanceChanged.version);
    });
    return watcher;
  }

  private subscribe<Data>(
    request: { query: string; variables?: Record<string, unknown> },
    onData: (data: Data) => void,
  ): void {
    this.client.subscribe<Data>(request, {
      next: ({ data }) => data && onData(data),
      // A number that can never be right: the test that reads it fails.
      error: () => this.seen.add(NaN),
      complete: () => undefined,
    });
  }
}

// eslint-disable-next-line @typescript-eslint/no-explicit-any -- tests read answers of many shapes
async function post(url: string, key: string, body: object): Promise<{ data: any; errors?: any }> {
  const response = await fetch(`${url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${key}` },
    body: JSON.stringify(body),
  });
  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  return (await response.json()) as { data: any; errors?: any };
}
