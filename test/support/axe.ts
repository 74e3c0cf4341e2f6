import { readFileSync } from 'node:fs';
import type { Page } from 'playwright-core';

/** axe's own script, for pages whose policy lets it in, or as a script that is there before the page is. */
export const AXE = readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');

interface Finding {
  readonly id: string;
  readonly impact: string;
  readonly nodes: readonly { readonly html: string; readonly failureSummary: string }[];
}

interface Axe {
  readonly axe: { run(options: object): Promise<{ violations: Finding[] }> };
}

/**
 * axe's serious and critical findings, with what they are about. Nothing moves any more when it looks: a colour on its way to
 * another is none that anybody reads. Base UI's guards of the focus are hidden and focusable on purpose: they hand the focus on.
 */
export async function seriousFindings(page: Page): Promise<string[]> {
  await settled(page);
  if (!(await page.evaluate(() => 'axe' in window))) await page.evaluate(AXE);
  const { violations } = await page.evaluate(() =>
    (window as never as Axe).axe.run({ exclude: ['[data-base-ui-focus-guard]'] }),
  );
  return violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .map(
      ({ id, nodes }) => `${id}: ${nodes.map(({ html, failureSummary }) => `${html} ${failureSummary}`).join(' | ')}`,
    );
}

/** What opens begins to move a frame or two after it is there, so one look at what moves is not enough. */
async function settled(page: Page): Promise<void> {
  await page.evaluate(async () => {
    const FRAMES_AT_REST = 4;
    const frame = () => new Promise((resolve) => requestAnimationFrame(resolve));
    for (let atRest = 0; atRest < FRAMES_AT_REST; atRest += 1) {
      await frame();
      const moving = document.getAnimations().filter(({ effect, playState }) => {
        return playState === 'running' && effect?.getComputedTiming().endTime !== Infinity;
      });
      if (moving.length > 0) atRest = -1;
      await Promise.all(moving.map((animation) => animation.finished.catch(() => null)));
    }
  });
}
