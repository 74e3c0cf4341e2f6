import { Client, cacheExchange, fetchExchange, mapExchange, subscriptionExchange } from 'urql';
import { createClient as createSocket, type Client as SocketClient } from 'graphql-ws';
import { Connection } from './connection';

const ENDPOINT = '/graphql';
const PING_MS = 10_000;
const PONG_LIMIT_MS = 5_000;
const LAZY_CLOSE_MS = 3_000;
/** The server rejects the key, or has taken it back (docs/api.md). */
const FORBIDDEN_CLOSE = 4403;

/** Everything that speaks to the API with one key. */
export interface Api {
  readonly client: Client;
  readonly socket: SocketClient;
  readonly connection: Connection;
  /** What lists of keys show of the key: its prefix and its last four characters. */
  readonly keyHint: string;
  /** Fetches a path of the service with the key as a header: for files, which are no operations. */
  fetchFile(path: string, signal: AbortSignal): Promise<Response>;
  /** Closes the socket; nothing of it may be used afterwards. */
  close(): void;
}

/**
 * An API client that sends `key` as a header over HTTP and when a socket connects, never in a URL. `onRefused` is told
 * when a socket is closed because of the key, which may be wrong or not, and when an answer says so: whoever is told asks
 * over HTTP who the key is.
 */
export function createApi(key: string, onRefused: () => void): Api {
  const connection = new Connection();
  const socket = createLiveSocket({ key, connection, onRefused });
  connection.attach(() => socket.terminate());
  const close = () => {
    connection.close();
    void socket.dispose();
  };
  const fetchOptions = {
    headers: { authorization: `Bearer ${key}` },
    credentials: 'omit',
    cache: 'no-store',
  } as const satisfies RequestInit;
  const client = new Client({
    url: ENDPOINT,
    preferGetMethod: false,
    requestPolicy: 'cache-and-network',
    fetchOptions,
    exchanges: [
      cacheExchange,
      // Where no socket is open, an answer is the first to tell that the key is gone.
      mapExchange({
        onError: ({ graphQLErrors }) => {
          if (graphQLErrors.some(({ extensions }) => extensions['code'] === 'UNAUTHENTICATED')) onRefused();
        },
      }),
      fetchExchange,
      subscriptionExchange({
        forwardSubscription: ({ query = '', variables, operationName }) => ({
          subscribe: (sink) => ({ unsubscribe: socket.subscribe({ query, variables, operationName }, sink) }),
        }),
      }),
    ],
  });
  const fetchFile = (path: string, signal: AbortSignal) => fetch(path, { ...fetchOptions, signal });
  const keyHint = `${key.slice(0, 8)}…${key.slice(-4)}`;
  return { client, socket, connection, keyHint, fetchFile, close };
}

function createLiveSocket(parts: { key: string; connection: Connection; onRefused: () => void }): SocketClient {
  const { key, connection, onRefused } = parts;
  let silence: number | undefined;
  return createSocket({
    url: `${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}${ENDPOINT}`,
    connectionParams: { authorization: `Bearer ${key}` },
    lazyCloseTimeout: LAZY_CLOSE_MS,
    keepAlive: PING_MS,
    retryAttempts: Number.POSITIVE_INFINITY,
    retryWait: (retries) => connection.waitBeforeRetry(retries),
    // Every close is worth another try: a restart, a deploy, a laptop that slept. A key that does not work is found by HTTP.
    shouldRetry: () => true,
    on: {
      connecting: () => connection.opening(),
      connected: () => connection.opened(),
      ping: (received) => {
        if (received) return;
        // A connection that is dead without having been closed does not answer.
        silence = window.setTimeout(() => connection.terminate(), PONG_LIMIT_MS);
      },
      pong: (received) => void (received && window.clearTimeout(silence)),
      closed: (event) => {
        window.clearTimeout(silence);
        const { code } = event as CloseEvent;
        connection.closed(code);
        if (code === FORBIDDEN_CLOSE) onRefused();
      },
    },
  });
}
