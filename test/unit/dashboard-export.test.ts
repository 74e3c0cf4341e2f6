/// <reference lib="dom" />
import { ReadableStream } from 'node:stream/web';
import fc from 'fast-check';
import { CSV, NDJSON, type ExportedEntry } from '../../src/balances/ledger-export.format';
import { exportLedger } from '../../src/dashboard/ledger/export/export-ledger';
import { wholeRecords } from '../../src/dashboard/ledger/export/whole-records';
import { firstAtOrAfter } from '../../src/dashboard/ledger/export/export-period';

const formats = [
  { format: CSV, quoted: true },
  { format: NDJSON, quoted: false },
];
const texts = fc.array(fc.string({ unit: fc.constantFrom('a', 'é', '"', ',', ';', '\n', '\r', '=', '{') }), {
  minLength: 1,
  maxLength: 8,
});

describe('an export that breaks off anywhere', () => {
  test.each(formats)('keeps exactly the records that are whole ($format.extension)', ({ format, quoted }) => {
    fc.assert(
      fc.property(texts, fc.nat(), fc.nat(12), (visitors, place, most) => {
        const lines = visitors.map((visitor, index) => Buffer.from(format.line(entryOf(index + 1, visitor))));
        const file = Buffer.concat(lines);
        const cut = place % (file.length + 1);
        const kept = wholeRecords(file.subarray(0, cut), { quoted, most });
        // By hand: the lines that fit, one after the other.
        let end = 0;
        let count = 0;
        for (const line of lines.slice(0, most)) {
          if (end + line.length > cut) break;
          end += line.length;
          count += 1;
        }
        expect(kept).toEqual({ end, count });
      }),
    );
  });
});

describe('an export that comes in pieces', () => {
  test.each(formats)('is the file, wherever the pieces end ($format.extension)', async ({ format, quoted }) => {
    await fc.assert(
      fc.asyncProperty(texts, fc.array(fc.nat(300), { maxLength: 20 }), fc.nat(3), async (visitors, sizes, more) => {
        const line = (visitor: string, index: number) => format.line(entryOf(index + 1, visitor));
        const whole = (quoted ? format.head : '') + visitors.map(line).join('');
        // What was committed since is in the answer too, and not what was asked for.
        const answer = Buffer.from(whole + 'more\n'.repeat(more));
        const file = await exportLedger({
          fetchFile: () => Promise.resolve(new Response(streamOf(cut(answer, sizes)))),
          ownerId: 'own_1',
          format: format.extension,
          after: 0,
          upTo: visitors.length,
          signal: new AbortController().signal,
          onProgress: () => undefined,
        });
        expect(await file.text()).toBe(whole);
      }),
    );
  });
});

describe('the first entry of a period', () => {
  it('is the first at or after its instant, and one beyond the last where there is none', async () => {
    const times = fc.array(fc.nat(20), { maxLength: 40 }).map((all) => all.sort((a, b) => a - b));
    await fc.assert(
      fc.asyncProperty(times, fc.nat(21), async (ascending, instant) => {
        const found = ascending.findIndex((at) => at >= instant);
        const timeOf = (sequence: number) => Promise.resolve(ascending[sequence - 1] as number);
        const first = await firstAtOrAfter(instant, ascending.length, timeOf);
        expect(first).toBe((found === -1 ? ascending.length : found) + 1);
      }),
    );
  });
});

function streamOf(pieces: readonly Uint8Array[]): BodyInit {
  // Node's streams can be made of anything that is iterable; the browser's types do not know that.
  return ReadableStream.from(pieces) as unknown as BodyInit;
}

function cut(bytes: Buffer, sizes: readonly number[]): Uint8Array[] {
  const pieces: Uint8Array[] = [];
  let from = 0;
  for (const size of [...sizes, bytes.length]) {
    pieces.push(new Uint8Array(bytes.subarray(from, from + size)));
    from += size;
  }
  return pieces;
}

function entryOf(sequence: number, visitor: string): ExportedEntry {
  return {
    ownerId: 1,
    sequence,
    kind: 'DEBIT',
    credits: 1,
    available: 10,
    held: 0,
    paused: 0,
    grantSequence: 1,
    actionSequence: sequence,
    at: 0,
    reason: null,
    grantSource: 'PLAN',
    action: { appId: 1, type: 'CALL_API', idempotencyKey: `key-${sequence}`, visitor },
  };
}
