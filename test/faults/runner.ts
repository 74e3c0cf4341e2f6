import { existsSync } from 'node:fs';
import { cp, mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Dice } from '../simulator/dice';
import { GALERA_PROVIDER } from '../support/galera';
import { findProgram } from '../support/mariadb';
import { buildService, ROOT } from '../support/process';
import type { FaultTest, Program } from './fault-test';
import { Stage } from './stage';
import { within } from './within';

export interface Selection {
  readonly tests: readonly FaultTest[];
  readonly full: boolean;
  readonly seed: number;
  /** A folder whose dist is tested as it is; null: this checkout is built. */
  readonly build: string | null;
}

/** How much of what the processes said is printed after a failure. */
const SAID_LINES = 6;

const SHORT_LIMIT_MS = 150_000;
const FULL_LIMIT_MS = 3_600_000;

type Print = (line: string) => void;

/** Runs the tests one after the other and prints what each did and saw. Returns how many failed. */
export async function runFaultTests({ tests, full, seed, build: given }: Selection, print: Print): Promise<number> {
  const build = given ?? (await freezeBuild());
  const counts = { passed: 0, failed: 0 };
  const startedAt = performance.now();
  // The servers of a test do not keep this process; whoever waits for one of them to end must.
  const staying = setInterval(() => undefined, SHORT_LIMIT_MS);
  try {
    for (const test of tests) {
      print(`${test.id} ${test.title}`);
      const lacking = test.needs.filter((program) => !isInstalled(program));
      if (lacking.length > 0 && !areServicesRequired()) {
        print(`   skipped: install ${lacking.map((program) => PACKAGES[program]).join(', ')}`);
        continue;
      }
      const passed = lacking.length === 0 ? await runOne(test, { full, seed, build }, print) : false;
      if (lacking.length > 0)
        print(`   failed: ${lacking.join(', ')} must be installed (REQUIRE_SERVICES or CI is set)`);
      counts[passed ? 'passed' : 'failed'] += 1;
    }
  } finally {
    clearInterval(staying);
    if (!given) await rm(build, { recursive: true, force: true });
  }
  print(`${seconds(startedAt)} in all; --seed ${seed}`);
  print(`${counts.passed} passed, ${counts.failed} failed`);
  return counts.failed;
}

async function runOne(
  test: FaultTest,
  { full, seed, build }: { full: boolean; seed: number; build: string },
  print: Print,
): Promise<boolean> {
  const startedAt = performance.now();
  const progress = (line: string) => print(`   [${seconds(startedAt)}] ${line}`);
  // A test draws the same numbers whether or not others run before it.
  const dice = new Dice(seed + Number(test.id.slice(1)));
  const stage = new Stage({ dice, full, build, progress });
  let failure: unknown = null;
  try {
    const limitMs = full ? FULL_LIMIT_MS : SHORT_LIMIT_MS;
    await within(limitMs, test.run(stage), () => `it did not end within ${limitMs / 1_000} s`);
  } catch (error) {
    failure = error ?? new Error('it failed without saying why');
  }
  const said = stage.apis.flatMap((api) => api.confessions());
  try {
    await stage.tidyUp();
  } catch (error) {
    failure ??= error;
  }
  for (const line of stage.report.lines(test.faults)) print(`   ${line}`);
  if (failure === null) print(`   passed in ${seconds(startedAt)}`);
  else {
    print(`   FAILED after ${seconds(startedAt)}: ${failure instanceof Error ? failure.stack : String(failure)}`);
    for (const line of said.slice(0, SAID_LINES)) print(`   ${line}`);
    print(`   again: npm run test:faults -- --only ${test.id} --seed ${seed}${full ? ' --full' : ''}`);
  }
  return failure === null;
}

/** A copy of dist: a server that is started a hundred times is the same one each time, whatever is edited meanwhile. */
async function freezeBuild(): Promise<string> {
  await buildService();
  const folder = await mkdtemp(path.join(tmpdir(), 'icr-build-'));
  await cp(path.join(ROOT, 'dist'), path.join(folder, 'dist'), { recursive: true });
  await symlink(path.join(ROOT, 'node_modules'), path.join(folder, 'node_modules'));
  return folder;
}

const PACKAGES: Readonly<Record<Program, string>> = {
  mariadbd: 'mariadb-server-core and mariadb-client-core',
  galera: 'galera-4',
  'redis-server': 'redis-server',
};

function isInstalled(program: Program): boolean {
  if (program === 'galera') return existsSync(GALERA_PROVIDER) && isInstalled('mariadbd');
  return isOnPath(program);
}

function isOnPath(name: string): boolean {
  try {
    return findProgram(name) !== '';
  } catch {
    return false;
  }
}

/** In CI a missing service is a failure, as it is for the other suites. */
function areServicesRequired(): boolean {
  return process.env['REQUIRE_SERVICES'] === '1' || process.env['CI'] === 'true';
}

function seconds(since: number): string {
  return `${Math.round((performance.now() - since) / 1_000)} s`;
}
