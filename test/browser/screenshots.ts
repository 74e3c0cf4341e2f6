/// <reference lib="dom" />
import 'reflect-metadata';
import { mkdir, readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { chromium, type Browser, type BrowserContext, type Page } from 'playwright-core';
import { createSecret } from '../../src/access/api-key-secret';
import { readArguments } from '../../src/cli/arguments';
import { DAY_MS } from '../../src/clock';
import { Database } from '../../src/database/database';
import { entities } from '../../src/database/entities';
import { SampleKeys, seedSample } from '../../src/sample/seed';
import { CHROMIUM_ARGUMENTS, chromiumPath } from '../support/chromium';
import { buildDashboard } from '../support/dashboard';
import { createTestDatabase } from '../support/database';
import { buildWidget, startSite } from '../support/pages';
import { ROOT } from '../support/process';
import { ManualClock, startTestService, type TestService } from '../support/service';

const HELP = `Takes the screenshots of the dashboard and of the credit meter that the docs show: on a server of its own with
sample data that is the same each time, at one instant, which the pages take for the present.

Usage: npm run screenshots [-- --only overview] [-- --into docs/screenshots]

  --only   those alone whose name contains this
  --into   the folder that they are written to (docs/screenshots)`;

/** A Wednesday, late in the morning: the sample's last hours are busy ones. */
const NOW = Date.parse('2026-03-18T10:20:00Z');
const SAMPLE = { owners: 20, days: 45, seed: 1, recentHours: 24 };
const MOST_BYTES = 250_000;
const MOST_BYTES_IN_ALL = 3_000_000;
const HEIGHTS: Readonly<Record<number, number>> = { 1440: 960, 820: 1100, 390: 844 };
/** Narrower screens are those of phones and tablets, whose scrollbars take no room. */
const DESKTOP_WIDTH = 900;
const THEMES = ['light', 'dark'] as const;

interface Shot {
  readonly name: string;
  readonly width: number;
  readonly theme: (typeof THEMES)[number];
}

interface View {
  readonly name: string;
  /** Below /dashboard, or the whole address of another page. */
  readonly where: string;
  /** null: nobody is signed in. */
  readonly key: string | null;
  /** What is there when the view is, if only its placeholders. */
  readonly holds: string;
  readonly widths: readonly number[];
  /** In pixels, where it is not that of a usual screen. */
  readonly height?: number;
}

/** The server with its sample, and what one needs to look at it. */
interface Stage {
  readonly views: readonly View[];
  readonly service: TestService;
  close(): Promise<void>;
}

async function main(): Promise<void> {
  const { only = '', into = 'docs/screenshots' } = readArguments(HELP, ['only', 'into']);
  const folder = path.resolve(ROOT, into);
  await mkdir(folder, { recursive: true });
  const stage = await setUpStage();
  const browser = await chromium.launch({ executablePath: chromiumPath(), args: CHROMIUM_ARGUMENTS });
  let bytes = 0;
  try {
    for (const view of stage.views) {
      for (const width of view.widths) {
        for (const theme of THEMES) {
          const shot = { name: `${view.name}-${width}-${theme}`, width, theme };
          if (!shot.name.includes(only)) continue;
          bytes += await take(browser, { stage, view, shot, folder });
        }
      }
    }
  } finally {
    await browser.close();
    await stage.close();
  }
  if (bytes > MOST_BYTES_IN_ALL) throw new Error(`All together are ${bytes} bytes, more than ${MOST_BYTES_IN_ALL}.`);
}

/** Writes one screenshot when nothing on the page is waited for any more; its size in bytes. */
async function take(
  browser: Browser,
  parts: { stage: Stage; view: View; shot: Shot; folder: string },
): Promise<number> {
  const { stage, view, shot, folder } = parts;
  const context = await browser.newContext({
    viewport: { width: shot.width, height: view.height ?? HEIGHTS[shot.width] ?? 900 },
    colorScheme: shot.theme,
    locale: 'en-GB',
    timezoneId: 'Europe/Berlin',
    reducedMotion: 'reduce',
    isMobile: shot.width < DESKTOP_WIDTH,
    hasTouch: shot.width < DESKTOP_WIDTH,
  });
  try {
    const page = await openView(context, stage, view);
    const file = path.join(folder, `${shot.name}.png`);
    await page.screenshot({ path: file, animations: 'disabled', caret: 'hide' });
    const { size } = await stat(file);
    if (size > MOST_BYTES) throw new Error(`${shot.name} is ${size} bytes, more than ${MOST_BYTES}.`);
    console.log(`${shot.name.padEnd(28)} ${Math.round(size / 1_000)} KB`);
    return size;
  } finally {
    await context.close();
  }
}

async function openView(context: BrowserContext, { service }: Stage, { where, key, holds }: View): Promise<Page> {
  const page = await context.newPage();
  await page.clock.setFixedTime(NOW);
  if (where.startsWith('http')) {
    await page.goto(where);
  } else {
    await page.goto(`${service.url}/dashboard${where}`);
    await page.getByLabel('API key').waitFor();
  }
  if (key !== null) {
    await page.getByLabel('API key').fill(key);
    await page.getByRole('button', { name: 'Sign in' }).click();
  }
  await page.locator(holds).first().waitFor();
  // What was pressed last is under the pointer no more, and nothing looks pointed at.
  await page.mouse.move(0, 0);
  await page.waitForLoadState('networkidle');
  await page.waitForFunction(() => !document.querySelector('[aria-busy=true]'));
  await page.evaluate(() => document.fonts.ready.then(() => undefined));
  return page;
}

async function setUpStage(): Promise<Stage> {
  const dashboard = await buildDashboard();
  await buildWidget();
  const database = await createTestDatabase('sqlite');
  const adminKey = createSecret('ADMIN');
  const sample = await seed(database.url, adminKey);
  const clock = new ManualClock(NOW);
  const service = await startTestService('sqlite', {
    databaseUrl: database.url,
    dashboardFolder: dashboard.folder,
    clock,
    config: { adminKey },
  });
  const site = await startSite();
  await service.ask('mutation($input: UpdateAppInput!) { updateApp(input: $input) { app { id } } }', {
    input: { id: sample.appId, allowedOrigins: ['https://robot-bakery.example', site.origin] },
  });
  const keys = await createKeys(service, clock, sample);
  const example = await readFile(path.join(ROOT, 'docs/examples/credit-meter.html'), 'utf8');
  site.pages.set('/', {
    html: example.replaceAll('http://127.0.0.1:4000', service.url).replaceAll('icr_pub_YOUR_KEY', keys.publishable),
  });
  const views = viewsOf({ ...sample, ownerKey: keys.owner, adminKey, siteUrl: `${site.origin}/` });
  const close = async () => {
    await site.close();
    await service.stop();
    await database.drop();
    await dashboard.remove();
  };
  return { views, service, close };
}

function viewsOf(parts: {
  movingOwnerId: string;
  ownerKey: string;
  adminKey: string;
  siteUrl: string;
}): readonly View[] {
  const { movingOwnerId, ownerKey, adminKey, siteUrl } = parts;
  const wide = [1440];
  return [
    { name: 'overview', where: '/', key: ownerKey, holds: '[data-testid=available]', widths: [1440, 820, 390] },
    { name: 'actions', where: '/actions', key: ownerKey, holds: 'tbody tr', widths: [1440, 820, 390] },
    { name: 'ledger', where: '/ledger', key: ownerKey, holds: 'tbody tr', widths: wide },
    { name: 'apps', where: '/apps', key: ownerKey, holds: 'tbody tr', widths: wide },
    { name: 'keys', where: '/keys', key: ownerKey, holds: 'tbody tr', widths: wide },
    { name: 'owners', where: '/owners', key: adminKey, holds: 'tbody tr', widths: wide },
    { name: 'running-out', where: '/owners?show=running-out', key: adminKey, holds: 'tbody a', widths: wide },
    {
      name: 'owner',
      where: `/owners/${movingOwnerId}/manage`,
      key: adminKey,
      holds: '[data-testid=available]',
      widths: wide,
    },
    { name: 'plans', where: '/plans', key: adminKey, holds: 'tbody tr', widths: wide },
    { name: 'sign-in', where: '/', key: null, holds: 'form', widths: wide },
    { name: 'credit-meter', where: siteUrl, key: null, holds: 'credit-meter[status=live]', widths: [820], height: 460 },
  ];
}

/** Some keys, made a few days apart; they are new each time, and gone with the database. */
async function createKeys(
  service: TestService,
  clock: ManualClock,
  { ownerId, appId, otherAppId }: { ownerId: string; appId: string; otherAppId: string },
) {
  const create = async (daysAgo: number, input: object) => {
    clock.set(NOW - daysAgo * DAY_MS);
    const { createApiKey } = await service.ask(
      'mutation($input: CreateApiKeyInput!) { createApiKey(input: $input) { secret } }',
      { input },
    );
    return createApiKey.secret as string;
  };
  const owner = await create(44, { role: 'OWNER', ownerId, name: 'The bakers' });
  await create(44, { role: 'APP', appId, name: 'Assistant, production' });
  await create(30, { role: 'APP', appId: otherAppId, name: 'Newsletter' });
  const publishable = await create(12, { role: 'PUBLISHABLE', appId, name: 'Our web site' });
  clock.set(NOW);
  return { owner, publishable };
}

/** The same owners and actions each time. */
async function seed(url: string, adminKey: string) {
  const database = await Database.open(url, entities);
  try {
    await database.migrate();
    const { added } = await seedSample(database, { ...SAMPLE, endsAt: NOW });
    await new SampleKeys(database).admin(adminKey);
    const [owner, , , , moving] = added;
    const [appId, otherAppId] = owner?.appIds ?? [];
    if (!owner || !appId || !otherAppId || !moving) throw new Error('The sample has too few owners and apps.');
    // The fifth owner changes its plan, from the next reset on.
    return { ownerId: owner.ownerId, appId, otherAppId, movingOwnerId: moving.ownerId };
  } finally {
    await database.close();
  }
}

main().catch((error: unknown) => {
  console.error(`The screenshots are not complete: ${(error as Error).stack}`);
  process.exitCode = 1;
});
