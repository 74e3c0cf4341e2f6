import type { Client } from 'urql';
import { EntryTimeDocument, LedgerEndDocument } from '../ledger.generated';

/** From an instant on, up to before another, in milliseconds since 1970; null: no limit. */
export interface Period {
  readonly from: number | null;
  readonly to: number | null;
}

/** The entries after a sequence, up to and including another. */
export interface EntryRange {
  readonly after: number;
  readonly upTo: number;
}

/**
 * The entries of a period. The API finds entries by their number only; they never go back in time, so that some twenty
 * look-ups find the first one of an instant. Fails with the API's error, and when `signal` is aborted.
 */
export async function entriesOf(
  client: Client,
  ownerId: string,
  { from, to }: Period,
  signal: AbortSignal,
): Promise<EntryRange> {
  const end = await client.query(LedgerEndDocument, { ownerId }, { requestPolicy: 'network-only' }).toPromise();
  if (!end.data) throw end.error as Error;
  const last = end.data.balance.lastSequence;
  const timeOf = async (sequence: number): Promise<number> => {
    signal.throwIfAborted();
    const variables = { ownerId, afterSequence: sequence - 1 };
    const { data, error } = await client.query(EntryTimeDocument, variables).toPromise();
    const entry = data?.ledger.edges[0]?.node;
    if (!entry) throw error ?? new Error(`Entry ${sequence} is not there.`);
    return Date.parse(entry.at);
  };
  const after = from === null ? 0 : (await firstAtOrAfter(from, last, timeOf)) - 1;
  const upTo = to === null ? last : (await firstAtOrAfter(to, last, timeOf)) - 1;
  return { after, upTo: Math.max(after, upTo) };
}

/** The number of the first entry at or after an instant; one beyond the last where there is none. */
export async function firstAtOrAfter(
  instant: number,
  last: number,
  timeOf: (sequence: number) => Promise<number>,
): Promise<number> {
  let low = 1;
  let high = last + 1;
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    if ((await timeOf(middle)) < instant) low = middle + 1;
    else high = middle;
  }
  return low;
}
