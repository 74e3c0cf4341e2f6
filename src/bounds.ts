import { badUserInput, type InputProblem } from './errors';

/** What one value of an input may be. Returns what is wrong with it, never the value itself, or null where it is good. */
export interface Bound {
  /** The limits in words, for the schema's descriptions. */
  readonly limits: string;
  check(value: unknown): string | null;
}

// Control characters have no place in names, keys and facts; lone surrogates cannot be stored as UTF-8.

const CONTROL_CHARACTERS = /[\u0000-\u001f\u007f]/;

export interface TextLimits {
  min?: number;
  max: number;
  /** A pattern with its meaning in words, such as "must be a MIME type". */
  pattern?: { test: RegExp; words: string };
}

export function text({ min = 1, max, pattern }: TextLimits): Bound {
  const limits = `${min} to ${max} characters`;
  return {
    limits,
    check: (value) => {
      if (typeof value !== 'string') return 'must be text';
      if (value.length < min || value.length > max) return `must have ${limits}`;
      if (CONTROL_CHARACTERS.test(value) || !value.isWellFormed()) return 'must not contain control characters';
      if (pattern && !pattern.test.test(value)) return pattern.words;
      return null;
    },
  };
}

export function wholeNumber({ min, max }: { min: number; max: number }): Bound {
  const limits = `${min} to ${max}`;
  return {
    limits,
    check: (value) =>
      Number.isSafeInteger(value) && (value as number) >= min && (value as number) <= max
        ? null
        : `must be a whole number from ${limits}`,
  };
}

export function listOf(bound: Bound, { max }: { max: number }): Bound {
  return {
    limits: `at most ${max} values, each ${bound.limits}`,
    check: (values) => {
      if (!Array.isArray(values)) return 'must be a list';
      if (values.length > max) return `must have at most ${max} values`;
      for (const value of values) {
        const problem = bound.check(value);
        if (problem) return `has a value that ${problem}`;
      }
      return null;
    },
  };
}

/** A page's origin as a browser sends it: scheme, host and port, nothing else. `null` and patterns never are one. */
export const httpOrigin: Bound = {
  limits: 'an http or https origin of at most 255 characters',
  check: (value) =>
    typeof value === 'string' && value.length <= 255 && /^https?:[^*]+$/.test(value) && originOf(value) === value
      ? null
      : 'must be an http or https origin, such as https://shop.example',
};

function originOf(value: string): string | null {
  return URL.canParse(value) ? new URL(value).origin : null;
}

export type Bounds<T> = { readonly [K in keyof T]?: Bound };

/**
 * Checks the values of an input that are present. null and undefined are absent, except where `required` says that null
 * cannot clear the value. Throws BAD_USER_INPUT with every problem.
 */
export function checkBounds<T extends object>(
  input: T,
  bounds: Bounds<T>,
  options: { path?: string; required?: readonly (keyof T)[] } = {},
): void {
  const problems: InputProblem[] = [];
  const { path = 'input', required = [] } = options;
  for (const name of required) {
    if (input[name] === null) problems.push({ path: at(path, String(name)), message: 'must not be null' });
  }
  for (const name in bounds) {
    const value = input[name];
    if (value === null || value === undefined) continue;
    const message = (bounds[name] as Bound).check(value);
    if (message) problems.push({ path: at(path, name), message });
  }
  if (problems.length > 0) throw badUserInput(problems);
}

function at(path: string, name: string): string {
  return path ? `${path}.${name}` : name;
}
