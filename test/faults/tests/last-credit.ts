import { problemsOf, readBooks } from '../../support/books';
import { assertNone, type FaultTest } from '../fault-test';
import type { ApiProcess } from '../api-process';
import { ANSWER_LIMIT_MS } from '../load';
import type { Stage } from '../stage';
import { askAs, createTenants } from '../tenants';

const ACTIONS = 1_000;
const DEBIT = `mutation ($input: CallApiInput!) { callApi(input: $input) { balance { available } } }`;

/** R1: the most reported bug of this field is one credit that two requests both read, and both take. */
export const lastCredit: FaultTest = {
  id: 'R1',
  title: 'one credit left, 1,000 actions at once, by 1, 3 and 9 processes',
  faults: 'bursts',
  needs: ['mariadbd'],
  async run(stage) {
    const rounds = stage.scale({ short: 2, full: 20 });
    const sqlite = await stage.sqliteUrl();
    await contend(stage, { apis: [await stage.api(sqlite)], databaseUrl: sqlite, rounds });
    const { databaseUrl } = await stage.mariadb();
    const apis = await stage.apiProcesses(9, databaseUrl);
    for (const count of [1, 3, 9]) {
      await contend(stage, { apis: apis.slice(0, count), databaseUrl, rounds });
    }
    stage.assertSound();
  },
};

async function contend(
  stage: Stage,
  { apis, databaseUrl, rounds }: { apis: readonly ApiProcess[]; databaseUrl: string; rounds: number },
): Promise<void> {
  const { report } = stage;
  const tenants = await createTenants(askAs(apis[0] as ApiProcess, stage.adminKey), { count: rounds, credits: 1 });
  for (const { appKey, owner } of tenants) {
    const startedAt = performance.now();
    const answers = await Promise.all(
      Array.from({ length: ACTIONS }, (_, i) => {
        const input = {
          idempotencyKey: `action ${i}`,
          method: 'GET',
          host: 'api.example',
          hold: stage.dice.chance(20),
        };
        const api = apis[i % apis.length] as ApiProcess;
        return api.client.send({ query: DEBIT, variables: { input }, key: appKey, limitMs: ANSWER_LIMIT_MS });
      }),
    );
    report.fault(ACTIONS);
    report.answered(performance.now() - startedAt);
    const accepted = answers.filter(({ code, data }) => code === undefined && data?.callApi).length;
    const refused = answers.filter(({ code }) => code === 'INSUFFICIENT_CREDITS').length;
    if (accepted !== 1 || refused !== ACTIONS - 1) {
      const codes = [...new Set(answers.map(({ code }) => code))].join(', ');
      throw new Error(`${accepted} accepted and ${refused} refused by ${apis.length} processes; codes: ${codes}`);
    }
    report.acknowledged += accepted;
    report.refused += refused;
    const books = await readBooks(databaseUrl, [owner]);
    const debits = books.entries.filter(({ kind }) => kind === 'DEBIT' || kind === 'HOLD').length;
    assertNone([...problemsOf(books), ...(debits === 1 ? [] : [`${debits} debits`])], 'the books');
    report.verify('exactly one action was accepted, and one debit is in the ledger');
  }
  stage.progress(`${databaseUrl.split(':')[0]}, ${apis.length} processes: one of ${ACTIONS}, ${rounds} times`);
}
