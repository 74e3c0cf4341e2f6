import { NoFreeConnection } from './failure';

/** Lets so many of a kind go on at a time; the others wait, but not for ever, and not too many of them. */
export class Turns {
  private taken = 0;
  private readonly waiting = new Set<() => void>();

  constructor(
    private readonly bounds: { readonly atOnce: number; readonly waiting: number; readonly waitMs: number },
  ) {}

  /** Runs `work` when it is its turn. Fails with NoFreeConnection where that does not come in time. */
  async take<T>(work: () => Promise<T>): Promise<T> {
    if (this.taken >= this.bounds.atOnce) await this.wait();
    else this.taken += 1;
    try {
      return await work();
    } finally {
      const [next] = this.waiting;
      // The turn is handed on, so that nobody who comes now slips in between.
      if (next) next();
      else this.taken -= 1;
    }
  }

  private wait(): Promise<void> {
    if (this.waiting.size >= this.bounds.waiting) throw new NoFreeConnection();
    return new Promise((resolve, reject) => {
      const begin = () => {
        clearTimeout(giveUp);
        this.waiting.delete(begin);
        resolve();
      };
      const giveUp = setTimeout(() => {
        this.waiting.delete(begin);
        reject(new NoFreeConnection());
      }, this.bounds.waitMs);
      this.waiting.add(begin);
    });
  }
}
