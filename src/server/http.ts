import type { IncomingHttpHeaders } from 'node:http';
import { isUtf8 } from 'node:buffer';
import { ApolloServer, HeaderMap, type ApolloServerPlugin, type GraphQLRequestListener } from '@apollo/server';
import {
  ApolloServerPluginCacheControlDisabled,
  ApolloServerPluginLandingPageDisabled,
} from '@apollo/server/plugin/disabled';
import { fastifyApolloHandler } from '@as-integrations/fastify';
import cors from '@fastify/cors';
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import { GraphQLError, type GraphQLSchema, type ValidationRule } from 'graphql';
import type { Authentication } from '../access/authentication';
import { isTransient } from '../database/failure';
import { badUserInput, DomainError, type ErrorCode } from '../errors';
import { checkAccess } from '../graphql/access';
import type { RequestContext, UncheckedContext } from '../graphql/context';
import { LIMITS } from '../graphql/limits';
import { PreparedDebits } from '../graphql/prepared-debits';
import { publicError, type ReportBug } from '../graphql/public-error';
import { addDashboard } from './dashboard';
import { LastAnswers } from './last-answers';
import { addLedgerExport, type LedgerExportParts } from './ledger-export';
import { JSON_TYPE, PlainRequests } from './plain-requests';
import { addWidget } from './widget';

export const GRAPHQL_PATH = '/graphql';
const REQUEST_TIMEOUT_MS = 30_000;

export interface HttpParts {
  readonly schema: GraphQLSchema;
  readonly rules: readonly ValidationRule[];
  readonly introspection: boolean;
  readonly authentication: Authentication;
  readonly live: RequestContext['live'];
  readonly ledgerExports: LedgerExportParts['ledgerExports'];
  readonly reportBug: ReportBug;
  /** The explorer's page; null: configured off. Rendered when it is first asked for. */
  readonly explorer: (() => string) | null;
  /** The folder of the dashboard's built files; null: it was not built; undefined: configured off. */
  readonly dashboard?: string | null;
  /** Whether pages get the script of `<credit-meter>`. */
  readonly widget: boolean;
  isReady(): Promise<boolean>;
}

export interface HttpServer {
  readonly fastify: FastifyInstance;
  readonly apollo: ApolloServer<UncheckedContext>;
  readonly lastAnswers: LastAnswers;
}

/** Statuses of requests that were refused as a whole, before anything was executed. */
const REQUEST_STATUS: Partial<Record<ErrorCode, number>> = { UNAUTHENTICATED: 401, FORBIDDEN: 403 };

/** HTTP: queries and mutations at /graphql, ledgers as files, the explorer at /, the dashboard, health and readiness. */
export async function createHttpServer(parts: HttpParts): Promise<HttpServer> {
  const apollo = createApollo(parts);
  await apollo.start();
  const lastAnswers = new LastAnswers();
  const fastify = Fastify({
    http: { ServerResponse: lastAnswers.ServerResponse },
    bodyLimit: LIMITS.bodyBytes,
    // Idle keep-alive connections do not hold up a stop; requests in flight are finished.
    forceCloseConnections: 'idle',
    return503OnClosing: false,
    // A body that does not come ends; debits take milliseconds.
    requestTimeout: REQUEST_TIMEOUT_MS,
    logger: false,
    // A path that cannot be decoded fails before there is a route.
    frameworkErrors: (error, _request, reply) => void answerFailure(error, reply, parts.reportBug),
    routerOptions: { ignoreTrailingSlash: true },
  });
  lastAnswers.watch(fastify.server);
  // Any origin, without credentials: keys are headers, never cookies (hazard 14).
  await fastify.register(cors, {
    origin: '*',
    methods: ['GET', 'POST', 'OPTIONS'],
    allowedHeaders: ['authorization', 'content-type', 'apollo-require-preflight'],
    maxAge: 86_400,
  });
  readJsonAsUtf8(fastify);
  fastify.setErrorHandler((error, _request, reply) => answerFailure(error, reply, parts.reportBug));
  fastify.setNotFoundHandler((_request, reply) =>
    reply.code(404).send({
      errors: [{ message: `There is nothing here; GraphQL is at ${GRAPHQL_PATH}.`, extensions: { code: 'NOT_FOUND' } }],
    }),
  );
  addGraphql(fastify, apollo, parts);
  addLedgerExport(fastify, parts);
  addHealth(fastify, parts);
  if (parts.dashboard !== undefined) await addDashboard(fastify, parts.dashboard);
  if (parts.widget) addWidget(fastify);
  return { fastify, apollo, lastAnswers };
}

/** Bytes that are no UTF-8 would all become the same letter: two idempotency keys could be taken for one. */
function readJsonAsUtf8(fastify: FastifyInstance): void {
  const parse = fastify.getDefaultJsonParser('error', 'error');
  fastify.removeContentTypeParser('application/json');
  fastify.addContentTypeParser<Buffer>('application/json', { parseAs: 'buffer' }, (request, body, done) => {
    if (isUtf8(body)) void parse(request, body.toString(), done);
    else done(Object.assign(new Error('no UTF-8'), { statusCode: 400 }));
  });
}

function createApollo(parts: HttpParts): ApolloServer<UncheckedContext> {
  return new ApolloServer<UncheckedContext>({
    schema: parts.schema,
    introspection: parts.introspection,
    validationRules: [...parts.rules],
    parseOptions: { maxTokens: LIMITS.tokens },
    validationOptions: { maxErrors: 5 },
    includeStacktraceInErrorResponses: false,
    hideSchemaDetailsFromClientErrors: true,
    persistedQueries: false,
    csrfPrevention: true,
    allowBatchedHttpRequests: false,
    // The process's signals are handled in main.ts, which stops this server in its turn.
    stopOnTerminationSignals: false,
    formatError: (_formatted, error) => publicError(error, parts.reportBug),
    plugins: [
      operationsPlugin(parts.schema, new PreparedDebits(parts.schema)),
      // Would wrap every field of every answer to find out that none may be cached.
      ApolloServerPluginCacheControlDisabled(),
      ApolloServerPluginLandingPageDisabled(),
    ],
  });
}

/** A prepared answer has no headers of its own. Apollo only reads them. */
const NO_HEADERS = new HeaderMap();

/**
 * Decides over HTTP what websocket.ts decides for sockets, by the same function; and answers a debit before graphql-js would, where
 * everything about it is plain.
 */
function operationsPlugin(schema: GraphQLSchema, debits: PreparedDebits): ApolloServerPlugin<UncheckedContext> {
  const listener: GraphQLRequestListener<UncheckedContext> = {
    async didResolveOperation({ document, operation, contextValue }): Promise<void> {
      checkOperation(schema, { document, operation, contextValue });
    },
    async responseForOperation({ document, operation, request, contextValue }) {
      // Without a caller the operation was refused before.
      const context = contextValue as RequestContext;
      const data = await debits.answer({ document, operation }, request.variables ?? {}, context);
      return data && { http: { headers: NO_HEADERS }, body: { kind: 'single', singleResult: { data } } };
    },
  };
  // One listener for all requests: it keeps nothing.
  const listening = Promise.resolve(listener);
  return { requestDidStart: () => listening };
}

function checkOperation(
  schema: GraphQLSchema,
  request: {
    document: Parameters<typeof checkAccess>[1];
    operation: Parameters<typeof checkAccess>[2] | undefined;
    contextValue: UncheckedContext;
  },
): void {
  const { document, operation, contextValue } = request;
  // Without an operation of that name, Apollo answers by itself.
  if (!operation) return;
  const refusal =
    operation.operation === 'subscription'
      ? new DomainError('BAD_USER_INPUT', 'Subscriptions run over WebSocket only.', { problems: [] })
      : checkAccess(schema, document, operation, contextValue);
  if (!refusal) return;
  throw new GraphQLError(refusal.message, {
    originalError: refusal,
    extensions: { http: { status: REQUEST_STATUS[refusal.code] ?? 400 } },
  });
}

function addGraphql(fastify: FastifyInstance, apollo: ApolloServer<UncheckedContext>, parts: HttpParts): void {
  const { authentication, live } = parts;
  const contextOf = async ({ authorization, origin }: IncomingHttpHeaders): Promise<UncheckedContext> => {
    try {
      const caller = await authentication.authenticate({ authorization, origin });
      return caller instanceof DomainError ? { caller: null, refusal: caller, live } : { caller, refusal: null, live };
    } catch (error) {
      const status = isTransient(error) ? 503 : 500;
      throw new GraphQLError('The key cannot be looked up.', {
        originalError: error as Error,
        extensions: { http: { status } },
      });
    }
  };
  fastify.route({
    method: ['GET', 'POST'],
    url: GRAPHQL_PATH,
    handler: fastifyApolloHandler(apollo, { context: ({ headers }) => contextOf(headers) }) as never as (
      request: FastifyRequest,
      reply: FastifyReply,
    ) => Promise<unknown>,
  });
  const plain = new PlainRequests({
    apollo,
    path: GRAPHQL_PATH,
    contextOf,
    failureOf: (error) => failureOf(error, parts.reportBug),
    answerOther: (request, response) => fastify.routing(request, response),
  });
  // In place of Fastify's own listener, which does the same as `fastify.routing`.
  fastify.server.removeAllListeners('request').on('request', (request, response) => plain.take(request, response));
  fastify.get('/', (request, reply) => {
    const wantsPage = request.headers.accept?.includes('text/html');
    if (!parts.explorer || !wantsPage) return reply.code(404).callNotFound();
    return reply.type('text/html').header('x-frame-options', 'DENY').send(parts.explorer());
  });
}

function addHealth(fastify: FastifyInstance, parts: HttpParts): void {
  fastify.get('/healthz', () => ({ status: 'ok' }));
  fastify.get('/readyz', async (_request, reply) => {
    const ready = await parts.isReady();
    return reply.code(ready ? 200 : 503).send({ status: ready ? 'ready' : 'not ready' });
  });
}

const BODY_PROBLEMS: Readonly<Record<number, string>> = {
  400: 'must have a body that is JSON',
  413: `must have a body of at most ${LIMITS.bodyBytes} bytes`,
  415: 'must have the content type application/json',
};

function answerFailure(error: unknown, reply: FastifyReply, reportBug: ReportBug): FastifyReply {
  const { status, text } = failureOf(error, reportBug);
  return reply.code(status).type(JSON_TYPE).send(text);
}

/** What fails before GraphQL is reached: a body that is too large, is not JSON, or has another content type. */
function failureOf(error: unknown, reportBug: ReportBug): { status: number; text: string } {
  const status = (error as { statusCode?: number }).statusCode ?? 500;
  const code = (error as { code?: string }).code;
  // A malformed Host or URL is the client's doing, although it surfaces as a TypeError.
  const mistake = (status >= 400 && status < 500) || code === 'ERR_INVALID_URL';
  const problem = { path: 'request', message: BODY_PROBLEMS[status] ?? 'is not GraphQL over HTTP' };
  const failure = mistake ? badUserInput([problem]) : error;
  return {
    status: mistake ? (status >= 400 && status < 500 ? status : 400) : 500,
    text: JSON.stringify({ errors: [publicError(failure, reportBug)] }),
  };
}
