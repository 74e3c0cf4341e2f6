import { createSecret } from '../../src/access/api-key-secret';
import { ConfigError, readConfig, SETTINGS } from '../../src/config';

/** The one line that an operator reads when these settings cannot be used. */
function complaintAbout(environment: NodeJS.ProcessEnv): string {
  try {
    readConfig(environment);
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError);
    return (error as ConfigError).message;
  }
  throw new Error('The settings were taken.');
}

describe('settings', () => {
  it('all have a default: an empty environment will do', () => {
    expect(readConfig({})).toEqual({
      port: 4000,
      host: '127.0.0.1',
      databaseUrl: 'sqlite:./data/credits.sqlite',
      redisUrl: null,
      adminKey: null,
      introspection: true,
      explorer: true,
      dashboard: true,
      widget: true,
      drainSeconds: 0,
      shutdownGraceSeconds: 10,
    });
  });

  it('that are empty count as absent', () => {
    const empty = Object.fromEntries(SETTINGS.map(({ name }) => [name, '']));
    expect(readConfig(empty)).toEqual(readConfig({}));
  });

  it('are listed with defaults that can be used', () => {
    const defaults = Object.fromEntries(SETTINGS.map(({ name, fallback }) => [name, fallback]));
    expect(readConfig(defaults)).toEqual(readConfig({}));
    expect(SETTINGS.map(({ name }) => name)).toEqual([
      'PORT',
      'HOST',
      'DATABASE_URL',
      'REDIS_URL',
      'ADMIN_KEY',
      'INTROSPECTION',
      'EXPLORER',
      'DASHBOARD',
      'WIDGET',
      'DRAIN_SECONDS',
      'SHUTDOWN_GRACE_SECONDS',
    ]);
  });

  const adminKey = createSecret('ADMIN');
  test.each([
    ['PORT', '0', { port: 0 }],
    ['PORT', '65535', { port: 65_535 }],
    ['HOST', '0.0.0.0', { host: '0.0.0.0' }],
    ['HOST', '::1', { host: '::1' }],
    ['HOST', 'credits.internal', { host: 'credits.internal' }],
    ['DATABASE_URL', 'sqlite:/var/lib/credits.sqlite', { databaseUrl: 'sqlite:/var/lib/credits.sqlite' }],
    ['DATABASE_URL', 'mysql://u:p@db:3306/credits', { databaseUrl: 'mysql://u:p@db:3306/credits' }],
    ['DATABASE_URL', 'mysql://u:p%40ss@[::1]/credits', { databaseUrl: 'mysql://u:p%40ss@[::1]/credits' }],
    ['REDIS_URL', 'redis://127.0.0.1:6379', { redisUrl: 'redis://127.0.0.1:6379' }],
    ['REDIS_URL', 'rediss://u:p%40ss@cache/0', { redisUrl: 'rediss://u:p%40ss@cache/0' }],
    ['ADMIN_KEY', adminKey, { adminKey }],
    ['INTROSPECTION', 'off', { introspection: false }],
    ['INTROSPECTION', 'on', { introspection: true }],
    ['EXPLORER', 'off', { explorer: false }],
    ['EXPLORER', 'on', { explorer: true }],
    ['DASHBOARD', 'off', { dashboard: false }],
    ['WIDGET', 'off', { widget: false }],
    ['DRAIN_SECONDS', '9', { drainSeconds: 9 }],
    ['SHUTDOWN_GRACE_SECONDS', '0', { shutdownGraceSeconds: 0 }],
    ['SHUTDOWN_GRACE_SECONDS', '300', { shutdownGraceSeconds: 300 }],
  ])('%s may be %s', (name, value, expected) => {
    expect(readConfig({ [name]: value })).toEqual({ ...readConfig({}), ...expected });
  });

  const misspelt = `${adminKey.slice(0, -1)}${adminKey.endsWith('0') ? '1' : '0'}`;
  test.each([
    ['PORT', '65536', 'PORT must be a whole number from 0 to 65535.'],
    ['PORT', '-1', 'PORT must be a whole number from 0 to 65535.'],
    ['PORT', '80.5', 'PORT must be a whole number from 0 to 65535.'],
    ['PORT', '0x50', 'PORT must be a whole number from 0 to 65535.'],
    ['PORT', ' 80', 'PORT must be a whole number from 0 to 65535.'],
    ['PORT', 'http', 'PORT must be a whole number from 0 to 65535.'],
    ['HOST', 'two words', 'HOST must be a host name or an IP address.'],
    ['HOST', 'http://host/', 'HOST must be a host name or an IP address.'],
    [
      'DATABASE_URL',
      'sqlite:',
      'DATABASE_URL must be sqlite:PATH or mysql://USER:PASSWORD@HOST:PORT/DATABASE, with ?ssl=true or nothing after it.',
    ],
    [
      'DATABASE_URL',
      'postgres://h/d',
      'DATABASE_URL must be sqlite:PATH or mysql://USER:PASSWORD@HOST:PORT/DATABASE, with ?ssl=true or nothing after it.',
    ],
    [
      'DATABASE_URL',
      'mysql://host',
      'DATABASE_URL must be sqlite:PATH or mysql://USER:PASSWORD@HOST:PORT/DATABASE, with ?ssl=true or nothing after it.',
    ],
    [
      'DATABASE_URL',
      'mysql:///db',
      'DATABASE_URL must be sqlite:PATH or mysql://USER:PASSWORD@HOST:PORT/DATABASE, with ?ssl=true or nothing after it.',
    ],
    [
      'DATABASE_URL',
      './file',
      'DATABASE_URL must be sqlite:PATH or mysql://USER:PASSWORD@HOST:PORT/DATABASE, with ?ssl=true or nothing after it.',
    ],
    ['REDIS_URL', 'cache:6379', redisUrlComplaint()],
    ['REDIS_URL', 'redis://', redisUrlComplaint()],
    ['REDIS_URL', 'redis://cache?tls=true', redisUrlComplaint()],
    ['ADMIN_KEY', 'secret', adminKeyComplaint()],
    ['ADMIN_KEY', misspelt, adminKeyComplaint()],
    ['ADMIN_KEY', createSecret('OWNER'), adminKeyComplaint()],
    ['INTROSPECTION', 'true', 'INTROSPECTION must be on or off.'],
    ['EXPLORER', 'OFF', 'EXPLORER must be on or off.'],
    ['DRAIN_SECONDS', '-1', 'DRAIN_SECONDS must be a whole number from 0 to 300.'],
    ['DRAIN_SECONDS', '10', 'DRAIN_SECONDS must be less than SHUTDOWN_GRACE_SECONDS (10).'],
    ['SHUTDOWN_GRACE_SECONDS', '301', 'SHUTDOWN_GRACE_SECONDS must be a whole number from 0 to 300.'],
    ['SHUTDOWN_GRACE_SECONDS', '1e2', 'SHUTDOWN_GRACE_SECONDS must be a whole number from 0 to 300.'],
  ])('%s may not be %s', (name, value, complaint) => {
    expect(complaintAbout({ [name]: value })).toBe(complaint);
  });
});

describe('a complaint', () => {
  it('never repeats the ADMIN_KEY', () => {
    const secret = createSecret('OWNER');
    const complaint = complaintAbout({ ADMIN_KEY: secret });
    expect(complaint).not.toContain(secret.slice(8, 20));
    expect(complaint).not.toContain(secret.slice(-6));
  });

  test.each(['mysql://root:hunter2@/credits', 'mysql://root:hunter2@host:port/credits', 'mysql://root:hunter2@host'])(
    'never repeats the password of a DATABASE_URL: %s',
    (url) => {
      expect(complaintAbout({ DATABASE_URL: url })).not.toContain('hunter2');
    },
  );

  it('never repeats the password of a REDIS_URL', () => {
    expect(complaintAbout({ REDIS_URL: 'redis://u:hunter2@cache?tls=true' })).not.toContain('hunter2');
  });

  it('is one line about the first setting that is wrong', () => {
    expect(complaintAbout({ PORT: 'x\ny', HOST: 'two\nwords' })).toBe('PORT must be a whole number from 0 to 65535.');
  });
});

function redisUrlComplaint(): string {
  return 'REDIS_URL must be redis://USER:PASSWORD@HOST:PORT or rediss://USER:PASSWORD@HOST:PORT, with nothing after it.';
}

function adminKeyComplaint(): string {
  return 'ADMIN_KEY must be a well-formed ADMIN key: icr_adm_, 32 letters or digits, and their 6-character checksum.';
}
