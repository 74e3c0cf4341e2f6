/** What a test did and saw, for the lines that it prints at its end. */
export class Report {
  faults = 0;
  acknowledged = 0;
  refused = 0;
  /** Attempts whose outcome the caller could not know: UNAVAILABLE, a broken connection, no answer in time. */
  unknown = 0;
  /** Keys that were sent again until there was an answer. */
  retried = 0;
  longestAnswerMs = 0;
  private readonly inFlight: number[] = [];
  private readonly verified = new Map<string, number>();

  /** Counts a fault, and how many requests were under way at that moment. */
  fault(inFlight: number): void {
    this.faults += 1;
    this.inFlight.push(inFlight);
  }

  answered(tookMs: number): void {
    this.longestAnswerMs = Math.max(this.longestAnswerMs, tookMs);
  }

  /** Counts `times` checks of one kind, which all held. */
  verify(what: string, times = 1): void {
    if (times > 0) this.verified.set(what, (this.verified.get(what) ?? 0) + times);
  }

  /** The lines of the report; `unit` is what this test's faults are. */
  lines(unit: string): string[] {
    const spread = [...this.inFlight].sort((a, b) => a - b);
    const at = (share: number) => spread[Math.floor((spread.length - 1) * share)] ?? 0;
    const counts = [
      `${count(this.faults)} ${unit}`,
      `in flight at each: min ${at(0)}, median ${at(0.5)}, max ${at(1)}`,
      `${count(this.acknowledged)} acknowledged`,
      `${count(this.unknown)} unknown`,
      `${count(this.retried)} retried`,
      `${count(this.refused)} refused`,
      `longest answer ${(this.longestAnswerMs / 1_000).toFixed(1)} s`,
    ];
    return [counts.join(' · '), ...[...this.verified].map(([what, times]) => `verified ${count(times)}×: ${what}`)];
  }
}

function count(value: number): string {
  return value.toLocaleString('en-US');
}
