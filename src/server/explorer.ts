import { GRAPHQL_PATH } from './http';

const FIRST_TABS = `# Set your key in the "Headers" tab below: { "authorization": "Bearer icr_…" }
# It is sent with queries and mutations, and when a subscription connects.

query Balance { balance { available held resetsAt version } }

mutation Debit {
  invokeLlm(input: { idempotencyKey: "explorer-1", model: "gpt-4o" }) {
    action { id status availableAfter }
    balance { available }
    replayed
  }
}

subscription Watch { balanceChanged { available held version } }
`;

/** The explorer's page, without a CDN: GraphiQL with everything inlined. It is large, so it is loaded when it is first asked for. */
export function explorerPage(): () => string {
  let page: string | null = null;
  return () => (page ??= render());
}

function render(): string {
  // eslint-disable-next-line @typescript-eslint/no-require-imports -- 9 MB that a service without browsers never needs
  const { renderGraphiQL } = require('@graphql-yoga/render-graphiql') as typeof import('@graphql-yoga/render-graphiql');
  return renderGraphiQL({
    title: 'Integration credits',
    endpoint: GRAPHQL_PATH,
    subscriptionsProtocol: 'WS',
    defaultQuery: FIRST_TABS,
    headers: '{ "authorization": "Bearer " }',
    shouldPersistHeaders: true,
  } as Parameters<typeof renderGraphiQL>[0]);
}
