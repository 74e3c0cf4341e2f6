const BAR_CELLS = 30;
const LINE_INTERVAL_MS = 2_000;
/** How often whoever draws should tell how far it has come. */
export const PROGRESS_INTERVAL_MS = 100;

export interface Progress {
  readonly done: number;
  readonly total: number;
  readonly perSecond: number;
}

/** Shows progress on a terminal as a bar in place, elsewhere as a line now and then. */
export class ProgressBar {
  private toldAt = performance.now();

  constructor(
    private readonly stream: NodeJS.WriteStream,
    private readonly unit: string,
  ) {}

  show(progress: Progress): void {
    const now = performance.now();
    if (!this.stream.isTTY && now - this.toldAt < LINE_INTERVAL_MS) return;
    this.toldAt = now;
    const line = lineOf(progress, this.unit);
    // Back to the line's begin, and what was there is erased.
    this.stream.write(this.stream.isTTY ? `\r\u001b[2K${barOf(progress)} ${line}` : `${line}\n`);
  }

  end(): void {
    if (this.stream.isTTY) this.stream.write('\r\u001b[2K');
  }
}

/** Such as `12,000 of 40,000 actions, 24,000/s, 2 s left`. */
export function lineOf({ done, total, perSecond }: Progress, unit: string): string {
  const seconds = perSecond > 0 ? Math.ceil(Math.max(0, total - done) / perSecond) : 0;
  const number = (value: number) => Math.round(value).toLocaleString('en-US');
  return `${number(done)} of ${number(total)} ${unit}, ${number(perSecond)}/s, ${number(seconds)} s left`;
}

function barOf({ done, total }: Progress): string {
  const cells = Math.min(BAR_CELLS, Math.floor((BAR_CELLS * done) / Math.max(1, total)));
  return `${'█'.repeat(cells)}${'░'.repeat(BAR_CELLS - cells)}`;
}
