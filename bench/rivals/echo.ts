// The least that a server of JSON over HTTP does: node:http, the body parsed, and sent back stringified.
import { createServer } from 'node:http';

const server = createServer((request, response) => {
  if (request.method === 'GET') return void response.end('ready');
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => {
    const body = JSON.stringify({ data: JSON.parse(Buffer.concat(chunks).toString()) as unknown });
    response
      .writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) })
      .end(body);
  });
});

server.listen(Number(process.env['PORT'] ?? 4001), '127.0.0.1');
