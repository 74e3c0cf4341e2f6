import { GRAPHQL_PATH } from './http';

const FIRST_TABS = `# Paste your key into the "Headers" tab below: { "authorization": "Bearer icr_…" }
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

/** Where GraphiQL keeps the text of its "Headers" tab. */
const STORED_HEADERS = 'graphiql:headers';

function render(): string {
  // eslint-disable-next-line @typescript-eslint/no-require-imports -- 9 MB that a service without browsers never needs
  const { renderGraphiQL } = require('@graphql-yoga/render-graphiql') as typeof import('@graphql-yoga/render-graphiql');
  const options = {
    title: 'Integration credits',
    endpoint: GRAPHQL_PATH,
    subscriptionsProtocol: 'WS',
    defaultQuery: FIRST_TABS,
    headers: '{ "authorization": "Bearer " }',
    shouldPersistHeaders: true,
  };
  const page = renderGraphiQL(options as Parameters<typeof renderGraphiQL>[0]);
  // The page takes only options that are JSON, so the one that is a function is added to its text: a socket has no headers,
  // and sends those of the "Headers" tab as connectionParams.
  const json = JSON.stringify(options);
  const connectionParams = `() => JSON.parse(localStorage.getItem(${JSON.stringify(STORED_HEADERS)}) || '{}')`;
  const [before, after, ...others] = page.split(json);
  if (before === undefined || after === undefined || others.length > 0) throw new Error('GraphiQL’s page has changed.');
  return `${before}{ ...${json}, connectionParams: ${connectionParams} }${after}`;
}
