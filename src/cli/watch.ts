import { createClient } from 'graphql-ws';
import WebSocket from 'ws';
import { readArguments } from './arguments';

const HELP = `Watches a balance live, until it is stopped with Ctrl-C. Reconnects by itself.

Usage: npm run watch -- --key icr_… [--url http://127.0.0.1:4000] [--owner own_…]

  --key     an API key; its owner's balance is watched
  --url     where the service is (http://127.0.0.1:4000)
  --owner   whose balance: with an ADMIN key`;

const WATCH = `subscription Watch($owner: ID) {
  balanceChanged(ownerId: $owner) { available held paused usedThisPeriod allowance resetsAt version }
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

async function main(): Promise<void> {
  const { key, url = 'http://127.0.0.1:4000', owner = null } = readArguments(HELP, ['key', 'url', 'owner']);
  if (!key) {
    console.error(`--key is missing.\n\n${HELP}`);
    process.exit(2);
  }
  const client = createClient({
    url: `${url.replace(/^http/, 'ws').replace(/\/$/, '')}/graphql`,
    webSocketImpl: WebSocket,
    connectionParams: { authorization: `Bearer ${key}` },
    retryAttempts: Infinity,
    // 4403: the key is refused, and will be again.
    shouldRetry: (event) => (event as { code?: number }).code !== 4403,
    on: { closed: (event) => console.error(`disconnected (${(event as { code?: number }).code ?? 'lost'})`) },
  });
  for await (const { data, errors } of client.iterate<{ balanceChanged: Balance }>({
    query: WATCH,
    variables: { owner },
  })) {
    if (errors) throw new Error(errors[0]?.message);
    if (data) console.log(describe(data.balanceChanged));
  }
}

function describe({ available, held, paused, usedThisPeriod, allowance, resetsAt, version }: Balance): string {
  const parts = [`${available} available`, `${held} held`, ...(paused > 0 ? [`${paused} paused`] : [])];
  return `${parts.join(', ')}; ${usedThisPeriod} of ${allowance} used, renews ${resetsAt.slice(0, 10)} (version ${version})`;
}

main().catch((error: unknown) => {
  const code = (error as { code?: number }).code;
  const reason = code === 4403 ? 'The API key is refused.' : ((error as Error).message ?? String(error));
  console.error(reason);
  process.exit(1);
});
