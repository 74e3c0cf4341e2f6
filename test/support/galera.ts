import { execFile } from 'node:child_process';
import { copyFile, rm } from 'node:fs/promises';
import { userInfo } from 'node:os';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { promisify } from 'node:util';
import { createConnection, type RowDataPacket } from 'mysql2/promise';
import { freePort, launchServer, makeServerFolder, placeArguments, stopServer, type RunningServer } from './mariadb';

/** Where Debian's galera-4 puts it. */
export const GALERA_PROVIDER = '/usr/lib/galera/libgalera_smm.so';

const SYNC_LIMIT_MS = 60_000;
/** The server looks on its PATH for a script of this name after wsrep_sst_. */
const STATE_TRANSFER = 'copy';
const POLL_MS = 100;
const QUERY_LIMIT_MS = 5_000;
/** How soon a node that fell silent is expelled: short, so that tests do not wait. */
const TIMINGS =
  'evs.suspect_timeout=PT2S;evs.inactive_timeout=PT5S;evs.install_timeout=PT4S;evs.keepalive_period=PT0.5S;evs.inactive_check_period=PT0.5S;pc.recovery=false';

/** A cluster of nodes that each accept writes; every commit is flushed. */
export interface Galera {
  readonly nodes: readonly GaleraNode[];
  /** Ends all nodes and removes their files. */
  stop(): Promise<void>;
}

interface Ports {
  readonly mysql: number;
  readonly group: number;
  readonly stateIncrement: number;
}

/** Starts a cluster on the loopback interface: the first node founds it, the others join. About 10 s for three. */
export async function startGalera(size: number): Promise<Galera> {
  const ports: Ports[] = [];
  for (let i = 0; i < size; i += 1) {
    ports.push({
      mysql: await freePort(),
      group: await freePort(),
      stateIncrement: await freePort(),
    });
  }
  const members = ports.map(({ group }) => `127.0.0.1:${group}`).join(',');
  const nodes = await Promise.all(ports.map((own) => GaleraNode.prepare(own, members)));
  const stop = async () => void (await Promise.all(nodes.map((node) => node.stop())));
  try {
    const [founder, ...joiners] = nodes;
    await founder?.start({ foundsCluster: true });
    await Promise.all(joiners.map((node) => node.start()));
    return { nodes, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

export class GaleraNode {
  private running: RunningServer | null = null;

  private constructor(
    private readonly folder: string,
    private readonly ports: Ports,
    private readonly members: string,
  ) {}

  static async prepare(ports: Ports, members: string): Promise<GaleraNode> {
    const folder = await makeServerFolder();
    const script = `wsrep_sst_${STATE_TRANSFER}`;
    await copyFile(path.join(__dirname, script), path.join(folder, script));
    // As root, a server would run as another user than its scripts, which then cannot read its files.
    if (isRoot()) await promisify(execFile)('chown', ['-R', 'nobody:', folder]);
    return new GaleraNode(folder, ports, members);
  }

  /** `mysql://root@127.0.0.1:port`, without a database. */
  get url(): string {
    return `mysql://root@127.0.0.1:${this.ports.mysql}`;
  }

  /** Starts it, or starts it again on its data; resolves when it has all that the cluster has. */
  async start({ foundsCluster = false } = {}): Promise<void> {
    if (this.running) await this.running.ended();
    const { mysql, group, stateIncrement } = this.ports;
    const provider = `base_port=${group};gmcast.listen_addr=tcp://127.0.0.1:${group};ist.recv_addr=127.0.0.1:${stateIncrement}`;
    this.running = await launchServer({
      folder: this.folder,
      port: mysql,
      searchPath: this.folder,
      options: [
        ...placeArguments({ folder: this.folder, port: mysql }),
        ...(isRoot() ? ['--user=nobody'] : []),
        '--innodb-flush-log-at-trx-commit=1',
        '--innodb-buffer-pool-size=128M',
        '--binlog-format=ROW',
        '--innodb-autoinc-lock-mode=2',
        '--wsrep-on=ON',
        `--wsrep-provider=${GALERA_PROVIDER}`,
        '--wsrep-cluster-name=faults',
        `--wsrep-cluster-address=gcomm://${this.members}`,
        `--wsrep-node-address=127.0.0.1:${group}`,
        `--wsrep-provider-options=${provider};${TIMINGS}`,
        `--wsrep-sst-method=${STATE_TRANSFER}`,
        ...(foundsCluster ? ['--wsrep-new-cluster'] : []),
      ],
    });
    await this.untilStatus('wsrep_local_state_comment', 'Synced');
  }

  /** kill -9, as when its machine loses power. */
  async kill(): Promise<void> {
    this.running?.signal('SIGKILL');
    await this.running?.ended();
  }

  /** What one status variable of it says; null where it does not answer. */
  async status(name: string): Promise<string | null> {
    try {
      const rows = await this.query<{ Value: string }>(`SHOW GLOBAL STATUS LIKE '${name}'`);
      return rows[0]?.Value ?? null;
    } catch {
      return null;
    }
  }

  /** Waits until a status variable says this. */
  async untilStatus(name: string, wanted: string): Promise<void> {
    const giveUpAt = performance.now() + SYNC_LIMIT_MS;
    for (;;) {
      const value = await this.status(name);
      if (value === wanted) return;
      if (performance.now() > giveUpAt) throw new Error(`${name} of a Galera node is ${value}, not ${wanted}`);
      await pause(POLL_MS);
    }
  }

  /** Waits until it has applied everything that the cluster had committed when this was called. */
  async catchUp(): Promise<void> {
    await this.query('SET SESSION wsrep_sync_wait = 1; SELECT 1');
  }

  /** What an operator does when the majority is lost for good: this node is the cluster from now on. */
  async bootstrap(): Promise<void> {
    await this.query(`SET GLOBAL wsrep_provider_options = 'pc.bootstrap=1'`);
    await this.untilStatus('wsrep_cluster_status', 'Primary');
  }

  async stop(): Promise<void> {
    if (this.running) await stopServer(this.running, this.folder);
    else await rm(this.folder, { recursive: true, force: true });
  }

  private async query<T>(sql: string): Promise<T[]> {
    const connection = await createConnection({
      uri: this.url,
      multipleStatements: true,
      connectTimeout: QUERY_LIMIT_MS,
    });
    try {
      const [rows] = await connection.query<RowDataPacket[]>({ sql, timeout: QUERY_LIMIT_MS });
      return rows as T[];
    } finally {
      connection.destroy();
    }
  }
}

function isRoot(): boolean {
  return userInfo().uid === 0;
}
