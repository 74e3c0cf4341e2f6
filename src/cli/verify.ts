import 'reflect-metadata';
import { BalanceFeed } from '../balances/balance-feed';
import { SqlFeedReader } from '../balances/balance-feed.store';
import { LedgerHistory } from '../balances/ledger-history';
import { SqlLedgerReader } from '../balances/ledger-reader.store';
import { readConfig } from '../config';
import { Database } from '../database/database';
import { entities } from '../database/entities';
import { Ledger } from '../ledger/ledger';
import { SqlLedgerStore } from '../ledger/ledger.store';
import { systemClock } from '../clock';

const HELP = `Recomputes every owner's books from its ledger entries alone and compares them with the pools and grants: the
invariants I1, I2, I4 and I5 of src/ledger/README.md. Changes nothing. Ends with exit code 1 when a problem is found.

Usage: npm run verify            of the database that DATABASE_URL names
       npm run --silent verify -- --json`;

async function main(): Promise<void> {
  if (process.argv.includes('--help')) return console.log(HELP);
  const database = await Database.open(readConfig().databaseUrl, entities, { mustExist: true });
  try {
    if (!(await database.isReady())) throw new Error('the database holds no ledger; start the service on it first.');
    const ledger = new Ledger(new SqlLedgerStore(database), systemClock);
    const history = new LedgerHistory(
      new SqlLedgerReader(database),
      ledger,
      new BalanceFeed(new SqlFeedReader(database)),
    );
    const result = await history.verifyAll();
    if (process.argv.includes('--json')) console.log(JSON.stringify(result));
    else {
      for (const problem of result.problems) console.log(problem);
      const verdict = result.ok ? 'the books add up' : `${result.problems.length} problems`;
      console.log(`${result.owners} owners, ${result.entries} entries: ${verdict}.`);
    }
    if (!result.ok) process.exitCode = 1;
  } finally {
    await database.close();
  }
}

main().catch((error: unknown) => {
  console.error(`Cannot verify: ${(error as Error).message}`);
  process.exitCode = 2;
});
