import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Authentication } from '../access/authentication';
import { type Caller, forbidden, unauthenticated } from '../access/caller';
import type { LedgerExport, LedgerExports } from '../balances/ledger-export';
import { CSV, type ExportFormat, NDJSON } from '../balances/ledger-export.format';
import { MINUTE_MS, SECOND_MS } from '../clock';
import { badUserInput, DomainError, type ErrorCode } from '../errors';
import { MANAGERS } from '../graphql/access';
import { publicError, type ReportBug } from '../graphql/public-error';
import { publicId } from '../public-id';

export interface LedgerExportParts {
  readonly authentication: Pick<Authentication, 'authenticate'>;
  readonly ledgerExports: LedgerExports;
  readonly reportBug: ReportBug;
  /** How long a client may take nothing before its place is given to another one. */
  readonly idleMs?: number;
}

const IDLE_MS = MINUTE_MS;
const METHODS = ['GET', 'HEAD'];
const OTHER_METHODS = ['POST', 'PUT', 'PATCH', 'DELETE', 'TRACE'];

const STATUS: Partial<Record<ErrorCode, number>> = {
  BAD_USER_INPUT: 400,
  UNAUTHENTICATED: 401,
  FORBIDDEN: 403,
  NOT_FOUND: 404,
  RATE_LIMITED: 429,
  UNAVAILABLE: 503,
};

/** GET /ledger.csv and /ledger.ndjson: a ledger as a file, to ADMIN and OWNER keys. */
export function addLedgerExport(fastify: FastifyInstance, parts: LedgerExportParts): void {
  for (const format of [CSV, NDJSON]) {
    const url = `/ledger.${format.extension}`;
    fastify.route({
      method: METHODS,
      url,
      exposeHeadRoute: false,
      handler: (request, reply) => answer(request, reply, { ...parts, format }),
      errorHandler: (error, _request, reply) => void answerError(error, reply, parts.reportBug),
    });
    fastify.route({
      method: OTHER_METHODS,
      url,
      // Before the body is looked at: what it is does not matter.
      onRequest: async (_request, reply) => refuseMethod(reply),
      handler: (_request, reply) => refuseMethod(reply),
    });
  }
}

/** Everything that can be refused is refused before the first byte, with a status; after it, a failure cuts the connection. */
async function answer(
  request: FastifyRequest,
  reply: FastifyReply,
  parts: LedgerExportParts & { readonly format: ExportFormat },
): Promise<void> {
  reply.headers({ 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' });
  const { authorization, origin } = request.headers;
  const readCaller = async () => allowedCaller(await parts.authentication.authenticate({ authorization, origin }));
  const asked = { caller: await readCaller(), ...readQuery(request.query) };
  const begun = await parts.ledgerExports.begin(asked.caller, asked);
  try {
    const pieces = begun.pieces(parts.format);
    const head = await firstOf(pieces);
    reply.type(parts.format.contentType).header('content-disposition', dispositionOf(begun, asked, parts.format));
    if (request.method === 'HEAD') {
      await reply.send();
      return;
    }
    reply.hijack();
    reply.raw.writeHead(200, reply.getHeaders() as Record<string, string>);
    await send(reply.raw, begun, { ...parts, head, pieces, assertAllowed: readCaller });
  } finally {
    begun.end();
  }
}

/** The head and the first entries: a database that does not answer is told by a status, not by a cut connection. */
async function firstOf(pieces: AsyncGenerator<string, void>): Promise<string> {
  const head = await pieces.next();
  const entries = await pieces.next();
  return (head.value ?? '') + (entries.value ?? '');
}

/** Writes piece by piece, and reads the next one when the client has taken the last one. Resolves when the connection is done. */
async function send(
  response: ServerResponse,
  begun: LedgerExport,
  parts: LedgerExportParts & {
    readonly head: string;
    readonly pieces: AsyncGenerator<string, void>;
    assertAllowed(): Promise<unknown>;
  },
): Promise<void> {
  // A client that left while the first entries were read is not told of any more.
  if (response.destroyed) return;
  const closed = new Promise((resolve) => response.once('close', resolve));
  response.once('close', () => begun.end()).on('error', () => begun.end());
  response.setTimeout(parts.idleMs ?? IDLE_MS, () => begun.end());
  begun.signal.addEventListener('abort', () => cut(response), { once: true });
  if (begun.signal.aborted) return cut(response);
  try {
    await write(response, parts.head, begun.signal);
    for await (const piece of parts.pieces) {
      // A key that was revoked or has expired since gets nothing more, as on a socket.
      await parts.assertAllowed();
      await write(response, piece, begun.signal);
    }
    if (!begun.signal.aborted) response.end();
  } catch (error) {
    if (!begun.signal.aborted) publicError(error, parts.reportBug);
    begun.end();
  }
  await closed;
}

async function write(response: ServerResponse, text: string, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  if (text !== '' && !response.write(text)) await once(response, 'drain', { signal });
}

/**
 * Resets the connection of a file that is not whole. Closing it would do over HTTP/1.1, where the last chunk is missing then; over
 * HTTP/1.0, which proxies speak, the end of the connection is the end of the file.
 */
function cut(response: ServerResponse): void {
  if (!response.writableFinished) response.socket?.resetAndDestroy();
}

/** UNAUTHENTICATED, FORBIDDEN. */
function allowedCaller(caller: Caller | DomainError | null): Caller {
  if (caller instanceof DomainError) throw caller;
  if (!caller) throw unauthenticated();
  if (!(MANAGERS as readonly string[]).includes(caller.role)) throw forbidden();
  return caller;
}

/** BAD_USER_INPUT. Names are the caller's too: those that are not known are not repeated. */
function readQuery(query: unknown): { ownerId: string | null; afterSequence: number } {
  const { ownerId = null, afterSequence = '0', ...others } = query as Record<string, string | string[]>;
  if (Object.keys(others).length > 0) {
    throw badUserInput([{ path: 'query', message: 'has ownerId and afterSequence, and nothing else' }]);
  }
  if (Array.isArray(ownerId)) throw badUserInput([{ path: 'ownerId', message: 'must be given once' }]);
  const sequence = typeof afterSequence === 'string' && /^\d{1,16}$/.test(afterSequence) ? Number(afterSequence) : NaN;
  if (!Number.isSafeInteger(sequence)) {
    const message = `must be one whole number from 0 to ${Number.MAX_SAFE_INTEGER}`;
    throw badUserInput([{ path: 'afterSequence', message }]);
  }
  return { ownerId, afterSequence: sequence };
}

/** The file's name says whose ledger it is and where it begins, so that files that continue one another can be told apart. */
function dispositionOf(
  { ownerId }: LedgerExport,
  { afterSequence }: { afterSequence: number },
  { extension }: ExportFormat,
): string {
  const part = afterSequence > 0 ? `-after-${afterSequence}` : '';
  return `attachment; filename="ledger-${publicId('owner', ownerId)}${part}.${extension}"`;
}

function answerError(error: unknown, reply: FastifyReply, reportBug: ReportBug): FastifyReply {
  const failure = publicError(error, reportBug);
  const { code, retryAfterMs } = failure.extensions as { code: ErrorCode; retryAfterMs?: number };
  if (code === 'UNAUTHENTICATED') reply.header('www-authenticate', 'Bearer');
  if (retryAfterMs !== undefined) reply.header('retry-after', Math.ceil(retryAfterMs / SECOND_MS));
  return sendErrors(reply.code(STATUS[code] ?? 500), [failure]);
}

function refuseMethod(reply: FastifyReply): FastifyReply {
  const code: ErrorCode = 'BAD_USER_INPUT';
  return sendErrors(reply.code(405).header('allow', 'GET, HEAD, OPTIONS'), [
    { message: 'A ledger is exported with GET.', extensions: { code, problems: [] } },
  ]);
}

function sendErrors(reply: FastifyReply, errors: readonly object[]): FastifyReply {
  return reply.type('application/json; charset=utf-8').send(JSON.stringify({ errors }));
}
