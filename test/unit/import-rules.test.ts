import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import type { Linter } from 'eslint';

const ROOT = path.resolve(__dirname, '../..');

interface Snippet {
  readonly file: string;
  readonly code: string;
}

/**
 * Runs ESLint's API with the project's own configuration, in a process of its own: ESLint loads its configuration with import(),
 * which jest does not offer. The rules under test look at paths and text only, so a snippet needs no file on disk once the
 * type-aware rules are off.
 */
const LINT = `
  const { ESLint } = require('eslint');
  const { configs } = require('typescript-eslint');
  const { cwd, overrideConfigFile, snippets, onDisk } = JSON.parse(process.argv[1]);
  const eslint = new ESLint({ cwd, overrideConfigFile, overrideConfig: [configs.disableTypeChecked] });
  const results = onDisk
    ? eslint.lintFiles(snippets.map(({ file }) => file))
    : Promise.all(snippets.map(({ file, code }) => eslint.lintText(code, { filePath: file })));
  void results.then((all) => process.stdout.write(JSON.stringify(all.flat().map(({ messages }) => messages))));
`;

/** The messages for each snippet, as 'rule: text'; an unused import is not what these tests are about. */
async function lint(snippets: Snippet[], { cwd = ROOT, onDisk = false } = {}): Promise<string[][]> {
  const given = { cwd, overrideConfigFile: path.join(ROOT, 'eslint.config.mjs'), snippets, onDisk };
  const { stdout } = await promisify(execFile)(process.execPath, ['--eval', LINT, JSON.stringify(given)], {
    cwd: ROOT,
  });
  const results = JSON.parse(stdout) as Linter.LintMessage[][];
  expect(results).toHaveLength(snippets.length);
  return results.map((messages) =>
    messages
      .filter(({ ruleId }) => !ruleId?.endsWith('no-unused-vars'))
      .map(({ ruleId, message }) => `${ruleId}: ${message}`),
  );
}

describe('an unwanted import fails lint and says why', () => {
  const cases: [title: string, file: string, code: string, why: RegExp][] = [
    [
      'typeorm in a use case',
      'src/actions/perform-action.ts',
      `import { DataSource } from 'typeorm';`,
      /typeorm belongs/,
    ],
    ['a type of typeorm', 'src/compose.ts', `import type { DataSource } from 'typeorm';`, /typeorm belongs/],
    ['typeorm re-exported', 'src/plans/plan.ts', `export { DataSource } from 'typeorm';`, /typeorm belongs/],
    ['typeorm through require', 'src/plans/plan.ts', `export const t = require('typeorm');`, /typeorm belongs/],
    ['typeorm through import()', 'src/plans/plan.ts', `export const t = import('typeorm');`, /typeorm belongs/],
    [
      'a type through import()',
      'src/plans/plan.ts',
      `export type T = import('typeorm').DataSource;`,
      /typeorm belongs/,
    ],
    ['a file inside typeorm', 'src/plans/plan.ts', `import 'typeorm/driver/Driver';`, /typeorm belongs/],
    ['typeorm in the benchmark', 'bench/measures/x.ts', `import { DataSource } from 'typeorm';`, /typeorm belongs/],
    [
      'type-graphql in a store',
      'src/owners/owner.store.ts',
      `import { Field } from 'type-graphql';`,
      /type-graphql belongs/,
    ],
    ['type-graphql in the core', 'src/ledger/pool.ts', `import { Field } from 'type-graphql';`, /type-graphql belongs/],
    ['a feature in the core', 'src/ledger/ledger.ts', `import { Plan } from '../plans/plan.entity';`, /is the core/],
    ['a type of a feature in the core', 'src/ledger/x/y.ts', `import type { P } from '../../plans/p';`, /is the core/],
    ['settings in the core', 'src/ledger/ledger.ts', `import { config } from '../config';`, /is the core/],
    ['the database in a rule of the core', 'src/ledger/decide.ts', `import { x } from '../database/x';`, /is the core/],
    ['the server in the dashboard', 'src/dashboard/x/y.ts', `import { a } from '../../clock';`, /do not import each/],
    ['the dashboard in the server', 'src/server/x.ts', `import { a } from '../dashboard/x';`, /do not import each/],
    ['process.env in a feature', 'src/server/http.ts', `export const port = process.env['PORT'];`, /Only src\/config/],
    ['env taken apart', 'src/server/http.ts', `export const { env } = process;`, /Only src\/config/],
    [
      'env imported',
      'src/server/http.ts',
      `import { env } from 'node:process';\nexport { env };`,
      /use the global process/,
    ],
    ['process.env in a launcher', 'src/cli/start.js', `exports.port = process.env.PORT;`, /Only src\/config/],
  ];
  let results: string[][];

  beforeAll(async () => {
    results = await lint(cases.map(([, file, code]) => ({ file, code })));
  });

  test.each(cases.map(([title, , , why], index) => ({ title, why, index })))('$title', ({ why, index }) => {
    expect(results[index]?.filter((message) => why.test(message))).toHaveLength(1);
  });
});

describe('a wanted import passes', () => {
  const cases: [file: string, code: string][] = [
    ['src/owners/owner.entity.ts', `import { Entity } from 'typeorm';\nexport { Entity };`],
    ['src/ledger/ledger.store.ts', `import { Brackets } from 'typeorm';\nexport { Brackets };`],
    ['src/database/connect.ts', `import { DataSource } from 'typeorm';\nexport { DataSource };`],
    ['ormconfig.ts', `import { DataSource } from 'typeorm';\nexport { DataSource };`],
    ['bench/rivals/textbook.ts', `import { DataSource } from 'typeorm';\nexport { DataSource };`],
    ['src/plans/plan.graphql.ts', `import { Field } from 'type-graphql';\nexport { Field };`],
    ['src/plans/plan.resolver.ts', `import { Query } from 'type-graphql';\nexport { Query };`],
    ['src/graphql/context.ts', `import { Authorized } from 'type-graphql';\nexport { Authorized };`],
    ['src/ledger/ledger.ts', `import { DomainError } from '../errors';\nexport { DomainError };`],
    ['src/ledger/decide/debit.ts', `import { Pool } from '../pool';\nexport { Pool };`],
    ['src/ledger/ledger.ts', `import { randomUUID } from 'node:crypto';\nexport { randomUUID };`],
    ['src/ledger/ledger.store.ts', `import { dialect } from '../database/dialect';\nexport { dialect };`],
    ['src/balances/balance-feed.ts', `import { Ledger } from '../ledger/ledger';\nexport { Ledger };`],
    ['src/config.ts', `export const port = process.env['PORT'];`],
    ['test/api/plans.test.ts', `import { DataSource } from 'typeorm';\nexport { DataSource };`],
  ];
  let results: string[][];

  beforeAll(async () => {
    results = await lint(cases.map(([file, code]) => ({ file, code })));
  });

  test.each(cases.map(([file, code], index) => ({ file, code, index })))('$file: $code', ({ index }) => {
    expect(results[index]).toEqual([]);
  });
});

describe('import cycles', () => {
  let folder: string;

  beforeEach(() => {
    // A cycle is found by following imports through files, so this one is real, in a folder that ESLint is told is the root.
    folder = realpathSync(mkdtempSync(path.join(tmpdir(), 'import-rules-')));
    mkdirSync(path.join(folder, 'src/a'), { recursive: true });
    mkdirSync(path.join(folder, 'src/b'));
  });

  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  async function lintFolder(files: Record<string, string>): Promise<string[]> {
    const snippets = Object.entries(files).map(([file, code]) => ({ file, code }));
    for (const { file, code } of snippets) writeFileSync(path.join(folder, file), `${code}\n`);
    const results = await lint(snippets, { cwd: folder, onDisk: true });
    return results.map((messages) => messages.map((message) => message.split(':')[0]).join());
  }

  test('a cycle over three files fails in each of them', async () => {
    const rules = await lintFolder({
      'src/a/one.ts': `import { two } from './two';\nexport const one = () => two;`,
      'src/a/two.ts': `import { three } from '../b/three';\nexport const two = () => three;`,
      'src/b/three.ts': `import { one } from '../a/one';\nexport const three = () => one;`,
    });
    expect(rules).toEqual(['import-x/no-cycle', 'import-x/no-cycle', 'import-x/no-cycle']);
  });

  test('imports in one direction pass', async () => {
    const rules = await lintFolder({
      'src/a/one.ts': `import { two } from './two';\nexport const one = () => two;`,
      'src/a/two.ts': `export const two = 2;`,
    });
    expect(rules).toEqual(['', '']);
  });
});
