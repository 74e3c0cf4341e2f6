import { ServerResponse, type IncomingMessage, type OutgoingHttpHeaders, type Server } from 'node:http';
import type { Socket } from 'node:net';
import { setImmediate as nextRound } from 'node:timers/promises';
import type { FastifyInstance } from 'fastify';
import { SECOND_MS } from '../clock';

/** How long a connection on which nothing was ever said, such as one that a browser opened in advance, holds up a close. */
const SILENT_MS = SECOND_MS;

/**
 * How an HTTP server ends without losing a request: from `begin` on, each answer is the last one of its connection and says so,
 * also to requests that were in flight; so `close` finds no connection on which a client is about to send another one.
 */
export class LastAnswers {
  private begun = false;
  private readonly connections = new Set<Socket>();

  /** What the server makes its answers of: until `begin`, it costs a request nothing but the look at a flag. */
  readonly ServerResponse: typeof ServerResponse;

  constructor() {
    const areLast = () => this.begun;
    this.ServerResponse = class<Request extends IncomingMessage> extends ServerResponse<Request> {
      override writeHead(status: number, ...more: unknown[]): this {
        if (areLast() && !this.headersSent) this.setHeader('connection', 'close');
        return super.writeHead(status, ...(more as [OutgoingHttpHeaders?]));
      }
    };
  }

  /** Knows the connections of this server from now on. */
  watch(server: Server): void {
    server.on('connection', (connection: Socket) => {
      this.connections.add(connection);
      connection.once('close', () => this.connections.delete(connection));
    });
  }

  /** Goes on serving, and lets go of each connection with its next answer. */
  begin(): void {
    this.begun = true;
  }

  /** Takes no connection any more; resolves when the last request is answered, or was cut together with its connection. */
  async close(fastify: FastifyInstance): Promise<void> {
    this.begin();
    // Requests that have arrived on kept connections are read first: such a connection would count as idle, and be reset.
    await nextRound();
    // An answer whose head went out before, such as that of a long file, leaves its connection open and idle.
    fastify.server.keepAliveTimeout = 1;
    const hangUp = setTimeout(() => {
      for (const connection of this.connections) if (connection.bytesRead === 0) connection.destroy();
    }, SILENT_MS);
    await fastify.close();
    clearTimeout(hangUp);
  }
}
