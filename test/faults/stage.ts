import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createConnection } from 'mysql2/promise';
import { createSecret } from '../../src/access/api-key-secret';
import type { Dice } from '../simulator/dice';
import { startMariadb, type Mariadb } from '../support/mariadb';
import { ApiProcess } from './api-process';
import { assertNone } from './fault-test';
import { Report } from './report';

export interface StageOptions {
  readonly dice: Dice;
  /** The numbers of the bars, instead of a short form. */
  readonly full: boolean;
  /** The folder that holds the `dist` under test. */
  readonly build: string;
  progress(line: string): void;
}

/** What a fault test works with; everything that it has started ends with it, however the test ends. */
export class Stage {
  readonly report = new Report();
  readonly adminKey = createSecret('ADMIN');
  readonly apis: ApiProcess[] = [];
  private readonly undo: (() => Promise<unknown>)[] = [];
  private names = 0;
  private ownFolder: Promise<string> | null = null;

  constructor(private readonly options: StageOptions) {}

  get dice(): Dice {
    return this.options.dice;
  }

  /** One of two numbers: that of the short form, or that of the bars. */
  scale({ short, full }: { short: number; full: number }): number {
    return this.options.full ? full : short;
  }

  progress(line: string): void {
    this.options.progress(line);
  }

  /** A name that this test has not used before. */
  nextName(): string {
    return `trial-${(this.names += 1)}`;
  }

  /** Runs `step` when the test has ended, before what was given here earlier. */
  defer(step: () => Promise<unknown>): void {
    this.undo.unshift(step);
  }

  /** A temporary folder of this test. */
  folder(): Promise<string> {
    this.ownFolder ??= mkdtemp(path.join(tmpdir(), 'icr-faults-')).then((folder) => {
      this.defer(() => rm(folder, { recursive: true, force: true }));
      return folder;
    });
    return this.ownFolder;
  }

  async sqliteUrl(): Promise<string> {
    return `sqlite:${path.join(await this.folder(), `${this.nextName()}.sqlite`)}`;
  }

  /** A MariaDB of this test alone, which flushes every commit, and an empty database in it. */
  async mariadb(): Promise<{ server: Mariadb; databaseUrl: string }> {
    const server = await startMariadb({ durable: true });
    this.defer(() => server.stop());
    return { server, databaseUrl: await createDatabase(server.url) };
  }

  /** Starts a process of the API. The first one of a database migrates it, so start the others after it. */
  async api(databaseUrl: string, environment: Readonly<Record<string, string>> = {}): Promise<ApiProcess> {
    const { build } = this.options;
    const api = await ApiProcess.start({ build, databaseUrl, adminKey: this.adminKey, environment });
    this.apis.push(api);
    this.defer(() => api.dispose());
    return api;
  }

  async apiProcesses(count: number, databaseUrl: string, environment = {}): Promise<ApiProcess[]> {
    const apis = [await this.api(databaseUrl, environment)];
    while (apis.length < count) apis.push(await this.api(databaseUrl, environment));
    return apis;
  }

  /** Fails where a process has said what no fault excuses, or has ended by itself. */
  assertSound(): void {
    assertNone(
      this.apis.flatMap((api) => [
        ...api.confessions(),
        ...(api.isRunning ? [] : [`${api.url} does not run any more`]),
      ]),
      'the processes',
    );
  }

  async tidyUp(): Promise<void> {
    for (const step of this.undo) await step();
  }
}

/** Makes an empty database on a server; returns its DATABASE_URL. */
export async function createDatabase(serverUrl: string): Promise<string> {
  const name = `faults_${randomBytes(6).toString('hex')}`;
  const connection = await createConnection(serverUrl);
  try {
    await connection.query(`CREATE DATABASE ${name} CHARACTER SET utf8mb4 COLLATE utf8mb4_bin`);
  } finally {
    await connection.end();
  }
  return `${serverUrl}/${name}`;
}
