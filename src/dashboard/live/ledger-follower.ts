import type { Client as SocketClient } from 'graphql-ws';
import type { TypedDocumentNode } from '@graphql-typed-document-node/core';
import { stringifyDocument } from 'urql';

const AGAIN_AFTER_MS = 1_000;

interface Followed<Entry> {
  readonly socket: SocketClient;
  /** A subscription to `ledgerAppended` with `$afterSequence`. */
  readonly document: TypedDocumentNode<{ ledgerAppended: Entry }, { ownerId: string; afterSequence: number }>;
  readonly ownerId: string;
  readonly afterSequence: number;
  /** What arrived since the last call, ascending, at most once per animation frame. */
  onEntries(entries: readonly Entry[]): void;
}

/**
 * Follows an owner's ledger from a sequence on, without gap or repeat, across lost connections: each subscription begins
 * after the last entry that arrived. Returns how to stop it.
 */
export function followLedger<Entry extends { readonly sequence: number }>(followed: Followed<Entry>): () => void {
  const { socket, ownerId, onEntries } = followed;
  let last = followed.afterSequence;
  let arrived: Entry[] = [];
  let frame: number | null = null;
  let again: number | undefined;
  let stopped = false;
  let unsubscribe: () => void = () => undefined;
  const flush = () => {
    frame = null;
    onEntries(arrived);
    arrived = [];
  };
  const take = (entry: Entry) => {
    if (entry.sequence <= last) return;
    last = entry.sequence;
    arrived.push(entry);
    frame ??= requestAnimationFrame(flush);
  };
  // graphql-ws writes the payload anew for each connection, so that a reconnect asks for what came after the last entry.
  const variables = {
    ownerId,
    get afterSequence() {
      return last;
    },
  };
  const begin = () => {
    const retry = () => void (stopped || (again = window.setTimeout(begin, AGAIN_AFTER_MS)));
    unsubscribe = socket.subscribe<{ ledgerAppended: Entry }>(
      { query: stringifyDocument(followed.document), variables },
      // A watcher that was too slow is ended with LIMIT_REACHED, and continues where it was.
      { next: ({ data }) => void (data && take(data.ledgerAppended)), error: retry, complete: retry },
    );
  };
  begin();
  return () => {
    stopped = true;
    unsubscribe();
    window.clearTimeout(again);
    if (frame !== null) cancelAnimationFrame(frame);
  };
}
