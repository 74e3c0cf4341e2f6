const FIRST_WAIT_MS = 250;
const LONGEST_WAIT_MS = 15_000;
const NORMAL_CLOSE = 1000;

export type ConnectionState =
  | { readonly status: 'idle' | 'connecting' | 'live' }
  /** `retryAt` in milliseconds since 1970; null while a try is under way. */
  | { readonly status: 'lost'; readonly since: number; readonly retryAt: number | null };

/** How the live connection is, as React's useSyncExternalStore reads it; and how long to wait before the next try. */
export class Connection {
  private current: ConnectionState = { status: 'idle' };
  private readonly life = new AbortController();
  private readonly listeners = new Set<() => void>();
  private cut: () => void = () => undefined;
  private hurry: (() => void) | null = null;

  constructor() {
    // What was lost for want of a network comes back with it, and at once.
    const { signal } = this.life;
    window.addEventListener('online', () => this.retryNow(), { signal });
    window.addEventListener('offline', () => this.terminate(), { signal });
    const seen = () => document.visibilityState === 'visible' && this.retryNow();
    document.addEventListener('visibilitychange', seen, { signal });
  }

  /** Listens to the browser no more. */
  close(): void {
    this.life.abort();
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => void this.listeners.delete(listener);
  };

  readonly state = (): ConnectionState => this.current;

  /** Ends the wait before the next try. */
  readonly retryNow = (): void => this.hurry?.();

  opening(): void {
    this.become(this.current.status === 'lost' ? { ...this.current, retryAt: null } : { status: 'connecting' });
  }

  /** Takes what ends the socket at once, without waiting for an answer to its close. */
  attach(cut: () => void): void {
    this.cut = cut;
  }

  opened(): void {
    this.become({ status: 'live' });
  }

  closed(code: number): void {
    if (code === NORMAL_CLOSE) return this.become({ status: 'idle' });
    if (this.current.status !== 'lost') this.become({ status: 'lost', since: Date.now(), retryAt: null });
  }

  /** Gives up a connection that is dead but was never closed. */
  terminate(): void {
    this.cut();
  }

  /** Resolves when the next try is due: twice as long each time, with jitter, at most 15 s; or when told to hurry. */
  waitBeforeRetry(retries: number): Promise<void> {
    const longest = Math.min(FIRST_WAIT_MS * 2 ** retries, LONGEST_WAIT_MS);
    const waitMs = longest * (0.5 + Math.random() / 2);
    if (this.current.status === 'lost') this.become({ ...this.current, retryAt: Date.now() + waitMs });
    return new Promise((resolve) => {
      const done = () => {
        window.clearTimeout(timer);
        this.hurry = null;
        resolve();
      };
      const timer = window.setTimeout(done, waitMs);
      this.hurry = done;
    });
  }

  private become(state: ConnectionState): void {
    this.current = state;
    for (const listener of this.listeners) listener();
  }
}
