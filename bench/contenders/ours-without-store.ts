// Our built server, whose ledger answers debits from memory: the first one is real, and the following ones are given
// its outcome with numbers of their own. All else is as it is served: HTTP, keys, access, validation, resolvers.
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import type { ActionOutcome, Command } from '../../src/ledger/commands';
import type { Ledger } from '../../src/ledger/ledger';

type Submit = (this: Ledger, command: Command) => Promise<unknown>;

const main = process.env['BUILT_SERVER'] ?? '';
const load = createRequire(main);
const built = load(join(dirname(main), 'ledger', 'ledger.js')) as { Ledger: { prototype: { submit: Submit } } };

const { prototype } = built.Ledger;
const submit = prototype.submit;
let first: Promise<ActionOutcome> | undefined;
let answered = 0;

prototype.submit = async function (command) {
  if (command.kind !== 'DEBIT') return submit.call(this, command);
  if (first === undefined) return (first = submit.call(this, command) as Promise<ActionOutcome>);
  const { action, balance } = await first;
  answered += 1;
  const sequence = action.sequence + answered;
  const availableAfter = action.availableAfter - answered;
  return {
    action: { ...action, ...command.facts, idempotencyKey: command.key.text, sequence, availableAfter },
    balance: { ...balance, available: availableAfter, version: balance.version + answered },
    replayed: false,
  };
};

load(main);
