import { createSecret } from '../../src/access/api-key-secret';
import { MINUTE_MS, type Clock } from '../../src/clock';
import { start, type Log, type Service } from '../../src/compose';
import type { Config } from '../../src/config';
import type { Deadlines } from '../../src/database/deadlines';
import { createTestDatabase, type DatabaseKind } from './database';

/** What a GraphQL answer over HTTP looks like to a client. */
export interface Answer {
  readonly status: number;
  // Tests read answers of many shapes; what they expect of them is the check.
  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  readonly data: any;
  readonly errors: readonly { message: string; path?: readonly string[]; extensions: Record<string, unknown> }[];
  /** `extensions.code` of the first error; undefined where there is none. */
  readonly code: unknown;
}

/** A clock that stands still until it is moved. */
export class ManualClock implements Clock {
  constructor(private instant: number = Date.parse('2026-01-31T12:00:00.000Z')) {}

  now(): number {
    return this.instant;
  }

  set(instant: number | string): void {
    this.instant = typeof instant === 'string' ? Date.parse(instant) : instant;
  }

  advance(ms: number): void {
    this.instant += ms;
  }

  advanceMinutes(minutes: number): void {
    this.advance(minutes * MINUTE_MS);
  }
}

/** An owner with one app and keys of each role, made through the public API. */
export interface Tenant {
  readonly ownerId: string;
  readonly appId: string;
  readonly ownerKey: string;
  readonly appKey: string;
}

export interface TestService {
  readonly url: string;
  readonly service: Service;
  readonly adminKey: string;
  readonly databaseUrl: string;
  /** What was logged as a bug or a background failure: a test that provokes none expects it to stay empty. */
  readonly failures: unknown[];
  /** What the operator was told that is no failure, line by line. */
  readonly lines: string[];
  /** Sends one operation over HTTP with a key; without one where `key` is null. */
  send(query: string, variables?: Record<string, unknown>, key?: string | null): Promise<Answer>;
  /** The same, of which the test knows that it succeeds. */
  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  ask(query: string, variables?: Record<string, unknown>, key?: string | null): Promise<any>;
  /** An owner with exactly `credits` (100: the free plan), one app and its keys. */
  tenant(credits?: number): Promise<Tenant>;
  /** The id of a plan with these terms, made through the public API; returns its code. */
  plan(terms: {
    monthlyCredits: number;
    maxApps?: number;
    topUpsAllowed?: boolean;
    rolloverLimit?: number;
  }): Promise<string>;
  stop(): Promise<void>;
}

export interface TestOptions {
  readonly clock?: Clock;
  readonly config?: Partial<Config>;
  /** A database that exists already, such as that of a service that was stopped. */
  readonly databaseUrl?: string;
  /** The dashboard's files, where a test has built them. */
  readonly dashboardFolder?: string;
  /** How long the database is waited for, where a test has no time for what a caller would wait. */
  readonly deadlines?: Deadlines;
}

/** A real server on a free port with an empty database of its own. */
export async function startTestService(kind: DatabaseKind, options: TestOptions = {}): Promise<TestService> {
  const database = options.databaseUrl
    ? { url: options.databaseUrl, drop: () => Promise.resolve() }
    : await createTestDatabase(kind);
  const adminKey = options.config?.adminKey ?? createSecret('ADMIN');
  const failures: unknown[] = [];
  const lines: string[] = [];
  const log: Log = {
    info: (line) => void lines.push(line),
    error: (line, error) => void failures.push({ line, error }),
  };
  const config: Config = {
    port: 0,
    host: '127.0.0.1',
    databaseUrl: database.url,
    redisUrl: null,
    introspection: true,
    explorer: true,
    dashboard: true,
    widget: true,
    drainSeconds: 0,
    shutdownGraceSeconds: 2,
    ...options.config,
    adminKey,
  };
  const service = await start(config, {
    log,
    ...(options.clock && { clock: options.clock }),
    ...(options.deadlines && { deadlines: options.deadlines }),
    ...(options.dashboardFolder && { dashboardFolder: options.dashboardFolder }),
  });
  const send = (query: string, variables = {}, key: string | null = adminKey) =>
    post(`${service.url}/graphql`, { query, variables }, key);
  const ask: TestService['ask'] = async (query, variables, key) => {
    const answer = await send(query, variables, key);
    if (answer.errors.length > 0) throw new Error(JSON.stringify(answer.errors));
    return answer.data;
  };
  const plan = planMaker(ask);
  return {
    url: service.url,
    service,
    adminKey,
    databaseUrl: database.url,
    failures,
    lines,
    send,
    ask,
    plan,
    tenant: async (credits = 100) =>
      createTenant(ask, credits === 100 ? 'free' : await plan({ monthlyCredits: credits })),
    stop: async () => {
      await service.stop();
      await database.drop();
    },
  };
}

async function post(url: string, body: object, key: string | null): Promise<Answer> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...(key !== null && { authorization: `Bearer ${key}` }) },
    body: JSON.stringify(body),
  });
  const { data, errors = [] } = (await response.json()) as Partial<Answer>;
  return { status: response.status, data, errors, code: errors[0]?.extensions['code'] };
}

function planMaker(ask: TestService['ask']): TestService['plan'] {
  let plans = 0;
  return async (terms) => {
    const code = `plan-${(plans += 1)}`;
    await ask('mutation($input: CreatePlanInput!) { createPlan(input: $input) { plan { id } } }', {
      input: { code, name: code, ...terms },
    });
    return code;
  };
}

export async function createTenant(ask: TestService['ask'], planCode: string): Promise<Tenant> {
  const { createOwner } = await ask(
    'mutation($input: CreateOwnerInput!) { createOwner(input: $input) { owner { id } } }',
    { input: { name: 'An owner', planCode } },
  );
  const ownerId = createOwner.owner.id as string;
  const { createApp } = await ask('mutation($input: CreateAppInput!) { createApp(input: $input) { app { id } } }', {
    input: { ownerId, name: 'An app' },
  });
  const appId = createApp.app.id as string;
  const createKey = async (input: object) =>
    (await ask('mutation($input: CreateApiKeyInput!) { createApiKey(input: $input) { secret } }', { input }))
      .createApiKey.secret as string;
  const ownerKey = await createKey({ name: 'owner', role: 'OWNER', ownerId });
  const appKey = await createKey({ name: 'app', role: 'APP', appId });
  return { ownerId, appId, ownerKey, appKey };
}
