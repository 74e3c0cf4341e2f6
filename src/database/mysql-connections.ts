import { connect, type Socket } from 'node:net';
import type { DataSource } from 'typeorm';
import type { Deadlines } from './deadlines';
import { NoAnswer, NoFreeConnection, OutOfReach } from './failure';
import type { Reachability } from './reachability';

/** What mysql2 calls for the socket of a new connection, in place of opening it itself. */
export type MysqlSocketOpener = (options: { config: { host: string; port: number } }) => Socket;

/** What this needs of mysql2's pool and of its connections. */
interface PooledConnection {
  readonly stream: Socket;
  on(event: 'error', listener: (error: Error) => void): unknown;
  query(sql: string, done: (error: Error | null) => void): unknown;
  release(): void;
  destroy(): void;
}

type Obtained = (error: Error | null, connection?: PooledConnection) => void;

interface MysqlPool {
  on(event: 'connection' | 'release', listener: (connection: PooledConnection) => void): unknown;
  getConnection(done: Obtained): void;
}

/** One connection, as far as its silence is concerned. */
interface Watch {
  readonly generation: number;
  /** Since when somebody has it, by performance.now(); null: it is in the pool. */
  heldSince: number | null;
  limitMs: number;
  silentMs: number;
  /** Bytes sent and received when it was last looked at. */
  moved: number;
}

/** How often a silent connection is looked at. A busy one costs no timer: each byte puts the next look off. */
const LOOK_MS = 250;
/** What has vanished is found out by TCP too, also in a migration, which has no deadline. */
const KEEP_ALIVE_MS = 10_000;
/** A transaction or a long read may make the database silent again and again. */
const HELD_LIMITS = 2;

const SETTINGS = [
  // NO_BACKSLASH_ESCAPES would defeat the escaping of parameters, so the mode is set, not inherited.
  "SET SESSION sql_mode = 'STRICT_ALL_TABLES,NO_ZERO_DATE,ERROR_FOR_DIVISION_BY_ZERO', innodb_lock_wait_timeout = 2" +
    // What a cut network leaves behind would keep its row locks until wait_timeout, which is hours. MySQL reads this as a comment.
    ' /*M!100300 , idle_transaction_timeout = 5 */',
  'SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED',
];

/**
 * The connections of one pool: prepared before their first statement, and with a deadline for whoever waits for one
 * or on one. This is the only place that connections pass on their way to TypeORM's statements, the reader's and the
 * ledger's, so nothing can be asked of the database that would be waited for without end.
 *
 * The deadline is the socket's silence, and ends the socket with an error: mysql2 then fails every statement that
 * waits on it. Its `destroy()` alone would not, and its own timeout of a query begins with a statement's turn, which
 * never comes behind one that is not answered.
 */
export class MysqlConnections {
  private readonly sockets = new Set<Socket>();
  private readonly watches = new WeakMap<object, Watch>();
  private obtain: (done: Obtained) => void = () => undefined;
  private adopted = false;
  private unhurried = 0;

  constructor(
    private readonly reachability: Reachability,
    private readonly deadlines: Deadlines,
  ) {}

  /** Opens a socket for a new connection. Before the pool is adopted it has a deadline of its own. */
  readonly openSocket: MysqlSocketOpener = ({ config: { host, port } }) => {
    const socket = connect({ host, port, noDelay: true, keepAlive: true, keepAliveInitialDelay: KEEP_ALIVE_MS });
    this.sockets.add(socket);
    socket.once('close', () => this.sockets.delete(socket));
    if (!this.adopted) {
      socket.setTimeout(this.deadlines.statementMs, () => {
        if (!this.adopted) socket.destroy(new NoAnswer());
      });
    }
    return socket;
  };

  /** Takes care of all connections of `dataSource` from now on. */
  async adopt(dataSource: DataSource): Promise<void> {
    const { pool } = dataSource.driver as unknown as { pool: MysqlPool };
    this.obtain = pool.getConnection.bind(pool);
    // TypeORM has opened one already, which must not be used as it is.
    await new Promise<void>((resolve, reject) => {
      this.obtain((error, connection) => {
        if (error || !connection) return reject(error as Error);
        end(connection);
        resolve();
      });
    });
    this.adopted = true;
    pool.on('connection', (connection) => this.prepare(connection));
    pool.on('release', (connection) => this.putBack(connection));
    pool.getConnection = (done) => this.handOut(done);
  }

  /**
   * Says how long the holder of a connection waits for an answer on it, until it is put back. Infinity: as long as it
   * takes.
   */
  limit(connection: object, limitMs: number): void {
    const watch = this.watches.get(connection);
    if (watch) watch.limitMs = limitMs;
  }

  /** Runs `work` without deadlines, as a migration needs it. */
  async withoutDeadlines<T>(work: () => Promise<T>): Promise<T> {
    this.unhurried += 1;
    try {
      return await work();
    } finally {
      this.unhurried -= 1;
    }
  }

  /** Closes the pool; connections that do not take their leave in time are cut. */
  async close(dataSource: DataSource): Promise<void> {
    let cut: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => (cut = setTimeout(resolve, this.deadlines.closeMs)));
    await Promise.race([dataSource.destroy().catch(() => undefined), late]);
    clearTimeout(cut);
    for (const socket of this.sockets) socket.destroy();
  }

  private prepare(connection: PooledConnection): void {
    const { generation } = this.reachability;
    const watch: Watch = { generation, heldSince: null, limitMs: Infinity, silentMs: 0, moved: 0 };
    this.watches.set(connection, watch);
    // Without a listener, an error that comes when nobody waits for an answer would end the process.
    connection.on('error', () => this.reachability.lost(generation));
    // Not as setTimeout's own listener, which would hear of the first silence only.
    connection.stream.on('timeout', () => this.look(connection, watch)).setTimeout(LOOK_MS);
    for (const sql of SETTINGS) {
      connection.query(sql, (error) => {
        if (error) connection.stream.destroy(error);
      });
    }
  }

  private handOut(done: Obtained): void {
    if (this.reachability.isAway) return done(new OutOfReach(this.reachability.reason));
    let waiting = true;
    const giveUp = setTimeout(() => {
      waiting = false;
      this.reachability.doubt();
      done(new NoFreeConnection());
    }, this.deadlines.acquireMs);
    const take: Obtained = (error, connection) => {
      const watch = connection && this.watches.get(connection);
      if (connection && watch?.generation !== this.reachability.generation) {
        // Made before others were lost: it may be dead as well.
        end(connection);
        if (waiting) this.obtain(take);
        return;
      }
      clearTimeout(giveUp);
      if (!waiting) return connection?.release();
      if (!connection || !watch) return done(this.unobtainable(error));
      watch.heldSince = performance.now();
      watch.limitMs = this.deadlines.statementMs;
      watch.silentMs = 0;
      done(null, connection);
    };
    this.obtain(take);
  }

  private putBack(connection: PooledConnection): void {
    const watch = this.watches.get(connection);
    if (watch) watch.heldSince = null;
  }

  /** Whatever the reason is, such as too many connections: without a connection the database is out of reach. */
  private unobtainable(error: (Error & { code?: unknown }) | null): Error {
    // The pool's own, which have no code: it is full, or closed.
    if (error?.code === undefined) return new NoFreeConnection();
    this.reachability.doubt();
    return Object.assign(error, { fatal: true });
  }

  private look({ stream }: PooledConnection, watch: Watch): void {
    // A connection that nobody holds is looked at again when something moves on it.
    if (watch.heldSince === null) return;
    const moved = stream.bytesRead + stream.bytesWritten;
    watch.silentMs = moved === watch.moved ? watch.silentMs + LOOK_MS : LOOK_MS;
    watch.moved = moved;
    const heldMs = performance.now() - watch.heldSince;
    const isOver = watch.silentMs >= this.limitOf(watch) || heldMs >= HELD_LIMITS * watch.limitMs;
    if (isOver && this.unhurried === 0) return void stream.destroy(new NoAnswer());
    if (watch.silentMs === this.deadlines.doubtMs) this.reachability.doubt();
    stream.setTimeout(LOOK_MS);
  }

  /**
   * Where nobody is answered, waiting longer on this connection only puts off the time when another one may be used.
   */
  private limitOf({ limitMs }: Watch): number {
    return this.reachability.isAway ? Math.min(limitMs, this.deadlines.probeMs) : limitMs;
  }
}

function end(connection: PooledConnection): void {
  connection.destroy();
  connection.stream.destroy();
}
