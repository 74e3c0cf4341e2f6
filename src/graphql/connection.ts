import { badUserInput } from '../errors';
import { PAGE_LIMIT } from './limits';

/** A page as the Relay specification has it. */
export interface Connection<T> {
  readonly edges: readonly { readonly cursor: string; readonly node: T }[];
  readonly pageInfo: {
    readonly hasNextPage: boolean;
    readonly hasPreviousPage: boolean;
    readonly startCursor: string | null;
    readonly endCursor: string | null;
  };
}

export interface PageRequest {
  /** 1 to 100. */
  readonly first: number;
  readonly after?: string | null | undefined;
}

/**
 * Reads one page of rows that are ordered by a number. A cursor is that number, so that it stays good while rows are added.
 * `read` gets the number to continue from (null: from the start) and how many rows to read: one more than the page has.
 */
export async function connectionOf<Row, Node>(
  request: PageRequest,
  options: {
    read(after: number | null, limit: number): Promise<readonly Row[]>;
    positionOf(row: Row): number;
    nodeOf(row: Row): Node;
  },
): Promise<Connection<Node>> {
  const { first, after } = request;
  if (first < 1 || first > PAGE_LIMIT) {
    throw badUserInput([{ path: 'first', message: `must be a whole number from 1 to ${PAGE_LIMIT}` }]);
  }
  const start = after === null || after === undefined ? null : readCursor(after);
  const rows = await options.read(start, first + 1);
  const edges = rows.slice(0, first).map((row) => ({
    cursor: cursorOf(options.positionOf(row)),
    node: options.nodeOf(row),
  }));
  return {
    edges,
    pageInfo: {
      hasNextPage: rows.length > first,
      hasPreviousPage: start !== null,
      startCursor: edges[0]?.cursor ?? null,
      endCursor: edges.at(-1)?.cursor ?? null,
    },
  };
}

function cursorOf(position: number): string {
  return Buffer.from(`at:${position}`).toString('base64url');
}

function readCursor(cursor: string): number {
  const position = Number(/^at:(\d{1,16})$/.exec(Buffer.from(cursor, 'base64url').toString())?.[1] ?? NaN);
  if (!Number.isSafeInteger(position) || cursorOf(position) !== cursor) {
    throw badUserInput([{ path: 'after', message: 'is not a cursor of this list' }]);
  }
  return position;
}
