import { formatNumber } from '../design/format';

const ACRONYMS = new Set(['llm', 'mime', 'api', 'url', 'id', 'sms']);
/** Enough to tell two actions of a type apart in a line. */
const SUMMARY_FACTS = 2;

/** promptTokens → Prompt tokens, so that a new fact needs no word here. */
export function factName(name: string): string {
  const words = name
    .replace(/([a-z0-9])([A-Z])/g, '$1 $2')
    .toLowerCase()
    .split(' ')
    .map((word) => (ACRONYMS.has(word) ? word.toUpperCase() : word))
    .join(' ');
  return words.charAt(0).toUpperCase() + words.slice(1);
}

/** A fact as text: numbers with separators, anything else as it is. */
export function factText(value: unknown): string {
  if (typeof value === 'number') return formatNumber(value);
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/** The facts that are there, in the order of the API. */
export function factsOf(details: Readonly<Record<string, unknown>>): readonly (readonly [string, unknown])[] {
  return Object.entries(details).filter(([, value]) => value !== null && value !== undefined);
}

/** The first facts in a line, such as "gpt-4o · 1,204 prompt tokens". */
export function factSummary(details: Readonly<Record<string, unknown>>): string {
  return factsOf(details)
    .slice(0, SUMMARY_FACTS)
    .map(([name, value]) =>
      typeof value === 'number' ? `${formatNumber(value)} ${countedName(name, value)}` : factText(value),
    )
    .join(' · ');
}

/** 1 recipient, 3 recipients. */
function countedName(name: string, count: number): string {
  const words = factName(name).toLowerCase();
  return count === 1 ? words.replace(/s$/, '') : words;
}
