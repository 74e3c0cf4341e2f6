import { connect, type Socket } from 'node:net';

export type AnswerListener = (status: number, body: string) => void;

/**
 * One keep-alive HTTP/1.1 connection with one request at a time. Written by hand because node:http costs as much per
 * request as the servers under test, and the generator shares their two cores.
 */
export class Connection {
  private received: Buffer | undefined;
  private listener: AnswerListener | undefined;
  private closing = false;

  /** Connects; `onFailure` hears of a connection that breaks before close(). */
  static open(url: URL, onFailure: (error: Error) => void): Promise<Connection> {
    return new Promise((resolve, reject) => {
      const socket = connect({ host: url.hostname, port: Number(url.port), noDelay: true });
      socket.once('error', reject);
      socket.once('connect', () => {
        socket.off('error', reject);
        resolve(new Connection(socket, onFailure));
      });
    });
  }

  private constructor(
    private readonly socket: Socket,
    private readonly onFailure: (error: Error) => void,
  ) {
    socket.on('data', (chunk: Buffer) => this.receive(chunk));
    socket.on('error', (error) => this.fail(error));
    socket.on('close', () => this.fail(new Error('the server closed a connection')));
  }

  send(request: string, listener: AnswerListener): void {
    if (this.listener !== undefined) throw new Error('a connection carries one request at a time');
    this.listener = listener;
    this.socket.write(request);
  }

  close(): void {
    this.closing = true;
    this.socket.destroy();
  }

  private receive(chunk: Buffer): void {
    const received = this.received === undefined ? chunk : Buffer.concat([this.received, chunk]);
    const headEnd = received.indexOf('\r\n\r\n');
    if (headEnd < 0) {
      this.received = received;
      return;
    }
    const head = received.toString('latin1', 0, headEnd);
    const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1];
    if (length === undefined) return this.fail(new Error(`an answer without Content-Length: ${head.slice(0, 500)}`));
    const bodyEnd = headEnd + 4 + Number(length);
    if (received.length < bodyEnd) {
      this.received = received;
      return;
    }
    this.received = undefined;
    const listener = this.listener;
    if (listener === undefined || received.length > bodyEnd) {
      return this.fail(new Error('the server sent more than one answer to a request'));
    }
    this.listener = undefined;
    listener(Number(head.slice(9, 12)), received.toString('utf8', headEnd + 4, bodyEnd));
  }

  private fail(error: Error): void {
    if (this.closing) return;
    this.close();
    this.onFailure(error);
  }
}
