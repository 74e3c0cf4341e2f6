import Fastify from 'fastify';
import { addWidget, WIDGET_PATH } from '../../src/server/widget';

describe('the script of the credit meter', () => {
  it('answers 404 and how to build it where it was not built, and is not kept by anybody', async () => {
    const fastify = Fastify();
    addWidget(fastify, []);
    const answer = await fastify.inject(WIDGET_PATH);
    expect(answer.statusCode).toBe(404);
    expect(answer.body).toBe('The credit meter is not built: run npm ci && npm run build.\n');
    expect(answer.headers['cache-control']).toBe('no-store');
    await fastify.close();
  });
});
