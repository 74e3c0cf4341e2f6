import { Agent, request } from 'node:http';
import type { Answer } from '../support/service';

/** No answer came, or a broken one: what happened is unknown, and the same key may be sent again. */
export class NoAnswer extends Error {}

/**
 * An HTTP client of one server, with connections that are kept open. Not fetch: it must be able to hold a thousand requests at
 * once, and to tell an answer from a connection that broke.
 */
export class HttpClient {
  private readonly agent = new Agent({ keepAlive: true, maxSockets: Infinity });

  constructor(private readonly url: () => string) {}

  /** Sends one operation; rejects with NoAnswer where none came within `limitMs`. */
  async send(given: { query: string; variables?: object; key: string; limitMs: number }): Promise<Answer> {
    const { query, variables = {}, key, limitMs } = given;
    const { status, text } = await this.post(JSON.stringify({ query, variables }), key, limitMs);
    let parsed: Partial<Answer>;
    try {
      parsed = JSON.parse(text) as Partial<Answer>;
    } catch (error) {
      throw new NoAnswer(`an answer that is not JSON (HTTP ${status}): ${text.slice(0, 200)}`, { cause: error });
    }
    const { data, errors = [] } = parsed;
    return { status, data, errors, code: errors[0]?.extensions?.['code'] };
  }

  close(): void {
    this.agent.destroy();
  }

  private post(body: string, key: string, limitMs: number): Promise<{ status: number; text: string }> {
    return new Promise((resolve, reject) => {
      const headers = {
        'content-type': 'application/json',
        'content-length': Buffer.byteLength(body),
        authorization: `Bearer ${key}`,
      };
      const outgoing = request(`${this.url()}/graphql`, { method: 'POST', agent: this.agent, headers });
      const timer = setTimeout(() => outgoing.destroy(new NoAnswer(`no answer within ${limitMs} ms`)), limitMs);
      const fail = (error: Error) => {
        clearTimeout(timer);
        reject(error instanceof NoAnswer ? error : new NoAnswer(error.message, { cause: error }));
      };
      outgoing.on('error', fail);
      outgoing.on('response', (answer) => {
        const chunks: Buffer[] = [];
        answer.on('data', (chunk: Buffer) => chunks.push(chunk));
        answer.on('error', fail);
        answer.on('end', () => {
          clearTimeout(timer);
          resolve({ status: answer.statusCode ?? 0, text: Buffer.concat(chunks).toString('utf8') });
        });
      });
      outgoing.end(body);
    });
  }
}
