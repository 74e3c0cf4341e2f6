import { createClient, type Client, type ClientOptions } from 'graphql-ws';
import WebSocket from 'ws';

/** A real graphql-ws client. It does not retry, so that a test sees why a socket was closed. */
export function socketClient(
  url: string,
  key: string | null,
  options: Partial<ClientOptions> & { origin?: string } = {},
): Client {
  const { origin, ...clientOptions } = options;
  class OriginWebSocket extends WebSocket {
    constructor(address: string, protocols: string[]) {
      super(address, protocols, origin === undefined ? {} : { origin });
    }
  }
  return createClient({
    url: `${url.replace(/^http/, 'ws')}/graphql`,
    webSocketImpl: OriginWebSocket,
    connectionParams: key === null ? {} : { authorization: `Bearer ${key}` },
    retryAttempts: 0,
    ...clientOptions,
  });
}

/** Reads a subscription value by value; `next` waits for the next one. */
export function watch(client: Client, query: string, variables: Record<string, unknown> = {}) {
  const stream = client.iterate({ query, variables });
  return {
    // eslint-disable-next-line @typescript-eslint/no-explicit-any -- tests read answers of many shapes
    async next(): Promise<any> {
      const { value, done } = await stream.next();
      if (done) throw new Error('The subscription ended.');
      return value;
    },
    /** Reads on until a value passes, and returns it. */
    // eslint-disable-next-line @typescript-eslint/no-explicit-any
    async until(passes: (data: any) => boolean): Promise<any> {
      for (;;) {
        const { data } = await this.next();
        if (passes(data)) return data;
      }
    },
    stop: () => stream.return?.(),
  };
}
