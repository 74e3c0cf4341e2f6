/** The most origins of one app, and the longest one, in characters: what the API takes. */
export const MOST_ORIGINS = 20;
const LONGEST = 255;

/**
 * The origin that somebody means, as browsers send it: of a whole address without its path, of a bare host by https. Null
 * where it is none, such as a pattern.
 */
export function originOf(text: string): string | null {
  const trimmed = text.trim();
  if (trimmed === '' || /[\s*]/.test(trimmed)) return null;
  const address = /^[a-z][a-z0-9+.-]*:\/\//i.test(trimmed) ? trimmed : `https://${trimmed}`;
  if (!URL.canParse(address)) return null;
  const { protocol, origin, hostname } = new URL(address);
  const isWeb = (protocol === 'https:' || protocol === 'http:') && hostname !== '';
  return isWeb && origin.length <= LONGEST ? origin : null;
}
