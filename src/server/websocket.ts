import type { IncomingMessage, Server } from 'node:http';
import type { Duplex } from 'node:stream';
import { setTimeout as pause } from 'node:timers/promises';
import { GraphQLError, subscribe, type ExecutionArgs, type GraphQLSchema } from 'graphql';
import { useServer } from 'graphql-ws/use/ws';
import type { ServerOptions } from 'graphql-ws';
import { WebSocketServer, type WebSocket } from 'ws';
import type { Authentication, Credentials } from '../access/authentication';
import { type Caller, unauthenticated } from '../access/caller';
import { DomainError } from '../errors';
import { checkAccess } from '../graphql/access';
import type { RequestContext } from '../graphql/context';
import { type Documents, InvalidDocument } from '../graphql/documents';
import { LIMITS } from '../graphql/limits';
import { publicError, type ReportBug } from '../graphql/public-error';
import { GRAPHQL_PATH } from './http';
import { SharedBalances, type Subscriber } from './shared-balances';

/** Clients may retry after it; 1008 would be fatal to them (hazard 8). */
const FORBIDDEN_CLOSE = 4403;
const GOING_AWAY_CLOSE = 1001;
const UNSUPPORTED_DATA_CLOSE = 1003;
/** What graphql-ws closes with, too, where an id is subscribed to twice. */
const ALREADY_SUBSCRIBED_CLOSE = 4409;
/** Clients retry after it, too; what graphql-ws closes with by itself (4500) would be fatal to them. */
const TRY_AGAIN_LATER_CLOSE = 1013;
const PING_INTERVAL_MS = 12_000;
/** A stop closes some sockets in each turn, no faster than one after this many milliseconds where its time allows. */
const CLOSING_TURN_MS = 50;
const CLOSING_MS_PER_SOCKET = 10;
/** How long a client may take to answer a close: one that is asleep or has a long backlog must not hold up a stop. */
const CLOSING_PATIENCE_MS = 2_000;

type Extra = {
  readonly socket: WebSocket;
  /** Null once the socket is connected: an idle one is to cost little. */
  request: IncomingMessage | null;
  holders?: KeyHolders;
  caller?: Caller;
  /** Ids of the operations that have not ended, also of those that were completed while they were being opened. */
  running?: Set<string>;
};

/** All sockets of one key, from one origin: each key is looked at once, however many thousand sockets share it. */
interface KeyHolders {
  readonly credentials: Credentials;
  readonly sockets: Set<WebSocket>;
}

export interface WebSocketParts {
  readonly schema: GraphQLSchema;
  readonly documents: Documents;
  readonly authentication: Authentication;
  readonly live: RequestContext['live'];
  readonly reportBug: ReportBug;
}

/** Subscriptions, and nothing else, over graphql-transport-ws on the HTTP server's port and path. */
export class SubscriptionServer {
  private readonly sockets = new WebSocketServer({
    noServer: true,
    maxPayload: LIMITS.messageBytes,
    // A client may use an id again in the packet that completes it: the first use must have ended by then.
    allowSynchronousEvents: false,
  });
  private readonly connected = new Map<string, KeyHolders>();
  private readonly shared: SharedBalances;
  /** Who sent what is about to be executed. */
  private readonly subscribers = new WeakMap<ExecutionArgs, Subscriber>();
  private stopping = false;
  private checking: Promise<void> | null = null;
  private nextCheck: Promise<void> | null = null;
  private readonly server: { dispose(): void | Promise<void> };

  constructor(private readonly parts: WebSocketParts) {
    this.shared = new SharedBalances(parts.reportBug);
    this.sockets.on('connection', (socket: WebSocket) => {
      // The protocol is text; String(data) of a binary frame would be read as if it were.
      socket.on('message', (_data, isBinary) => {
        if (isBinary) socket.close(UNSUPPORTED_DATA_CLOSE, 'Text frames only');
      });
    });
    this.server = useServer<Record<string, unknown>, Extra>(this.options(), this.sockets, PING_INTERVAL_MS);
    this.sockets.on('connection', (socket: WebSocket) => {
      // A frame that breaks the protocol ends its socket (ws closes it by itself), and nothing else: graphql-ws would print
      // a stack for whatever anybody sends.
      socket.removeAllListeners('error').on('error', () => undefined);
    });
  }

  /** Takes the upgrades of this HTTP server. */
  attach(http: Server): void {
    http.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
      socket.on('error', () => socket.destroy());
      const path = (request.url ?? '').split('?', 1)[0]?.replace(/\/$/, '');
      if (path !== GRAPHQL_PATH) {
        socket.end('HTTP/1.1 404 Not Found\r\nConnection: close\r\n\r\n');
        return;
      }
      this.sockets.handleUpgrade(request, socket, head, (webSocket) => {
        // Clients retry after this close; to graphql-ws, an upgrade that is answered with 503 would be fatal.
        if (this.stopping) webSocket.close(GOING_AWAY_CLOSE, 'Going away');
        else this.sockets.emit('connection', webSocket, request);
      });
    });
  }

  /** Looks at every socket's key again: closes those whose key was revoked, has expired, or whose origin is not allowed any more. */
  recheck(): Promise<void> {
    const { checking } = this;
    if (!checking) return (this.checking = this.checkAll().finally(() => (this.checking = null)));
    // It may have looked at a key before it was curtailed. Those who ask meanwhile share the next one.
    this.nextCheck ??= checking
      .catch(() => undefined)
      .then(() => {
        this.nextCheck = null;
        return this.recheck();
      });
    return this.nextCheck;
  }

  private async checkAll(): Promise<void> {
    await Promise.all(
      [...this.connected.values()].map(async ({ credentials, sockets }) => {
        if (await this.isValid(credentials)) return;
        for (const socket of sockets) socket.close(FORBIDDEN_CLOSE, 'Forbidden');
      }),
    );
  }

  private async isValid(credentials: Credentials): Promise<boolean> {
    const caller = await this.parts.authentication.authenticate(credentials);
    return caller !== null && !(caller instanceof DomainError);
  }

  /**
   * Closes all sockets with 1001, over at most `spreadMs`, so that not all clients come back in the same moment. Subscriptions are
   * not completed: that would end them, while clients take them up again after a close. Sockets that do not answer are cut, those
   * that are left after `limitMs` too.
   */
  async stop({ spreadMs, limitMs }: { spreadMs: number; limitMs: number }): Promise<void> {
    this.stopping = true;
    const cut = () => {
      for (const socket of this.sockets.clients) socket.terminate();
    };
    const timers = [setTimeout(cut, limitMs)];
    await this.closeInTurns(spreadMs);
    timers.push(setTimeout(cut, CLOSING_PATIENCE_MS));
    // Only then: whoever comes while the others close could not be told 1001 any more.
    while (this.sockets.clients.size > 0) {
      await Promise.all([...this.sockets.clients].map(closingOf));
    }
    await this.server.dispose();
    for (const timer of timers) clearTimeout(timer);
  }

  private async closeInTurns(spreadMs: number): Promise<void> {
    const open = [...this.sockets.clients];
    const turns = Math.max(1, Math.min(spreadMs, open.length * CLOSING_MS_PER_SOCKET) / CLOSING_TURN_MS);
    const inOneTurn = Math.ceil(open.length / turns);
    for (let first = 0; first < open.length; first += inOneTurn) {
      if (first > 0) await pause(CLOSING_TURN_MS);
      for (const socket of open.slice(first, first + inOneTurn)) socket.close(GOING_AWAY_CLOSE, 'Going away');
    }
  }

  private options(): ServerOptions<Record<string, unknown>, Extra> {
    const { reportBug } = this.parts;
    return {
      schema: this.parts.schema,
      // Never lets an error's own message out in a close reason.
      ...({ isProd: true } as object),
      onConnect: (context) => this.connect(context.extra, context.connectionParams),
      onClose: ({ extra }) => this.release(extra),
      onSubscribe: (context, id, payload) => {
        const { socket } = context.extra;
        const running = (context.extra.running ??= new Set());
        if (running.has(id)) {
          // graphql-ws would take the earlier operation for this one, and never end one of them.
          delete context.subscriptions[id];
          socket.close(ALREADY_SUBSCRIBED_CLOSE, 'Subscriber already exists');
          return [new GraphQLError('Subscriber already exists')];
        }
        const args = this.read(context.extra, payload, running.size);
        if (!('document' in args)) return args;
        running.add(id);
        this.subscribers.set(args, { socket, id });
        return args;
      },
      onComplete: ({ extra }, id) => void extra.running?.delete(id),
      subscribe: (args) => {
        const subscriber = this.subscribers.get(args);
        return (subscriber && this.shared.subscribe(args, subscriber)) ?? subscribe(args);
      },
      onError: (_context, _id, _payload, errors) => errors.map((error) => publicError(error, reportBug)),
      onNext: (_context, _id, _payload, _args, result) =>
        result.errors
          ? { ...result, errors: result.errors.map((error) => publicError(error, reportBug)) as never }
          : undefined,
    };
  }

  private async connect(extra: Extra, parameters: Readonly<Record<string, unknown>> | undefined): Promise<boolean> {
    const credentials = { authorization: authorizationOf(parameters), origin: extra.request?.headers.origin };
    extra.request = null;
    try {
      const caller = await this.parts.authentication.authenticate(credentials);
      if (caller === null || caller instanceof DomainError) return false;
      extra.caller = caller;
    } catch (error) {
      // The database is out of reach, or this is a bug.
      publicError(error, this.parts.reportBug);
      extra.socket.close(TRY_AGAIN_LATER_CLOSE, 'Try again later');
      return false;
    }
    // One that was closed in between would never be taken out again.
    if (extra.socket.readyState !== extra.socket.OPEN) return false;
    this.hold(extra, credentials);
    return true;
  }

  private hold(extra: Extra, credentials: Credentials): void {
    const name = JSON.stringify(credentials);
    let holders = this.connected.get(name);
    if (!holders) this.connected.set(name, (holders = { credentials, sockets: new Set() }));
    holders.sockets.add(extra.socket);
    extra.holders = holders;
  }

  private release({ socket, holders }: Extra): void {
    if (!holders) return;
    holders.sockets.delete(socket);
    if (holders.sockets.size === 0) this.connected.delete(JSON.stringify(holders.credentials));
  }

  private read(
    { caller }: Extra,
    payload: { query: string; operationName?: string | null; variables?: Record<string, unknown> | null },
    running: number,
  ): ExecutionArgs | readonly GraphQLError[] {
    const { schema, documents, live } = this.parts;
    const refuse = (error: DomainError) => [new GraphQLError(error.message, { originalError: error })];
    if (!caller) return refuse(unauthenticated());
    if (running >= LIMITS.subscriptionsPerSocket) {
      return refuse(
        new DomainError('LIMIT_REACHED', `A socket has at most ${LIMITS.subscriptionsPerSocket} subscriptions.`),
      );
    }
    try {
      const { document, operation } = documents.read(payload.query, payload.operationName);
      if (!operation) return refuse(badRequest('The document has no operation of this name.'));
      if (operation.operation !== 'subscription') {
        return refuse(badRequest('Only subscriptions run over WebSocket: send queries and mutations over HTTP.'));
      }
      const context: RequestContext = { caller, refusal: null, live };
      const refusal = checkAccess(schema, document, operation, context);
      if (refusal) return refuse(refusal);
      return {
        schema,
        document,
        operationName: payload.operationName ?? null,
        variableValues: payload.variables ?? null,
        contextValue: context,
      };
    } catch (error) {
      if (!(error instanceof InvalidDocument)) throw error;
      return error.errors.map(
        (cause) =>
          new GraphQLError(cause.message, {
            originalError: cause.originalError ?? cause,
            positions: cause.positions ?? null,
            source: cause.source ?? null,
            extensions: { code: error.phase },
          }),
      );
    }
  }
}

/** Resolves also where the socket fails on its way: a frame that breaks the protocol, or a reset, must not end a stop. */
function closingOf(socket: WebSocket): Promise<void> {
  return new Promise((resolve) => socket.once('close', () => resolve()));
}

function badRequest(message: string): DomainError {
  return new DomainError('BAD_USER_INPUT', message, { problems: [] });
}

/** The key of connectionParams, under the name of the HTTP header in whichever case. */
function authorizationOf(parameters: Readonly<Record<string, unknown>> | undefined): string | undefined {
  for (const [name, value] of Object.entries(parameters ?? {})) {
    if (name.toLowerCase() === 'authorization' && typeof value === 'string') return value;
  }
  return undefined;
}
