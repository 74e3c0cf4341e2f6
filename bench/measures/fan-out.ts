import { readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import type { Contender } from '../contenders/contender';
import { startOurs } from '../contenders/ours';
import { Stage } from '../contenders/stage';
import type { Deliveries, Latencies, PacedResult } from '../load/subscribers-plan';
import { openSubscribers, runPacedDebits, type Subscribers } from '../load/subscribers-run';
import { median, type Figure, type Measure, type RunOptions } from './measure';

const SUBSCRIBERS = 5_000;
const DEBITS_PER_SECOND = 1_000;
const ROUNDS = 3;
const SECONDS = { short: 4, full: 10 };
const WARM_UP_SECONDS = 2;
const IDLE = { short: 2_000, full: 9_000 };
/** Who is there before memory is looked at first: compiled code and the heap of a busy server count for nobody. */
const EARLIER_SUBSCRIBERS = 1_000;
const SETTLE_MS = 500;
/** A server that collects its garbage on SIGUSR2: what is garbage is no subscriber's. */
const COLLECTING = ['--expose-gc', '--import', "data:text/javascript,process.on('SIGUSR2', () => globalThis.gc())"];

/** S8: what debits of a balance cost that thousands watch, and how soon all of these know it. */
export const fanOut: Measure = {
  id: 'S8',
  name: `${SUBSCRIBERS.toLocaleString('en-US')} subscribers of one balance that takes 1,000 debits/s`,
  run: (options) =>
    Stage.use(async (stage) => {
      if (options.rivalsOnly) return [];
      const ours = await stage.add(startOurs(await stage.mariadbUrl(), 0));
      const rounds = await runRounds(ours, options);
      return [completedFigure(rounds), deliveryFigure(rounds)];
    }),
};

/** S9: what a subscriber costs who only listens. */
export const idleSubscribers: Measure = {
  id: 'S9',
  name: 'resident memory per idle subscriber, each on a socket of its own',
  run: async ({ short, rivalsOnly, progress }) => {
    if (rivalsOnly) return [];
    const count = short ? IDLE.short : IDLE.full;
    const kilobytes: number[] = [];
    for (let round = 1; round <= ROUNDS; round += 1) {
      // A server of its own, since memory that one round has used is not given back for the next.
      kilobytes.push(await Stage.use((stage) => kilobytesPerSubscriber(stage, count)));
      progress(`S9 ${round}/${ROUNDS} ${kilobytes.at(-1)!.toFixed(1)} KB`);
    }
    const name = `resident memory per idle subscriber, of ${count.toLocaleString('en-US')}`;
    const details = [
      `VmRSS with them less that with ${EARLIER_SUBSCRIBERS} others before, each after two collections, by their number`,
      `by round: ${kilobytes.map((one) => `${one.toFixed(1)} KB`).join(' ')}`,
    ];
    const limits = { unit: 'KB', bar: 30, aim: 12, lowerIsBetter: true };
    return [{ id: 'S9', name, ...limits, value: median(kilobytes), details }];
  },
};

interface Round {
  debits: PacedResult;
  deliveries: Deliveries;
}

async function runRounds(ours: Contender, { short, progress }: RunOptions): Promise<Round[]> {
  const [url, key] = [ours.urls[0]!, ours.keys.hot[0]!];
  const subscribers = await openSubscribers({ url, key, count: SUBSCRIBERS });
  try {
    const rounds: Round[] = [];
    let accepted = 0;
    // The first round warms up.
    for (let round = 0; round <= ROUNDS; round += 1) {
      const seconds = round === 0 ? WARM_UP_SECONDS : SECONDS[short ? 'short' : 'full'];
      const one = await runRound(subscribers, { url, key, seconds });
      accepted += one.debits.debits.length;
      if (round > 0) rounds.push(one);
      progress(`S8 ${round}/${ROUNDS} ${describe(one)}`);
    }
    await assertBooks(ours, accepted);
    return rounds;
  } finally {
    await subscribers.stop();
  }
}

async function runRound(
  subscribers: Subscribers,
  { url, key, seconds }: { url: string; key: string; seconds: number },
): Promise<Round> {
  const debits = await runPacedDebits({ url, key, perSecond: DEBITS_PER_SECOND, seconds });
  if (debits.faults.length > 0) throw new Error(debits.faults.join('\n'));
  return { debits, deliveries: await subscribers.deliveriesOf(debits.debits) };
}

/** Accepted = rows = debits, or the figures are worth nothing. */
async function assertBooks(ours: Contender, accepted: number): Promise<void> {
  const tally = await ours.tally();
  if (tally === null || tally.rows !== accepted || tally.debits !== accepted) {
    throw new Error(`accepted ${accepted}, rows ${tally?.rows}, debits ${tally?.debits}`);
  }
}

function completedFigure(rounds: Round[]): Figure {
  return {
    id: 'S8',
    name: `debits completed, of 1,000/s due, with ${SUBSCRIBERS.toLocaleString('en-US')} subscribers of the balance`,
    bar: 0.95,
    aim: 1,
    value: median(rounds.map(({ debits }) => debits.completed / debits.due)),
    details: [
      'accepted within a second of being due; they fall due whether earlier ones were answered or not',
      ...rounds.map(({ debits }) => `${debits.completed} of ${debits.due}, answers ${inWords(debits.latency)}`),
    ],
  };
}

function deliveryFigure(rounds: Round[]): Figure {
  return {
    ...{
      id: 'S8-delivery',
      name: 'p95 commit to delivery, each debit to each subscriber',
      unit: 'ms',
      bar: 250,
      aim: 100,
    },
    lowerIsBetter: true,
    value: median(rounds.map(({ deliveries }) => deliveries.sinceDecision.p95Ms)),
    details: [
      'from createdAt, just before a debit’s commit, until a subscriber has read a balance of its version or later',
      ...rounds.map(({ deliveries }) => `since createdAt ${inWords(deliveries.sinceDecision)}`),
      ...rounds.map(({ deliveries }) => `since the debit’s answer ${inWords(deliveries.sinceAnswer)}`),
    ],
  };
}

function describe({ debits, deliveries }: Round): string {
  const perDebit = deliveries.messages / debits.due;
  const cpu = [deliveries.cpuShare, debits.cpuShare].map((share) => `${Math.round(share * 100)} %`).join(' and ');
  return [
    `${debits.completed} of ${debits.due} debits, answers ${inWords(debits.latency)}`,
    `delivery ${inWords(deliveries.sinceDecision)}`,
    `${perDebit.toFixed(1)} messages per debit`,
    `subscribers and debits took ${cpu} of a core`,
  ].join('; ');
}

function inWords({ p50Ms, p95Ms, p99Ms }: Latencies): string {
  return [p50Ms, p95Ms, p99Ms].map((ms, index) => `p${[50, 95, 99][index]} ${ms.toPrecision(3)} ms`).join('  ');
}

async function kilobytesPerSubscriber(stage: Stage, count: number): Promise<number> {
  const ours = await stage.add(startOurs(await stage.mariadbUrl(), 0, { nodeOptions: COLLECTING }));
  const [url, key, pid] = [ours.urls[0]!, ours.keys.hot[0]!, ours.pids![0]!];
  const earlier = await openSubscribers({ url, key, count: EARLIER_SUBSCRIBERS });
  const before = await residentKilobytes(pid);
  const subscribers = await openSubscribers({ url, key, count });
  const after = await residentKilobytes(pid);
  await subscribers.stop();
  await earlier.stop();
  return (after - before) / count;
}

/** Of Linux's process table, after two collections: what the first one finalises is freed by the second. */
async function residentKilobytes(pid: number): Promise<number> {
  for (let collections = 0; collections < 2; collections += 1) {
    process.kill(pid, 'SIGUSR2');
    await pause(SETTLE_MS);
  }
  const resident = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  if (resident === undefined) throw new Error('the server’s memory cannot be read');
  return Number(resident);
}
