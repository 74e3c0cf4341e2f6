/** What a search of owners looks at. */
export interface SearchedText {
  readonly name: string;
  readonly email: string | null;
  readonly externalId: string | null;
}

/**
 * As long as the column: a longer search is narrowed down by its beginning and checked against the texts themselves.
 */
const SUFFIX_BYTES = 48;

/**
 * Every text that a search without regard to case can begin with: each suffix of the three texts, cut, and each once.
 */
export function suffixesOf(owner: SearchedText): Buffer[] {
  const suffixes = new Set<string>();
  for (const text of textsOf(owner)) {
    const characters = [...text];
    for (let start = 0; start < characters.length; start += 1) {
      suffixes.add(cut(characters.slice(start, start + SUFFIX_BYTES).join('')).toString('latin1'));
    }
  }
  return [...suffixes].map((suffix) => Buffer.from(suffix, 'latin1'));
}

/** The suffixes that a search finds lie from `first` on and before `end`. */
export function suffixRange(search: string): { first: Buffer; end: Buffer } {
  const first = cut(folded(search));
  // No text has the byte 0xff in UTF-8, so whatever begins with `first` comes before this.
  return { first, end: Buffer.concat([first, Buffer.from([0xff])]) };
}

/** Whether one of the owner's texts contains the search. */
export function isFound(owner: SearchedText, search: string): boolean {
  const wanted = folded(search);
  return textsOf(owner).some((text) => text.includes(wanted));
}

function textsOf({ name, email, externalId }: SearchedText): string[] {
  return [name, email, externalId].filter((text) => text !== null).map(folded);
}

function folded(text: string): string {
  return text.toLowerCase();
}

function cut(text: string): Buffer {
  return Buffer.from(text).subarray(0, SUFFIX_BYTES);
}
