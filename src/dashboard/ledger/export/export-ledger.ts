import { ExportFailed, exportErrorOf } from './export-error';
import { wholeRecords } from './whole-records';

export type ExportFormat = 'csv' | 'ndjson';

const TYPES: Readonly<Record<ExportFormat, string>> = { csv: 'text/csv', ndjson: 'application/x-ndjson' };
const MOST_ATTEMPTS = 6;
const FIRST_WAIT_MS = 500;
/** Pieces are put together now and then, so that the browser may keep them on its disk. */
const PIECE_BYTES = 4_000_000;

interface Asked {
  readonly fetchFile: (path: string, signal: AbortSignal) => Promise<Response>;
  readonly ownerId: string;
  readonly format: ExportFormat;
  /** The entries after this sequence, up to and including the other, which is committed. */
  readonly after: number;
  readonly upTo: number;
  readonly signal: AbortSignal;
  /** How many entries are here. */
  onProgress(entries: number): void;
}

/**
 * Fetches a part of a ledger as one file. Where the connection is lost it goes on after the last whole entry, up to five
 * times in a row without any progress. Fails with ExportFailed, or with the reason of `signal`.
 */
export async function exportLedger(asked: Asked): Promise<Blob> {
  const { after, upTo, signal, format } = asked;
  const file = new GrowingFile(TYPES[format]);
  let entries = 0;
  for (let attempt = 1; ; attempt += 1) {
    const before = entries;
    try {
      for await (const piece of piecesOf(asked, { after: after + entries, headed: !file.empty })) {
        file.add(piece.bytes);
        entries += piece.entries;
        asked.onProgress(entries);
      }
      if (entries === upTo - after) return file.whole();
      throw new ExportFailed(null);
    } catch (error) {
      signal.throwIfAborted();
      if (entries > before) attempt = 1;
      if (attempt === MOST_ATTEMPTS || (error instanceof ExportFailed && error.final)) throw error;
      await waitBefore(attempt, signal);
    }
  }
}

/** Whole records as they come, of one response; it is left when the last one that is wanted is there. `headed`: without its header. */
async function* piecesOf(asked: Asked, part: { after: number; headed: boolean }) {
  const { ownerId, format, upTo } = asked;
  const quoted = format === 'csv';
  let wanted = upTo - part.after;
  let headers = quoted ? 1 : 0;
  if (wanted === 0 && part.headed) return;
  const left = new AbortController();
  try {
    const query = new URLSearchParams({ ownerId, afterSequence: String(part.after) });
    const signal = AbortSignal.any([asked.signal, left.signal]);
    const response = await asked.fetchFile(`/ledger.${format}?${query}`, signal);
    if (!response.ok || !response.body) throw await exportErrorOf(response);
    let rest = new Uint8Array();
    for await (const chunk of chunksOf(response.body)) {
      const bytes = joined(rest, chunk);
      const { end, count } = wholeRecords(bytes, { quoted, most: wanted + headers });
      const header = headers === 1 && count > 0 ? wholeRecords(bytes, { quoted, most: 1 }).end : 0;
      const entries = header > 0 ? count - headers : count;
      yield { bytes: bytes.slice(part.headed ? header : 0, end), entries };
      if (header > 0) headers = 0;
      wanted -= entries;
      if (wanted === 0 && headers === 0) return;
      rest = bytes.slice(end);
    }
  } finally {
    left.abort();
  }
}

/** Not every browser can iterate a stream. */
async function* chunksOf(body: ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array> {
  const reader = body.getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    yield value;
  }
}

function joined(first: Uint8Array, second: Uint8Array): Uint8Array {
  if (first.length === 0) return second;
  const bytes = new Uint8Array(first.length + second.length);
  bytes.set(first);
  bytes.set(second, first.length);
  return bytes;
}

function waitBefore(attempt: number, signal: AbortSignal): Promise<void> {
  const waitMs = FIRST_WAIT_MS * 2 ** (attempt - 1) * (0.5 + Math.random() / 2);
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, waitMs);
    const give = () => {
      clearTimeout(timer);
      reject(signal.reason as Error);
    };
    signal.addEventListener('abort', give, { once: true });
  });
}

/** Bytes that grow to a file. */
class GrowingFile {
  private parts: BlobPart[] = [];
  private looseBytes = 0;

  constructor(private readonly type: string) {}

  get empty(): boolean {
    return this.parts.length === 0;
  }

  add(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    this.parts.push(bytes as Uint8Array<ArrayBuffer>);
    this.looseBytes += bytes.length;
    if (this.looseBytes < PIECE_BYTES) return;
    this.parts = [new Blob(this.parts)];
    this.looseBytes = 0;
  }

  whole(): Blob {
    return new Blob(this.parts, { type: this.type });
  }
}
