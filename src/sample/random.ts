/** Numbers that look random and are the same for the same seed, so that a sample can be made again. */
export interface SeededRandom {
  /** From 0 up to, not including, 1. */
  fraction(): number;
  /** A whole number from 0 up to, not including, `below`. */
  below(below: number): number;
  /**
   * The index of a weight, chosen as often as its share of the sum. `cumulative` are the sums of the weights up to
   * each.
   */
  weighted(cumulative: readonly number[]): number;
}

/** Mulberry32: 32 bits of state, fast, and good enough for samples; not for secrets. */
export function seededRandom(seed: number): SeededRandom {
  let state = seed >>> 0;
  const fraction = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let bits = Math.imul(state ^ (state >>> 15), state | 1);
    bits ^= bits + Math.imul(bits ^ (bits >>> 7), bits | 61);
    return ((bits ^ (bits >>> 14)) >>> 0) / 2 ** 32;
  };
  return {
    fraction,
    below: (below) => Math.floor(fraction() * below),
    weighted: (cumulative) => firstAbove(cumulative, fraction() * (cumulative.at(-1) ?? 0)),
  };
}

/** The running sums of weights, as `weighted` takes them. */
export function cumulativeOf(weights: readonly number[]): number[] {
  let sum = 0;
  return weights.map((weight) => (sum += weight));
}

function firstAbove(cumulative: readonly number[], value: number): number {
  let low = 0;
  let high = cumulative.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((cumulative[middle] as number) > value) high = middle;
    else low = middle + 1;
  }
  return low;
}
