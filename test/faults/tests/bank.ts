import { problemsOf, readBooks } from '../../support/books';
import type { Answer } from '../../support/service';
import type { ApiProcess } from '../api-process';
import { assertNone, type FaultTest } from '../fault-test';
import { ANSWER_LIMIT_MS } from '../load';
import { Observations, TOLD_FIELDS, type ToldBalance } from '../observations';
import type { Stage } from '../stage';
import { askAs, createTenants, type NumberedTenant } from '../tenants';

const POOLS = 8;
const WRITERS = 16;
const READERS = 4;
const OUTCOME = `{ action { id } balance { ${TOLD_FIELDS} } replayed }`;
const GRANTED = `{ grant { id } balance { ${TOLD_FIELDS} } }`;
const ENTRY_FIELDS = 'sequence kind credits available held paused';
const EXPECTED_CODES = ['INSUFFICIENT_CREDITS', 'ACTION_ALREADY_RESOLVED', 'ACTION_NOT_CAPTURED', 'NOT_FOUND'];

/** What each movement does to available, held and paused, per credit (the table of I4); null: it depends on the grant. */
const MOVES: Readonly<Record<string, readonly [number, number, number] | null>> = {
  GRANT: [1, 0, 0],
  DEBIT: [-1, 0, 0],
  HOLD: [-1, 1, 0],
  CAPTURE: [0, -1, 0],
  VOID: [1, -1, 0],
  REFUND: [1, 0, 0],
  PAUSE: [-1, 0, 1],
  RESUME: [1, 0, -1],
  EXPIRE: null,
  REVOKE: null,
};

/** R3: money moves to and fro as fast as it can, and whoever looks finds all of it. */
export const bank: FaultTest = {
  id: 'R3',
  title: 'bank test: random movements on 8 pools under load, the invariants checked on every read',
  faults: 'movements',
  needs: ['mariadbd'],
  async run(stage) {
    const movements = stage.scale({ short: 2_500, full: 100_000 });
    const sqlite = await stage.sqliteUrl();
    await moveAround(stage, { apis: [await stage.api(sqlite)], databaseUrl: sqlite, movements });
    const { databaseUrl } = await stage.mariadb();
    await moveAround(stage, { apis: await stage.apiProcesses(3, databaseUrl), databaseUrl, movements });
    stage.assertSound();
  },
};

async function moveAround(
  stage: Stage,
  { apis, databaseUrl, movements }: { apis: readonly ApiProcess[]; databaseUrl: string; movements: number },
): Promise<void> {
  const ask = askAs(apis[0] as ApiProcess, stage.adminKey);
  // Top-ups of the second half are paused as soon as they are granted (rule 6).
  const tenants = [
    ...(await createTenants(ask, { count: POOLS / 2, credits: 60 })),
    ...(await createTenants(ask, { count: POOLS / 2, credits: 60, topUpsAllowed: false })),
  ];
  const visit = new Bank(stage, apis, tenants);
  let left = movements;
  const write = async (writer: number) => {
    while (left > 0) {
      left -= 1;
      await visit.move(`${writer} ${left}`);
    }
  };
  const read = async (reader: number) => {
    while (left > 0) await visit.look(`reader ${reader}`, apis[reader % apis.length] as ApiProcess);
  };
  await Promise.all([
    ...Array.from({ length: WRITERS }, (_, writer) => write(writer)),
    ...Array.from({ length: READERS }, (_, reader) => read(reader)),
  ]);
  const books = await readBooks(databaseUrl);
  assertNone([...visit.problems, ...problemsOf(books), ...visit.observations.compareWith(books)], 'the bank');
  const kinds = new Set(books.entries.map(({ kind }) => kind));
  const wanted = ['GRANT', 'DEBIT', 'HOLD', 'CAPTURE', 'VOID', 'REFUND', 'REVOKE', 'PAUSE'];
  assertNone(
    wanted.filter((kind) => !kinds.has(kind)),
    'movements that never happened',
  );
  const opened = books.entries.filter(({ kind }) => kind === 'DEBIT' || kind === 'HOLD').length;
  if (opened !== visit.accepted) throw new Error(`${visit.accepted} actions accepted, ${opened} in the ledger`);
  stage.report.verify(
    'I1-I6 by a read of a balance with its grants, or of a page of the ledger, under load',
    visit.reads,
  );
  stage.report.verify(
    'a movement of the ledger follows from the one before it, and adds up (I1-I5)',
    books.entries.length,
  );
  stage.progress(
    `${databaseUrl.split(':')[0]}, ${apis.length} processes: ${movements} movements, ${visit.reads} reads`,
  );
}

class Bank {
  readonly observations = new Observations();
  readonly problems: string[] = [];
  accepted = 0;
  reads = 0;
  private inFlight = 0;
  private readonly actions = new Map<string, string[]>();
  private readonly grants = new Map<string, string[]>();

  constructor(
    private readonly stage: Stage,
    private readonly apis: readonly ApiProcess[],
    private readonly tenants: readonly NumberedTenant[],
  ) {}

  /** One random movement of one random pool. */
  async move(key: string): Promise<void> {
    const { dice } = this.stage;
    const tenant = dice.oneOf(this.tenants);
    const { ownerId, appKey } = tenant;
    const kind = dice.weighted({ debit: 30, hold: 25, capture: 10, void: 12, refund: 13, grant: 7, revoke: 3 });
    if (kind === 'debit' || kind === 'hold') {
      const input = { idempotencyKey: key, method: 'GET', host: 'api.example', hold: kind === 'hold' };
      const answer = await this.send(tenant, 'callApi', 'CallApiInput', input, appKey);
      const id = answer.data?.callApi?.action.id as string | undefined;
      if (id === undefined) return;
      this.accepted += 1;
      remember(this.actions, ownerId, id);
    } else if (kind === 'grant') {
      const input = {
        ownerId,
        idempotencyKey: key,
        amount: dice.between(1, 20),
        source: dice.oneOf(['BONUS', 'TOP_UP']),
      };
      const answer = await this.send(tenant, 'grantCredits', 'GrantCreditsInput', input, this.stage.adminKey);
      remember(this.grants, ownerId, answer.data?.grantCredits?.grant.id as string);
    } else if (kind === 'revoke') {
      const grantId = pickOf(this.grants.get(ownerId), dice);
      if (grantId !== undefined) {
        await this.send(tenant, 'revokeGrant', 'RevokeGrantInput', { grantId }, this.stage.adminKey);
      }
    } else {
      const actionId = pickOf(this.actions.get(ownerId), dice);
      const type = `${kind.charAt(0).toUpperCase()}${kind.slice(1)}ActionInput`;
      if (actionId !== undefined) await this.send(tenant, `${kind}Action`, type, { actionId }, appKey);
    }
  }

  /** Reads one pool as an owner may, and checks all that one read can show. */
  async look(reader: string, api: ApiProcess): Promise<void> {
    const tenant = this.stage.dice.oneOf(this.tenants);
    const query = `{ balance { ${TOLD_FIELDS} grants { remaining paused } } }`;
    const { data, errors } = await api.client.send({ query, key: tenant.ownerKey, limitMs: ANSWER_LIMIT_MS });
    this.reads += 1;
    this.problems.push(...errors.map((error) => JSON.stringify(error)));
    if (!data) return;
    const balance = data.balance as ToldBalance & { grants: { remaining: number; paused: boolean }[] };
    // A reader stays with its process: to it, and to nobody else, one read follows the other.
    this.observations.note(tenant.owner, balance, reader);
    const sum = (paused: boolean) =>
      balance.grants.reduce((total, grant) => total + (grant.paused === paused ? grant.remaining : 0), 0);
    if (sum(false) !== balance.available)
      this.problems.push(`I5: usable grants ${sum(false)}: ${JSON.stringify(balance)}`);
    if (sum(true) !== balance.paused) this.problems.push(`I5: paused grants ${sum(true)}: ${JSON.stringify(balance)}`);
    await this.lookAtLedger(tenant, balance, api);
  }

  /** The end of the ledger: each entry must follow from the one before it (I4), and I1 holds after each. */
  private async lookAtLedger(tenant: NumberedTenant, told: ToldBalance, api: ApiProcess): Promise<void> {
    const query = `query ($after: SafeInt) {
      ledger(afterSequence: $after, first: 30) { edges { node { ${ENTRY_FIELDS} } } } }`;
    const variables = { after: Math.max(0, told.lastSequence - 15) };
    const { data, errors } = await api.client.send({
      query,
      variables,
      key: tenant.ownerKey,
      limitMs: ANSWER_LIMIT_MS,
    });
    this.reads += 1;
    this.problems.push(...errors.map((error) => JSON.stringify(error)));
    const nodes = ((data?.ledger.edges ?? []) as { node: Entry }[]).map(({ node }) => node);
    if (data && (nodes.at(-1)?.sequence ?? 0) < told.lastSequence) {
      this.problems.push(`I4: the ledger ends at ${nodes.at(-1)?.sequence}, the balance was of ${told.lastSequence}`);
    }
    nodes.forEach((entry, index) => {
      const before = nodes[index - 1];
      const what = before && faultBetween(before, entry);
      if (what) this.problems.push(`I4: ${what}: ${JSON.stringify([before, entry])}`);
    });
  }

  private async send(
    tenant: NumberedTenant,
    mutation: string,
    type: string,
    input: object,
    key: string,
  ): Promise<Answer> {
    const selection = type.includes('Grant') ? GRANTED : OUTCOME;
    const query = `mutation ($input: ${type}!) { ${mutation}(input: $input) ${selection} }`;
    const { report, dice } = this.stage;
    this.inFlight += 1;
    const startedAt = performance.now();
    const answer = await dice
      .oneOf(this.apis)
      .client.send({ query, variables: { input }, key, limitMs: ANSWER_LIMIT_MS });
    report.answered(performance.now() - startedAt);
    report.fault(this.inFlight);
    this.inFlight -= 1;
    if (answer.code === undefined) report.acknowledged += 1;
    else if (EXPECTED_CODES.includes(String(answer.code))) report.refused += 1;
    else this.problems.push(`${mutation}: ${JSON.stringify(answer.errors)}`);
    const balance = answer.data?.[mutation]?.balance as ToldBalance | undefined;
    if (balance) this.observations.note(tenant.owner, balance);
    return answer;
  }
}

interface Entry {
  readonly sequence: number;
  readonly kind: string;
  readonly credits: number;
  readonly available: number;
  readonly held: number;
  readonly paused: number;
}

function faultBetween(before: Entry, entry: Entry): string | null {
  if (entry.sequence !== before.sequence + 1) return 'a gap';
  const { credits } = entry;
  const changes = [entry.available - before.available, entry.held - before.held, entry.paused - before.paused];
  const allowed = MOVES[entry.kind]
    ? [MOVES[entry.kind]]
    : [
        [-1, 0, 0],
        [0, 0, -1],
      ];
  const fits = allowed.some((move) => move?.every((sign, index) => changes[index] === sign * credits));
  return fits ? null : `${entry.kind} of ${credits} does not make that`;
}

function remember(lists: Map<string, string[]>, name: string, value: string): void {
  const list = lists.get(name);
  if (list) list.push(value);
  else lists.set(name, [value]);
}

function pickOf<T>(values: readonly T[] | undefined, dice: Stage['dice']): T | undefined {
  return values && values.length > 0 ? dice.oneOf(values) : undefined;
}
