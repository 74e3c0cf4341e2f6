/// <reference lib="dom" />
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import axe from 'axe-core';
import { chromium, type Browser, type Page, type WebSocket } from 'playwright-core';
import { CHROMIUM_ARGUMENTS, chromiumPath } from '../support/chromium';
import { createTestDatabase } from '../support/database';
import { buildWidget, startSite, type Site } from '../support/pages';
import { ROOT } from '../support/process';
import { startTestService, type Tenant, type TestService } from '../support/service';

const MOST_BYTES = 15 * 1_024;

let service: TestService;
let browser: Browser;
/** A site that the app allows, and one that it does not. */
let site: Site;
let stranger: Site;
const pages: Page[] = [];
const restarted: TestService[] = [];

beforeAll(async () => {
  await buildWidget();
  service = await startTestService('sqlite');
  browser = await chromium.launch({ executablePath: chromiumPath(), args: CHROMIUM_ARGUMENTS });
  [site, stranger] = await Promise.all([startSite(), startSite()]);
}, 60_000);
afterEach(async () => {
  await Promise.all(pages.splice(0).map((page) => page.close()));
  await Promise.all(restarted.splice(0).map((one) => one.stop()));
});
afterAll(async () => {
  await browser?.close();
  await Promise.all([site?.close(), stranger?.close()]);
  await service?.stop();
});

describe('the credit meter on another origin', () => {
  it('shows the balance on an allowed origin and moves on a debit, as the example in the docs does', async () => {
    const { tenant, key } = await publishable();
    const example = readFileSync(path.join(ROOT, 'docs/examples/credit-meter.html'), 'utf8');
    site.pages.set('/', {
      html: example.replaceAll('http://127.0.0.1:4000', service.url).replaceAll('icr_pub_YOUR_KEY', key),
    });
    const { page, errors } = await open(`${site.origin}/`);
    await shows(page, '100');

    await debit(tenant);

    await shows(page, '99');
    const meter = page.getByRole('meter', { name: 'Credits' });
    expect(await meter.getAttribute('aria-valuetext')).toBe('99 of 100 credits available.');
    expect(await meter.getAttribute('aria-valuenow')).toBe('99');
    expect(await page.locator('#change').textContent()).toBe('99 available, 0 held');
    expect(errors).toEqual([]);
  });

  it('tells the page each change by an event that carries the balance, and counts what is held', async () => {
    const { tenant, key } = await publishable();
    const { page } = await open(embed(site, meter(key)));
    await shows(page, '100');
    await page.evaluate(() => {
      const change = new Promise((resolve) =>
        addEventListener('creditchange', (event) => resolve((event as CustomEvent).detail)),
      );
      Object.assign(globalThis, { nextChange: change.then((detail) => [detail]) });
    });

    await debit(tenant, 'hold: true');

    const [change] = await page.evaluate(
      () => (globalThis as unknown as { nextChange: Promise<unknown[]> }).nextChange,
    );
    expect(change).toMatchObject({ available: 99, held: 1, paused: 0, usedThisPeriod: 1, allowance: 100 });
    expect(await valueText(page)).toBe('99 of 100 credits available, 1 held.');
  });

  it('shows a quiet dash on an origin that is not allowed, says why, and does not hurry to ask again', async () => {
    const { key } = await publishable();
    const { page, errors, sockets } = await open(embed(stranger, meter(key)), { clock: true });
    await hasStatus(page, 'refused');
    expect(await numberOf(page)).toBe('–');
    await page.getByRole('img', { name: 'Credits: The balance may not be shown on this page.' }).waitFor();

    await page.clock.fastForward(20_000);
    // A round trip of the page, so that a socket that it had opened would be known by now.
    await page.evaluate(() => fetch(location.href).then((response) => response.text()));
    expect(sockets).toHaveLength(1);
    await page.clock.fastForward(20_000);
    await until(page, () => sockets.length === 2);

    expect(errors).toEqual([]);
  });

  it.each([
    ['without a key', '', 'unconfigured'],
    ['with an endpoint that is no URL', 'key="icr_pub_x" endpoint="http://"', 'unconfigured'],
    ['with a key that does not exist', 'key="icr_pub_00000000000000000000000000000000000000"', 'refused'],
  ])('shows a dash %s, and breaks nothing', async (_title, attributes, status) => {
    const { page, errors } = await open(embed(site, `<credit-meter ${attributes}></credit-meter>`));
    await hasStatus(page, status);
    expect(await numberOf(page)).toBe('–');
    expect(errors).toEqual([]);
  });

  it('takes the balance away when the origin is, and brings it back when the origin comes back', async () => {
    const { tenant, key } = await publishable();
    const { page } = await open(embed(site, meter(key)), { clock: true });
    await shows(page, '100');

    await allow(tenant, []);

    await hasStatus(page, 'refused');
    expect(await numberOf(page)).toBe('–');
    await allow(tenant, [site.origin]);
    await page.clock.fastForward(40_000);
    await shows(page, '100');
  });
});

describe('the connection of credit meters', () => {
  it('survives a restart of the server: the last balance stays, and then the new one comes', async () => {
    const database = await createTestDatabase('sqlite');
    const first = await startTestService('sqlite', { databaseUrl: database.url });
    restarted.push(first);
    const { tenant, key } = await publishable(first);
    const { page } = await open(embed(site, meter(key), first));
    await shows(page, '100');

    await first.stop();

    await hasStatus(page, 'reconnecting');
    expect(await numberOf(page)).toBe('100');
    expect(await valueText(page)).toBe('Last known: 100 of 100 credits available. Reconnecting.');
    const { port } = new URL(first.url);
    const second = await startTestService('sqlite', { databaseUrl: database.url, config: { port: Number(port) } });
    restarted.push(second);
    await second.ask('mutation { sendSms(input: { idempotencyKey: "again" }) { replayed } }', {}, tenant.appKey);
    await hasStatus(page, 'live');
    await shows(page, '99');
    await second.stop();
    await database.drop();
  });

  it('is one for all meters of a key on a page, and ends with the last of them', async () => {
    const { tenant, key } = await publishable();
    const { page, sockets } = await open(embed(site, `${meter(key)}${meter(key, 'label="Again"')}`));
    await page.locator('credit-meter[status=live]').nth(1).waitFor();
    expect(sockets).toHaveLength(1);

    await page.evaluate(() => document.querySelector('credit-meter')?.remove());
    await debit(tenant);
    await shows(page, '99');
    // Moved within the page, as frameworks do.
    await page.evaluate(() => document.body.prepend(document.querySelector('credit-meter') as Element));
    await debit(tenant);
    await shows(page, '98');
    expect(sockets).toHaveLength(1);
    const closed = sockets[0]?.waitForEvent('close');
    await page.evaluate(() => document.querySelector('credit-meter')?.remove());
    await closed;
  });

  it('asks over HTTP now and then where sockets are blocked, here by the page’s own policy', async () => {
    const { tenant, key } = await publishable();
    const policy = `default-src 'none'; script-src ${service.url}; connect-src ${service.url}`;
    const { page, errors } = await open(embed(site, meter(key), service, policy), { clock: true });
    await page.clock.fastForward(5_000);
    await hasStatus(page, 'delayed');
    await shows(page, '100');

    await debit(tenant);
    await page.clock.fastForward(30_000);

    await shows(page, '99');
    expect(errors).toEqual([]);
  });

  it('needs no more of a strict policy than its script and its connection', async () => {
    const { key } = await publishable();
    const connect = `${service.url} ${service.url.replace('http', 'ws')}`;
    const policy = `default-src 'none'; script-src ${service.url}; connect-src ${connect}; require-trusted-types-for 'script'`;
    const { page, violations } = await open(embed(site, meter(key), service, policy));
    await hasStatus(page, 'live');
    expect(await page.locator('credit-meter .meter').evaluate((meter) => getComputedStyle(meter).borderRadius)).toBe(
      '9.375px',
    );
    expect(violations).toEqual([]);
  });
});

describe('the looks of a credit meter', () => {
  it('keep their place from the first moment on, whatever comes', async () => {
    const { key } = await publishable();
    const { page } = await open(embed(site, `${meter('')}${meter(key, 'id="live"')}`));
    await page.locator('#live[status=live]').waitFor();
    const [empty, live] = await page.locator('credit-meter').evaluateAll((meters) =>
      meters.map((one) => {
        const { width, height } = one.getBoundingClientRect();
        return { width, height };
      }),
    );
    expect(live).toEqual(empty);
  });

  it.each(['light', 'dark'])(
    'have no serious finding of axe in the %s theme, with and without a balance',
    async (theme) => {
      const { key } = await publishable();
      const { page } = await open(
        embed(site, `<main><h1>Meters</h1>${meter(key, `theme="${theme}"`)}${meter('')}</main>`),
      );
      await hasStatus(page, 'live');
      await page.evaluate(axe.source);
      const findings = await page.evaluate(async () => {
        const { violations } = await (globalThis as unknown as { axe: typeof axe }).axe.run();
        return violations.filter(({ impact }) => impact === 'serious' || impact === 'critical').map(({ id }) => id);
      });
      expect(findings).toEqual([]);
    },
  );

  it('move only for those who like it', async () => {
    const { key } = await publishable();
    const { page } = await open(embed(site, meter(key)));
    const duration = () =>
      page.locator('credit-meter .fill').evaluate((fill) => getComputedStyle(fill).transitionDuration.split(', ')[0]);
    expect(await duration()).toBe('0.25s');
    await page.emulateMedia({ reducedMotion: 'reduce' });
    expect(await duration()).toBe('0s');
  });

  it('write numbers as a language does, and survive one that does not exist', async () => {
    const { tenant, key } = await publishable();
    await service.ask(
      'mutation($ownerId: ID!) { grantCredits(input: { ownerId: $ownerId, amount: 1234567, source: BONUS, idempotencyKey: "b" }) { replayed } }',
      { ownerId: tenant.ownerId },
    );
    const { page } = await open(embed(site, meter(key, 'locale="de-DE"')));
    await shows(page, '1.234.667');
    await page.evaluate(() => document.querySelector('credit-meter')?.setAttribute('locale', 'no_such!'));
    await shows(page, '1,234,667');
  });

  it('tell a screen reader at most every half minute, and then the latest', async () => {
    const { tenant, key } = await publishable();
    const { page } = await open(embed(site, meter(key)), { clock: true });
    await shows(page, '100');
    const news = page.locator('credit-meter [role=status]');
    expect(await news.textContent()).toBe('Credits: 100 of 100 credits available.');
    await debit(tenant);
    await debit(tenant);
    await shows(page, '98');
    expect(await news.textContent()).toBe('Credits: 100 of 100 credits available.');
    await page.clock.fastForward(31_000);
    expect(await news.textContent()).toBe('Credits: 98 of 100 credits available.');
  });
});

describe('the script of the credit meter', () => {
  it('is at most 15 KB, compressed', () => {
    const script = readFileSync(path.join(ROOT, 'dist/widget/credit-meter.js'));
    expect(gzipSync(script, { level: 9 }).length).toBeLessThanOrEqual(MOST_BYTES);
  });

  it('may be loaded by any page, is kept by browsers, and is asked for again by its tag', async () => {
    const script = await fetch(`${service.url}/credit-meter.js`);
    expect(script.status).toBe(200);
    expect(Object.fromEntries(script.headers)).toMatchObject({
      'content-type': 'text/javascript; charset=utf-8',
      'content-encoding': 'gzip',
      'access-control-allow-origin': '*',
      'cross-origin-resource-policy': 'cross-origin',
      'x-content-type-options': 'nosniff',
      'cache-control': expect.stringMatching(/^public, max-age=\d+/),
      vary: expect.stringContaining('accept-encoding'),
    });
    const etag = script.headers.get('etag') as string;
    const again = await fetch(`${service.url}/credit-meter.js`, { headers: { 'if-none-match': etag } });
    expect([again.status, await again.text()]).toEqual([304, '']);
    const plain = await fetch(`${service.url}/credit-meter.js`, { headers: { 'accept-encoding': 'identity' } });
    expect(plain.headers.get('content-encoding')).toBeNull();
    expect(await plain.text()).toBe(await script.text());
  });

  it('is not there with WIDGET=off', async () => {
    const without = await startTestService('sqlite', { config: { widget: false } });
    expect((await fetch(`${without.url}/credit-meter.js`)).status).toBe(404);
    await without.stop();
  });
});

/** An owner with 100 credits, and a PUBLISHABLE key that `site` may show its balance with. */
async function publishable(of: TestService = service): Promise<{ tenant: Tenant; key: string }> {
  const tenant = await of.tenant(100);
  await allow(tenant, [site.origin], of);
  const { createApiKey } = await of.ask(
    'mutation($appId: ID!) { createApiKey(input: { name: "site", role: PUBLISHABLE, appId: $appId }) { secret } }',
    { appId: tenant.appId },
  );
  return { tenant, key: createApiKey.secret as string };
}

async function allow({ appId }: Tenant, allowedOrigins: string[], of: TestService = service): Promise<void> {
  await of.ask('mutation($input: UpdateAppInput!) { updateApp(input: $input) { app { id } } }', {
    input: { id: appId, allowedOrigins },
  });
}

let debits = 0;
async function debit({ appKey }: Tenant, more = ''): Promise<void> {
  const idempotencyKey = `debit ${(debits += 1)}`;
  await service.ask(
    `mutation($key: ID!) { sendSms(input: { idempotencyKey: $key ${more} }) { replayed } }`,
    { key: idempotencyKey },
    appKey,
  );
}

function meter(key: string, more = ''): string {
  return `<credit-meter key="${key}" ${more}></credit-meter>`;
}

let embedded = 0;
/** The address of a new page of this site that has the script and this body. */
function embed(on: Site, body: string, of: TestService = service, policy?: string): string {
  const address = `/page-${(embedded += 1)}`;
  on.pages.set(address, {
    html: `<!doctype html><html lang="en"><title>A page</title><script src="${of.url}/credit-meter.js" defer></script><body>${body}</body></html>`,
    ...(policy && { headers: { 'content-security-policy': policy } }),
  });
  return `${on.origin}${address}`;
}

async function open(url: string, options: { clock?: boolean } = {}) {
  const page = await browser.newPage();
  pages.push(page);
  const errors: string[] = [];
  const violations: string[] = [];
  const sockets: WebSocket[] = [];
  page.on('pageerror', (error) => void errors.push(String(error)));
  page.on(
    'console',
    (message) => void (message.text().includes('Content Security') && violations.push(message.text())),
  );
  page.on('websocket', (socket) => void sockets.push(socket));
  if (options.clock) await page.clock.install();
  await page.goto(url);
  return { page, errors, violations, sockets };
}

async function shows(page: Page, number: string): Promise<void> {
  await page
    .locator('credit-meter .number')
    .first()
    .filter({ hasText: new RegExp(`^${number}$`) })
    .waitFor();
}

async function hasStatus(page: Page, status: string): Promise<void> {
  await page.locator(`credit-meter[status=${status}]`).first().waitFor();
}

function numberOf(page: Page): Promise<string | null> {
  return page.locator('credit-meter .number').first().textContent();
}

function valueText(page: Page): Promise<string | null> {
  return page.locator('credit-meter .meter').first().getAttribute('aria-valuetext');
}

/** Waits for what the page's sockets bring about. */
async function until(page: Page, condition: () => boolean): Promise<void> {
  while (!condition()) await page.waitForEvent('websocket');
}
