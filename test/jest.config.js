const { accessSync, constants, existsSync } = require('node:fs');
const path = require('node:path');

const rootDir = path.resolve(__dirname, '..');
const TEST_TIMEOUT_MS = 30_000;

/** Everything the three projects share. swc only strips types, so a type error is found by `npm run typecheck`, not here. */
const shared = {
  rootDir,
  testEnvironment: 'node',
  testTimeout: TEST_TIMEOUT_MS,
  // dist and data hold copies of source files and databases; watching or indexing them only costs time.
  modulePathIgnorePatterns: ['<rootDir>/dist/', '<rootDir>/data/'],
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      {
        swcrc: false,
        sourceMaps: 'inline',
        module: { type: 'commonjs' },
        jsc: {
          target: 'es2022',
          keepClassNames: true,
          parser: { syntax: 'typescript', decorators: true },
          // The same meaning of decorators and class fields as in tsconfig.json.
          transform: { legacyDecorator: true, decoratorMetadata: false, useDefineForClassFields: false },
        },
      },
    ],
  },
  // No exception is needed: every dependency that is an ES module has a CommonJS entry too, which jest picks.
  transformIgnorePatterns: ['/node_modules/'],
};

/** The same API tests run once per database; a test reads the global `databaseKind` to know which one it is given. */
function apiProject(databaseKind) {
  return {
    ...shared,
    displayName: databaseKind,
    testMatch: ['<rootDir>/test/api/**/*.test.ts'],
    globals: { databaseKind },
  };
}

/** Whether the MySQL suite has a server: one that is named, or one that the suite can start by itself. */
function mysqlIsAvailable() {
  if (process.env.TEST_MYSQL_URL) return true;
  const folders = [...(process.env.PATH ?? '').split(path.delimiter), '/usr/sbin'];
  return folders.filter(Boolean).some((folder) => {
    try {
      accessSync(path.join(folder, 'mariadbd'), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/** In CI a missing service is a failure; elsewhere the skip is announced in one line. */
function missing(suite, remedy) {
  if (process.env.REQUIRE_SERVICES === '1' || process.env.CI === 'true') {
    throw new Error(`${suite} must run here (REQUIRE_SERVICES or CI is set): ${remedy}.`);
  }
  process.stderr.write(`skipped: ${suite} (${remedy})\n`);
}

module.exports = () => {
  const projects = [
    {
      ...shared,
      displayName: 'unit',
      testMatch: ['<rootDir>/test/unit/**/*.test.ts', '<rootDir>/src/**/*.test.ts'],
    },
    apiProject('sqlite'),
  ];

  if (existsSync(process.env.CHROMIUM_PATH ?? '/usr/bin/chromium')) {
    projects.push({ ...shared, displayName: 'browser', testMatch: ['<rootDir>/test/browser/**/*.test.ts'] });
  } else {
    missing('the browser suite', 'install chromium, or set CHROMIUM_PATH');
  }
  if (mysqlIsAvailable()) {
    projects.push({
      ...apiProject('mysql'),
      // Of the project and not of the run, so that a run of unit tests alone starts no server.
      globalSetup: '<rootDir>/test/support/global-setup.ts',
      globalTeardown: '<rootDir>/test/support/global-teardown.ts',
    });
  } else {
    missing('the MySQL suite', 'install mariadb-server-core, or set TEST_MYSQL_URL');
  }

  // Two workers for two cores: the server and its database already share them with the tests.
  return { rootDir, projects, maxWorkers: 2, testTimeout: TEST_TIMEOUT_MS };
};
