import { lineOf, ProgressBar } from '../../src/cli/progress-bar';

describe('the progress of a long command', () => {
  it('says how far it is, how fast, and how long it will take', () => {
    const line = lineOf({ done: 12_000, total: 60_000, perSecond: 24_000 }, 'actions');
    expect(line).toBe('12,000 of 60,000 actions, 24,000/s, 2 s left');
  });

  it('is a bar in place on a terminal, and is gone at the end', () => {
    const written: string[] = [];
    const terminal = { isTTY: true, write: (text: string) => written.push(text) > 0 } as unknown as NodeJS.WriteStream;
    const bar = new ProgressBar(terminal, 'actions');
    bar.show({ done: 1, total: 2, perSecond: 1 });
    bar.end();
    expect(written[0]).toContain(`${'█'.repeat(15)}${'░'.repeat(15)} 1 of 2 actions`);
    expect(written.at(-1)).toBe('\r\u001b[2K');
  });
});
