import { existsSync } from 'node:fs';

/** Debian's Chromium, or the one that CHROMIUM_PATH names; test/jest.config.js has made sure that it is there. */
export function chromiumPath(): string {
  const path = process.env['CHROMIUM_PATH'] ?? '/usr/bin/chromium';
  if (!existsSync(path)) throw new Error(`There is no Chromium at ${path}.`);
  return path;
}

/** As root, and without the requests that a browser makes by itself. */
export const CHROMIUM_ARGUMENTS = [
  '--no-sandbox',
  '--disable-quic',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--no-first-run',
];
