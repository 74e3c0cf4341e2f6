import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Contender, Tally } from '../../bench/contenders/contender';
import type { Figure } from '../../bench/measures/measure';
import { DebitRounds } from '../../bench/measures/round';
import { drawPlot } from '../../bench/plot/draw';
import { table } from '../../bench/report';

describe('the table of figures', () => {
  const verdictOf = (figure: Partial<Figure>): string => {
    const whole = { id: 'S0', name: 'a measure', value: 1, bar: 1, aim: 1, details: [], ...figure };
    return table([whole]).split('\n').at(-1)!.replaceAll(/ {2,}/g, ' | ');
  };

  it.each([
    [{ value: 0.89, bar: 0.9, aim: 1.2 }, 'S0 | a measure | 0.890× | ≥ 0.9× | ≥ 1.2× | BELOW THE BAR'],
    [{ value: 0.9, bar: 0.9, aim: 1.2 }, 'S0 | a measure | 0.900× | ≥ 0.9× | ≥ 1.2× | bar met'],
    [{ value: 1.2, bar: 0.9, aim: 1.2 }, 'S0 | a measure | 1.20× | ≥ 0.9× | ≥ 1.2× | aim met'],
    [{ value: undefined, bar: 0.9, aim: 1.2 }, 'S0 | a measure | – | ≥ 0.9× | ≥ 1.2× | not measured'],
  ])('asks for at least the bar where more is better: %j', (figure, line) => {
    expect(verdictOf(figure)).toBe(line);
  });

  it.each([
    [3.1, 'S0 | a measure | 3.10 s | ≤ 3 s | ≤ 1 s | BELOW THE BAR'],
    [3, 'S0 | a measure | 3.00 s | ≤ 3 s | ≤ 1 s | bar met'],
    [0.6, 'S0 | a measure | 0.600 s | ≤ 3 s | ≤ 1 s | aim met'],
  ])('asks for at most the bar where less is better: %d s', (value, line) => {
    expect(verdictOf({ value, bar: 3, aim: 1, unit: 's', lowerIsBetter: true })).toBe(line);
  });
});

describe('a run of debits', () => {
  let server: Server;
  let answered = 0;

  beforeAll(async () => {
    const payload = { action: { id: 'act_1' }, balance: { available: 1 }, replayed: false };
    server = createServer((request, response) => {
      request.resume().on('end', () => {
        answered += 1;
        const body = JSON.stringify({ data: { invokeLlm: payload } });
        response.writeHead(200, { 'content-length': Buffer.byteLength(body) }).end(body);
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  });

  afterAll(() => {
    server.closeAllConnections();
    server.close();
  });

  const contenderOf = (tally: () => Tally): Contender => ({
    name: 'a service',
    urls: [`http://127.0.0.1:${(server.address() as AddressInfo).port}/graphql`],
    request: 'invokeLlm',
    keys: { hot: ['key'], many: ['key'] },
    tally: () => Promise.resolve(tally()),
    stop: () => Promise.resolve(),
  });
  const phases = { warmUpSeconds: 0, seconds: 0.1, connections: 2 };

  it('counts where every accepted answer is a row and a credit gone', async () => {
    answered = 0;
    const result = await new DebitRounds(phases).run(
      contenderOf(() => ({ rows: answered, debits: answered })),
      'hot',
    );
    expect(result.accepted).toBe(answered);
  });

  it.each([
    ['records nothing', () => ({ rows: 0, debits: 0 })],
    ['has one row too few', () => ({ rows: answered - 1, debits: answered })],
    ['has taken one credit too few', () => ({ rows: answered, debits: answered - 1 })],
    ['keeps only a count, and counted one too few', () => ({ rows: null, debits: answered - 1 })],
  ])('fails where a service answers well and %s', async (_what, tally) => {
    answered = 0;
    const run = new DebitRounds(phases).run(contenderOf(tally), 'hot');
    await expect(run).rejects.toThrow(/^a service: accepted \d+, rows/);
  });
});

describe('the plot', () => {
  it('draws each curve in each panel, and names it once', () => {
    const points = [1, 4, 16].map((connections) => ({ connections, perSecond: 100 * connections, p50Ms: 1, p99Ms: 3 }));
    const svg = drawPlot(
      [
        { name: 'ours', points },
        { name: 'a <rival> & co', points },
      ],
      'caption',
    );
    // Three panels of two lines, and two lines of the legend.
    expect(svg.match(/class="curve /g)).toHaveLength(3 * 2 + 2);
    expect(svg.match(/<text[^>]*>a &lt;rival> &amp; co</g)).toHaveLength(1);
    expect(svg).not.toMatch(/NaN|undefined|Infinity/);
  });
});
