import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';

/** What the network between the service and its database does. */
export interface DatabaseProxy {
  /** The DATABASE_URL that leads through it. */
  readonly url: string;
  /** How many connections were opened through it so far. */
  readonly accepted: number;
  /** Whatever is sent from now on arrives; connections that were silenced stay so, since what they sent is lost. */
  pass(): Promise<void>;
  /** Nothing arrives any more, in either direction, on connections old and new, and nobody is told. */
  silence(): void;
  /** Only what is open now falls silent: the network forgot it. New connections pass. */
  silenceOpen(): void;
  /** Ends what is open with a reset, once; new connections pass. */
  reset(): void;
  /** Ends what is open, and nobody listens any more: new connections are refused. */
  refuse(): Promise<void>;
  /**
   * Lets the next COMMIT through, and does to its connection what is told before the answer can pass. Resolves when
   * it did.
   */
  loseNextCommit(how: 'RESET' | 'SILENCE'): Promise<void>;
  close(): Promise<void>;
}

interface Pair {
  readonly client: Socket;
  readonly upstream: Socket;
  silent: boolean;
}

/** A TCP proxy before the database that a DATABASE_URL names. */
export async function startDatabaseProxy(databaseUrl: string): Promise<DatabaseProxy> {
  const database = new URL(databaseUrl);
  const pairs = new Set<Pair>();
  let silent = false;
  let accepted = 0;
  let losing: { how: 'RESET' | 'SILENCE'; lost: () => void } | null = null;

  const server = createServer({ allowHalfOpen: false }, (client) => {
    accepted += 1;
    const pair: Pair = { client, upstream: connect(Number(database.port), database.hostname), silent };
    pairs.add(pair);
    for (const socket of [client, pair.upstream]) {
      socket.setNoDelay(true).on('error', () => undefined);
      // Who is silent does not say farewell either.
      socket.once('close', () => !pair.silent && end(pair));
    }
    client.on('data', (sent) => {
      if (pair.silent) return;
      pair.upstream.write(sent);
      if (!losing || !sent.includes('COMMIT')) return;
      const { how, lost } = losing;
      losing = null;
      // The answer says that the database has committed; it is not handed on.
      let answered = Buffer.alloc(0);
      const collect = (answer: Buffer) => {
        answered = Buffer.concat([answered, answer]);
        if (!endsWithLastOk(answered)) return;
        pair.upstream.off('data', collect);
        if (how === 'RESET') end(pair);
        else pair.silent = true;
        lost();
      };
      pair.upstream.removeAllListeners('data').on('data', collect);
    });
    pair.upstream.on('data', (answer) => !pair.silent && client.write(answer));
  });
  const end = (pair: Pair) => {
    pairs.delete(pair);
    pair.client.resetAndDestroy();
    pair.upstream.destroy();
  };
  const endAll = () => pairs.forEach(end);
  const silenceOpen = () => pairs.forEach((pair) => (pair.silent = true));

  await listen(server, 0);
  const { port } = server.address() as AddressInfo;
  const url = new URL(databaseUrl);
  url.port = String(port);
  return {
    url: url.href,
    get accepted() {
      return accepted;
    },
    pass: async () => {
      silent = false;
      if (!server.listening) await listen(server, port);
    },
    silence: () => {
      silent = true;
      silenceOpen();
    },
    silenceOpen,
    reset: endAll,
    refuse: async () => {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      endAll();
      await closed;
    },
    loseNextCommit: (how) => new Promise((resolve) => (losing = { how, lost: resolve })),
    close: async () => {
      const closed = server.listening && new Promise<void>((resolve) => server.close(() => resolve()));
      endAll();
      await closed;
    },
  };
}

const OK_PACKET_BYTES = 11;
const MORE_RESULTS = 0x0008;

/**
 * Whether an answer ends with the OK packet of its last statement. A COMMIT travels behind others in one text, whose answers
 * may come before it is executed.
 */
function endsWithLastOk(answer: Buffer): boolean {
  if (answer.length < OK_PACKET_BYTES) return false;
  const packet = answer.subarray(-OK_PACKET_BYTES);
  const isOk = packet.readUIntLE(0, 3) === OK_PACKET_BYTES - 4 && packet[4] === 0;
  return isOk && (packet.readUInt16LE(7) & MORE_RESULTS) === 0;
}

function listen(server: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', () => resolve());
  });
}
