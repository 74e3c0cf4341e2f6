import path from 'node:path';
import { createNodeResolver, importX } from 'eslint-plugin-import-x';
import reactHooks from 'eslint-plugin-react-hooks';
import { defineConfig } from 'eslint/config';
import tseslint from 'typescript-eslint';

const ROOT = import.meta.dirname;

/** Who may import which packages: the import rules of the architecture. Paths are relative to the root, with forward slashes. */
const PACKAGE_RULES = [
  {
    packages: ['typeorm'],
    allowedIn: [/\.(entity|store)\.ts$/, /^src\/database\//, /^ormconfig\.ts$/],
    why: 'typeorm belongs in *.entity.ts, *.store.ts, src/database/ and ormconfig.ts, so that rules and resolvers never depend on how rows are kept.',
  },
  {
    packages: ['type-graphql'],
    allowedIn: [/\.(graphql|resolver)\.ts$/, /^src\/(graphql|server)\//],
    why: 'type-graphql belongs in *.graphql.ts, *.resolver.ts, src/graphql/ and src/server/, so that what the service does never depends on how it is asked.',
  },
  {
    packages: ['ioredis'],
    allowedIn: [/^src\/processes\//, /^src\/cli\/redis-check\.ts$/, /^bench\//],
    why: 'ioredis belongs in src/processes/: what processes tell one another is a hint, and nothing rests on Redis.',
  },
  {
    packages: ['process', 'node:process'],
    allowedIn: [/^src\/config\.ts$/, /^bench\//],
    why: 'use the global process; imported, its env would escape the rule that only src/config.ts reads settings.',
  },
];

/** Tests may look at anything, and a rival in the benchmark is written as its own users would write it. */
const FREE_OF_RULES = [/\.test\.ts$/, /^bench\/rivals\//];

const LEDGER = {
  mayImport: (file, target) =>
    /^src\/ledger(\/|$)/.test(target) ||
    /^src\/(errors|clock|public-id)(\.[jt]s)?$/.test(target) ||
    (/^src\/database(\/|$)/.test(target) && /\.(store|entity)\.ts$/.test(file)),
  why: 'src/ledger is the core: it imports only itself, src/errors.ts, src/clock.ts, src/public-id.ts and packages (and src/database from *.store.ts and *.entity.ts), so that every feature can rest on it.',
};

/** They run in browsers: they know the API by its schema, and nothing that runs in Node knows them. */
const PAGES = {
  roomOf: (file) => /^src\/(dashboard|widget)(\/|$)/.exec(file)?.[1],
  why: 'src/dashboard, src/widget and the rest of src do not import each other: both use the public API only.',
};

/** Says what is wrong with an import of `specifier` in `file`, or undefined. It looks at paths only, so it costs next to nothing. */
function faultOf(file, specifier) {
  if (FREE_OF_RULES.some((pattern) => pattern.test(file))) return undefined;
  if (specifier.startsWith('.')) {
    const target = path.posix.join(path.posix.dirname(file), specifier);
    if (PAGES.roomOf(file) !== PAGES.roomOf(target)) return PAGES.why;
    return file.startsWith('src/ledger/') && !LEDGER.mayImport(file, target) ? LEDGER.why : undefined;
  }
  const rule = PACKAGE_RULES.find(({ packages }) =>
    packages.some((name) => specifier === name || specifier.startsWith(`${name}/`)),
  );
  return rule && !rule.allowedIn.some((pattern) => pattern.test(file)) ? rule.why : undefined;
}

/** One rule for every way to import: `no-restricted-imports` sees neither require() nor import(), and its settings cannot be merged. */
const importRules = {
  meta: { type: 'problem', schema: [], messages: { fault: '{{why}}' } },
  create(context) {
    const file = path.relative(ROOT, context.filename).split(path.sep).join('/');
    const check = (node, source) => {
      if (typeof source?.value !== 'string') return;
      const why = faultOf(file, source.value);
      if (why !== undefined) context.report({ node, messageId: 'fault', data: { why } });
    };
    return {
      ImportDeclaration: (node) => check(node, node.source),
      ExportNamedDeclaration: (node) => check(node, node.source),
      ExportAllDeclaration: (node) => check(node, node.source),
      ImportExpression: (node) => check(node, node.source),
      TSExternalModuleReference: (node) => check(node, node.expression),
      TSImportType: (node) => check(node, node.source ?? node.argument?.literal),
      CallExpression: (node) => {
        if (node.callee.type === 'Identifier' && node.callee.name === 'require') check(node, node.arguments[0]);
      },
    };
  },
};

/** Rules of ESLint itself that find mistakes and not tastes; its own recommended set is a package of its own. */
const mistakes = {
  eqeqeq: ['error', 'always', { null: 'ignore' }],
  'no-constant-condition': ['error', { checkLoops: false }],
  'no-debugger': 'error',
  'no-empty': 'error',
  'no-fallthrough': 'error',
  'no-self-assign': 'error',
  'no-self-compare': 'error',
  'no-unsafe-finally': 'error',
  'no-useless-escape': 'error',
  'prefer-const': 'error',
};

/** Only the type-aware rules that catch what neither the compiler nor a test does; the `no-unsafe-*` family costs more than it finds. */
const typeAware = {
  '@typescript-eslint/await-thenable': 'error',
  '@typescript-eslint/no-floating-promises': 'error',
  '@typescript-eslint/no-misused-promises': 'error',
  '@typescript-eslint/only-throw-error': 'error',
  '@typescript-eslint/return-await': ['error', 'in-try-catch'],
  '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
};

const nodeGlobals = Object.fromEntries(
  ['console', 'process', 'Buffer', 'URL', 'fetch', 'setTimeout', 'clearTimeout', 'setInterval', 'clearInterval'].map(
    (name) => [name, 'readonly'],
  ),
);

export default defineConfig(
  { ignores: ['dist/', 'data/', 'coverage/', 'bench/results/', '**/*.generated.ts'] },
  {
    plugins: { 'import-x': importX, rooms: { rules: { 'import-rules': importRules } } },
    linterOptions: { reportUnusedDisableDirectives: 'error' },
    rules: mistakes,
  },
  {
    files: ['**/*.{ts,tsx}'],
    extends: [tseslint.configs.recommended],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: ROOT } },
    settings: {
      'import-x/extensions': ['.ts', '.tsx', '.js'],
      'import-x/parsers': { '@typescript-eslint/parser': ['.ts', '.tsx'] },
      'import-x/resolver-next': [
        createNodeResolver({ extensions: ['.ts', '.tsx', '.js'], extensionAlias: { '.js': ['.ts', '.js'] } }),
      ],
    },
    rules: {
      ...typeAware,
      '@typescript-eslint/consistent-type-imports': ['error', { disallowTypeAnnotations: false }],
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', caughtErrors: 'none' }],
      'import-x/no-cycle': ['error', { ignoreExternal: true }],
    },
  },
  {
    files: ['src/dashboard/**/*.{ts,tsx}'],
    extends: [reactHooks.configs.flat['recommended-latest'] ?? reactHooks.configs.flat.recommended],
  },
  {
    files: ['**/*.{js,cjs,mjs}'],
    languageOptions: { globals: nodeGlobals },
    rules: { 'no-undef': 'error', 'no-unused-vars': ['error', { argsIgnorePattern: '^_', caughtErrors: 'none' }] },
  },
  {
    files: ['src/dashboard/public/*.js'],
    languageOptions: { globals: { document: 'readonly', localStorage: 'readonly' } },
  },
  { files: ['**/*.js'], languageOptions: { sourceType: 'commonjs', globals: { __dirname: 'readonly' } } },
  {
    files: ['src/**', 'bench/**', 'ormconfig.ts'],
    rules: { 'rooms/import-rules': 'error' },
  },
  {
    files: ['src/**'],
    ignores: ['**/*.test.ts'],
    rules: {
      'max-lines-per-function': ['error', { max: 70, skipBlankLines: true, skipComments: true }],
    },
  },
  {
    files: ['src/**'],
    ignores: ['src/config.ts', '**/*.test.ts', '**/vite.config.mjs'],
    rules: {
      'no-restricted-properties': [
        'error',
        {
          object: 'process',
          property: 'env',
          message:
            'Only src/config.ts reads the environment, so that every setting is validated and listed in one place.',
        },
      ],
    },
  },
);
