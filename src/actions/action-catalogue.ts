import { text, wholeNumber, type Bound } from '../bounds';

/** A typed fact about an action. Facts describe it; its content (prompts, bodies, bytes) is never sent here. */
export interface Fact {
  readonly scalar: 'String' | 'Int' | 'SafeInt';
  readonly required: boolean;
  readonly defaultValue?: number;
  readonly description: string;
  readonly bound: Bound;
}

/** One action type: everything else about it (enum, mutation, input, payload, tests, labels) derives from this row. */
export interface ActionDefinition {
  readonly type: string;
  readonly category: ActionCategory;
  readonly mutation: string;
  readonly description: string;
  readonly facts: Readonly<Record<string, Fact>>;
}

/** Every action costs exactly one credit, whatever it does and whoever triggered it (rule 1). */
export const CREDITS_PER_ACTION = 1;

export const ACTION_CATEGORIES = {
  AI: 'Calls of language models.',
  FILES: 'Uploading and processing files.',
  IMAGES: 'Generating and analysing images.',
  COMMUNICATION: 'Sending e-mails and text messages.',
  DATABASE: 'Queries of external databases.',
  API: 'Calls of external APIs.',
} as const;
export type ActionCategory = keyof typeof ACTION_CATEGORIES;

const mimeTypePattern = { test: /^[\w.+-]+\/[\w.+-]+$/, words: 'must be a MIME type, such as image/png' };
const hostPattern = { test: /^[0-9A-Za-z.-]+(:\d{1,5})?$/, words: 'must be a host name, with a port or without' };
const methodPattern = { test: /^[A-Z]{3,10}$/, words: 'must be an HTTP method in capitals, such as POST' };
const countryPattern = { test: /^[A-Z]{2}$/, words: 'must be two capital letters (ISO 3166-1), such as DE' };

const model = required('The model, by its provider’s name.', { max: 128 });
const provider = optional('Who offers the model.', { max: 64 });
const fileName = required('The file’s name.', { max: 255 });
const mimeType = required('The MIME type, such as application/pdf.', { max: 127, pattern: mimeTypePattern });

/** The catalogue: one row per action type. A new type is a new row, and nothing else. */
export const ACTION_CATALOGUE: readonly ActionDefinition[] = [
  {
    type: 'INVOKE_LLM',
    category: 'AI',
    mutation: 'invokeLlm',
    description: 'Invoke a language model.',
    facts: { model, provider, promptTokens: count('Tokens of the prompt.', { max: 100_000_000 }) },
  },
  {
    type: 'UPLOAD_FILE',
    category: 'FILES',
    mutation: 'uploadFile',
    description: 'Upload a file.',
    facts: {
      fileName,
      mimeType,
      sizeBytes: {
        scalar: 'SafeInt',
        required: true,
        description: 'The file’s size in bytes.',
        bound: wholeNumber({ min: 0, max: Number.MAX_SAFE_INTEGER }),
      },
    },
  },
  {
    type: 'PROCESS_FILE',
    category: 'FILES',
    mutation: 'processFile',
    description: 'Process a file, for example to extract its text.',
    facts: { fileName, mimeType, operation: required('What is done with the file.', { max: 64 }) },
  },
  {
    type: 'GENERATE_IMAGE',
    category: 'IMAGES',
    mutation: 'generateImage',
    description: 'Generate an image.',
    facts: {
      model,
      provider,
      width: count('The image’s width in pixels.', { min: 1, max: 65_536 }),
      height: count('The image’s height in pixels.', { min: 1, max: 65_536 }),
    },
  },
  {
    type: 'ANALYZE_IMAGE',
    category: 'IMAGES',
    mutation: 'analyzeImage',
    description: 'Analyse an image.',
    facts: { model, provider, mimeType: { ...mimeType, required: false } },
  },
  {
    type: 'SEND_EMAIL',
    category: 'COMMUNICATION',
    mutation: 'sendEmail',
    description: 'Send an e-mail. One credit, however many recipients.',
    facts: {
      recipients: { ...count('How many recipients.', { min: 1, max: 10_000 }), defaultValue: 1 },
      template: optional('The template’s name.', { max: 128 }),
    },
  },
  {
    type: 'SEND_SMS',
    category: 'COMMUNICATION',
    mutation: 'sendSms',
    description: 'Send a text message. One credit, however many segments.',
    facts: {
      countryCode: optional('The recipient’s country, as in ISO 3166-1.', { min: 2, max: 2, pattern: countryPattern }),
      segments: { ...count('How many segments.', { min: 1, max: 100 }), defaultValue: 1 },
    },
  },
  {
    type: 'QUERY_DATABASE',
    category: 'DATABASE',
    mutation: 'queryDatabase',
    description: 'Query an external database.',
    facts: {
      engine: required('The database’s engine, such as postgresql.', { max: 64 }),
      operation: required('The kind of query, such as select; not its text.', { max: 64 }),
    },
  },
  {
    type: 'CALL_API',
    category: 'API',
    mutation: 'callApi',
    description: 'Call an external API.',
    facts: {
      method: required('The HTTP method.', { min: 3, max: 10, pattern: methodPattern }),
      host: required('The host that is called; no path and no query.', { max: 255, pattern: hostPattern }),
    },
  },
];

/** The category of an action type; of a type that left the catalogue, null. */
export function categoryOf(type: string): ActionCategory | null {
  return CATEGORIES.get(type) ?? null;
}

const CATEGORIES = new Map(ACTION_CATALOGUE.map(({ type, category }) => [type, category]));

function required(description: string, limits: Parameters<typeof text>[0]): Fact {
  return { scalar: 'String', required: true, description, bound: text(limits) };
}

function optional(description: string, limits: Parameters<typeof text>[0]): Fact {
  return { ...required(description, limits), required: false };
}

function count(description: string, { min = 0, max }: { min?: number; max: number }): Fact {
  return { scalar: 'Int', required: false, description, bound: wholeNumber({ min, max }) };
}
