import type { Socket } from 'node:net';
import { createConnection, type Connection, type ConnectionOptions } from 'mysql2';
import { isCrowded, isTransient, NoAnswer } from './failure';

/** A table of the schema and not `SELECT 1`, which a Galera node still answers that has lost its quorum (hazard 11). */
const QUESTION = 'SELECT code FROM plans ORDER BY id LIMIT 1';

/** Asks the database whether it answers, on a connection of its own each time: those of a pool may be busy, or dead. */
export class MysqlProbe {
  private readonly asking = new Set<Connection>();

  constructor(private readonly server: ConnectionOptions) {}

  /**
   * Whether the schema's tables can be read on a new connection. Rejects where there is no answer within `limitMs`, or
   * where it cannot serve now.
   */
  async ask(limitMs: number): Promise<boolean> {
    const connection = createConnection({ ...this.server, connectTimeout: limitMs });
    this.asking.add(connection);
    let giveUp: NodeJS.Timeout | undefined;
    try {
      return await new Promise<boolean>((resolve, reject) => {
        // What has arrived by then is read first: this process may have been busy, and not the database.
        giveUp = setTimeout(() => setImmediate(() => reject(new NoAnswer())), limitMs);
        // That no more connections are taken is an answer: those of the pools go on, and must not be given up for it.
        const refuse = (error: Error) => (isTransient(error) && !isCrowded(error) ? reject(error) : resolve(false));
        connection.on('error', refuse);
        connection.query(QUESTION, (error) => (error ? refuse(error) : resolve(true)));
      });
    } finally {
      clearTimeout(giveUp);
      this.end(connection);
    }
  }

  close(): void {
    for (const connection of this.asking) this.end(connection);
  }

  private end(connection: Connection): void {
    this.asking.delete(connection);
    // Errors that come after the answer are of no interest, and without a listener they would end the process.
    connection.removeAllListeners('error').on('error', () => undefined);
    connection.destroy();
    (connection as unknown as { stream: Socket }).stream.destroy();
  }
}
