const QUOTE = 0x22;
const LINE_FEED = 0x0a;

/** Which lines of an exported ledger are whole. */
export interface WholeRecords {
  /** Where the last of them ends, in bytes. */
  readonly end: number;
  readonly count: number;
}

/**
 * Counts the records that are whole in `bytes`, which begin with one; at most `most`. A record ends with a line feed; in CSV
 * (`quoted`) those between quotes are part of a cell. In UTF-8 neither byte is ever part of another letter.
 */
export function wholeRecords(bytes: Uint8Array, { quoted, most }: { quoted: boolean; most: number }): WholeRecords {
  let end = 0;
  let count = 0;
  let inQuotes = false;
  for (let index = 0; index < bytes.length && count < most; index += 1) {
    const byte = bytes[index];
    if (quoted && byte === QUOTE) inQuotes = !inQuotes;
    else if (byte === LINE_FEED && !inQuotes) {
      end = index + 1;
      count += 1;
    }
  }
  return { end, count };
}
