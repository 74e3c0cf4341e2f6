import path from 'node:path';
import { freePort } from '../support/mariadb';
import { run, type Exit, type Running } from '../support/process';
import { watchOver } from '../support/watchdog';
import { HttpClient } from './http-client';

export interface ApiSettings {
  /** The folder that holds the `dist` to run. */
  readonly build: string;
  readonly databaseUrl: string;
  readonly adminKey: string;
  /** Further settings, such as REDIS_URL. */
  readonly environment?: Readonly<Record<string, string>>;
}

/** What a process of ours must never say, however the world around it fails. */
const CONFESSION = /A bug, request|[Uu]ncaught|[Uu]nhandled/;

/** One process of the API, always on the same port: killed, stopped and started again as often as a test likes. */
export class ApiProcess {
  readonly client = new HttpClient(() => this.url);
  /** What processes that have ended said on their standard error. */
  private said = '';
  private running: Running | null = null;
  private disarm = () => {};

  private constructor(
    private readonly settings: ApiSettings,
    private readonly port: number,
  ) {}

  /** Starts it and waits until it is ready. */
  static async start(settings: ApiSettings): Promise<ApiProcess> {
    const process = new ApiProcess(settings, await freePort());
    await process.restart();
    return process;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** Starts it again after it has ended, on the same port; resolves when it is ready. */
  async restart(): Promise<void> {
    const { build, databaseUrl, adminKey, environment } = this.settings;
    const main = path.join(build, 'dist/src/main.js');
    this.running = run(process.execPath, ['--max-semi-space-size=64', main], {
      PORT: String(this.port),
      DATABASE_URL: databaseUrl,
      ADMIN_KEY: adminKey,
      ...environment,
    });
    this.disarm = watchOver(this.running.child);
    await this.running.printed(/Ready at/);
  }

  /** kill -9; resolves when it is gone. */
  async kill(): Promise<void> {
    this.running?.child.kill('SIGKILL');
    await this.ended();
  }

  /** SIGTERM; resolves with how it ended, after it has finished what was in flight. */
  async terminate(): Promise<Exit> {
    this.running?.child.kill('SIGTERM');
    return this.ended();
  }

  /** Ends it for good, whatever state it is in. */
  async dispose(): Promise<void> {
    if (this.running) await this.kill();
    this.client.close();
  }

  /** Whether it still runs; one that ended by itself has failed. */
  get isRunning(): boolean {
    const { child } = this.running ?? {};
    return child !== undefined && child.exitCode === null && child.signalCode === null;
  }

  /** What it said that no fault excuses: bugs, and errors that nobody caught. */
  confessions(): string[] {
    const lines = `${this.said}${this.running?.stderr ?? ''}`.split('\n');
    return lines.flatMap((line, index) =>
      CONFESSION.test(line) ? [`${this.url} said: ${lines.slice(index, index + 4).join(' | ')}`] : [],
    );
  }

  private async ended(): Promise<Exit> {
    const { running } = this;
    if (!running) throw new Error('It does not run.');
    const exit = await running.exited;
    this.disarm();
    this.said += running.stderr;
    this.running = null;
    return exit;
  }
}
