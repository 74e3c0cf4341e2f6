/// <reference lib="dom" />
import { gzipSync } from 'node:zlib';
import { chromium, type Browser, type BrowserContext, type Page } from 'playwright-core';
import { seriousFindings } from '../support/axe';
import { CHROMIUM_ARGUMENTS, chromiumPath } from '../support/chromium';
import { buildDashboard, type BuiltDashboard } from '../support/dashboard';
import { startTestService, type Tenant, type TestService } from '../support/service';

const FIRST_LOAD_BYTES = 150_000;
const LIVE_WITHIN_MS = 250;
const FLOOD_MS = 3_000;
/** Of 60: the server, the load and the browser share two cores here. */
const LEAST_FRAMES = 30;
const BUILD_TIMEOUT_MS = 120_000;
const DEBIT = 'mutation($key: ID!) { sendSms(input: { idempotencyKey: $key }) { replayed } }';

describe('the dashboard', () => {
  let built: BuiltDashboard;
  let service: TestService;
  let browser: Browser;
  let context: BrowserContext;
  let page: Page;
  let tenant: Tenant;

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
    // Axe is put into the page, which the page's own policy would not let happen.
    context = await browser.newContext({ locale: 'en-GB', bypassCSP: true });
    page = await context.newPage();
  });
  afterEach(() => context.close());

  const open = async (where = '/') => page.goto(`${service.url}/dashboard${where}`);
  const signIn = async (key: string) => {
    await page.getByLabel('API key').fill(key);
    await page.getByRole('button', { name: 'Sign in' }).click();
  };
  const openAsOwner = async () => {
    await open();
    await signIn(tenant.ownerKey);
    await expectAvailable('2,000');
  };
  const expectAvailable = (text: string) =>
    page.waitForFunction((wanted) => document.querySelector('[data-testid=available]')?.textContent === wanted, text);
  const debit = (key: string) => service.ask(DEBIT, { key }, tenant.appKey);

  it('shows a balance after an OWNER key was pasted, and a debit within a quarter of a second', async () => {
    await openAsOwner();
    await page.evaluate(() => {
      const number = document.querySelector('[data-testid=available]') as Element;
      const seen = () => void ((window as never as { seenAt: number }).seenAt = Date.now());
      new MutationObserver(seen).observe(number, { characterData: true, childList: true, subtree: true });
    });

    await debit('first');
    const committedBy = Date.now();

    await expectAvailable('1,999');
    const seenAt = await page.evaluate(() => (window as never as { seenAt: number }).seenAt);
    expect(seenAt - committedBy).toBeLessThan(LIVE_WITHIN_MS);
    await page.getByRole('cell', { name: 'Send SMS' }).waitFor();
  });

  it('asks only its own server, keeps the key out of every URL, and forgets it with the tab or at the sign-out', async () => {
    const urls: string[] = [];
    page.on('request', (request) => urls.push(request.url()));
    page.on('websocket', (socket) => urls.push(socket.url().replace(/^ws/, 'http')));
    await openAsOwner();
    expect(urls.filter((url) => !url.startsWith(service.url))).toEqual([]);
    expect(urls.filter((url) => url.includes('icr_'))).toEqual([]);
    const stored = () =>
      page.evaluate(() => [Object.values({ ...localStorage }).join(), Object.values({ ...sessionStorage }).join()]);
    expect(await stored()).toEqual(['', tenant.ownerKey]);
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.getByLabel('API key').waitFor();
    expect(await stored()).toEqual(['', '']);
  });

  it('remembers the key on the device where that is asked for', async () => {
    await open();
    await page.getByLabel('Remember on this device').check();
    await signIn(tenant.ownerKey);
    await expectAvailable('2,000');
    const other = await context.newPage();
    await other.goto(`${service.url}/dashboard`);
    await other.getByTestId('available').waitFor();
  });

  it('tells whoever pastes an APP key, or a wrong one, what is needed instead', async () => {
    await open();
    await signIn(tenant.appKey);
    await page.getByText('This is an APP key').waitFor();
    await signIn('icr_own_wrong');
    await page.getByText('This key does not work').waitFor();
    expect(await page.evaluate(() => sessionStorage.length)).toBe(0);
  });

  it('says that the connection is lost, and shows what happened meanwhile when it is back', async () => {
    await openAsOwner();
    await page.getByText('Live', { exact: true }).waitFor();
    await context.setOffline(true);
    await page.getByText('Reconnecting', { exact: true }).waitFor();
    await debit('while-away-1');
    await debit('while-away-2');
    await context.setOffline(false);
    await expectAvailable('1,998');
    await page.getByText('Live', { exact: true }).waitFor();
    await page.waitForFunction(() => document.querySelectorAll('tbody time').length === 2);
  });

  it('signs out, and says why, when the key is revoked', async () => {
    await openAsOwner();
    const { owner } = await service.ask('query($id: ID!) { owner(id: $id) { apiKeys { id role } } }', {
      id: tenant.ownerId,
    });
    const { id } = owner.apiKeys.find(({ role }: { role: string }) => role === 'OWNER');
    await service.ask('mutation($id: ID!) { revokeApiKey(input: { id: $id }) { apiKey { id } } }', { id });
    await page.getByText('That key does not work any more').waitFor();
  });

  it('lets an operator look at an owner, also by its address', async () => {
    await open(`/owners/${tenant.ownerId}`);
    await signIn(service.adminKey);
    await expectAvailable('2,000');
    await page.getByRole('link', { name: 'Manage' }).waitFor();
    await page.getByRole('link', { name: 'All owners' }).click();
    await page.waitForURL('**/dashboard/owners');
  });

  it('draws frame after frame while debits pour in, and ends with the right number', async () => {
    const flood = await service.tenant(20_000);
    await open();
    await signIn(flood.ownerKey);
    await expectAvailable('20,000');
    await page.evaluate(countFrames);
    const deadline = performance.now() + FLOOD_MS;
    let sent = 0;
    const worker = async () => {
      while (performance.now() < deadline) await service.ask(DEBIT, { key: `flood-${(sent += 1)}` }, flood.appKey);
    };
    await Promise.all(Array.from({ length: 24 }, worker));
    const { framesPerSecond, frames, renders } = await page.evaluate(() => (window as never as Counted).counted());
    await expectAvailable((20_000 - sent).toLocaleString('en-GB'));
    // The number changes at most once per frame, however many debits there are.
    expect(renders).toBeLessThanOrEqual(frames);
    expect(sent).toBeGreaterThan(renders);
    expect(framesPerSecond).toBeGreaterThan(LEAST_FRAMES);
  });

  it('draws the chart in its colours for those who want less motion too', async () => {
    await page.emulateMedia({ reducedMotion: 'reduce' });
    await openAsOwner();
    await debit('to-be-drawn');
    await page.locator('canvas').waitFor();
    await page.waitForFunction(() => {
      const canvas = document.querySelector('canvas') as HTMLCanvasElement;
      const { data } = canvas.getContext('2d')?.getImageData(0, 0, canvas.width, canvas.height) ?? { data: [] };
      // Grey has the same of red and of green.
      return data.some((value, index) => index % 4 === 0 && Math.abs(value - (data[index + 1] ?? 0)) > 60);
    });
  });

  test.each(['light', 'dark'] as const)('has no serious finding of axe (%s)', async (colorScheme) => {
    await page.emulateMedia({ colorScheme });
    await open();
    await page.getByLabel('API key').waitFor();
    expect(await seriousFindings(page)).toEqual([]);
    await signIn(tenant.ownerKey);
    await expectAvailable('2,000');
    await debit('for-axe');
    await page.getByRole('cell', { name: 'Send SMS' }).waitFor();
    expect(await seriousFindings(page)).toEqual([]);
  });

  it('loads no more than 150 KB, and sends what it loads compressed and for ever', async () => {
    const bodies: { url: string; bytes: number; cache: string | undefined }[] = [];
    page.on('response', (response) => {
      if (!/\.(js|css)$/.test(response.url())) return;
      void response.body().then((body) => {
        const cache = response.headers()['cache-control'];
        bodies.push({ url: response.url(), bytes: gzipSync(body).length, cache });
      });
    });
    await openAsOwner();
    await debit('for-the-chart');
    await page.locator('canvas').waitFor();
    expect(bodies.reduce((sum, { bytes }) => sum + bytes, 0)).toBeLessThan(FIRST_LOAD_BYTES);
    const assets = bodies.filter(({ url }) => url.includes('/assets/'));
    expect(assets.length).toBeGreaterThan(2);
    expect(new Set(assets.map(({ cache }) => cache))).toEqual(new Set(['public, max-age=31536000, immutable']));
  });
});

describe('the address /dashboard', () => {
  it('answers with a strict policy, and with the page for every path of it', async () => {
    const built = await buildDashboard();
    const service = await startTestService('sqlite', { dashboardFolder: built.folder });
    try {
      for (const where of ['', '/', '/actions', '/owners/own_1/ledger']) {
        const response = await fetch(`${service.url}/dashboard${where}`);
        expect([where, response.status]).toEqual([where, 200]);
        expect(await response.text()).toContain('<div id="root">');
        expect(response.headers.get('content-security-policy')).toMatch(/default-src 'none'.*frame-ancestors 'none'/);
        expect(response.headers.get('cache-control')).toBe('no-cache');
      }
      expect((await fetch(`${service.url}/dashboard/assets/none.js`)).status).toBe(404);
      const outside = await fetch(`${service.url}/dashboard/..%2f..%2fpackage.json`);
      expect(await outside.text()).not.toContain('integration-credits');
    } finally {
      await service.stop();
      await built.remove();
    }
  });

  it('is not there where it is off, and the API is', async () => {
    const service = await startTestService('sqlite', { config: { dashboard: false } });
    try {
      expect((await fetch(`${service.url}/dashboard`)).status).toBe(404);
      expect((await service.send('{ viewer { role } }')).data).toEqual({ viewer: { role: 'ADMIN' } });
    } finally {
      await service.stop();
    }
  });
});

interface Counted {
  counted(): { framesPerSecond: number; frames: number; renders: number };
}

/** Runs in the page: counts its animation frames and the changes of the balance. */
function countFrames(): void {
  const began = performance.now();
  let frames = 0;
  let renders = 0;
  const next = () => {
    frames += 1;
    requestAnimationFrame(next);
  };
  requestAnimationFrame(next);
  const number = document.querySelector('[data-testid=available]') as Element;
  const changed = () => void (renders += 1);
  new MutationObserver(changed).observe(number, { characterData: true, childList: true, subtree: true });
  (window as never as Counted).counted = () => ({
    framesPerSecond: (frames * 1_000) / (performance.now() - began),
    frames,
    renders,
  });
}
