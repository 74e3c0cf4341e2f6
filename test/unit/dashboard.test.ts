import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import { formatCountdown } from '../../src/dashboard/design/format';
import { typeWords } from '../../src/dashboard/actions/action-words';
import { runwayWords } from '../../src/dashboard/overview/runway-words';
import { usageRange } from '../../src/dashboard/overview/usage-range';
import { usageStacks } from '../../src/dashboard/overview/usage-stacks';

const ROOT = path.resolve(__dirname, '../..');
const HOUR_MS = 60 * 60 * 1_000;
/** A Wednesday at noon, in the time zone of whoever runs this. */
const NOON = new Date(2026, 3, 15, 12).getTime();

describe('the dashboard’s documents', () => {
  it('are those of its .graphql files and of the schema: run `npm run codegen` after a change', async () => {
    const script = path.join(ROOT, 'src/dashboard/codegen.mjs');
    const { stdout } = await promisify(execFile)(process.execPath, [script, '--check']).catch((error) => error);
    expect(stdout).toBe('');
  });
});

describe('how long credits last, in words', () => {
  const empty = (hours: number, available = 10) =>
    runwayWords({ emptyAt: new Date(NOON + hours * HOUR_MS).toISOString(), lastsUntilReset: false }, available, NOON);

  it('says that they last, or the day on which they will be gone', () => {
    expect(runwayWords({ emptyAt: null, lastsUntilReset: true }, 5, NOON)).toEqual({
      words: 'Lasts until the reset',
      short: 'Until the reset',
      tone: 'good',
    });
    expect(empty(5).words).toMatch(/^Empty today at .* at this rate$/);
    expect(empty(14).words).toMatch(/^Empty tomorrow at .* at this rate$/);
    expect(empty(24)).toMatchObject({ tone: 'danger' });
    expect(empty(48)).toEqual({ words: 'Empty on Friday at this rate', short: 'Empty on Friday', tone: 'warn' });
    expect(empty(24 * 20).words).toMatch(/^Empty on .*2026 at this rate$/);
  });

  it('says that nothing is left, whatever the pace was', () => {
    expect(empty(48, 0)).toMatchObject({ words: 'Nothing is left', tone: 'danger' });
    expect(empty(0).words).toBe('Empty any moment at this rate');
  });
});

describe('usage in stacks', () => {
  it('keeps every bucket, in time and in the order of the names', () => {
    const names = new Map([
      ['A', 'First'],
      ['B', 'Second'],
    ]);
    const { starts, stacks, total } = usageStacks(
      [
        { start: '2026-01-02', group: 'B', credits: 4 },
        { start: '2026-01-01', group: 'B', credits: 1 },
        { start: '2026-01-01', group: 'A', credits: 2 },
        { start: '2026-01-02', group: 'A', credits: 0 },
        { start: '2026-01-03', group: null, credits: 0 },
      ],
      names,
    );
    expect(starts).toEqual(['2026-01-01', '2026-01-02', '2026-01-03']);
    expect(stacks.map(({ name, credits }) => ({ name, credits }))).toEqual([
      { name: 'First', credits: [2, 0, 0] },
      { name: 'Second', credits: [1, 4, 0] },
    ]);
    expect(total).toBe(7);
  });

  it('adds up the least busy ones where there are more than can be told apart', () => {
    const apps = Array.from({ length: 12 }, (_, index) => `app_${index}`);
    const buckets = apps.map((group, index) => ({ start: '2026-01-01', group, credits: index + 1 }));
    const { stacks, total } = usageStacks(buckets, new Map(apps.map((id) => [id, id])));
    expect(stacks).toHaveLength(9);
    expect(stacks.at(-1)).toMatchObject({ name: '4 others', total: 1 + 2 + 3 + 4 });
    expect(new Set(stacks.map(({ color }) => color)).size).toBe(9);
    expect(total).toBe(78);
  });

  it('covers 48 hours, 30 days or 12 months up to the end of this hour', () => {
    const spanOf = (interval: 'HOUR' | 'DAY' | 'MONTH') => {
      const { from, to } = usageRange(interval, NOON + 1);
      expect(Date.parse(to)).toBe(NOON + HOUR_MS);
      return new Date(from);
    };
    expect(spanOf('HOUR').getTime()).toBe(NOON - 47 * HOUR_MS);
    expect(spanOf('DAY')).toEqual(new Date(2026, 2, 17));
    expect(spanOf('MONTH')).toEqual(new Date(2025, 4, 1));
  });
});

test('an action type needs no words of its own', () => {
  expect(typeWords('INVOKE_LLM')).toBe('Invoke LLM');
  expect(typeWords('QUERY_DATABASE')).toBe('Query database');
});

test('a countdown says what matters at its distance', () => {
  expect(formatCountdown(12 * 24 * HOUR_MS + 4 * HOUR_MS)).toBe('12 d 04 h');
  expect(formatCountdown(4.2 * HOUR_MS)).toBe('4 h 12 min');
  expect(formatCountdown(252_000)).toBe('04:12');
  expect(formatCountdown(-5)).toBe('00:00');
});
