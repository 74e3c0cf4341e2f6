// The subscribers of one balance: a process of its own, so that reading is not on the event loop of what is measured.
// It reads a SubscribersPlan and then one DebitsOfRound after another from stdin, a line of JSON each, and answers each
// with a line.
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import WebSocket from 'ws';
import { Histogram } from './histogram';
import type { Deliveries, DebitsOfRound, Latencies, SubscribersPlan } from './subscribers-plan';

/** Handshakes at a time: more would wait for one another. */
const OPENED_AT_ONCE = 50;
const PATIENCE_MS = 30_000;
const QUERY = 'subscription { balanceChanged { available version } }';
const CONNECTED = '{"type":"connection_ack"}';

void main();

async function main(): Promise<void> {
  const subscribers: Subscriber[] = [];
  let cpu = process.cpuUsage();
  let startedAt = performance.now();
  for await (const line of createInterface({ input: process.stdin })) {
    if (subscribers.length === 0) {
      subscribers.push(...(await openAll(JSON.parse(line) as SubscribersPlan)));
      answer({});
    } else {
      const debits = (JSON.parse(line) as DebitsOfRound).sort((a, b) => a.version - b.version);
      const finalVersion = debits.at(-1)?.version ?? 0;
      await Promise.all(subscribers.map((subscriber) => subscriber.until(finalVersion)));
      const { user, system } = process.cpuUsage(cpu);
      const cpuShare = (user + system) / 1000 / (performance.now() - startedAt);
      answer({ ...deliveriesOf(debits, subscribers), cpuShare } satisfies Deliveries);
    }
    cpu = process.cpuUsage();
    startedAt = performance.now();
  }
  process.exit(0);
}

function answer(message: object): void {
  process.stdout.write(`${JSON.stringify(message)}\n`);
}

async function openAll(plan: SubscribersPlan): Promise<Subscriber[]> {
  const subscribers: Subscriber[] = [];
  let opened = 0;
  const worker = async (): Promise<void> => {
    while (opened < plan.count) {
      opened += 1;
      subscribers.push(await Subscriber.open(plan));
    }
  };
  await Promise.all(Array.from({ length: OPENED_AT_ONCE }, worker));
  return subscribers;
}

/** Frames of graphql-transport-ws by hand: a client library would cost more than the service that is measured. */
class Subscriber {
  versions: number[] = [];
  times: number[] = [];
  private latest = -1;
  private awaited = Infinity;
  private onAwaited = (): void => undefined;

  static async open({ url, key }: SubscribersPlan): Promise<Subscriber> {
    const socket = new WebSocket(url.replace(/^http/, 'ws'), 'graphql-transport-ws', { perMessageDeflate: false });
    await once(socket, 'open');
    socket.on('close', (code, reason) => fail(`a socket was closed with ${code} ${String(reason)}`));
    socket.send(JSON.stringify({ type: 'connection_init', payload: { authorization: `Bearer ${key}` } }));
    const [ack] = (await once(socket, 'message')) as [Buffer];
    if (ack.toString() !== CONNECTED) fail(`expected connection_ack, not ${ack.toString()}`);
    const subscriber = new Subscriber();
    socket.on('message', (data: Buffer) => subscriber.receive(data.toString('latin1')));
    socket.send(JSON.stringify({ id: '1', type: 'subscribe', payload: { query: QUERY } }));
    await subscriber.until(0);
    return subscriber;
  }

  /** Resolves when the balance of this version, or a newer one, has come. */
  async until(version: number): Promise<void> {
    if (this.latest >= version) return;
    this.awaited = version;
    const late = setTimeout(() => fail(`version ${version} is not there, ${this.latest} is`), PATIENCE_MS);
    await new Promise<void>((resolve) => (this.onAwaited = resolve));
    clearTimeout(late);
  }

  private receive(message: string): void {
    const version = Number(/"version":(\d+)/.exec(message)?.[1]);
    if (!message.startsWith('{"id":"1","type":"next","payload":{"data":') || !(version > this.latest)) {
      fail(`after version ${this.latest} came ${message}`);
    }
    this.latest = version;
    this.versions.push(version);
    this.times.push(performance.timeOrigin + performance.now());
    if (version < this.awaited) return;
    this.awaited = Infinity;
    this.onAwaited();
  }
}

/** One sample for each pair of a debit and a subscriber; what was received is forgotten. Debits come by version. */
function deliveriesOf(debits: DebitsOfRound, subscribers: Subscriber[]): Omit<Deliveries, 'cpuShare'> {
  const [sinceDecision, sinceAnswer] = [new Histogram(), new Histogram()];
  let messages = 0;
  for (const subscriber of subscribers) {
    const { versions, times } = subscriber;
    let next = 0;
    for (const { version, decidedAt, answeredAt } of debits) {
      while (versions[next]! < version) next += 1;
      sinceDecision.record(times[next]! - decidedAt);
      sinceAnswer.record(times[next]! - answeredAt);
    }
    messages += versions.length;
    subscriber.versions = [];
    subscriber.times = [];
  }
  return { sinceDecision: latenciesOf(sinceDecision), sinceAnswer: latenciesOf(sinceAnswer), messages };
}

function latenciesOf(histogram: Histogram): Latencies {
  return { p50Ms: histogram.quantile(0.5), p95Ms: histogram.quantile(0.95), p99Ms: histogram.quantile(0.99) };
}

function fail(reason: string): never {
  console.error(`subscribers: ${reason}`);
  process.exit(1);
}
