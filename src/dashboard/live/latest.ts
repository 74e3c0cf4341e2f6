/** A value that others watch; told at most once per animation frame, however often it is set, so that a burst costs one render. */
export class Latest<T> {
  private readonly listeners = new Set<() => void>();
  private frame: number | null = null;

  constructor(private shown: T) {}

  /** What the page shows: the value as of the last frame. */
  readonly value = (): T => this.shown;

  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => void this.listeners.delete(listener);
  };

  private pending: T | null = null;

  /** The value from the next frame on. In a hidden tab there are no frames; nobody looks, and the last one wins. */
  set(value: T): void {
    this.pending = value;
    this.frame ??= requestAnimationFrame(() => {
      this.frame = null;
      this.shown = this.pending as T;
      for (const listener of this.listeners) listener();
    });
  }

  stop(): void {
    if (this.frame !== null) cancelAnimationFrame(this.frame);
    this.frame = null;
  }
}
