import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { promisify } from 'node:util';
import { ROOT } from './process';

/** A web site of somebody else: its pages by their path, on an origin of its own. */
export interface Site {
  readonly origin: string;
  /** The pages may be put in later, when what they hold is known. */
  readonly pages: Map<string, { readonly html: string; readonly headers?: Record<string, string> }>;
  close(): Promise<void>;
}

export async function startSite(): Promise<Site> {
  const pages: Site['pages'] = new Map();
  const server = createServer((request, response) => {
    const page = pages.get(request.url ?? '/');
    response.writeHead(page ? 200 : 404, { 'content-type': 'text/html; charset=utf-8', ...page?.headers });
    response.end(page?.html);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    origin: `http://127.0.0.1:${port}`,
    pages,
    close: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

/** Builds dist/widget/credit-meter.js, as `npm run build` does. */
export async function buildWidget(): Promise<void> {
  const vite = path.join(ROOT, 'node_modules/vite/bin/vite.js');
  await promisify(execFile)(process.execPath, [vite, 'build', '-c', 'src/widget/vite.config.mjs'], { cwd: ROOT });
}
