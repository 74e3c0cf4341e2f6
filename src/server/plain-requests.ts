import { isUtf8 } from 'node:buffer';
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import { HeaderMap, type ApolloServer, type HTTPGraphQLRequest } from '@apollo/server';
import type { UncheckedContext } from '../graphql/context';
import { LIMITS } from '../graphql/limits';

export const JSON_TYPE = 'application/json; charset=utf-8';
const GRAPHQL_TYPE = 'application/graphql-response+json; charset=utf-8';

/** What Apollo makes of the Accept headers that browsers, fetch, axios, curl and GraphQL clients send. */
const CONTENT_TYPES = new Map<string | undefined, string>([
  [undefined, JSON_TYPE],
  ['*/*', JSON_TYPE],
  ['application/json', JSON_TYPE],
  ['application/json, */*', JSON_TYPE],
  ['application/json, text/plain, */*', JSON_TYPE],
  ['application/graphql-response+json, application/json', GRAPHQL_TYPE],
  ['application/graphql-response+json,application/json;q=0.9', GRAPHQL_TYPE],
]);

/** The content types of bodies that are read here. No form can send them, so Apollo has nothing to prevent. */
const BODY_TYPES: ReadonlySet<string | undefined> = new Set([
  'application/json',
  'application/json; charset=utf-8',
  'application/json;charset=utf-8',
  'application/json; charset=UTF-8',
  'application/json;charset=UTF-8',
]);

/** The parts of JSON in which a property may be named so that it changes a prototype, or in which letters are disguised. */
const SUSPICIOUS = ['__proto__', 'constructor', '\\u'];

interface PlainBody {
  readonly query: string;
  readonly variables?: Record<string, unknown> | null;
  readonly operationName?: string | null;
}

/** What goes back to the client, besides what every answer has. */
interface Answer {
  readonly status: number;
  /** Content-Type among them: names and values in turn, as node takes them. */
  readonly headers: readonly string[];
  readonly text: string;
}

export interface PlainRequestsParts {
  readonly apollo: ApolloServer<UncheckedContext>;
  /** The path of GraphQL. */
  readonly path: string;
  /** Throws a GraphQLError where the key cannot be looked up. */
  contextOf(headers: IncomingHttpHeaders): Promise<UncheckedContext>;
  /** The answer to a request that failed by a bug, in JSON. */
  failureOf(error: unknown): { readonly status: number; readonly text: string };
  /** Answers every other request. */
  answerOther(request: IncomingMessage, response: ServerResponse): void;
}

/**
 * Answers a POST of a query, variables and an operation's name, as nearly all clients send it, as Fastify and Apollo's HTTP layer
 * would: what they would find out about such a request is known before. Every other request is theirs, with its body unread.
 */
export class PlainRequests {
  constructor(private readonly parts: PlainRequestsParts) {}

  /** Answers a request, or has it answered. */
  take(request: IncomingMessage, response: ServerResponse): void {
    const { method, url, headers } = request;
    const length = Number(headers['content-length']);
    const isPlain =
      method === 'POST' &&
      url === this.parts.path &&
      BODY_TYPES.has(headers['content-type']) &&
      CONTENT_TYPES.has(headers.accept) &&
      length > 0 &&
      length <= LIMITS.bodyBytes;
    if (isPlain) this.read(request, response, length);
    else this.parts.answerOther(request, response);
  }

  /** Reads a body of `length` bytes. A client that goes away before they are all there gets no answer. */
  private read(request: IncomingMessage, response: ServerResponse, length: number): void {
    const chunks: Buffer[] = [];
    let missing = length;
    const onData = (chunk: Buffer) => {
      chunks.push(chunk);
      missing -= chunk.length;
      if (missing > 0) return;
      const body = chunks.length === 1 ? chunk : Buffer.concat(chunks);
      const plain = isUtf8(body) ? plainBodyOf(body.toString()) : null;
      if (plain) return void this.answer(request, response, plain);
      // Before the stream has ended, what was read can be put back: Fastify sees the request as it came.
      request.off('data', onData).pause().unshift(body);
      this.parts.answerOther(request, response);
    };
    request.on('data', onData);
  }

  private async answer(request: IncomingMessage, response: ServerResponse, body: PlainBody): Promise<void> {
    try {
      send(response, await this.answerTo(request, body));
    } catch (error) {
      send(response, { ...this.parts.failureOf(error), headers: ['content-type', JSON_TYPE] });
    }
  }

  private async answerTo(request: IncomingMessage, body: PlainBody): Promise<Answer> {
    const http = new PlainHttpRequest(request.headers, body);
    let contextValue: UncheckedContext;
    try {
      contextValue = await this.parts.contextOf(request.headers);
    } catch (error) {
      return this.withoutContext(http, error);
    }
    const { query, variables, operationName } = body;
    const response = await this.parts.apollo.executeOperation(
      // An empty name is a name, of no operation.
      { query, variables: variables ?? undefined, operationName: operationName ?? undefined, http },
      { contextValue },
    );
    const { http: head, body: result } = response;
    if (result.kind !== 'single') throw new Error('The schema has nothing that is delivered in parts.');
    const { errors, data, extensions } = result.singleResult;
    const headers = ['content-type', CONTENT_TYPES.get(request.headers.accept) as string];
    for (const [name, value] of head.headers) headers.push(name, value);
    return { status: head.status ?? 200, headers, text: `${JSON.stringify({ errors, data, extensions })}\n` };
  }

  /** Apollo's HTTP layer says what is wrong with a context. */
  private async withoutContext(httpGraphQLRequest: HTTPGraphQLRequest, error: unknown): Promise<Answer> {
    const context = () => Promise.reject(error as Error);
    const { apollo } = this.parts;
    const { status = 200, headers, body } = await apollo.executeHTTPGraphQLRequest({ httpGraphQLRequest, context });
    if (body.kind !== 'complete') throw new Error('A refusal is not delivered in parts.');
    return { status, headers: [...headers].flat(), text: body.string };
  }
}

/** What Apollo's plugins may ask of a plain request. None of ours does, so its headers are copied only then. */
class PlainHttpRequest implements HTTPGraphQLRequest {
  readonly method = 'POST';
  readonly search = '';
  private map: HeaderMap | null = null;

  constructor(
    private readonly received: IncomingHttpHeaders,
    readonly body: PlainBody,
  ) {}

  get headers(): HeaderMap {
    return (this.map ??= headerMapOf(this.received));
  }
}

function headerMapOf(headers: IncomingHttpHeaders): HeaderMap {
  const map = new HeaderMap();
  for (const name in headers) {
    const value = headers[name];
    if (value) map.set(name, Array.isArray(value) ? value.join(', ') : value);
  }
  return map;
}

/** Null for what is no JSON, or not that of a plain request. */
function plainBodyOf(text: string): PlainBody | null {
  for (const part of SUSPICIOUS) if (text.includes(part)) return null;
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    return null;
  }
  if (!isRecord(body)) return null;
  for (const name in body) if (name !== 'query' && name !== 'variables' && name !== 'operationName') return null;
  const { query, variables, operationName } = body;
  if (typeof query !== 'string' || query === '') return null;
  if (variables !== undefined && variables !== null && !isRecord(variables)) return null;
  if (operationName !== undefined && operationName !== null && typeof operationName !== 'string') return null;
  return body as unknown as PlainBody;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function send(response: ServerResponse, { status, headers, text }: Answer): void {
  const length = String(Buffer.byteLength(text));
  // Any origin, as for all that Fastify answers (http.ts).
  response.writeHead(status, ['access-control-allow-origin', '*', ...headers, 'content-length', length]);
  response.end(text);
}
