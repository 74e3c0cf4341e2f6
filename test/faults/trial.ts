import path from 'node:path';
import { hashKey } from '../../src/idempotency';
import { problemsOf, readBooks, type Books } from '../support/books';
import type { ApiProcess } from './api-process';
import { assertNone } from './fault-test';
import { BalanceWatcher, LedgerFollower } from './followers';
import { Journal, type Receipt } from './journal';
import { Load } from './load';
import { Observations } from './observations';
import type { Stage } from './stage';
import { askAs, createTenants, type Ask, type NumberedTenant } from './tenants';

export interface TrialOptions {
  /** The processes that callers use, in turn. */
  readonly apis: readonly ApiProcess[];
  readonly callers: number;
  /** The processes that subscribers use, where they are not those of the callers. */
  readonly watchedAt?: readonly ApiProcess[];
  /** How many pools the callers share, and how many credits each has. */
  readonly pools: number;
  readonly credits?: number;
  readonly holdPercent?: number;
  /** After how many actions each caller ends by itself. */
  readonly actionsEach?: number;
  /** How soon after the last fault watchers must have been told everything. */
  readonly toldWithinMs?: number;
  /** How many follow each pool's ledger. */
  readonly ledgersEach?: number;
  /** Each process reads from a node of its own, which may be behind the others. */
  readonly nodesLag?: boolean;
}

/** Without a message bus, processes look at watched pools every few seconds; then come the retries of a broken connection. */
const TOLD_WITHIN_MS = 10_000;

/** Enough for any short trial, so that nothing is refused. */
const AMPLE_CREDITS = 10_000_000;
/** How many acknowledged keys are sent once more after a trial, beside those that had to be retried. */
const REPLAYED_SAMPLE = 20;
const MOST_REPLAYED = 200;

/** Callers under way on pools of their own, and all that is needed to tell afterwards whether they and the books agree. */
export class Trial {
  private constructor(
    private readonly stage: Stage,
    readonly options: TrialOptions,
    readonly tenants: readonly NumberedTenant[],
    readonly load: Load,
    readonly observations: Observations,
    private readonly journal: Journal,
    readonly ledgers: readonly LedgerFollower[],
    readonly watchers: readonly BalanceWatcher[],
  ) {}

  /** Makes the pools and sets the callers going. */
  static async begin(stage: Stage, options: TrialOptions): Promise<Trial> {
    const { pools, credits = AMPLE_CREDITS } = options;
    const tenants = await createTenants(askOf(stage, options), { count: pools, credits });
    const name = stage.nextName();
    const journal = await Journal.create(path.join(await stage.folder(), `${name}.journal`));
    const observations = new Observations();
    const { dice, report } = stage;
    const parts = { apis: options.apis, tenants, journal, observations, report, dice, name };
    const load = new Load({ ...parts, holdPercent: options.holdPercent ?? 20 });
    const followed = Array.from({ length: options.ledgersEach ?? 1 }, () => tenants).flat();
    const places = options.watchedAt ?? options.apis;
    const ledgers = followed.map((tenant, index) => new LedgerFollower(places, tenant, index));
    // Versions never fall to one who stays with a node; who changes over to one that lags may see an earlier version once.
    const homes = (index: number) => (options.nodesLag ? places.slice(index, index + 1) : places);
    const watchers = tenants.map((tenant, index) => new BalanceWatcher(homes(index), tenant, index, observations));
    stage.defer(() => Promise.all([...ledgers, ...watchers].map((follower) => follower.stop())));
    load.start(options.callers, options.actionsEach);
    return new Trial(stage, options, tenants, load, observations, journal, ledgers, watchers);
  }

  /** Does harm now, and counts it with the requests that are in flight. */
  async fault<T>(harm: () => T | Promise<T>): Promise<T> {
    this.stage.report.fault(this.load.inFlight);
    return harm();
  }

  /** Resolves when all subscribers are being told something. */
  async followersOpen(): Promise<void> {
    await Promise.all([...this.ledgers, ...this.watchers].map((follower) => follower.untilOpen()));
  }

  /** How often a connection of a subscriber was closed, by code. */
  closes(): Map<number, number> {
    const total = new Map<number, number>();
    for (const { closes } of [...this.ledgers, ...this.watchers]) {
      for (const [code, count] of closes) total.set(code, (total.get(code) ?? 0) + count);
    }
    return total;
  }

  /** Within the limit, all subscribers must have what is in the books now, whatever comes after it. */
  async assertTold(databaseUrl: string): Promise<void> {
    const { pools } = await readBooks(
      databaseUrl,
      this.tenants.map(({ owner }) => owner),
    );
    await this.untilTold(pools);
  }

  /**
   * Stops the callers once every key has its answer, sends what was retried (and a sample) once more, and checks the books of
   * these pools: by the API's own verifyLedger, and past it from the tables of each of `databases`.
   */
  async end(databases: readonly string[]): Promise<void> {
    const { load, stage, tenants } = this;
    await load.stop();
    const receipts = await this.journal.read();
    await load.replay(this.chosenToReplay(receipts));
    await this.journal.close();
    assertNone(load.problems, 'the callers');
    for (const api of this.options.apis) assertNone(api.confessions(), 'the log');
    const owners = tenants.map(({ owner }) => owner);
    const answers = await Promise.all(
      tenants.map(({ ownerId }) =>
        askOf(stage, this.options)('query ($id: ID) { verifyLedger(ownerId: $id) { ok problems } }', { id: ownerId }),
      ),
    );
    assertNone(
      answers.flatMap(({ verifyLedger: { ok, problems } }) => (ok ? [] : problems)),
      'verifyLedger',
    );
    for (const database of databases) {
      const books = await readBooks(database, owners);
      const problems = [...problemsOf(books), ...missing(receipts, books), ...this.observations.compareWith(books)];
      assertNone(problems, 'the books');
      await this.endFollowers(books);
    }
    this.tell(receipts.length, databases.length);
  }

  private async untilTold(pools: Books['pools']): Promise<void> {
    const { toldWithinMs = TOLD_WITHIN_MS } = this.options;
    const poolOf = (owner: number) => pools.find((row) => Number(row['owner_id']) === owner);
    await Promise.all([
      ...this.ledgers.map((ledger) => ledger.until(Number(poolOf(ledger.owner)?.['last_sequence']), toldWithinMs)),
      ...this.watchers.map((watcher) => watcher.until(Number(poolOf(watcher.owner)?.['version']), toldWithinMs)),
    ]);
  }

  /** Waits until all have been told everything, and compares what they were told with the books. */
  private async endFollowers(books: Books): Promise<void> {
    const { ledgers, watchers } = this;
    await this.untilTold(books.pools);
    const all = [...ledgers, ...watchers];
    await Promise.all(all.map((follower) => follower.stop()));
    assertNone(
      all.flatMap(({ problems }) => problems),
      'the subscribers',
    );
    const wrong = ledgers.flatMap((ledger) =>
      ledger.compareWith(books.entries.filter(({ ownerId }) => ownerId === ledger.owner)),
    );
    assertNone([...wrong, ...this.observations.compareWith(books)], 'the subscribers');
    this.stage.report.verify(
      'an entry of ledgerAppended came once and in order, across lost connections',
      books.entries.length,
    );
  }

  private chosenToReplay(receipts: readonly Receipt[]): Receipt[] {
    const retried = new Set(this.load.retriedKeys.slice(0, MOST_REPLAYED));
    const step = Math.ceil(receipts.length / REPLAYED_SAMPLE);
    return receipts.filter(({ key }, index) => retried.has(key) || index % step === 0);
  }

  private tell(receipts: number, databases: number): void {
    const { report } = this.stage;
    report.verify('an acknowledged receipt is in the ledger once, as it was given; nothing else is', receipts);
    report.verify('a retried key, sent again, gave the same receipt', this.load.retriedKeys.length);
    report.verify('a balance that was told is what the ledger says (I6), versions never fell', this.observations.count);
    report.verify('I1-I5 of all pools after a fault, by verifyLedger and from the tables alone', databases);
  }
}

function askOf(stage: Stage, { apis }: TrialOptions): Ask {
  return askAs(apis.find(({ isRunning }) => isRunning) ?? (apis[0] as ApiProcess), stage.adminKey);
}

/** How acknowledged receipts and the ledger differ: accepted = rows = debits, each row as its receipt says. */
export function missing(receipts: readonly Receipt[], { entries }: Books): string[] {
  const problems: string[] = [];
  const opened = entries.filter(({ kind }) => kind === 'DEBIT' || kind === 'HOLD');
  const rows = new Map(opened.map((entry) => [`${entry.ownerId} ${entry.keyHash}`, entry]));
  if (rows.size !== opened.length) problems.push(`${opened.length} debits have ${rows.size} keys`);
  const rowsByHash = new Map(opened.map((entry) => [entry.keyHash, entry]));
  const seen = new Set<string>();
  for (const receipt of receipts) {
    const row = rowsByHash.get(hashKey(receipt.key));
    if (seen.has(receipt.key)) problems.push(`${receipt.key} was acknowledged to two callers`);
    seen.add(receipt.key);
    if (!row) problems.push(`${receipt.key} was acknowledged and is not in the ledger`);
    else if (
      row.sequence !== receipt.sequence ||
      row.available !== receipt.availableAfter ||
      row.held !== receipt.heldAfter ||
      row.kind !== (receipt.hold ? 'HOLD' : 'DEBIT')
    ) {
      problems.push(`the receipt ${JSON.stringify(receipt)} is not the row ${JSON.stringify(row)}`);
    }
  }
  if (seen.size !== opened.length) problems.push(`${seen.size} receipts, ${opened.length} debits in the ledger`);
  return problems;
}
