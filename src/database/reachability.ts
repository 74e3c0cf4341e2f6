import type { Deadlines } from './deadlines';

/**
 * Whether the database answers. A loss makes it doubtful: then it is asked, again and again, until it answers. Where
 * it has not done so for the time of a failover, it counts as away, and callers are refused at once instead of
 * waiting in turn for something that is not there. The first answer ends that.
 */
export class Reachability {
  /** Raised when connections that were made before are not to be trusted any more. */
  generation = 0;
  private readonly listeners = new Set<(away: boolean, reason: unknown) => void>();
  private doubtedSince: number | null = null;
  private away: { readonly reason: unknown } | null = null;
  private nextRound: NodeJS.Timeout | undefined;
  private closed = false;

  /**
   * `ask` resolves once the database has answered, whatever it said, and rejects where it does not, or cannot serve.
   */
  constructor(
    private readonly ask: (limitMs: number) => Promise<unknown>,
    private readonly deadlines: Pick<Deadlines, 'probeMs' | 'probeIntervalMs' | 'graceMs'>,
    private readonly random: () => number = Math.random,
  ) {}

  get isAway(): boolean {
    return this.away !== null;
  }

  /** What was found when it was last asked; null while it is not away. */
  get reason(): unknown {
    return this.away?.reason ?? null;
  }

  /** Calls `listener` whenever the database goes away or comes back. */
  onChange(listener: (away: boolean, reason: unknown) => void): void {
    this.listeners.add(listener);
  }

  /** A connection of this generation was lost: those that were made with it may be as dead, and silent about it. */
  lost(generation: number): void {
    if (generation === this.generation) this.generation += 1;
    this.doubt();
  }

  /** Something takes too long, or failed: the database is asked. */
  doubt(): void {
    if (this.doubtedSince !== null || this.closed) return;
    this.doubtedSince = performance.now();
    this.round();
  }

  close(): void {
    this.closed = true;
    this.believe();
  }

  /** Rounds overlap: an answer that is not coming must not delay the question that will be answered. */
  private round(): void {
    const askedAt = performance.now();
    this.ask(this.deadlines.probeMs).then(
      () => this.believe(),
      (error: unknown) => this.miss(error, askedAt),
    );
    const spread = 0.75 + this.random() / 2;
    this.nextRound = setTimeout(() => this.round(), this.deadlines.probeIntervalMs * spread).unref();
  }

  private believe(): void {
    clearTimeout(this.nextRound);
    this.doubtedSince = null;
    if (!this.away) return;
    this.away = null;
    if (!this.closed) this.tell();
  }

  private miss(reason: unknown, askedAt: number): void {
    // Of an earlier doubt that has been settled since.
    if (this.doubtedSince === null || askedAt < this.doubtedSince) return;
    if (this.away) this.away = { reason };
    else if (performance.now() - this.doubtedSince >= this.deadlines.graceMs) {
      this.away = { reason };
      this.generation += 1;
      this.tell();
    }
  }

  private tell(): void {
    for (const listener of this.listeners) listener(this.isAway, this.reason);
  }
}
