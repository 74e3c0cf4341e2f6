// Debits at a fixed pace, whether earlier ones were answered or not: a process of its own. It reads a PacedPlan as JSON
// from stdin, checks every answer, and prints a PacedResult as JSON.
import { setTimeout as pause } from 'node:timers/promises';
import { text } from 'node:stream/consumers';
import { Connection } from './connection';
import { Histogram } from './histogram';
import { requestTemplates } from './requests';
import type { AnsweredDebit, PacedPlan, PacedResult } from './subscribers-plan';

const CONNECTIONS = 64;
const TICK_MS = 2;
/** A debit that is answered later than this after it was due does not count as completed. */
const IN_TIME_MS = 1_000;
const DRAIN_MS = 30_000;
const MAX_FAULTS = 5;

interface Payload {
  action: { createdAt: string };
  balance: { version: number };
}

void main();

async function main(): Promise<void> {
  const plan = JSON.parse(await text(process.stdin)) as PacedPlan;
  process.stdout.write(`${JSON.stringify(await new PacedDebits(plan).run())}\n`);
}

class PacedDebits {
  private readonly template = requestTemplates['datedInvokeLlm']!;
  private readonly head: string;
  private readonly histogram = new Histogram();
  private readonly debits: AnsweredDebit[] = [];
  private readonly faults: string[] = [];
  private readonly idle: Connection[] = [];
  /** When debits were due that wait for a connection. */
  private readonly waiting: number[] = [];
  private completed = 0;
  private answered = 0;

  constructor(private readonly plan: PacedPlan) {
    const { host, pathname } = new URL(plan.url);
    const headers = `host: ${host}\r\ncontent-type: application/json\r\nauthorization: Bearer ${plan.key}`;
    this.head = `POST ${pathname} HTTP/1.1\r\n${headers}\r\ncontent-length: `;
  }

  async run(): Promise<PacedResult> {
    const { url, perSecond, seconds } = this.plan;
    const onFailure = (error: Error): never => {
      console.error(`paced debits: ${error.message}`);
      process.exit(1);
    };
    for (let index = 0; index < CONNECTIONS; index += 1) {
      this.idle.push(await Connection.open(new URL(url), onFailure));
    }
    const cpuBefore = process.cpuUsage();
    const startedAt = performance.now();
    const due = perSecond * seconds;
    for (let sent = 0; sent < due; await pause(TICK_MS)) {
      const now = performance.now();
      for (; sent < due && startedAt + (sent * 1000) / perSecond <= now; sent += 1) {
        this.waiting.push(startedAt + (sent * 1000) / perSecond);
      }
      this.sendWaiting();
    }
    const giveUpAt = performance.now() + DRAIN_MS;
    while (this.answered < due && performance.now() < giveUpAt) await pause(TICK_MS);
    const { user, system } = process.cpuUsage(cpuBefore);
    const cpuShare = (user + system) / 1000 / (performance.now() - startedAt);
    for (const connection of this.idle) connection.close();
    const { histogram, debits, faults, completed } = this;
    const [p50Ms, p95Ms, p99Ms] = [0.5, 0.95, 0.99].map((fraction) => histogram.quantile(fraction));
    const latency = { p50Ms: p50Ms!, p95Ms: p95Ms!, p99Ms: p99Ms! };
    if (this.answered < due) faults.push(`${due - this.answered} of ${due} debits were not answered`);
    return { due, completed, debits, faults, latency, cpuShare };
  }

  private sendWaiting(): void {
    while (this.waiting.length > 0 && this.idle.length > 0) this.debit(this.idle.pop()!, this.waiting.shift()!);
  }

  private debit(connection: Connection, dueAt: number): void {
    const body = this.template.body();
    connection.send(`${this.head}${Buffer.byteLength(body)}\r\n\r\n${body}`, (status, answer) => {
      const now = performance.now();
      this.answered += 1;
      const payload = this.payloadOf(status, answer);
      if (payload) {
        const { action, balance } = payload;
        const answeredAt = performance.timeOrigin + now;
        this.debits.push({ version: balance.version, decidedAt: Date.parse(action.createdAt), answeredAt });
        this.histogram.record(now - dueAt);
        if (now - dueAt <= IN_TIME_MS) this.completed += 1;
      } else if (this.faults.length < MAX_FAULTS) this.faults.push(`${status} ${answer.slice(0, 500)}`);
      this.idle.push(connection);
      this.sendWaiting();
    });
  }

  private payloadOf(status: number, answer: string): Payload | null {
    if (status !== 200) return null;
    const { data, errors } = JSON.parse(answer) as { data?: { invokeLlm?: Payload } | null; errors?: unknown };
    return errors === undefined && this.template.succeeded(data) ? data!.invokeLlm! : null;
  }
}
