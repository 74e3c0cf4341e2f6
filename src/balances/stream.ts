import { DomainError } from '../errors';

/** The pull side of a subscription: `next` waits for a value, `return` ends it at once, also while `next` is waiting. */
abstract class Stream<T> implements AsyncIterableIterator<T> {
  private waiting: ((result: IteratorResult<T>) => void) | null = null;
  private failWaiting: ((error: unknown) => void) | null = null;
  private closed = false;

  constructor(private readonly onClose: () => void) {}

  /** Takes the next value that is ready; undefined: there is none yet. */
  protected abstract take(): T | undefined;
  /** Why the stream ended by itself; null: it did not. */
  protected abstract failure(): Error | null;

  next(): Promise<IteratorResult<T>> {
    if (this.closed) return Promise.resolve({ done: true, value: undefined });
    const failure = this.failure();
    if (failure) {
      this.close();
      return Promise.reject(failure);
    }
    const value = this.take();
    if (value !== undefined) return Promise.resolve({ done: false, value });
    return new Promise((resolve, reject) => {
      this.waiting = resolve;
      this.failWaiting = reject;
    });
  }

  return(): Promise<IteratorResult<T>> {
    this.close();
    this.waiting?.({ done: true, value: undefined });
    this.waiting = null;
    return Promise.resolve({ done: true, value: undefined });
  }

  throw(error: unknown): Promise<IteratorResult<T>> {
    this.close();
    return Promise.reject(error as Error);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return();
  }

  /** Hands over what has become ready to whoever is waiting. */
  protected wake(): void {
    if (!this.waiting || this.closed) return;
    const failure = this.failure();
    const value = failure ? undefined : this.take();
    if (!failure && value === undefined) return;
    const { waiting, failWaiting } = this;
    this.waiting = this.failWaiting = null;
    if (failure) {
      this.close();
      failWaiting?.(failure);
    } else waiting({ done: false, value: value as T });
  }

  private close(): void {
    if (this.closed) return;
    this.closed = true;
    this.onClose();
  }
}

/** One slot for the latest value: a slow reader skips what it missed and never holds up the writer. Versions only rise. */
export class LatestValue<T extends { readonly version: number }> extends Stream<T> {
  private latest: T | undefined;
  private seenVersion = -1;

  offer(value: T): void {
    if (value.version <= this.seenVersion) return;
    this.seenVersion = value.version;
    this.latest = value;
    this.wake();
  }

  protected take(): T | undefined {
    const value = this.latest;
    this.latest = undefined;
    return value;
  }

  protected failure(): null {
    return null;
  }
}

/** Every value in order. A reader that is more than `limit` values behind is ended with an error, not thinned out. */
export class BoundedQueue<T> extends Stream<T> {
  private readonly queue: T[] = [];
  private overflow: Error | null = null;

  constructor(
    private readonly limit: number,
    onClose: () => void,
  ) {
    super(onClose);
  }

  offer(value: T): void {
    this.offerAll([value]);
  }

  /** What comes at once is taken at once: a reader that is up to date is not slow because one commit was large. */
  offerAll(values: readonly T[]): void {
    if (this.overflow || values.length === 0) return;
    if (this.queue.length >= this.limit) {
      this.overflow = new DomainError('LIMIT_REACHED', 'The subscriber is too slow: subscribe again.');
      this.queue.length = 0;
    } else this.queue.push(...values);
    this.wake();
  }

  protected take(): T | undefined {
    return this.queue.shift();
  }

  protected failure(): Error | null {
    return this.overflow;
  }
}
