import { randomUUID } from 'node:crypto';

/** One kind of request: how its body is made, and what its answer must hold to count. */
export interface RequestTemplate {
  body(): string;
  /** Whether the answer's `data` is what a success holds. It is asked for every answer. */
  succeeded(data: unknown): boolean;
}

const MODEL = 'small-1';

/** The request templates by name; a new measure adds its own here. */
export const requestTemplates: Record<string, RequestTemplate> = {
  invokeLlm: debitTemplate(),
  datedInvokeLlm: debitTemplate('action { id createdAt } balance { available version }'),
  echo: echoTemplate(),
};

/**
 * A debit of one credit. The key is a random UUID: sequential ones flatter the store up to six times, since its
 * index then only grows at the end. The document is stringified once, as the body differs by the key alone.
 */
function debitTemplate(selection = 'action { id } balance { available }'): RequestTemplate {
  const query = `mutation Debit($input: InvokeLlmInput!) { invokeLlm(input: $input) { ${selection} replayed } }`;
  const placeholder = 'idempotency-key';
  const variables = { input: { idempotencyKey: placeholder, model: MODEL } };
  const [before, after] = JSON.stringify({ query, variables }).split(placeholder) as [string, string];
  return {
    body: () => before + randomUUID() + after,
    succeeded: (data) => {
      const payload = (data as { invokeLlm?: DebitPayload } | undefined)?.invokeLlm;
      return (
        typeof payload?.action?.id === 'string' &&
        typeof payload.balance?.available === 'number' &&
        payload.replayed === false
      );
    },
  };
}

/** The same bytes as a debit, sent to a server that answers what it was sent, as `data`. */
function echoTemplate(): RequestTemplate {
  return {
    body: debitTemplate().body,
    succeeded: (data) => (data as Partial<EchoedDebit> | undefined)?.variables?.input.model === MODEL,
  };
}

interface EchoedDebit {
  variables: { input: { model: unknown } };
}

interface DebitPayload {
  action?: { id?: unknown };
  balance?: { available?: unknown };
  replayed?: unknown;
}
