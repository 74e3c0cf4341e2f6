import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';

export const WIDGET_PATH = '/credit-meter.js';
/** Beside the sources and beside what is built of them. */
const FILES = ['../../dist/widget', '../../widget'].map((folder) => path.resolve(__dirname, folder, 'credit-meter.js'));
/** Minutes, since pages name the script without a version; after that, one question whether it has changed. */
const CACHE_CONTROL = 'public, max-age=300, stale-while-revalidate=86400';

interface Script {
  readonly plain: Buffer;
  readonly gzipped: Buffer;
  readonly etag: string;
}

/** GET /credit-meter.js: the script of the `<credit-meter>` element, for pages of any origin. */
export function addWidget(fastify: FastifyInstance, files: readonly string[] = FILES): void {
  let script: Script | null = null;
  fastify.get(WIDGET_PATH, async (request, reply) => {
    script ??= await readScript(files);
    reply.headers({ 'x-content-type-options': 'nosniff', 'cross-origin-resource-policy': 'cross-origin' });
    if (script) return send(script, request, reply);
    return reply
      .code(404)
      .header('cache-control', 'no-store')
      .type('text/plain; charset=utf-8')
      .send('The credit meter is not built: run npm ci && npm run build.\n');
  });
}

function send({ plain, gzipped, etag }: Script, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const { 'if-none-match': known = '', 'accept-encoding': encodings = '' } = request.headers;
  reply.headers({ etag, 'cache-control': CACHE_CONTROL, vary: 'accept-encoding' });
  if (known.split(',').some((tag) => tag.trim() === etag)) return reply.code(304).send();
  reply.type('text/javascript; charset=utf-8');
  if (!/\bgzip\b(?!\s*;\s*q=0(\.0*)?\s*(,|$))/.test(String(encodings))) return reply.send(plain);
  return reply.header('content-encoding', 'gzip').send(gzipped);
}

/** Null where it was not built. */
async function readScript(files: readonly string[]): Promise<Script | null> {
  for (const file of files) {
    const plain = await readFile(file).catch(() => null);
    if (!plain) continue;
    const hash = createHash('sha256').update(plain).digest('base64url').slice(0, 22);
    // Weak: the same script, whether it is compressed or not.
    return { plain, gzipped: await promisify(gzip)(plain, { level: 9 }), etag: `W/"${hash}"` };
  }
  return null;
}
