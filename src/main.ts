import { start, type Service } from './compose';
import { ConfigError, readConfig, SETTINGS } from './config';
import type { FirstRun } from './first-run';

const HELP = `Serves the integration credits API: GraphQL over HTTP, subscriptions over WebSocket, one port.

Usage: npm start            settings come from the environment

${SETTINGS.map(({ name, fallback, meaning }) => `  ${name.padEnd(24)}${meaning}${fallback ? ` (${fallback})` : ''}`).join('\n')}
`;

async function main(): Promise<void> {
  const unknown = process.argv.slice(2).filter((argument) => argument !== '--help' && argument !== '-h');
  if (unknown.length > 0)
    throw new ConfigError(`there is no option ${unknown[0]}; settings come from the environment.`);
  if (process.argv.length > 2) return console.log(HELP);
  const config = readConfig();
  const service = await start(config);
  // Before anything is printed: whoever reads that it is ready may stop it.
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => void stop(service, signal));
  console.log(
    `Ready at ${service.url}/graphql (HTTP and WebSocket)${config.explorer ? `; explorer at ${service.url}/` : ''}`,
  );
  if (service.firstRun) console.log(introduction(service.url, service.firstRun));
}

async function stop(service: Service, signal: string): Promise<void> {
  console.log(`${signal}: stopping`);
  await service.stop();
  console.log('stopped');
  process.exit(0);
}

/** How to try it: lines ready to paste. */
function introduction(url: string, { adminSecret, sample }: FirstRun): string {
  const lines: string[] = [];
  if (adminSecret) lines.push('', 'The ADMIN key, shown this once:', `  ${adminSecret}`);
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
    );
  }
  return lines.join('\n');
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
