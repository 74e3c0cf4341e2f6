import { isWellFormedSecret } from './access/api-key-secret';

/** Everything that an operator can set. Immutable, validated, and the only thing made from the environment. */
export interface Config {
  /** 0 takes any free port. */
  readonly port: number;
  readonly host: string;
  readonly databaseUrl: string;
  /** Where the processes on one database tell one another what is new; null: each looks for itself. */
  readonly redisUrl: string | null;
  /** The ADMIN key that an empty database starts with; null: one is generated and printed once. */
  readonly adminKey: string | null;
  readonly introspection: boolean;
  readonly explorer: boolean;
  readonly dashboard: boolean;
  readonly widget: boolean;
  /** How long a stop goes on serving while it is not ready any more, in seconds; part of the grace. */
  readonly drainSeconds: number;
  /** How long a stop takes at most, in seconds. */
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
const REDIS_URL: Setting<string | null> = {
  name: 'REDIS_URL',
  fallback: '',
  meaning:
    'redis://USER:PASSWORD@HOST:PORT, or rediss:// for TLS: live updates at once also where several processes serve',
  read: (text) => (text === '' ? null : isRedisUrl(text) ? text : undefined),
  expected: 'redis://USER:PASSWORD@HOST:PORT or rediss://USER:PASSWORD@HOST:PORT, with nothing after it',
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
const DASHBOARD = onOff('DASHBOARD', 'whether browsers get the dashboard at /dashboard');
const WIDGET = onOff('WIDGET', 'whether pages get the <credit-meter> element at /credit-meter.js');
const DRAIN_SECONDS: Setting<number> = {
  name: 'DRAIN_SECONDS',
  fallback: '0',
  meaning: 'how long a stop still serves while /readyz says 503; behind a load balancer 5',
  read: (text) => wholeNumber(text, 0, 300),
  expected: 'a whole number from 0 to 300',
};
const SHUTDOWN_GRACE_SECONDS: Setting<number> = {
  name: 'SHUTDOWN_GRACE_SECONDS',
  fallback: '10',
  meaning: 'how long a stop takes at most, DRAIN_SECONDS included',
  read: (text) => wholeNumber(text, 0, 300),
  expected: 'a whole number from 0 to 300',
};

/** All settings with their defaults, as `--help` prints them. */
export const SETTINGS: readonly Pick<Setting<unknown>, 'name' | 'fallback' | 'meaning'>[] = [
  PORT,
  HOST,
  DATABASE_URL,
  REDIS_URL,
  ADMIN_KEY,
  INTROSPECTION,
  EXPLORER,
  DASHBOARD,
  WIDGET,
  DRAIN_SECONDS,
  SHUTDOWN_GRACE_SECONDS,
];

/** Reads the settings; throws a ConfigError that names the first wrong one. An empty variable counts as absent. */
export function readConfig(environment: NodeJS.ProcessEnv = process.env): Config {
  const value = <T>(setting: Setting<T>): T => {
    const result = setting.read(environment[setting.name] || setting.fallback);
    if (result === undefined) throw new ConfigError(`${setting.name} must be ${setting.expected}.`);
    return result;
  };
  const config: Config = {
    port: value(PORT),
    host: value(HOST),
    databaseUrl: value(DATABASE_URL),
    redisUrl: value(REDIS_URL),
    adminKey: value(ADMIN_KEY),
    introspection: value(INTROSPECTION),
    explorer: value(EXPLORER),
    dashboard: value(DASHBOARD),
    widget: value(WIDGET),
    drainSeconds: value(DRAIN_SECONDS),
    shutdownGraceSeconds: value(SHUTDOWN_GRACE_SECONDS),
  };
  if (config.drainSeconds > 0 && config.drainSeconds >= config.shutdownGraceSeconds) {
    throw new ConfigError(`DRAIN_SECONDS must be less than SHUTDOWN_GRACE_SECONDS (${config.shutdownGraceSeconds}).`);
  }
  return config;
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

function isRedisUrl(text: string): boolean {
  if (!/^rediss?:\/\//.test(text) || !URL.canParse(text)) return false;
  const url = new URL(text);
  // Options would be the client's, not ours, and one for TLS must not be taken for granted.
  return url.hostname !== '' && /^\/?\d*$/.test(url.pathname) && url.search === '' && url.hash === '';
}
