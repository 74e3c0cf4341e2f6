import { SECOND_MS } from '../clock';
import { readArguments } from './arguments';
import { Live } from './live';

const HELP = `Watches a balance or a ledger live, until it is stopped with Ctrl-C. Reconnects by itself, and misses no ledger entry.

Usage: npm run watch -- --key icr_… [--url http://127.0.0.1:4000] [--owner own_…] [--after 0]

  --key     an API key; its owner's balance is watched
  --url     where the service is (http://127.0.0.1:4000)
  --owner   whose balance: with an ADMIN key
  --after   shows the ledger's entries after this number instead, 0 for all: with an OWNER or ADMIN key`;

const WATCH_BALANCE = `subscription Watch($owner: ID) {
  balanceChanged(ownerId: $owner) { available held paused usedThisPeriod allowance resetsAt version }
}`;

const WATCH_LEDGER = `subscription Watch($owner: ID, $afterSequence: SafeInt!) {
  ledgerAppended(ownerId: $owner, afterSequence: $afterSequence) {
    sequence at kind credits available held paused action { type idempotencyKey }
  }
}`;

interface Balance {
  available: number;
  held: number;
  paused: number;
  usedThisPeriod: number;
  allowance: number;
  resetsAt: string;
  version: number;
}

interface Entry {
  sequence: number;
  at: string;
  kind: string;
  credits: number;
  available: number;
  held: number;
  paused: number;
  action: { type: string; idempotencyKey: string } | null;
}

async function main(): Promise<void> {
  const names = ['key', 'url', 'owner', 'after'] as const;
  const { key, url = 'http://127.0.0.1:4000', owner = null, after } = readArguments(HELP, names);
  if (!key) {
    console.error(`--key is missing.\n\n${HELP}`);
    process.exit(2);
  }
  if (after !== undefined && !/^\d{1,15}$/.test(after)) {
    console.error(`--after must be a whole number.\n\n${HELP}`);
    process.exit(2);
  }
  const live = new Live({
    url,
    key,
    onLost: (reason, waitMs) =>
      console.error(`disconnected (${reason}); trying again in ${(waitMs / SECOND_MS).toFixed(1)} s`),
    onBack: () => console.error('connected again'),
  });
  await (after === undefined ? watchBalance(live, owner) : watchLedger(live, owner, Number(after)));
}

async function watchBalance(live: Live, owner: string | null): Promise<void> {
  let version = -1;
  for await (const { balanceChanged } of live.follow<{ balanceChanged: Balance }>(WATCH_BALANCE, { owner })) {
    // Whoever comes back is told the current balance first, also where it is the one that was seen last.
    if (balanceChanged.version <= version) continue;
    version = balanceChanged.version;
    console.log(describeBalance(balanceChanged));
  }
}

async function watchLedger(live: Live, owner: string | null, afterSequence: number): Promise<void> {
  const variables = { owner, afterSequence };
  for await (const { ledgerAppended } of live.follow<{ ledgerAppended: Entry }>(WATCH_LEDGER, variables)) {
    // Entries that were received and not read when the connection was lost are sent once more.
    if (ledgerAppended.sequence <= variables.afterSequence) continue;
    variables.afterSequence = ledgerAppended.sequence;
    console.log(describeEntry(ledgerAppended));
  }
}

function describeBalance({ available, held, paused, usedThisPeriod, allowance, resetsAt, version }: Balance): string {
  const parts = [`${available} available`, `${held} held`, ...(paused > 0 ? [`${paused} paused`] : [])];
  return `${parts.join(', ')}; ${usedThisPeriod} of ${allowance} used, renews ${resetsAt.slice(0, 10)} (version ${version})`;
}

function describeEntry({ sequence, at, kind, credits, available, held, paused, action }: Entry): string {
  const what = action ? ` of ${action.type} ${action.idempotencyKey}` : '';
  const after = [`${available} available`, `${held} held`, ...(paused > 0 ? [`${paused} paused`] : [])].join(', ');
  return `${sequence}  ${at}  ${kind} ${credits}${what}: ${after}`;
}

main().catch((error: unknown) => {
  const code = (error as { code?: number }).code;
  const reason = code === 4403 ? 'The API key is refused.' : ((error as Error).message ?? String(error));
  console.error(reason);
  process.exit(1);
});
