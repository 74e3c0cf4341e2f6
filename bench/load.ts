// The load generator: a process of its own, so that its work is not on the event loop of what it measures. It reads a
// LoadPlan as JSON from stdin, checks every answer, and prints a LoadResult as JSON.
import { text } from 'node:stream/consumers';
import { Connection } from './load/connection';
import { Histogram } from './load/histogram';
import type { LoadPlan, LoadResult } from './load/plan';
import { requestTemplates, type RequestTemplate } from './load/requests';

void main();

async function main(): Promise<void> {
  const plan = JSON.parse(await text(process.stdin)) as LoadPlan;
  const result = await new Load(plan).run();
  process.stdout.write(`${JSON.stringify(result)}\n`);
}

/** How long the last answers may take after the timed phase before the run counts as failed. */
const DRAIN_SECONDS = 30;
const MAX_SAMPLES = 5;

class Load {
  private readonly histogram = new Histogram();
  /** By URL, then by key. */
  private readonly heads: string[][];
  private readonly templates: RequestTemplate[];
  private readonly refused: Record<string, number> = {};
  private readonly samples: string[] = [];
  private accepted = 0;
  private acceptedInTime = 0;
  private broken = 0;
  private sent = 0;
  private timedFrom = 0;
  private timedUntil = 0;

  constructor(private readonly plan: LoadPlan) {
    this.heads = plan.urls.map((url) => plan.keys.map((key) => requestHead(plan.headers, { url: new URL(url), key })));
    this.templates = plan.requests.map((name) => {
      const template = requestTemplates[name];
      if (template === undefined) throw new Error(`no request template is called ${name}`);
      return template;
    });
    if (plan.urls.length * plan.keys.length * this.templates.length === 0) {
      throw new Error('a plan needs a URL, a key and a request');
    }
  }

  async run(): Promise<LoadResult> {
    const { urls, connections, warmUpSeconds, seconds } = this.plan;
    // Any broken connection ends the run: its request may or may not have been done, so no count would be sure.
    let onFailure: (error: Error) => void = () => undefined;
    const failure = new Promise<never>((_resolve, reject) => (onFailure = reject));
    const opened = await Promise.all(
      Array.from({ length: connections }, (_, index) =>
        Connection.open(new URL(urls[index % urls.length]!), onFailure),
      ),
    );
    const cpuBefore = process.cpuUsage();
    const startedAt = performance.now();
    this.timedFrom = startedAt + warmUpSeconds * 1000;
    this.timedUntil = this.timedFrom + seconds * 1000;
    const deadline = setTimeout(
      () => onFailure(new Error(`answers are missing ${DRAIN_SECONDS} s after the timed phase`)),
      (warmUpSeconds + seconds + DRAIN_SECONDS) * 1000,
    );
    const driven = opened.map((connection, index) => this.drive(connection, this.heads[index % urls.length]!));
    await Promise.race([Promise.all(driven), failure]);
    clearTimeout(deadline);
    for (const connection of opened) connection.close();
    const cpu = process.cpuUsage(cpuBefore);
    return this.result((cpu.user + cpu.system) / 1000 / (performance.now() - startedAt));
  }

  /** Sends on one connection, a request after each answer, until the timed phase is over. */
  private drive(connection: Connection, heads: string[]): Promise<void> {
    return new Promise((resolve) => {
      const next = (): void => {
        const template = this.templates[this.sent % this.templates.length]!;
        const head = heads[heads.length === 1 ? 0 : Math.floor(Math.random() * heads.length)]!;
        this.sent += 1;
        const body = template.body();
        const sentAt = performance.now();
        connection.send(`${head}${Buffer.byteLength(body)}\r\n\r\n${body}`, (status, answer) => {
          const answeredAt = performance.now();
          if (this.judge(template, status, answer) && answeredAt >= this.timedFrom && answeredAt < this.timedUntil) {
            this.acceptedInTime += 1;
            this.histogram.record(answeredAt - sentAt);
          }
          if (answeredAt < this.timedUntil) next();
          else resolve();
        });
      };
      next();
    });
  }

  /** Counts one answer as accepted, refused or broken; true when accepted. */
  private judge(template: RequestTemplate, status: number, answer: string): boolean {
    const parsed = parseAnswer(answer);
    if (status === 200 && parsed !== undefined && parsed.errors === undefined && template.succeeded(parsed.data)) {
      this.accepted += 1;
      return true;
    }
    const code = parsed?.errors?.[0]?.extensions?.code;
    if (status === 200 && code !== undefined) this.refused[code] = (this.refused[code] ?? 0) + 1;
    else this.broken += 1;
    if (this.samples.length < MAX_SAMPLES) this.samples.push(`${status} ${answer.slice(0, 500)}`);
    return false;
  }

  private result(cpuShare: number): LoadResult {
    return {
      accepted: this.accepted,
      refused: this.refused,
      broken: this.broken,
      samples: this.samples,
      timed: {
        accepted: this.acceptedInTime,
        perSecond: this.acceptedInTime / this.plan.seconds,
        p50Ms: this.histogram.quantile(0.5),
        p95Ms: this.histogram.quantile(0.95),
        p99Ms: this.histogram.quantile(0.99),
      },
      cpuShare,
    };
  }
}

interface Answer {
  data?: unknown;
  errors?: { extensions?: { code?: string } }[];
}

function parseAnswer(answer: string): Answer | undefined {
  try {
    return (JSON.parse(answer) ?? undefined) as Answer | undefined;
  } catch {
    return undefined;
  }
}

/** Everything of a request up to the value of Content-Length, made once per URL and key. */
function requestHead(more: Record<string, string>, { url, key }: { url: URL; key: string }): string {
  const headers = {
    host: url.host,
    'content-type': 'application/json',
    accept: 'application/json',
    ...more,
    authorization: `Bearer ${key}`,
  };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  return `POST ${url.pathname}${url.search} HTTP/1.1\r\n${lines.join('')}content-length: `;
}
