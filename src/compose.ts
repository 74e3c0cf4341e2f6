import 'reflect-metadata';
import type { AddressInfo } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import type { GraphQLSchema } from 'graphql';
import { ApiKeys } from './access/api-keys';
import { SqlApiKeyStore } from './access/api-key.store';
import { Authentication } from './access/authentication';
import { categoryOf } from './actions/action-catalogue';
import { SqlActionStore } from './actions/action.store';
import { ListActions } from './actions/list-actions';
import { LiveActions } from './actions/live-actions';
import { ResolveActions } from './actions/resolve-action';
import { SqlAppStore } from './apps/app.store';
import { Apps } from './apps/apps';
import { BalanceFeed } from './balances/balance-feed';
import { SqlFeedReader } from './balances/balance-feed.store';
import { Grants } from './balances/grants';
import { LedgerExports } from './balances/ledger-export';
import { LedgerHistory } from './balances/ledger-history';
import { SqlLedgerReader } from './balances/ledger-reader.store';
import { LiveBalances } from './balances/live-balances';
import { SECOND_MS, systemClock, type Clock } from './clock';
import type { Config } from './config';
import { Database } from './database/database';
import type { Deadlines } from './database/deadlines';
import { entities } from './database/entities';
import { isTransient } from './database/failure';
import { DomainError } from './errors';
import { firstRun, type FirstRun } from './first-run';
import { Documents } from './graphql/documents';
import { limitsRule } from './graphql/limits';
import { createSchema } from './graphql/schema';
import { Ledger } from './ledger/ledger';
import { SqlLedgerStore } from './ledger/ledger.store';
import { SqlOwnerStore } from './owners/owner.store';
import { Owners } from './owners/owners';
import { SqlPlanStore } from './plans/plan.store';
import { Plans } from './plans/plans';
import { RedisProcesses } from './processes/redis-processes';
import { builtDashboard } from './server/dashboard';
import type { SampleStart } from './sample/seed';
import { explorerPage } from './server/explorer';
import { createHttpServer, type HttpServer } from './server/http';
import { noIntrospection } from './server/no-introspection';
import { SubscriptionServer } from './server/websocket';
import { Runways } from './usage/runways';
import { Usage } from './usage/usage';
import { UsageFold } from './usage/usage-fold';
import { SqlUsageStore } from './usage/usage.store';

const SWEEP_INTERVAL_MS = SECOND_MS;
const RECHECK_INTERVAL_MS = SECOND_MS;
/** How old the news of another process may get where no message brings it. */
const REREAD_INTERVAL_MS = 2 * SECOND_MS;
const LAST_USED_INTERVAL_MS = 10 * SECOND_MS;
/** What of the grace is kept for the database, where half of the grace is not less. */
const CLOSING_DATABASE_MS = SECOND_MS;
/** A database that answers takes milliseconds: it gets them also where nothing is left of the grace. */
const LEAST_CLOSING_DATABASE_MS = 500;

/** What a part of the service logs: one line, for people. */
export interface Log {
  info(line: string): void;
  error(line: string, error: unknown): void;
}

export const consoleLog: Log = {
  info: (line) => console.log(line),
  error: (line, error) => console.error(line, error),
};

export interface Service {
  /** Where it listens, such as http://127.0.0.1:4000. */
  readonly url: string;
  readonly schema: GraphQLSchema;
  /** What an empty database was given; null where it was not empty. */
  readonly firstRun: FirstRun | null;
  /** Is not ready from this moment on; finishes what is in flight, closes sockets with 1001, closes the database. May be called twice. */
  stop(): Promise<void>;
}

/** The features, wired to a database. Knows no transport. */
function createFeatures(
  database: Database,
  others: RedisProcesses | null,
  parts: { clock: Clock; onError(error: unknown): void },
) {
  const { clock, onError } = parts;
  const ledgerStore = new SqlLedgerStore(database);
  const ledger = new Ledger(ledgerStore, clock, onError);
  const keyStore = new SqlApiKeyStore(database);
  const authentication = new Authentication(keyStore, clock);
  const curtailed = new Set<() => void>();
  const recheckKeys = () => {
    authentication.forget();
    for (const listener of curtailed) listener();
  };
  const onCurtailed = () => {
    recheckKeys();
    others?.tellCurtailed();
  };
  const plans = new Plans(new SqlPlanStore(database), clock);
  const owners = new Owners(new SqlOwnerStore(database, ledgerStore), plans, clock, ledger);
  const settle = (ownerId: number) => ledger.balance(ownerId);
  const apps = new Apps(new SqlAppStore(database), { clock, settle, onChanged: onCurtailed });
  // An owner that exists has a balance; what is due is settled with the same look.
  const assertScope = async ({ ownerId, appId }: { ownerId: number; appId: number | null }) => {
    await ledger.balance(ownerId);
    if (appId !== null) await apps.byId(ownerId, appId);
  };
  const apiKeys = new ApiKeys(keyStore, { clock, assertScope, onCurtailed });
  const feed = new BalanceFeed(new SqlFeedReader(database), onError);
  ledger.onCommitted((committed) => feed.publish(committed));
  if (others) joinOthers(others, { ledger, feed, recheckKeys, onError });
  const reader = new SqlLedgerReader(database);
  const history = new LedgerHistory(reader, ledger, feed);
  const usageStore = new SqlUsageStore(database);
  const usageFold = new UsageFold(usageStore, onError);
  ledger.onCommitted(({ balance }) => usageFold.note(balance));
  const usage = new Usage({ store: usageStore, fold: usageFold, assertCurrent: assertScope, categoryOf });
  return {
    ledger,
    plans,
    owners,
    apps,
    apiKeys,
    authentication,
    onCurtailed: (listener: () => void) => curtailed.add(listener),
    feed,
    reader,
    history,
    usage,
    usageFold,
    runways: new Runways(usage, clock),
    ledgerExports: new LedgerExports(reader, ledger),
    grants: new Grants(ledger),
    resolving: new ResolveActions(ledger),
    listing: new ListActions(new SqlActionStore(database), assertScope),
    live: {
      balances: new LiveBalances({ ledger, feed, clock, onError }),
      actions: new LiveActions(feed, assertScope),
      ledger: history,
    },
  };
}

export type Features = ReturnType<typeof createFeatures>;

/** Tells the other processes what this one commits, and hears what they say. */
function joinOthers(
  others: RedisProcesses,
  parts: { ledger: Ledger; feed: BalanceFeed; recheckKeys(): void; onError(error: unknown): void },
): void {
  const { ledger, feed, recheckKeys, onError } = parts;
  ledger.onCommitted(({ balance }) => others.tellCommitted(balance));
  others.listen({
    onCommitted: (mark) => {
      ledger.hear(mark);
      feed.hear(mark);
    },
    onCurtailed: recheckKeys,
    onGap: () => {
      recheckKeys();
      feed.reread().catch(onError);
    },
  });
}

/** Builds and wires everything, and starts it. Throws where the database cannot be reached or the port is taken. */
export async function start(
  config: Config,
  parts: {
    clock?: Clock;
    deadlines?: Deadlines;
    log?: Log;
    dashboardFolder?: string;
    /** Fills a database that is empty. */
    sample?: (database: Database) => Promise<SampleStart>;
  } = {},
): Promise<Service> {
  const { clock = systemClock, log = consoleLog } = parts;
  const reportBug = (error: unknown, requestId: string) => log.error(`A bug, request ${requestId}:`, error);
  const onError = (error: unknown) => {
    // That the database is out of reach is told by /readyz and by every answer, not once a second here.
    if (!(error instanceof DomainError) && !isTransient(error)) log.error('In the background:', error);
  };
  const database = await Database.open(config.databaseUrl, entities, parts.deadlines && { deadlines: parts.deadlines });
  database.onReachability((away, reason) =>
    log.info(away ? `The database is out of reach: ${String(reason)}` : 'The database answers again.'),
  );
  const undo: (() => Promise<unknown>)[] = [() => database.close()];
  try {
    const others = await otherProcesses(config, log);
    undo.unshift(async () => others?.stop());
    await database.migrate();
    const features = createFeatures(database, others, { clock, onError });
    const schema = createSchema(features);
    const rules = config.introspection ? [limitsRule] : [limitsRule, noIntrospection];
    const shared = { schema, authentication: features.authentication, live: features.live, reportBug };
    let stopping: Promise<void> | null = null;
    let started = false;
    const { fastify, apollo, lastAnswers } = await createHttpServer({
      ...shared,
      ledgerExports: features.ledgerExports,
      rules,
      introspection: config.introspection,
      explorer: config.explorer ? explorerPage() : null,
      ...(config.dashboard && { dashboard: parts.dashboardFolder ?? builtDashboard() }),
      widget: config.widget,
      isReady: async () => started && stopping === null && (await database.isReady()),
    });
    const sockets = new SubscriptionServer({ ...shared, documents: new Documents(schema, rules) });
    sockets.attach(fastify.server);
    features.onCurtailed(() => void sockets.recheck().catch(onError));
    await fastify.listen({ port: config.port, host: config.host });
    undo.unshift(() => fastify.close());
    // Only now: a start that fails because the port is taken must not leave keys behind that were never printed.
    const { sample } = parts;
    const writeHistory = sample ? () => sample(database) : null;
    const given = await database.alone(() => firstRun(features, config, { kind: database.kind, writeHistory }));
    const stopJobs = startJobs(features, { sockets, database, onError });
    started = true;
    const parting = { ...features, config, log, sockets, fastify, apollo, lastAnswers };
    const stop = () =>
      stopInTime(parting, async () => {
        await stopJobs();
        await features.ledger.idle();
        await features.usageFold.idle();
        await others?.stop();
        await features.authentication.flushLastUsed().catch(onError);
        await database.close();
      });
    const { port } = fastify.server.address() as AddressInfo;
    const host = config.host.includes(':') ? `[${config.host}]` : config.host;
    return { url: `http://${host}:${port}`, schema, firstRun: given, stop: () => (stopping ??= stop()) };
  } catch (error) {
    for (const step of undo) await step().catch(onError);
    throw error;
  }
}

/** The processes on the same database, on a channel named after it; null where each looks for itself. */
async function otherProcesses({ redisUrl, databaseUrl }: Config, log: Log): Promise<RedisProcesses | null> {
  if (redisUrl === null) return null;
  const channel = `integration-credits:${databaseUrl.split('?', 1)[0]?.split('/').pop()}`;
  return RedisProcesses.prepare(redisUrl, { channel, tellOperator: (line) => log.info(line) });
}

/**
 * Ends the service within its grace. First it is only not ready any more, and still serves, so that a load balancer looks elsewhere;
 * then it takes no new connection, answers what is in flight and closes the sockets; then `closeDatabase`.
 */
async function stopInTime(
  parts: {
    readonly config: Config;
    readonly log: Log;
    readonly sockets: SubscriptionServer;
    readonly fastify: HttpServer['fastify'];
    readonly apollo: HttpServer['apollo'];
    readonly lastAnswers: HttpServer['lastAnswers'];
    readonly ledgerExports: LedgerExports;
  },
  closeDatabase: () => Promise<void>,
): Promise<void> {
  const { config, log, sockets, fastify, apollo, lastAnswers, ledgerExports } = parts;
  const startedAt = performance.now();
  const graceMs = config.shutdownGraceSeconds * SECOND_MS;
  const servingMs = Math.max(graceMs - CLOSING_DATABASE_MS, graceMs / 2);
  // A request that hangs is cut: a stop ends.
  const cut = setTimeout(() => {
    log.info('the grace is over: what is still open is cut');
    ledgerExports.endAll();
    fastify.server.closeAllConnections();
  }, servingMs);
  lastAnswers.begin();
  const drainMs = Math.min(config.drainSeconds * SECOND_MS, servingMs);
  await pause(drainMs);
  const limitMs = servingMs - drainMs;
  await Promise.all([sockets.stop({ spreadMs: limitMs / 2, limitMs }), lastAnswers.close(fastify)]);
  clearTimeout(cut);
  await apollo.stop();
  const leftMs = startedAt + graceMs - performance.now();
  await within(Math.max(leftMs, LEAST_CLOSING_DATABASE_MS), closeDatabase);
}

/** A database that does not answer must not keep the process: what is committed is committed. */
async function within(limitMs: number, work: () => Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => (timer = setTimeout(resolve, limitMs)));
  await Promise.race([work(), late]);
  clearTimeout(timer);
}

/** What runs by itself: due work of pools that nobody looks at, news of other processes, keys of open sockets, when keys were last used. */
function startJobs(
  features: Features,
  parts: { sockets: SubscriptionServer; database: Database; onError(error: unknown): void },
): () => Promise<void> {
  const { sockets, database, onError } = parts;
  const underWay = new Set<Promise<void>>();
  const repeat = (job: () => Promise<void>, intervalMs: number) => {
    let running = false;
    return setInterval(() => {
      // A round that takes longer than its interval is not overtaken by the next one.
      if (running) return;
      running = true;
      const round = job()
        .catch(onError)
        .finally(() => {
          running = false;
          underWay.delete(round);
        });
      underWay.add(round);
    }, intervalMs).unref();
  };
  const timers = [
    repeat(() => features.ledger.sweep(), SWEEP_INTERVAL_MS),
    // SQLite has one process, which knows by itself what it commits.
    ...(database.kind === 'mysql' ? [repeat(() => features.feed.reread(), REREAD_INTERVAL_MS)] : []),
    repeat(() => sockets.recheck(), RECHECK_INTERVAL_MS),
    repeat(() => features.authentication.flushLastUsed(), LAST_USED_INTERVAL_MS),
  ];
  return async () => {
    timers.forEach((timer) => clearInterval(timer));
    await Promise.all(underWay);
  };
}
