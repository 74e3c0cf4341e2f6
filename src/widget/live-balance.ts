import { type Client, createClient } from 'graphql-ws/client';

/** What a PUBLISHABLE key may read of its owner's pool, as the API names it. */
export interface Balance {
  readonly available: number;
  readonly held: number;
  readonly paused: number;
  readonly usedThisPeriod: number;
  readonly allowance: number;
  /** ISO 8601, in UTC. */
  readonly resetsAt: string;
  readonly version: number;
}

/**
 * LIVE: pushed over a socket. DELAYED: asked for now and then, since sockets do not get through. RECONNECTING: the
 * balance, if there is one, is the last known. REFUSED: the key, or this page's origin, is not allowed.
 */
export type ReadingStatus = 'CONNECTING' | 'LIVE' | 'DELAYED' | 'RECONNECTING' | 'REFUSED';

export interface Reading {
  readonly status: ReadingStatus;
  readonly balance: Balance | null;
}

export interface Source {
  /** An http or https URL of the API's GraphQL. */
  readonly endpoint: string;
  /** A PUBLISHABLE key: what it may read may be seen by everyone. */
  readonly key: string;
}

export type Watcher = (reading: Reading) => void;

const FIELDS = '{ available held paused usedThisPeriod allowance resetsAt version }';
const FORBIDDEN_CLOSE = 4403;
const REFUSALS = ['UNAUTHENTICATED', 'FORBIDDEN'];
const OPENING_MS = 10_000;
/** The server pings every 12 seconds: after this much silence the connection is dead, whatever the browser believes. */
const SILENCE_MS = 40_000;
const POLL_MS = 15_000;
const RETRY_MS = { lost: { first: 1_000, most: 60_000 }, refused: { first: 30_000, most: 600_000 } };

const shared = new Map<string, LiveBalance>();

/**
 * Tells the balance now and whenever it changes, until the function that is returned is called. All who watch one
 * source on a page share one socket.
 */
export function watchBalance(source: Source, watcher: Watcher): () => void {
  const name = JSON.stringify([source.endpoint, source.key]);
  let live = shared.get(name);
  if (!live) shared.set(name, (live = new LiveBalance(source)));
  const watched = live;
  watched.add(watcher);
  return () => {
    watched.remove(watcher);
    // An element that is moved within the page is removed and added again at once: its socket stays.
    queueMicrotask(() => {
      if (!watched.isWatched && shared.get(name) === watched) {
        shared.delete(name);
        watched.close();
      }
    });
  };
}

/** Tries a socket; where none gets through, asks over HTTP; waits, longer each time; and so on until it is closed. */
class LiveBalance {
  private readonly watchers = new Set<Watcher>();
  private reading: Reading = { status: 'CONNECTING', balance: null };
  private client: Client | null = null;
  private failures = 0;
  private retry: ReturnType<typeof setTimeout> | undefined;
  private deadline: ReturnType<typeof setTimeout> | undefined;
  private closed = false;

  constructor(private readonly source: Source) {
    this.connect();
  }

  get isWatched(): boolean {
    return this.watchers.size > 0;
  }

  add(watcher: Watcher): void {
    this.watchers.add(watcher);
    watcher(this.reading);
  }

  remove(watcher: Watcher): void {
    this.watchers.delete(watcher);
  }

  close(): void {
    this.closed = true;
    clearTimeout(this.retry);
    this.disconnect();
  }

  private connect(): void {
    const { endpoint, key } = this.source;
    const client = createClient({
      url: endpoint.replace(/^http/, 'ws'),
      connectionParams: { authorization: `Bearer ${key}` },
      // This class retries, so that all kinds of failures share one pace.
      retryAttempts: 0,
      on: { connected: () => this.expectWithin(SILENCE_MS), message: () => this.expectWithin(SILENCE_MS) },
    });
    this.client = client;
    this.expectWithin(OPENING_MS);
    let failed = false;
    const fail = (cause: unknown) => {
      if (failed || this.client !== client) return;
      failed = true;
      void this.recover(isRefusal(cause));
    };
    client.subscribe<{ balanceChanged: Balance }>(
      { query: `subscription { balanceChanged ${FIELDS} }` },
      {
        next: ({ data, errors }) => {
          if (this.client !== client) return;
          if (!data) return fail(errors);
          this.failures = 0;
          this.show({ status: 'LIVE', balance: data.balanceChanged });
        },
        error: fail,
        complete: () => fail(null),
      },
    );
  }

  /** Gives the socket up unless something comes within this time. */
  private expectWithin(limitMs: number): void {
    clearTimeout(this.deadline);
    const { client } = this;
    this.deadline = setTimeout(() => {
      if (this.client !== client) return;
      client?.terminate();
      void this.recover(false);
    }, limitMs);
  }

  private disconnect(): void {
    const { client } = this;
    this.client = null;
    clearTimeout(this.deadline);
    // It waits for a socket that is being opened, which may fail: nobody is interested any more.
    void Promise.resolve(client?.dispose()).catch(() => undefined);
  }

  private async recover(refused: boolean): Promise<void> {
    this.disconnect();
    this.failures += 1;
    if (refused) this.show({ status: 'REFUSED', balance: null });
    else if (this.reading.status === 'LIVE') this.show({ ...this.reading, status: 'RECONNECTING' });
    // Once may be a restart; twice, and sockets may be blocked on the way.
    const polled = !refused && this.failures > 1 ? await this.poll() : null;
    if (this.closed) return;
    if (polled) this.show(polled);
    const { first, most } = RETRY_MS[this.reading.status === 'REFUSED' ? 'refused' : 'lost'];
    const delayMs = Math.min(first * 2 ** (this.failures - 1), polled?.status === 'DELAYED' ? POLL_MS : most);
    // Spread, so that all pages of a site do not come back to a restarted server in one instant.
    this.retry = setTimeout(() => this.connect(), delayMs * (0.75 + Math.random() / 2));
  }

  private async poll(): Promise<Reading> {
    const { endpoint, key } = this.source;
    const { balance } = this.reading;
    try {
      const response = await fetch(endpoint, {
        method: 'POST',
        headers: { 'content-type': 'application/json', authorization: `Bearer ${key}` },
        credentials: 'omit',
        body: JSON.stringify({ query: `{ balance ${FIELDS} }` }),
        signal: AbortSignal.timeout(OPENING_MS),
      });
      const { data, errors } = (await response.json()) as { data?: { balance: Balance } | null; errors?: unknown };
      if (data) return { status: 'DELAYED', balance: data.balance };
      if (isRefusal(errors)) return { status: 'REFUSED', balance: null };
    } catch {
      // Out of reach: what is known stays.
    }
    return { status: 'RECONNECTING', balance };
  }

  private show(reading: Reading): void {
    this.reading = reading;
    for (const watcher of [...this.watchers]) watcher(reading);
  }
}

/** Whether a close event or GraphQL errors say that the key, or this origin, is not allowed. */
function isRefusal(cause: unknown): boolean {
  if (Array.isArray(cause)) {
    return cause.some((error) =>
      REFUSALS.includes((error as { extensions?: { code: string } }).extensions?.code ?? ''),
    );
  }
  return (cause as { code?: unknown } | null)?.code === FORBIDDEN_CLOSE;
}
