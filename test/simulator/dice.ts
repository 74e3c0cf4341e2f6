/**
 * A source of chance that gives the same numbers for the same seed, on every machine: mulberry32, by Tommy Ettinger
 * (public domain). Math.random cannot be seeded.
 */
export class Dice {
  private state: number;

  constructor(seed: number) {
    this.state = seed >>> 0;
    // Neighbouring seeds begin alike; a few throws part them.
    for (let i = 0; i < 4; i += 1) this.next();
  }

  /** A whole number from `min` to `max`, both included. */
  between(min: number, max: number): number {
    return min + Math.floor(this.next() * (max - min + 1));
  }

  /** True `percent` times in a hundred. */
  chance(percent: number): boolean {
    return this.next() * 100 < percent;
  }

  oneOf<T>(values: readonly T[]): T {
    return values[this.between(0, values.length - 1)] as T;
  }

  /** One of the keys of `weights`, each as often as its weight says. At least one weight must be above zero. */
  weighted<K extends string>(weights: Readonly<Record<K, number>>): K {
    const entries = Object.entries(weights) as [K, number][];
    const total = entries.reduce((sum, [, weight]) => sum + weight, 0);
    let left = this.next() * total;
    for (const [key, weight] of entries) {
      left -= weight;
      if (left < 0) return key;
    }
    return (entries.findLast(([, weight]) => weight > 0) as [K, number])[0];
  }

  /** From 0 to below 1. */
  private next(): number {
    this.state = (this.state + 0x6d2b79f5) >>> 0;
    let mixed = this.state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }
}
