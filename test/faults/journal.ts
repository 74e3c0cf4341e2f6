import { open, readFile, type FileHandle } from 'node:fs/promises';

/** What the API acknowledged: an action with its receipt. */
export interface Receipt {
  readonly key: string;
  readonly actionId: string;
  readonly hold: boolean;
  readonly sequence: number;
  readonly availableAfter: number;
  readonly heldAfter: number;
}

/**
 * The callers' own record of every receipt they were given: an append-only file, flushed to the disk before a receipt counts as
 * acknowledged. Receipts that arrive during a flush share the next one.
 */
export class Journal {
  private waiting: { line: string; written: () => void; failed: (error: unknown) => void }[] = [];
  private flushing: Promise<void> | null = null;

  private constructor(
    private readonly file: FileHandle,
    private readonly path: string,
  ) {}

  static async create(path: string): Promise<Journal> {
    return new Journal(await open(path, 'ax'), path);
  }

  /** Resolves when the receipt is on the disk. */
  append(receipt: Receipt): Promise<void> {
    return new Promise((written, failed) => {
      this.waiting.push({ line: `${JSON.stringify(receipt)}\n`, written, failed });
      this.flushing ??= this.flush();
    });
  }

  /** Every receipt, as the file has it. */
  async read(): Promise<Receipt[]> {
    await this.flushing;
    const lines = (await readFile(this.path, 'utf8')).split('\n');
    return lines.filter(Boolean).map((line) => JSON.parse(line) as Receipt);
  }

  async close(): Promise<void> {
    await this.flushing;
    await this.file.close();
  }

  private async flush(): Promise<void> {
    while (this.waiting.length > 0) {
      const batch = this.waiting.splice(0);
      try {
        await this.file.appendFile(batch.map(({ line }) => line).join(''));
        await this.file.datasync();
        for (const { written } of batch) written();
      } catch (error) {
        for (const { failed } of batch) failed(error);
      }
    }
    this.flushing = null;
  }
}
