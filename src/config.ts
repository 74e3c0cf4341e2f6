import { isWellFormedSecret } from './access/api-key-secret';

/** Everything that an operator can set. Immutable, validated, and the only thing made from the environment. */
export interface Config {
  /** 0 takes any free port. */
  readonly port: number;
  readonly host: string;
  readonly databaseUrl: string;
  /** The ADMIN key that an empty database starts with; null: one is generated and printed once. */
  readonly adminKey: string | null;
  readonly introspection: boolean;
  readonly explorer: boolean;
  /** How long a stop waits for what is in flight, in seconds. */
  readonly shutdownGraceSeconds: number;
}

/** A setting that cannot be used; its message is one line, fit for the operator, and never repeats a secret. */
export class ConfigError extends Error {}

interface Setting<T> {
  readonly name: string;
  readonly fallback: string;
  readonly meaning: string;
  read(text: string): T | undefined;
  readonly expected: string;
}

const PORT: Setting<number> = {
  name: 'PORT',
  fallback: '4000',
  meaning: 'the port of HTTP and WebSocket; 0 takes any free one',
  read: (text) => wholeNumber(text, 0, 65_535),
  expected: 'a whole number from 0 to 65535',
};
const HOST: Setting<string> = {
  name: 'HOST',
  fallback: '127.0.0.1',
  meaning: 'the address to listen on',
  read: (text) => (/^[0-9A-Za-z.:-]+$/.test(text) ? text : undefined),
  expected: 'a host name or an IP address',
};
const DATABASE_URL: Setting<string> = {
  name: 'DATABASE_URL',
  fallback: 'sqlite:./data/credits.sqlite',
  meaning: 'sqlite:PATH, or mysql://USER:PASSWORD@HOST:PORT/DATABASE, with ?ssl=true for TLS',
  read: (text) => (isDatabaseUrl(text) ? text : undefined),
  expected: 'sqlite:PATH or mysql://USER:PASSWORD@HOST:PORT/DATABASE, with ?ssl=true or nothing after it',
};
const ADMIN_KEY: Setting<string | null> = {
  name: 'ADMIN_KEY',
  fallback: '',
  meaning: 'the ADMIN key that an empty database starts with; without it one is generated and printed once',
  read: (text) => (text === '' ? null : isWellFormedSecret(text, 'ADMIN') ? text : undefined),
  expected: 'a well-formed ADMIN key: icr_adm_, 32 letters or digits, and their 6-character checksum',
};
const INTROSPECTION = onOff('INTROSPECTION', 'whether clients may read the schema');
const EXPLORER = onOff('EXPLORER', 'whether browsers get the explorer at /');
const SHUTDOWN_GRACE_SECONDS: Setting<number> = {
  name: 'SHUTDOWN_GRACE_SECONDS',
  fallback: '10',
  meaning: 'how long a stop waits for what is in flight',
  read: (text) => wholeNumber(text, 0, 300),
  expected: 'a whole number from 0 to 300',
};

/** All settings with their defaults, as `--help` prints them. */
export const SETTINGS: readonly Pick<Setting<unknown>, 'name' | 'fallback' | 'meaning'>[] = [
  PORT,
  HOST,
  DATABASE_URL,
  ADMIN_KEY,
  INTROSPECTION,
  EXPLORER,
  SHUTDOWN_GRACE_SECONDS,
];

/** Reads the settings; throws a ConfigError that names the first wrong one. An empty variable counts as absent. */
export function readConfig(environment: NodeJS.ProcessEnv = process.env): Config {
  const value = <T>(setting: Setting<T>): T => {
    const result = setting.read(environment[setting.name] || setting.fallback);
    if (result === undefined) throw new ConfigError(`${setting.name} must be ${setting.expected}.`);
    return result;
  };
  return {
    port: value(PORT),
    host: value(HOST),
    databaseUrl: value(DATABASE_URL),
    adminKey: value(ADMIN_KEY),
    introspection: value(INTROSPECTION),
    explorer: value(EXPLORER),
    shutdownGraceSeconds: value(SHUTDOWN_GRACE_SECONDS),
  };
}

function onOff(name: string, meaning: string): Setting<boolean> {
  const read = (text: string) => (text === 'on' ? true : text === 'off' ? false : undefined);
  return { name, fallback: 'on', meaning, read, expected: 'on or off' };
}

function wholeNumber(text: string, min: number, max: number): number | undefined {
  const value = Number(text);
  return /^\d+$/.test(text) && value >= min && value <= max ? value : undefined;
}

function isDatabaseUrl(text: string): boolean {
  if (text.startsWith('sqlite:')) return text.length > 'sqlite:'.length;
  if (!text.startsWith('mysql://') || !URL.canParse(text)) return false;
  const url = new URL(text);
  // An option that would be ignored, such as one for TLS, must not be taken for granted.
  return url.hostname !== '' && url.pathname.length > 1 && ['', '?ssl=true'].includes(url.search);
}
