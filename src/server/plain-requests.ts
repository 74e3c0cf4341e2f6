import { HeaderMap, type ApolloServer } from '@apollo/server';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { UncheckedContext } from '../graphql/context';

const JSON_TYPE = 'application/json; charset=utf-8';
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

interface PlainBody {
  readonly query: string;
  readonly variables?: Record<string, unknown> | null;
  readonly operationName?: string | null;
}

/** The body of a POST of nothing but a query, variables and an operation's name, as nearly all clients send it; else null. */
export function plainBodyOf({ method, headers, body }: FastifyRequest): PlainBody | null {
  if (method !== 'POST' || !CONTENT_TYPES.has(headers.accept) || !isRecord(body)) return null;
  for (const name in body) if (name !== 'query' && name !== 'variables' && name !== 'operationName') return null;
  const { query, variables, operationName } = body;
  if (typeof query !== 'string' || query === '') return null;
  if (variables !== undefined && variables !== null && !isRecord(variables)) return null;
  if (operationName !== undefined && operationName !== null && typeof operationName !== 'string') return null;
  return body as unknown as PlainBody;
}

/**
 * Has Apollo answer a plain request, and answers as its own HTTP layer would: what that layer would find out about such a
 * request is known before. (A body that was read as JSON has a content type that no form can send.)
 */
export async function answerPlain(
  apollo: ApolloServer<UncheckedContext>,
  { query, variables, operationName }: PlainBody,
  { request, reply, contextValue }: { request: FastifyRequest; reply: FastifyReply; contextValue: UncheckedContext },
): Promise<string> {
  const response = await apollo.executeOperation(
    {
      query,
      ...(variables && { variables }),
      // An empty name is a name, of no operation.
      ...(typeof operationName === 'string' && { operationName }),
      http: { method: 'POST', headers: headersOf(request), search: '', body: request.body },
    },
    { contextValue },
  );
  const { http, body } = response;
  if (body.kind !== 'single') throw new Error('The schema has nothing that is delivered in parts.');
  void reply.code(http.status ?? 200).header('content-type', CONTENT_TYPES.get(request.headers.accept));
  for (const [name, value] of http.headers) void reply.header(name, value);
  const { errors, data, extensions } = body.singleResult;
  return `${JSON.stringify({ errors, data, extensions })}\n`;
}

function headersOf({ headers }: FastifyRequest): HeaderMap {
  const map = new HeaderMap();
  for (const name in headers) {
    const value = headers[name];
    if (value) map.set(name, Array.isArray(value) ? value.join(', ') : value);
  }
  return map;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
