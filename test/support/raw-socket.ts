import { once } from 'node:events';
import WebSocket from 'ws';

/** Why a socket was closed. */
export interface Closing {
  readonly code: number;
  readonly reason: string;
}

/** A socket without a client library, for what no client would send. Messages are read one by one, in order. */
export interface RawSocket {
  readonly socket: WebSocket;
  readonly closed: Promise<Closing>;
  /** Sends an object as JSON, and text or bytes as they are. */
  send(message: object | string | Buffer): void;
  /** The next message; fails where the socket is closed first. */
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- tests read messages of many shapes
  next(): Promise<any>;
  /** Subscribes under an id. */
  subscribe(id: string, query: string, variables?: Record<string, unknown>): void;
}

export interface RawSocketOptions {
  readonly path?: string;
  /** null: none is offered. */
  readonly protocol?: string | null;
  readonly origin?: string;
  readonly headers?: Record<string, string>;
}

/** Opens a socket and says nothing. */
export async function openSocket(url: string, options: RawSocketOptions = {}): Promise<RawSocket> {
  const { path = '/graphql', protocol = 'graphql-transport-ws', origin, headers = {} } = options;
  const socket = new WebSocket(`${url.replace(/^http/, 'ws')}${path}`, protocol === null ? [] : protocol, {
    headers,
    ...(origin !== undefined && { origin }),
  });
  const messages: unknown[] = [];
  let wake = () => {};
  socket.on('message', (data) => {
    messages.push(JSON.parse(String(data)));
    wake();
  });
  const closed = new Promise<Closing>((resolve) => {
    socket.once('close', (code, reason) => {
      resolve({ code, reason: String(reason) });
      wake();
    });
  });
  await once(socket, 'open');
  // A connection that is cut ends with 1006; `closed` says so.
  socket.on('error', () => {});
  const send = (message: object | string | Buffer) =>
    socket.send(typeof message === 'string' || Buffer.isBuffer(message) ? message : JSON.stringify(message));
  return {
    socket,
    closed,
    send,
    subscribe: (id, query, variables = {}) => send({ type: 'subscribe', id, payload: { query, variables } }),
    async next() {
      while (messages.length === 0) {
        if (socket.readyState === WebSocket.CLOSED) throw new Error('The socket was closed.');
        await new Promise<void>((resolve) => (wake = resolve));
      }
      return messages.shift();
    },
  };
}

/** Opens a socket and connects with a key. Where the key is refused, `next` fails and `closed` says why. */
export async function connectSocket(url: string, key: string, options: RawSocketOptions = {}): Promise<RawSocket> {
  const socket = await openSocket(url, options);
  socket.send({ type: 'connection_init', payload: { authorization: `Bearer ${key}` } });
  const answer = await socket.next();
  if (answer.type !== 'connection_ack') throw new Error(`Expected connection_ack, not ${answer.type}.`);
  return socket;
}
