import { existsSync } from 'node:fs';
import path from 'node:path';
import fastifyStatic from '@fastify/static';
import type { FastifyInstance, FastifyReply } from 'fastify';

export const DASHBOARD_PATH = '/dashboard';
/** Beside the sources and beside what is built of them. */
const FOLDERS = [path.resolve(__dirname, '../../dist/dashboard'), path.resolve(__dirname, '../../dashboard')];
const HASHED = '/assets/';

/** Scripts, styles and connections of its own origin, and nothing else: the page holds an OWNER or ADMIN key. */
const SECURITY_HEADERS = {
  'content-security-policy': [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self' data: blob:",
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
  ].join('; '),
  'x-frame-options': 'DENY',
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'permissions-policy': 'camera=(), microphone=(), geolocation=()',
};

/** Where the built dashboard is; null where it was not built. */
export function builtDashboard(): string | null {
  return FOLDERS.find((folder) => existsSync(path.join(folder, 'index.html'))) ?? null;
}

/** The dashboard's files at /dashboard; one line on how to build them where `folder` is null. The API never needs it. */
export async function addDashboard(fastify: FastifyInstance, folder: string | null): Promise<void> {
  await fastify.register(
    async (scope) => {
      scope.addHook('onRequest', async (_request, reply) => void reply.headers(SECURITY_HEADERS));
      if (folder === null) return answerUnbuilt(scope);
      await scope.register(fastifyStatic, {
        root: folder,
        prefix: '/',
        preCompressed: true,
        index: false,
        cacheControl: false,
        setHeaders: (response, file) => {
          const forever = file.split(path.sep).join('/').includes(HASHED);
          response.setHeader('cache-control', forever ? 'public, max-age=31536000, immutable' : 'no-cache');
        },
      });
      const sendPage = (reply: FastifyReply) => reply.code(200).sendFile('index.html');
      scope.get('', (_request, reply) => sendPage(reply));
      // The page knows its own paths; what is missing of the files is missing.
      scope.setNotFoundHandler((request, reply) => {
        if (request.method !== 'GET' || request.url.includes(HASHED)) return reply.code(404).send('Not found.\n');
        return sendPage(reply);
      });
    },
    { prefix: DASHBOARD_PATH },
  );
}

function answerUnbuilt(scope: FastifyInstance): void {
  const answer = (reply: FastifyReply) =>
    reply
      .code(404)
      .type('text/plain; charset=utf-8')
      .send('The dashboard is not built: run npm ci && npm run build.\n');
  scope.get('', (_request, reply) => answer(reply));
  scope.get('/*', (_request, reply) => answer(reply));
}
