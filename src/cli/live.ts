import { createClient, type Client } from 'graphql-ws';
import WebSocket from 'ws';
import { SECOND_MS } from '../clock';

const FIRST_WAIT_MS = SECOND_MS / 2;
const LONGEST_WAIT_MS = 30 * SECOND_MS;
/** The key is refused, and will be again. */
const FORBIDDEN_CLOSE = 4403;
/** Errors after which the same subscription may succeed: the database is away, or this reader was too slow. */
const PASSING = new Set<unknown>(['UNAVAILABLE', 'LIMIT_REACHED']);

export interface LiveOptions {
  readonly url: string;
  readonly key: string;
  /** How long the first attempt to come back waits at most, in milliseconds; the next ones up to twice as long each. */
  readonly firstWaitMs?: number;
  /** The connection is lost, or could not be made: told before each wait. */
  onLost?(reason: string, waitMs: number): void;
  onBack?(): void;
}

/** Subscriptions that come back by themselves, whatever becomes of the connection, until the key is refused. */
export class Live {
  private readonly client: Client;
  private lost: number | 'lost' = 'lost';

  constructor(private readonly options: LiveOptions) {
    const { url, key } = options;
    this.client = createClient({
      url: `${url.replace(/^http/, 'ws').replace(/\/$/, '')}/graphql`,
      webSocketImpl: WebSocket,
      connectionParams: { authorization: `Bearer ${key}` },
      retryAttempts: Infinity,
      // A connection that is refused is an error, not a close, and would be fatal by default.
      shouldRetry: (event) => codeOf(event) !== FORBIDDEN_CLOSE,
      retryWait: (retries) => this.wait(retries, String(this.lost)),
      on: {
        closed: (event) => (this.lost = codeOf(event) ?? 'lost'),
        connected: (_socket, _payload, wasRetry) => wasRetry && options.onBack?.(),
      },
    });
  }

  /**
   * The values of one subscription. Its variables are sent as they are whenever it is taken up again: whoever changes
   * `afterSequence` with each entry goes on where the last one ended. Fails with what no other attempt would mend.
   */
  async *follow<Data>(query: string, variables: Record<string, unknown>): AsyncGenerator<Data, void> {
    for (let attempts = 0; ; attempts += 1) {
      try {
        for await (const { data, errors } of this.client.iterate<Data>({ query, variables })) {
          if (errors) throw errors as unknown as Error;
          attempts = 0;
          if (data) yield data;
        }
        return;
      } catch (error) {
        const refusal = refusalOf(error);
        if (!refusal || !PASSING.has(refusal.code)) throw refusal ? new Error(refusal.message) : error;
        await this.wait(attempts, refusal.message);
      }
    }
  }

  async stop(): Promise<void> {
    await this.client.dispose();
  }

  /** At random, so that not all who lost the same server come back in the same moment. */
  private async wait(attempts: number, reason: string): Promise<void> {
    const { firstWaitMs = FIRST_WAIT_MS } = this.options;
    const longest = Math.min(firstWaitMs * 2 ** attempts, LONGEST_WAIT_MS);
    const waitMs = longest * (0.5 + Math.random() / 2);
    this.options.onLost?.(reason, waitMs);
    await new Promise((resolve) => setTimeout(resolve, waitMs));
  }
}

function codeOf(event: unknown): number | undefined {
  const { code } = event as { code?: unknown };
  return typeof code === 'number' ? code : undefined;
}

/** The first of the errors that the server answered with; undefined where it is anything else. */
function refusalOf(error: unknown): { message: string; code: unknown } | undefined {
  if (!Array.isArray(error)) return undefined;
  const [first] = error as { message: string; extensions?: { code?: unknown } }[];
  return first && { message: first.message, code: first.extensions?.code };
}
