/// <reference lib="dom" />
import { readFileSync } from 'node:fs';
import { chromium, type Browser, type BrowserContext, type Page } from 'playwright-core';
import { seriousFindings } from '../support/axe';
import { addApp, performed, resolved } from '../support/actions';
import { CHROMIUM_ARGUMENTS, chromiumPath } from '../support/chromium';
import { buildDashboard, type BuiltDashboard } from '../support/dashboard';
import { startTestService, type Tenant, type TestService } from '../support/service';

const BUILD_TIMEOUT_MS = 120_000;
const FLOOD_MS = 3_000;
/** Of 60: the server, the load and the browser share two cores here. */
const LEAST_FRAMES = 30;
const WIDTHS = [390, 820, 1_440];

let built: BuiltDashboard;
let service: TestService;
let browser: Browser;
let context: BrowserContext;
let page: Page;
let tenant: Tenant;
/** What the browser complained about, above all of the content security policy, which is in force here. */
let complaints: string[];

beforeAll(async () => {
  built = await buildDashboard();
  service = await startTestService('sqlite', { dashboardFolder: built.folder });
  browser = await chromium.launch({ executablePath: chromiumPath(), args: CHROMIUM_ARGUMENTS });
}, BUILD_TIMEOUT_MS);
afterAll(async () => {
  await browser?.close();
  await service?.stop();
  await built?.remove();
});
beforeEach(async () => {
  tenant = await service.tenant(2_000);
  complaints = [];
  await newContext({});
});
afterEach(() => context.close());

async function newContext(options: { bypassCSP?: boolean; colorScheme?: 'light' | 'dark' }): Promise<void> {
  await context?.close();
  context = await browser.newContext({ locale: 'en-GB', timezoneId: 'UTC', ...options });
  page = await context.newPage();
  page.on('console', (message) => {
    if (/Content Security Policy|trusted type/i.test(message.text())) complaints.push(message.text());
  });
  page.on('pageerror', ({ message }) => complaints.push(message));
}

/** Opens a view, signed in with a key. */
async function open(path: string, key = tenant.ownerKey): Promise<void> {
  await page.addInitScript((secret) => sessionStorage.setItem('credits-key', secret), key);
  await page.goto(`${service.url}/dashboard${path}`);
}

const act = (idempotencyKey: string, facts: object = {}, key = tenant.appKey) =>
  performed(service, key, { idempotencyKey, ...facts });
/** Many at once, in the order of their keys only by chance. */
const actTimes = (count: number, name: string) =>
  Promise.all(Array.from({ length: count }, (_, index) => act(`${name}-${index}`)));
const rows = () => page.locator('tbody tr');
const rowCount = (count: number) =>
  page.waitForFunction((wanted) => document.querySelectorAll('tbody tr:has(time)').length === wanted, count);
const sequences = () =>
  rows().evaluateAll((all) => all.map((row) => Number(row.querySelector('td')?.textContent?.replace(/\D/g, ''))));
const firstSequence = (sequence: number) =>
  page.waitForFunction(
    (wanted) => document.querySelector('tbody td')?.textContent?.replace(/\D/g, '') === wanted,
    String(sequence),
  );

describe('the view of actions', () => {
  it('shows an action the moment an app performs it, and what becomes of it', async () => {
    await open('/actions');
    await page.getByText('No actions yet').waitFor();
    const { action } = await act('first', { hold: true });
    await page.getByRole('row', { name: /Call API.*Held/ }).waitFor();
    await resolved(service, tenant.appKey, 'captureAction', { actionId: action.id });
    await page.getByRole('row', { name: /Call API.*Captured/ }).waitFor();
    expect(complaints).toEqual([]);
  });

  it('filters by app, type, status and visitor, and keeps the filters over a reload and in the back button', async () => {
    const other = await addApp(service, tenant.ownerId, { name: 'Shop' });
    await act('mine');
    await act('theirs', { visitor: 'vis_1' }, other.appKey);
    await act('theirs-held', { visitor: 'vis_2', hold: true }, other.appKey);
    await open('/actions');
    await rowCount(3);
    await choose('App', 'Shop');
    await rowCount(2);
    await choose('Status', 'Held');
    await rowCount(1);
    await page.getByRole('cell', { name: 'vis_2' }).waitFor();
    await page.reload();
    await rowCount(1);
    await page.goBack();
    await rowCount(2);
    await page.getByLabel('Visitor').fill('vis_1');
    await page.getByLabel('Visitor').press('Enter');
    await rowCount(1);
    expect(new URL(page.url()).searchParams.get('visitor')).toBe('vis_1');
    await choose('Action type', 'Send SMS');
    await page.getByText('No action passes these filters').waitFor();
    await page.getByRole('button', { name: 'Clear' }).click();
    await rowCount(3);
    expect(complaints).toEqual([]);
  });

  it('goes through pages, counts what is new meanwhile, and shows it when asked', async () => {
    await actTimes(60, 'old');
    await open('/actions');
    await rowCount(50);
    await page.getByRole('button', { name: 'Older' }).click();
    await rowCount(10);
    await act('new-1');
    await act('new-2');
    await page.getByRole('button', { name: '2 new' }).click();
    await page.getByText('Page 1').waitFor();
    await rowCount(50);
    await page.getByRole('button', { name: '2 new' }).waitFor({ state: 'detached' });
  });

  it('stands still under the focus of a keyboard, and goes on when it leaves', async () => {
    await act('first', { visitor: 'vis_first' });
    await open('/actions');
    await rowCount(1);
    await page.getByLabel('Visitor').focus();
    for (let presses = 0; presses < 2; presses += 1) await page.keyboard.press('Tab');
    expect(await page.evaluate(() => document.activeElement?.textContent)).toBe('Call API');
    await act('second');
    await page.getByRole('button', { name: '1 new' }).waitFor();
    expect(await rows().count()).toBe(1);
    await page.keyboard.press('Shift+Tab');
    await rowCount(2);
  });

  it('tells all about an action, by its own address too, and closes with Escape', async () => {
    const { action } = await act('told', {
      visitor: 'vis_9',
      metadata: { ticket: 'T-1' },
      host: 'api.weather.example',
    });
    await open('/actions');
    await page.getByRole('link', { name: 'Call API' }).click();
    for (const name of ['Charged', 'Ledger entry', 'Drawn from', 'Available after it', 'Idempotency key']) {
      await page.getByText(name, { exact: true }).waitFor();
    }
    await page.getByText('Plan grant').waitFor();
    const sheet = page.getByRole('dialog');
    expect(await sheet.textContent()).toMatch(/api\.weather\.example.*vis_9.*told.*T-1/s);
    await page.keyboard.press('Escape');
    await sheet.waitFor({ state: 'detached' });
    expect(await page.evaluate(() => document.activeElement?.textContent)).toBe('Call API');
    await page.goto(`${service.url}/dashboard/actions?action=${action.id}`);
    await page.getByRole('link', { name: `#${action.sequence}` }).click();
    await page.getByText(`#${action.sequence}`, { exact: true }).waitFor();
    expect(new URL(page.url()).pathname).toBe('/dashboard/ledger');
  });

  it('says so where a link names no action, or one of somebody else', async () => {
    const stranger = await service.tenant();
    const { action } = await performed(service, stranger.appKey, { idempotencyKey: 'theirs' });
    await open(`/actions?action=${action.id}`);
    await page.getByRole('dialog').getByText('There is no such thing, or it belongs to somebody else.').waitFor();
    await page.goto(`${service.url}/dashboard/actions?action=${tenant.appId}`);
    await page.getByRole('dialog').getByText('There is no such action').waitFor();
  });

  it('refunds an action after a question, with the reason that was given', async () => {
    const { action } = await act('refunded');
    await open(`/actions?action=${action.id}`);
    await page.getByRole('button', { name: 'Refund…' }).click();
    const question = page.getByRole('dialog', { name: 'Refund this action?' });
    await question.getByLabel('Reason').fill('The model was wrong');
    await question.getByRole('button', { name: 'Refund 1 credit' }).click();
    await question.waitFor({ state: 'detached' });
    const sheet = page.getByRole('dialog');
    await sheet.getByText('The model was wrong').waitFor();
    expect(await sheet.getByRole('button', { name: 'Refund…' }).count()).toBe(0);
    await page.keyboard.press('Escape');
    await page.getByRole('row', { name: /Call API.*Refunded/ }).waitFor();
    await page.getByText('Refunded 1 credit.').waitFor();
    expect(complaints).toEqual([]);
  });

  it('changes nothing when the question is answered with no, and tells why it could not when it fails', async () => {
    const { action } = await act('contested', { hold: true });
    await open(`/actions?action=${action.id}`);
    await page.getByRole('button', { name: 'Void…' }).click();
    await page.getByRole('button', { name: 'Keep holding' }).click();
    await page.getByRole('button', { name: 'Void…' }).click();
    const question = page.getByRole('dialog', { name: 'Void this hold?' });
    await context.setOffline(true);
    await question.getByRole('button', { name: 'Void the hold' }).click();
    await question.getByText('The service cannot be reached.').waitFor();
    await context.setOffline(false);
    await resolved(service, tenant.appKey, 'captureAction', { actionId: action.id });
    await question.getByRole('button', { name: 'Void the hold' }).click();
    await question.getByText('This action was captured, voided or refunded in the meantime.').waitFor();
    await question.getByRole('button', { name: 'Keep holding' }).click();
    // What it has become meanwhile decides what can be done with it.
    await page.getByRole('button', { name: 'Refund…' }).waitFor();
  });

  it('lets an owner void a hold, and only an operator capture one', async () => {
    const voided = await act('voided', { hold: true });
    const captured = await act('captured', { hold: true });
    await open(`/actions?action=${voided.action.id}`);
    await page.getByRole('button', { name: 'Void…' }).waitFor();
    expect(await page.getByRole('button', { name: 'Capture…' }).count()).toBe(0);
    await page.getByRole('button', { name: 'Void…' }).click();
    await page.getByRole('button', { name: 'Void the hold' }).click();
    await page.getByRole('dialog').getByText('Voided', { exact: true }).first().waitFor();

    await newContext({});
    await open(`/owners/${tenant.ownerId}/actions?action=${captured.action.id}`, service.adminKey);
    await page.getByRole('button', { name: 'Capture…' }).click();
    await page.getByRole('button', { name: 'Capture 1 credit' }).click();
    await page.getByRole('button', { name: 'Refund…' }).waitFor();
  });
});

describe('the view of the ledger', () => {
  it('shows each movement as it is committed, with the balance after it', async () => {
    await open('/ledger');
    await page.getByRole('row', { name: /#1 .*Grant.*\+2,000 0 0 2,000/ }).waitFor();
    const { action } = await act('held', { hold: true });
    await page.getByRole('row', { name: /#2 .*Hold.*Call API.*−1 1 0 1,999/ }).waitFor();
    await resolved(service, tenant.ownerKey, 'voidAction', { actionId: action.id });
    await page.getByRole('row', { name: /#3 .*Void.*\+1 0 0 2,000/ }).waitFor();
    await page.getByText('3 entries').waitFor();
    expect(complaints).toEqual([]);
  });

  it('has no gap and no repeat after a lost connection, whatever happened meanwhile', async () => {
    await actTimes(10, 'before');
    await open('/ledger');
    await firstSequence(11);
    await page.getByText('Live', { exact: true }).waitFor();
    await context.setOffline(true);
    await page.getByText('Reconnecting', { exact: true }).waitFor();
    await actTimes(25, 'meanwhile');
    await context.setOffline(false);
    await firstSequence(36);
    await actTimes(5, 'after');
    await firstSequence(41);
    expect(await sequences()).toEqual(Array.from({ length: 41 }, (_, index) => 41 - index));
  });

  it('draws frame after frame while debits pour in, and leaves none out', async () => {
    const flood = await service.tenant(20_000);
    await open('/ledger', flood.ownerKey);
    await firstSequence(1);
    await page.evaluate(countFrames);
    const deadline = performance.now() + FLOOD_MS;
    let sent = 0;
    const worker = async () => {
      while (performance.now() < deadline) await act(`flood-${(sent += 1)}`, {}, flood.appKey);
    };
    await Promise.all(Array.from({ length: 24 }, worker));
    const framesPerSecond = await page.evaluate(() => (window as never as Counted).framesPerSecond());
    await firstSequence(sent + 1);
    expect(await sequences()).toEqual(Array.from({ length: 50 }, (_, index) => sent + 1 - index));
    expect(framesPerSecond).toBeGreaterThan(LEAST_FRAMES);
  });

  it('goes to older pages and to an entry by its number, and tells how many are new', async () => {
    await actTimes(119, 'old');
    await open('/ledger');
    await firstSequence(120);
    await page.getByRole('button', { name: 'Older' }).click();
    await firstSequence(70);
    await page.getByRole('button', { name: 'Older' }).click();
    await firstSequence(20);
    expect(await page.getByRole('button', { name: 'Older' }).isDisabled()).toBe(true);
    await actTimes(3, 'new');
    await page.getByRole('button', { name: '3 new' }).waitFor();
    expect((await sequences()).length).toBe(20);
    await page.getByLabel('Go to entry number').fill('42');
    await page.getByLabel('Go to entry number').press('Enter');
    await page.locator('[data-marked]', { hasText: '#42' }).waitFor();
    expect(new URL(page.url()).searchParams.get('entry')).toBe('42');
    await page.getByRole('button', { name: '3 new' }).click();
    await firstSequence(123);
  });

  it('verifies the books when told to', async () => {
    await actTimes(4, 'some');
    await open('/ledger');
    await page.getByRole('button', { name: 'Verify the books' }).click();
    await page.getByText(/The books add up: 5 entries recomputed/).waitFor();
  });

  it('leads from an entry to its action', async () => {
    const { action } = await act('led-to');
    await open(`/owners/${tenant.ownerId}/ledger`, service.adminKey);
    await page.getByRole('link', { name: 'Call API' }).click();
    await page.getByRole('dialog').getByText('led-to').waitFor();
    expect(new URL(page.url()).pathname).toBe(`/dashboard/owners/${tenant.ownerId}/actions`);
    expect(new URL(page.url()).searchParams.get('action')).toBe(action.id);
  });
});

describe('the export of the ledger', () => {
  const download = async (choose?: () => Promise<void>): Promise<{ name: string; text: string }> => {
    await page.getByRole('button', { name: 'Export…' }).click();
    await choose?.();
    const [saved] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('button', { name: 'Download' }).click(),
    ]);
    return { name: saved.suggestedFilename(), text: readFileSync(await saved.path(), 'utf8') };
  };

  it('saves a period as CSV, as the service itself writes it, with the key in no URL', async () => {
    const urls: string[] = [];
    page.on('request', (request) => urls.push(request.url()));
    await act('quoted', { visitor: 'a "b", c' });
    // More than one page of what the service reads at a time.
    await actTimes(1_200, 'some');
    await open('/ledger');
    await firstSequence(1_202);
    const { name, text } = await download();
    expect(name).toBe(`ledger-${tenant.ownerId}-entries-1-to-1202.csv`);
    expect(text).toBe(await exported('csv'));
    await page.getByText('Exported 1,202 entries.').waitFor();
    expect(urls.some((url) => url.includes('/ledger.csv'))).toBe(true);
    expect(urls.filter((url) => url.includes('icr_'))).toEqual([]);
    expect(complaints).toEqual([]);
  });

  it('saves NDJSON, and goes on where it was when the connection breaks in the middle of a line', async () => {
    await actTimes(20, 'some');
    await open('/ledger');
    await firstSequence(21);
    const whole = await exported('ndjson');
    const asked: string[] = [];
    await page.route('**/ledger.ndjson*', async (route) => {
      asked.push(new URL(route.request().url()).searchParams.get('afterSequence') as string);
      // Ten lines and a half, and then nothing: to the page it is a file that ends too early.
      if (asked.length > 1) return route.continue();
      const lines = whole.split('\n');
      await route.fulfill({ body: `${lines.slice(0, 10).join('\n')}\n${lines[10]?.slice(0, 30)}` });
    });
    const { text } = await download(async () => {
      await page.getByRole('button', { name: 'NDJSON' }).click();
    });
    expect(asked).toEqual(['0', '10']);
    expect(text).toBe(whole);
  });

  it('cuts the days that were chosen out of the ledger, with one header also after a break', async () => {
    await actTimes(12, 'some');
    await open('/ledger');
    await firstSequence(13);
    const today = new Date().toISOString().slice(0, 10);
    const days = async (from: string, to: string) => {
      await choose('Time', 'From day to day');
      await page.getByLabel('First day').fill(from);
      await page.getByLabel('Last day').fill(to);
    };
    const whole = await exported('csv');
    let requests = 0;
    await page.route('**/ledger.csv*', async (route) => {
      requests += 1;
      if (requests > 1) return route.continue();
      await route.fulfill({ body: whole.slice(0, whole.length / 2) });
    });
    const { text } = await download(() => days(today, today));
    expect(requests).toBe(2);
    expect(text).toBe(whole);

    await page.getByRole('button', { name: 'Export…' }).click();
    await days('2020-01-01', '2020-01-31');
    await page.getByRole('button', { name: 'Download' }).click();
    await page.getByText('There are no entries in that time.').waitFor();
    await page.getByLabel('Last day').fill('2019-01-01');
    await page.getByText('It ends before it begins.').waitFor();
  });

  it('says in words why there is no file', async () => {
    await open('/ledger');
    await firstSequence(1);
    const errors = [{ message: 'Too many', extensions: { code: 'RATE_LIMITED', retryAfterMs: 5_000 } }];
    await page.route('**/ledger.csv*', (route) => route.fulfill({ status: 429, json: { errors } }));
    await page.getByRole('button', { name: 'Export…' }).click();
    await page.getByRole('button', { name: 'Download' }).click();
    await page.getByText('Too many exports are under way.').waitFor();
  });
});

describe.each(['light', 'dark'] as const)('for everybody (%s)', (colorScheme) => {
  it('has no serious finding of axe, and nothing that is cut off at any width', async () => {
    await act('captured', { visitor: 'vis_1', metadata: { ticket: 1 } });
    await act('held', { hold: true });
    // Axe is put into the page, which the page's own policy would not let happen.
    await newContext({ bypassCSP: true, colorScheme });
    await open('/actions');
    await rowCount(2);
    await expectAccessible();
    await page.getByRole('link', { name: 'Call API' }).last().click();
    await page.getByText('Plan grant').waitFor();
    await expectAccessible();
    await page.getByRole('button', { name: 'Refund…' }).click();
    await page.getByLabel('Reason').waitFor();
    await expectAccessible();
    await page.goto(`${service.url}/dashboard/ledger`);
    await firstSequence(3);
    await page.getByRole('button', { name: 'Verify the books' }).click();
    await page.getByText('The books add up').waitFor();
    await expectAccessible();
    await page.getByRole('button', { name: 'Export…' }).click();
    await page.getByText('Export the ledger').waitFor();
    await expectAccessible();
  });
});

interface Counted {
  framesPerSecond(): number;
}

/** Runs in the page: counts its animation frames. */
function countFrames(): void {
  const began = performance.now();
  let frames = 0;
  const next = () => {
    frames += 1;
    requestAnimationFrame(next);
  };
  requestAnimationFrame(next);
  (window as never as Counted).framesPerSecond = () => (frames * 1_000) / (performance.now() - began);
}

async function choose(label: string, option: string): Promise<void> {
  await page.getByRole('combobox', { name: label }).click();
  await page.getByRole('option', { name: option }).click();
}

async function exported(format: 'csv' | 'ndjson'): Promise<string> {
  const headers = { authorization: `Bearer ${tenant.ownerKey}` };
  return (await fetch(`${service.url}/ledger.${format}`, { headers })).text();
}

async function expectAccessible(): Promise<void> {
  for (const width of WIDTHS) {
    await page.setViewportSize({ width, height: 900 });
    const overflow = await page.evaluate(() => {
      const { scrollWidth, clientWidth } = document.documentElement;
      const inner = [...document.querySelectorAll('[role=region]')].map(
        (table) => table.scrollWidth - table.clientWidth,
      );
      return Math.max(0, scrollWidth - clientWidth, ...inner);
    });
    expect({ width, overflow }).toEqual({ width, overflow: 0 });
  }
  expect(await seriousFindings(page)).toEqual([]);
}
