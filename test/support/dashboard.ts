import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const ROOT = path.resolve(__dirname, '../..');

export interface BuiltDashboard {
  readonly folder: string;
  remove(): Promise<void>;
}

/** The dashboard, built from its source into a folder of the test's own. */
export async function buildDashboard(): Promise<BuiltDashboard> {
  const folder = await mkdtemp(path.join(tmpdir(), 'icr-dashboard-'));
  const vite = path.join(ROOT, 'node_modules/vite/bin/vite.js');
  const config = path.join(ROOT, 'src/dashboard/vite.config.mjs');
  await promisify(execFile)(process.execPath, [vite, 'build', '-c', config, '--outDir', folder], {
    cwd: ROOT,
    // Jest's own NODE_ENV would make it a build for developers, twice as large.
    env: { ...process.env, NODE_ENV: 'production' },
  });
  return { folder, remove: () => rm(folder, { recursive: true, force: true }) };
}
