// Starts the service from its build, and builds it first where the build is missing or older than the source. Plain
// JavaScript, because it must run before anything is built; in the same process, so that signals reach the service.
const { spawnSync } = require('node:child_process');
const { existsSync, readdirSync, statSync, utimesSync } = require('node:fs');
const path = require('node:path');

const root = path.resolve(__dirname, '../..');
const BUILT = path.join(root, 'dist/build.tsbuildinfo');
const COMMANDS = {
  serve: 'dist/src/main.js',
  demo: 'dist/src/cli/demo.js',
  watch: 'dist/src/cli/watch.js',
  schema: 'dist/src/cli/emit-schema.js',
};

function newestChange(entry) {
  const { mtimeMs } = statSync(entry);
  if (!statSync(entry).isDirectory()) return mtimeMs;
  return Math.max(mtimeMs, ...readdirSync(entry).map((name) => newestChange(path.join(entry, name))));
}

function buildIfNeeded() {
  const sources = ['src', 'ormconfig.ts', 'tsconfig.json', 'tsconfig.build.json'].map((name) => path.join(root, name));
  // A deployment may hold the build alone.
  if (!existsSync(sources[0])) return;
  if (existsSync(BUILT) && statSync(BUILT).mtimeMs >= Math.max(...sources.map(newestChange))) return;
  console.log('Building…');
  const tsc = require.resolve('typescript/bin/tsc', { paths: [root] });
  const { status } = spawnSync(process.execPath, [tsc, '-p', path.join(root, 'tsconfig.build.json')], {
    stdio: 'inherit',
  });
  if (status !== 0) process.exit(status ?? 1);
  // A source that was only touched leaves the compiler's own record as it was.
  const now = new Date();
  utimesSync(BUILT, now, now);
}

const [name = 'serve'] = process.argv.slice(2).filter((argument) => !argument.startsWith('-'));
const entry = COMMANDS[name];
if (!entry) {
  console.error(`There is no command ${name}: ${Object.keys(COMMANDS).join(', ')}.`);
  process.exit(2);
}
buildIfNeeded();
// The command sees only its own arguments.
if (process.argv[2] === name) process.argv.splice(2, 1);
require(path.join(root, entry));
