/** What a time zone's clocks show, from ICU itself: a calendar that is not the code's. */
export class WallClock {
  private static readonly known = new Map<string, WallClock>();
  private readonly format: Intl.DateTimeFormat;

  private constructor(timeZone: string) {
    this.format = new Intl.DateTimeFormat('en-CA', {
      ...{ timeZone, hourCycle: 'h23', timeZoneName: 'longOffset' },
      ...{ year: 'numeric', month: '2-digit', day: '2-digit', hour: '2-digit', minute: '2-digit', second: '2-digit' },
    });
  }

  static of(timeZone: string): WallClock {
    const clock = this.known.get(timeZone) ?? new WallClock(timeZone);
    this.known.set(timeZone, clock);
    return clock;
  }

  /** The month, the date, or the hour with its distance from UTC, which tells the two apart that have one name. */
  label(interval: 'HOUR' | 'DAY' | 'MONTH', instant: number): string {
    const shown = this.format.format(instant);
    if (interval === 'HOUR') return `${shown.slice(0, 14)} ${this.offset(instant)}`;
    return shown.slice(0, interval === 'DAY' ? 10 : 7);
  }

  /** Such as GMT+02:00. */
  offset(instant: number): string {
    return this.format.format(instant).slice(22);
  }

  /** When the clock is set between two instants, of which there is at most one; null: it is not. */
  changeBetween(from: number, to: number): number | null {
    if (this.offset(from) === this.offset(to)) return null;
    let [low, high] = [from, to];
    while (high - low > 1) {
      const middle = Math.floor((low + high) / 2);
      if (this.offset(middle) === this.offset(from)) low = middle;
      else high = middle;
    }
    return high;
  }
}
