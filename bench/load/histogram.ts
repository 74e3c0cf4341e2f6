/** Latencies in buckets 1 % apart, from 1 µs to about 1,000 s: bounded memory however long the run. */
export class Histogram {
  private readonly counts = new Float64Array(BUCKETS);
  private total = 0;

  record(milliseconds: number): void {
    const bucket = Math.floor(Math.log(Math.max(milliseconds * 1000, 1)) / LOG_STEP);
    this.counts[Math.min(bucket, BUCKETS - 1)]! += 1;
    this.total += 1;
  }

  /** The latency in milliseconds that the given fraction (0 to 1) of the answers did not exceed; 0 without answers. */
  quantile(fraction: number): number {
    let remaining = Math.ceil(this.total * fraction);
    if (remaining === 0) return 0;
    for (let bucket = 0; bucket < BUCKETS; bucket += 1) {
      remaining -= this.counts[bucket]!;
      if (remaining <= 0) return Math.exp((bucket + 0.5) * LOG_STEP) / 1000;
    }
    throw new Error('a histogram lost some of its records');
  }
}

const LOG_STEP = Math.log(1.01);
const BUCKETS = 2100;
