import { problemsOf, readBooks } from '../../support/books';
import type { ApiProcess } from '../api-process';
import { assertNone, type FaultTest } from '../fault-test';
import { ANSWER_LIMIT_MS } from '../load';
import { askAs, createTenants } from '../tenants';

const TIMES = 100;
const DEBIT = `mutation ($input: SendEmailInput!) {
  sendEmail(input: $input) { action { id sequence availableAfter heldAfter createdAt } replayed } }`;

/** R2: a caller that retries too eagerly, and a proxy that retries too, cost one credit. */
export const sameKey: FaultTest = {
  id: 'R2',
  title: 'the same key 100 times in parallel, across 9 processes',
  faults: 'bursts',
  needs: ['mariadbd'],
  async run(stage) {
    const rounds = stage.scale({ short: 5, full: 100 });
    const { databaseUrl } = await stage.mariadb();
    const apis = await stage.apiProcesses(9, databaseUrl);
    const tenants = await createTenants(askAs(apis[0] as ApiProcess, stage.adminKey), { count: rounds, credits: 100 });
    for (const { appKey, owner } of tenants) {
      const hold = stage.dice.chance(50);
      const input = { idempotencyKey: 'the only one', recipients: 1, hold };
      const startedAt = performance.now();
      const answers = await Promise.all(
        Array.from({ length: TIMES }, (_, i) =>
          (apis[i % apis.length] as ApiProcess).client.send({
            ...{ query: DEBIT, variables: { input }, key: appKey, limitMs: ANSWER_LIMIT_MS },
          }),
        ),
      );
      stage.report.answered(performance.now() - startedAt);
      stage.report.fault(TIMES);
      assertNone(
        answers.flatMap(({ errors }) => errors.map((error) => JSON.stringify(error))),
        'the answers',
      );
      const receipts = new Set(answers.map(({ data }) => JSON.stringify(data.sendEmail.action)));
      const replayed = answers.filter(({ data }) => data.sendEmail.replayed === true).length;
      const books = await readBooks(databaseUrl, [owner]);
      const debits = books.entries.filter(({ kind }) => kind === 'DEBIT' || kind === 'HOLD').length;
      if (receipts.size !== 1 || replayed !== TIMES - 1 || debits !== 1) {
        throw new Error(`${debits} debits, ${receipts.size} different receipts, ${replayed} of ${TIMES} replayed`);
      }
      assertNone(problemsOf(books), 'the books');
      stage.report.acknowledged += TIMES;
      stage.report.verify(`1 debit, ${TIMES} identical receipts, ${TIMES - 1} of them replayed`);
    }
    stage.assertSound();
  },
};
