import type { SeededRandom } from './random';

/** What an app of a sample does: how much of its owner's traffic it makes, and its mix of action types. */
export interface SampleApp {
  readonly name: string;
  readonly share: number;
  /** Types that are not listed never occur in the app. */
  readonly mix: Readonly<Record<string, number>>;
}

/** Different enough that some types are rare, some apps small, and some pairs of the two never meet. */
export const SAMPLE_APPS: readonly SampleApp[] = [
  { name: 'Assistant', share: 46, mix: { INVOKE_LLM: 78, PROCESS_FILE: 10, UPLOAD_FILE: 8, QUERY_DATABASE: 4 } },
  { name: 'Newsletter', share: 24, mix: { SEND_EMAIL: 90, INVOKE_LLM: 6, CALL_API: 4 } },
  { name: 'Back office', share: 22, mix: { QUERY_DATABASE: 60, CALL_API: 36, SEND_EMAIL: 4 } },
  { name: 'Gallery', share: 7, mix: { GENERATE_IMAGE: 45, ANALYZE_IMAGE: 35, UPLOAD_FILE: 20 } },
  { name: 'Alerts', share: 1, mix: { SEND_SMS: 5, CALL_API: 95 } },
];

const MODELS = ['gpt-4o', 'gpt-4o-mini', 'claude-sonnet', 'gemini-flash'];
const FILES = ['report.pdf', 'invoice.pdf', 'notes.docx', 'photo.png', 'data.csv'];
const COUNTRIES = ['DE', 'FR', 'GB', 'IL', 'US'];
const HOSTS = ['api.crm.example', 'api.shop.example', 'hooks.chat.example'];
const ENGINES = ['postgresql', 'mysql', 'mongodb'];

/** Facts of one action of each type of the mixes above. */
const FACTS: Readonly<Record<string, (random: SeededRandom) => object>> = {
  INVOKE_LLM: (random) => ({ model: one(random, MODELS), promptTokens: 200 + random.below(4_000) }),
  UPLOAD_FILE: (random) => ({ ...file(random), sizeBytes: 10_000 + random.below(5_000_000) }),
  PROCESS_FILE: (random) => ({ ...file(random), operation: 'extract-text' }),
  GENERATE_IMAGE: (random) => ({ model: one(random, MODELS), width: 1_024, height: 1_024 }),
  ANALYZE_IMAGE: (random) => ({ model: one(random, MODELS), mimeType: 'image/png' }),
  SEND_EMAIL: (random) => ({ template: 'weekly', recipients: 1 + random.below(3) }),
  SEND_SMS: (random) => ({ countryCode: one(random, COUNTRIES), segments: 1 }),
  QUERY_DATABASE: (random) => ({ engine: one(random, ENGINES), operation: 'select' }),
  CALL_API: (random) => ({ method: 'POST', host: one(random, HOSTS) }),
};

export function sampleFacts(random: SeededRandom, type: string): object {
  return FACTS[type]?.(random) ?? {};
}

function file(random: SeededRandom): object {
  return { fileName: one(random, FILES), mimeType: 'application/pdf' };
}

function one(random: SeededRandom, list: readonly string[]): string {
  return list[random.below(list.length)] as string;
}
