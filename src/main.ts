import { start, type Service } from './compose';
import { ConfigError, readConfig, SETTINGS } from './config';
import type { Database } from './database/database';
import type { FirstRun } from './first-run';
import type { SampleStart } from './sample/seed';

const HELP = `Serves the integration credits API: GraphQL over HTTP, subscriptions over WebSocket, one port.

Usage: npm start                settings come from the environment
       npm start -- --sample    an empty database gets a sample owner with a past, and keys to look at it with

${SETTINGS.map(({ name, fallback, meaning }) => `  ${name.padEnd(24)}${meaning}${fallback ? ` (${fallback})` : ''}`).join('\n')}
`;

async function main(): Promise<void> {
  const unknown = process.argv.slice(2).filter((argument) => !['--help', '-h', '--sample'].includes(argument));
  if (unknown.length > 0)
    throw new ConfigError(`there is no option ${unknown[0]}; settings come from the environment.`);
  if (process.argv.includes('--help') || process.argv.includes('-h')) return console.log(HELP);
  const config = readConfig();
  const wantsSample = process.argv.includes('--sample');
  const service = await start(config, wantsSample ? { sample: seedSampleStart } : {});
  // Before anything is printed: whoever reads that it is ready may stop it.
  onSignals(service);
  const pages = [
    config.explorer ? `; explorer at ${service.url}/` : '',
    config.dashboard ? `; dashboard at ${service.url}/dashboard` : '',
  ];
  console.log(`Ready at ${service.url}/graphql (HTTP and WebSocket)${pages.join('')}`);
  if (service.firstRun) console.log(introduction(service.url, service.firstRun, config.dashboard));
  else if (wantsSample) console.log('The database was not empty: nothing was added. See npm run seed -- --add.');
}

/** Loaded when it is asked for, so that a start without it is as quick as it can be. */
async function seedSampleStart(database: Database): Promise<SampleStart> {
  // eslint-disable-next-line @typescript-eslint/no-require-imports -- see above
  return (require('./sample/seed') as typeof import('./sample/seed')).seedSampleStart(database);
}

/** A terminal's Ctrl-C reaches the service twice where npm passes it on: what comes this soon is the same wish. */
const SAME_WISH_MS = 1_000;

/** The first signal stops the service in an orderly way, a later one at once. */
function onSignals(service: Service): void {
  let askedAt: number | null = null;
  const onSignal = (signal: NodeJS.Signals) => {
    if (askedAt === null) {
      askedAt = performance.now();
      stop(service, signal).catch((error: unknown) => {
        console.error('The stop failed:', error);
        process.exit(1);
      });
    } else if (performance.now() - askedAt > SAME_WISH_MS) {
      console.log(`${signal}: stopping at once`);
      process.exit(1);
    }
  };
  process.on('SIGTERM', onSignal).on('SIGINT', onSignal);
}

async function stop(service: Service, signal: string): Promise<void> {
  console.log(`${signal}: stopping`);
  await service.stop();
  console.log('stopped');
  process.exit(0);
}

/** How to try it: lines ready to paste. */
function introduction(url: string, { adminSecret, sample, history }: FirstRun, hasDashboard: boolean): string {
  const lines: string[] = [];
  if (adminSecret) lines.push('', 'The ADMIN key, shown this once:', `  ${adminSecret}`);
  if (history) lines.push(...introductionOf(history, url));
  if (sample) {
    const body = JSON.stringify({
      query:
        'mutation($key: ID!) { invokeLlm(input: { idempotencyKey: $key, model: "gpt-4o" }) { action { id } balance { available } replayed } }',
      variables: { key: 'my-first-action' },
    });
    lines.push(
      '',
      'A sample owner on the free plan has 100 credits. Watch them in one terminal:',
      '',
      `  npm run watch -- --url ${url} --key ${sample.appSecret}`,
      '',
      'and use one in another. Again with the same idempotency key, my-first-action, nothing is debited; take another one:',
      '',
      `  curl -s ${url}/graphql -H 'content-type: application/json' -H 'authorization: Bearer ${sample.appSecret}' \\`,
      `    -d '${body}'`,
      '',
      hasDashboard
        ? 'The dashboard shows the same; sign in with the OWNER key of the sample owner, or with the ADMIN key:'
        : 'The OWNER key of the sample owner:',
      `  ${sample.ownerSecret}`,
    );
  }
  return lines.join('\n');
}

function introductionOf(history: SampleStart, url: string): string[] {
  const actions = history.actions.toLocaleString('en-US');
  return [
    '',
    `A sample owner, ${history.owner.name}, has ${actions} actions behind it. Its keys, shown this once:`,
    `  ${history.ownerSecret}   OWNER: sign in with it at ${url}/dashboard`,
    `  ${history.appSecret}   APP: for actions of its first app`,
    `  ${history.publishableSecret}   PUBLISHABLE: for <credit-meter> on pages from ${history.allowedOrigins.join(' and ')}`,
  ];
}

main().catch((error: unknown) => {
  // One clear line for what an operator can mend; a stack only for what is a bug.
  const expected = error instanceof ConfigError || isSystemError(error);
  console.error(expected ? `Cannot start: ${reasonOf(error as Error & { code?: string })}` : error);
  process.exitCode = 1;
});

function isSystemError(error: unknown): boolean {
  return error instanceof Error && typeof (error as { code?: unknown }).code === 'string';
}

function reasonOf({ code, message }: Error & { code?: string }): string {
  if (code === 'EADDRINUSE') return `${message}; set PORT to another one.`;
  if (code === 'ECONNREFUSED') return `the database that DATABASE_URL names does not answer (${code}).`;
  return message || String(code);
}
