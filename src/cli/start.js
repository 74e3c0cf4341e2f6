// Starts the service from its build, and builds it first where the build is missing or older than the source. Plain
// JavaScript, because it must run before anything is built; in the same process, so that signals reach the service.
const { spawnSync } = require('node:child_process');
const { existsSync, readdirSync, statSync, utimesSync } = require('node:fs');
const path = require('node:path');

const root = path.resolve(__dirname, '../..');
const BUILT = path.join(root, 'dist/build.tsbuildinfo');
const PAGES = ['src/dashboard/vite.config.mjs', 'src/widget/vite.config.mjs'];
const COMMANDS = {
  serve: 'dist/src/main.js',
  demo: 'dist/src/cli/demo.js',
  watch: 'dist/src/cli/watch.js',
  seed: 'dist/src/cli/seed.js',
  schema: 'dist/src/cli/emit-schema.js',
  verify: 'dist/src/cli/verify.js',
  doctor: 'dist/src/cli/doctor.js',
  'admin-key': 'dist/src/cli/admin-key.js',
};

function newestChange(entry) {
  const { mtimeMs } = statSync(entry);
  if (!statSync(entry).isDirectory()) return mtimeMs;
  return Math.max(mtimeMs, ...readdirSync(entry).map((name) => newestChange(path.join(entry, name))));
}

function buildIfNeeded() {
  const names = ['src', 'ormconfig.ts', 'tsconfig.json', 'tsconfig.build.json'];
  const sources = names.map((name) => path.join(root, name)).filter((source) => existsSync(source));
  if (existsSync(BUILT) && statSync(BUILT).mtimeMs >= Math.max(...sources.map(newestChange))) return;
  console.log('Building…');
  const tsc = path.join(root, 'node_modules/typescript/bin/tsc');
  if (!existsSync(tsc)) {
    console.error('The build is older than the source, and TypeScript is not installed: run npm ci && npm run build.');
    process.exit(1);
  }
  const { status } = spawnSync(process.execPath, [tsc, '-p', path.join(root, 'tsconfig.build.json')], {
    stdio: 'inherit',
  });
  if (status !== 0) process.exit(status ?? 1);
  buildPages();
  // A source that was only touched leaves the compiler's own record as it was.
  const now = new Date();
  utimesSync(BUILT, now, now);
}

/** What browsers load. The API works without it, so nothing of it keeps the service from starting. */
function buildPages() {
  const vite = path.join(root, 'node_modules/vite/bin/vite.js');
  for (const config of PAGES.map((name) => path.join(root, name)).filter((file) => existsSync(file))) {
    const { status } = existsSync(vite)
      ? spawnSync(process.execPath, [vite, 'build', '-c', config], { stdio: 'inherit' })
      : { status: 1 };
    if (status !== 0) console.error(`${path.relative(root, config)} was not built; the API works without it.`);
  }
}

/** npm runs a script through a shell, and a SIGTERM to npm ends that shell alone: without this, the service would stay. */
function stopWithLauncher() {
  const launcher = process.ppid;
  const timer = setInterval(() => {
    if (process.ppid === launcher) return;
    clearInterval(timer);
    process.kill(process.pid, 'SIGTERM');
  }, 250);
  timer.unref();
}

// The first argument names the command; anything else belongs to it.
const [first = 'serve'] = process.argv.slice(2);
const name = first in COMMANDS ? first : 'serve';
const entry = COMMANDS[name];
buildIfNeeded();
stopWithLauncher();
// The command sees only its own arguments.
if (process.argv[2] === name) process.argv.splice(2, 1);
require(path.join(root, entry));
