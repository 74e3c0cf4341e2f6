import type { DataSource } from 'typeorm';
import { mysqlConnectionOptions } from './connection-options';
import type { Deadlines } from './deadlines';
import { MysqlConnections } from './mysql-connections';
import { MysqlProbe } from './mysql-probe';
import { Reachability } from './reachability';

/**
 * How one MySQL database is reached: a pool to write with, one to read with, and what is known of whether it answers.
 */
export class MysqlLink {
  readonly reachability: Reachability;
  readonly writing: MysqlConnections;
  readonly reading: MysqlConnections;
  private asking: Promise<boolean> | null = null;

  constructor(
    private readonly probe: MysqlProbe,
    readonly deadlines: Deadlines,
  ) {
    this.reachability = new Reachability((limitMs) => probe.ask(limitMs), deadlines);
    this.writing = new MysqlConnections(this.reachability, deadlines);
    this.reading = new MysqlConnections(this.reachability, deadlines);
  }

  /** Whether the schema's tables can be read. Those who ask at once share one question. */
  async isReady(): Promise<boolean> {
    if (this.reachability.isAway) return false;
    this.asking ??= this.probe.ask(this.deadlines.readyMs).finally(() => (this.asking = null));
    try {
      return await this.asking;
    } catch {
      this.reachability.doubt();
      return false;
    }
  }

  async close(writing: DataSource, reading: DataSource): Promise<void> {
    await Promise.all([this.reading.close(reading), this.writing.close(writing)]);
    this.reachability.close();
    this.probe.close();
  }
}

export function linkTo(databaseUrl: string, deadlines: Deadlines): MysqlLink {
  return new MysqlLink(new MysqlProbe(mysqlConnectionOptions(databaseUrl)), deadlines);
}
