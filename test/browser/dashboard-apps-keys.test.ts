/// <reference lib="dom" />
import { chromium, type Browser, type BrowserContext, type Page } from 'playwright-core';
import { AXE, seriousFindings } from '../support/axe';
import { CHROMIUM_ARGUMENTS, chromiumPath } from '../support/chromium';
import { buildDashboard, type BuiltDashboard } from '../support/dashboard';
import { startTestService, type Tenant, type TestService } from '../support/service';

const BUILD_TIMEOUT_MS = 120_000;
const WAIT_MS = 12_000;
const CREDITS = 2_000;
const DEBIT = 'mutation($key: ID!) { sendSms(input: { idempotencyKey: $key }) { replayed } }';
const HOLD = 'mutation($key: ID!) { sendSms(input: { idempotencyKey: $key, hold: true }) { replayed } }';

describe('the dashboard of apps, keys and grants', () => {
  let built: BuiltDashboard;
  let service: TestService;
  let browser: Browser;
  let context: BrowserContext;
  let page: Page;
  let tenant: Tenant;
  /** What the page's own policy forbade, and what went wrong in it. */
  let faults: string[];

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
    tenant = await service.tenant(CREDITS);
    // The policy is the real one: scripts that are there before the page is are not bound by it, and axe is one of them.
    context = await browser.newContext({ locale: 'en-GB', timezoneId: 'Europe/Berlin' });
    await context.addInitScript({ content: AXE });
    await context.addInitScript(() =>
      document.addEventListener('securitypolicyviolation', ({ violatedDirective, blockedURI }) =>
        console.error(`forbidden by ${violatedDirective}: ${blockedURI}`),
      ),
    );
    page = await context.newPage();
    // Less than a test has, so that it says what it waited for.
    page.setDefaultTimeout(WAIT_MS);
    faults = [];
    page.on('console', (message) => message.type() === 'error' && faults.push(message.text()));
    page.on('pageerror', (error) => faults.push(error.message));
  });
  afterEach(() => context.close());

  const open = async (where: string, key = tenant.ownerKey) => {
    await page.goto(`${service.url}/dashboard${where}`);
    await page.getByLabel('API key').fill(key);
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByRole('heading', { level: 1 }).waitFor();
  };
  const act = async (key: string, secret = tenant.appKey) => (await service.send(DEBIT, { key }, secret)).code;
  const dialog = () => page.getByRole('dialog');
  const press = (name: string | RegExp) => dialog().getByRole('button', { name }).click();
  /** Chooses what to do with a row, by its menu. */
  const choose = async (row: string, task: RegExp) => {
    await page
      .getByRole('row', { name: row })
      .getByRole('button', { name: /^More for/ })
      .click();
    await page.getByRole('menuitem', { name: task }).click();
    await dialog().waitFor();
    await page.getByRole('menuitem').first().waitFor({ state: 'detached' });
  };
  const select = async (label: string, option: string) => {
    await dialog().getByRole('combobox', { name: label }).click();
    await page.getByRole('option', { name: option, exact: true }).click();
  };
  const gone = () => dialog().waitFor({ state: 'detached' });
  const createKey = async (name: string, role: RegExp) => {
    await page.getByRole('button', { name: 'Create key' }).click();
    await dialog().getByLabel('Name').fill(name);
    await dialog().getByRole('radio', { name: role }).check();
    await press('Create key');
    return dialog().getByLabel('The new key').innerText();
  };

  describe('apps', () => {
    const setCap = async (cap: string) => {
      await choose('An app', /cap/);
      await dialog().getByLabel('Credits per period').fill(cap);
      await press('Set the cap');
      await gone();
    };

    const uses = (words: string) => page.getByRole('meter', { name: `An app: ${words}`, exact: true }).waitFor();

    it('caps an app, whose next action is CAP_REACHED, and accepts it again when the cap is raised', async () => {
      await act('first');
      await act('second');
      await open('/apps');
      await uses('2 credits, no cap');

      await setCap('2');

      await uses('2 credits of a cap of 2');
      await page.getByText(/An app has used its cap: the next action is refused with CAP_REACHED/).waitFor();
      expect(await act('third')).toBe('CAP_REACHED');

      await setCap('1,000');

      await uses('2 credits of a cap of 1,000');
      await page.getByText(/has used its cap/).waitFor({ state: 'detached' });
      expect(await act('third')).toBeUndefined();
      await uses('3 credits of a cap of 1,000');

      await choose('An app', /cap/);
      await dialog()
        .getByRole('radio', { name: /No cap/ })
        .check();
      await press('Remove the cap');
      await uses('3 credits, no cap');
      expect(faults).toEqual([]);
    });

    it('says before a cap is set that it refuses the next action, and takes no number that is none', async () => {
      await act('one');
      await open('/apps');
      await uses('1 credit, no cap');
      await choose('An app', /cap/);
      const field = dialog().getByLabel('Credits per period');
      await field.fill('1');
      await dialog()
        .getByText(/its next action will be refused with CAP_REACHED/)
        .waitFor();
      await field.fill('1.5');
      await press('Set the cap');
      await dialog().getByText('A whole number of credits, from 0 to 2,000,000,000.').waitFor();
      expect(await field.getAttribute('aria-invalid')).toBe('true');
      await page.keyboard.press('Escape');
      await gone();
      expect(await act('two')).toBeUndefined();
    });

    it('pauses an app when that is confirmed, and resumes it', async () => {
      await open(`/apps?app=${tenant.appId}`);
      await page.getByRole('button', { name: 'Pause' }).click();
      await press('Cancel');
      await gone();
      expect(await act('not paused')).toBeUndefined();

      await page.getByRole('button', { name: 'Pause' }).click();
      await press('Pause');

      await page.getByText(/its actions are refused with APP_PAUSED/).waitFor();
      expect(await act('paused')).toBe('APP_PAUSED');
      await page.getByRole('button', { name: 'Resume' }).click();
      await press('Resume');
      await page.getByRole('button', { name: 'Pause' }).waitFor();
      expect(await act('resumed')).toBeUndefined();
    });

    it('counts what an app uses while one looks at it, what it holds too', async () => {
      await open(`/apps?app=${tenant.appId}`);
      const used = page.getByTestId('used');
      await used.filter({ hasText: /^0$/ }).waitFor();
      await act('live');
      await used.filter({ hasText: /^1$/ }).waitFor();
      await service.ask(HOLD, { key: 'held' }, tenant.appKey);
      await used.filter({ hasText: /^2$/ }).waitFor();
      await page.getByText('2 credits in the last 30 days').waitFor();
    });

    it('creates an app, renames it, and tells in words that the plan allows no more', async () => {
      const { createOwner } = await service.ask(
        'mutation($input: CreateOwnerInput!) { createOwner(input: $input) { owner { id } } }',
        { input: { name: 'Few', planCode: await service.plan({ monthlyCredits: 100, maxApps: 1 }) } },
      );
      const ownerId = createOwner.owner.id as string;
      await open(`/owners/${ownerId}/apps`, service.adminKey);
      await page.getByText('No apps yet').waitFor();
      await page.getByRole('button', { name: 'Create app' }).click();
      await dialog().getByLabel('Name').fill('Shop');
      await dialog().getByLabel('Cap per period').fill('500');
      await page.keyboard.press('Enter');

      await page.getByRole('heading', { name: 'Shop' }).waitFor();
      await page.getByText('of a cap of 500').waitFor();
      await page.getByRole('button', { name: 'Rename' }).click();
      await dialog().getByLabel('Name').fill('Bigger shop');
      await press('Rename');
      await page.getByRole('heading', { name: 'Bigger shop' }).waitFor();

      await page.getByRole('link', { name: 'All apps' }).click();
      await page.getByText(/1 of the 1 that the .* plan allows/).waitFor();
      await page.getByRole('link', { name: 'Bigger shop' }).waitFor();
      await page.getByRole('button', { name: 'Create app' }).click();
      await dialog().getByLabel('Name').fill('One too many');
      await press('Create app');
      await dialog().getByText('The plan allows at most 1 apps.').waitFor();
    });

    it('allows an origin, from any address of the site, and takes it back', async () => {
      await open(`/apps?app=${tenant.appId}`);
      await page.getByRole('button', { name: 'Edit' }).click();
      const field = dialog().getByLabel('Origin');
      await field.fill('https://*.example');
      await press('Add');
      await dialog()
        .getByText(/Patterns are not possible/)
        .waitFor();
      await field.fill('https://shop.example/cart?item=1');
      await page.keyboard.press('Enter');
      await field.fill('localhost:8080');
      await press('Save');
      await gone();
      expect(await allowedOrigins()).toEqual(['https://shop.example', 'https://localhost:8080']);

      await page.getByRole('button', { name: 'Edit' }).click();
      await dialog().getByRole('button', { name: 'Remove https://localhost:8080' }).click();
      await press('Save');
      await gone();
      await page.getByText('https://localhost:8080').waitFor({ state: 'detached' });
      expect(await allowedOrigins()).toEqual(['https://shop.example']);
    });
    const allowedOrigins = async () =>
      (await service.ask('query($id: ID!) { app(id: $id) { allowedOrigins } }', { id: tenant.appId })).app
        .allowedOrigins;

    it('knows no app of another owner by its address', async () => {
      const stranger = await service.tenant();
      await open(`/apps?app=${stranger.appId}`);
      await page.getByText('There is no such thing, or it belongs to somebody else.').waitFor();
      const operator = await context.newPage();
      page = operator;
      await open(`/owners/${tenant.ownerId}/apps?app=${stranger.appId}`, service.adminKey);
      await page.getByText('This owner has no such app').waitFor();
    });
  });

  describe('keys', () => {
    it('creates a key that is shown once and works, and revokes it: then it is refused', async () => {
      const urls: string[] = [];
      page.on('request', (request) => urls.push(request.url()));
      await open('/keys');
      const secret = await createKey('Shop backend', /^APP/);
      expect(secret).toMatch(/^icr_app_/);
      expect(await act('by the new key', secret)).toBeUndefined();
      await page.keyboard.press('Escape');
      expect(await dialog().isVisible()).toBe(true);
      await press('I have kept it');
      await gone();
      expect(await page.content()).not.toContain(secret);
      const row = page.getByRole('row', { name: /Shop backend/ });
      await row.getByText(`icr_app_…${secret.slice(-4)}`).waitFor();

      await choose('Shop backend', /Revoke/);
      await press('Keep it');
      await gone();
      expect(await act('still', secret)).toBeUndefined();
      await choose('Shop backend', /Revoke/);
      await press('Revoke key');

      await row.waitFor({ state: 'detached' });
      expect(await act('revoked', secret)).toBe('UNAUTHENTICATED');
      await page.getByRole('button', { name: /^All/ }).click();
      await row.getByText('Revoked', { exact: true }).waitFor();
      expect(await row.getByRole('button').count()).toBe(0);
      expect(page.url()).toContain('shown=ALL');
      expect(urls.filter((url) => url.includes(secret) || url.includes(tenant.ownerKey))).toEqual([]);
      expect(faults).toEqual([]);
    });

    it('offers the roles that its viewer may make, and a PUBLISHABLE key with what it still lacks', async () => {
      await open('/keys');
      await page.getByRole('button', { name: 'Create key' }).click();
      expect(
        await dialog()
          .getByRole('radio')
          .evaluateAll((radios) => radios.map((radio) => (radio as HTMLInputElement).value)),
      ).toEqual(['APP', 'PUBLISHABLE', 'OWNER']);
      await press('Create key');
      await dialog().getByText('A name, so that you know it again.').waitFor();
      await dialog().getByLabel('Name').fill('Web page');
      await dialog()
        .getByRole('radio', { name: /^PUBLISHABLE/ })
        .check();
      await select('Expires', 'In 30 days');
      await press('Create key');
      await dialog()
        .getByText(/Its app allows no origin yet/)
        .waitFor();
      await dialog().getByRole('link', { name: 'Allow an origin' }).click();
      await page.getByText('None: a publishable key of this app is refused on every page.').waitFor();
      const [key] = (await keysOfOwner()).filter(({ name }) => name === 'Web page');
      expect(Date.parse(key?.expiresAt as string) / 86_400_000 - Date.now() / 86_400_000).toBeCloseTo(30, 1);
    });

    it('rotates a key, while the old one goes on working for as long as was chosen', async () => {
      await open('/keys');
      await choose('icr_app', /Rotate/);
      await select('The old key goes on working for', 'One hour');
      await press('Rotate key');
      const secret = await dialog().getByLabel('The new key').innerText();
      await dialog()
        .getByText(/works until .*, and then ends by itself/)
        .waitFor();
      await press('I have kept it');
      expect([await act('new', secret), await act('old')]).toEqual([undefined, undefined]);
      await page
        .getByRole('row', { name: /app icr_app/ })
        .nth(1)
        .waitFor();

      await choose(`…${secret.slice(-4)}`, /Rotate/);
      await select('The old key goes on working for', 'Not at all: it ends at once');
      await press('Rotate key');
      const newest = await dialog().getByLabel('The new key').innerText();
      expect([await act('newest', newest), await act('second', secret)]).toEqual([undefined, 'UNAUTHENTICATED']);
    });

    it('warns before the key goes that one is signed in with, and signs out', async () => {
      await open('/keys');
      const row = page.getByRole('row', { name: /owner Signed in/ });
      await row.waitFor();
      await choose('icr_own', /Rotate/);
      await dialog().getByRole('combobox').click();
      await page.getByRole('option').first().waitFor();
      expect(await page.getByRole('option').allInnerTexts()).toEqual(['One hour', 'One day', 'One week']);
      await page.keyboard.press('Escape');
      await page.getByRole('option').first().waitFor({ state: 'detached' });
      await page.keyboard.press('Escape');
      await gone();

      await choose('icr_own', /Revoke/);
      await dialog()
        .getByText(/You are signed in with this key: revoking it signs you out/)
        .waitFor();
      await dialog()
        .getByLabel(/to confirm/)
        .fill('none');
      await press('Revoke key');
      await dialog()
        .getByText(/^The last four characters of/)
        .waitFor();
      await dialog()
        .getByLabel(/to confirm/)
        .fill(tenant.ownerKey.slice(-4));
      await press('Revoke key');
      await page.getByText('That key does not work any more').waitFor();
    });

    it('is worked by keyboard alone, and gives the focus back', async () => {
      await open('/keys');
      const more = page.getByRole('button', { name: 'More for app' });
      await more.focus();
      await page.keyboard.press('Enter');
      await page.getByRole('menuitem', { name: /Rotate/ }).waitFor();
      await page.keyboard.press('ArrowDown');
      await page.keyboard.press('Enter');
      await dialog()
        .getByRole('heading', { name: /^Revoke/ })
        .waitFor();
      await page.waitForFunction(() => document.querySelector('[role=dialog]')?.contains(document.activeElement));
      await page.keyboard.press('Escape');
      await gone();
      await page.waitForFunction(() => document.activeElement?.getAttribute('aria-label') === 'More for app');

      await page.getByRole('button', { name: 'Create key' }).focus();
      await page.keyboard.press('Enter');
      await page.waitForFunction(() => document.activeElement?.tagName === 'INPUT');
      await page.keyboard.type('By keyboard');
      await page.keyboard.press('Enter');
      await dialog().getByLabel('The new key').waitFor();
      await page.waitForFunction(() => document.activeElement?.tagName === 'CODE');
    });

    const keysOfOwner = async () =>
      (
        await service.ask('query($id: ID!) { owner(id: $id) { apiKeys { name expiresAt } } }', {
          id: tenant.ownerId,
        })
      ).owner.apiKeys as { name: string; expiresAt: string | null }[];
  });

  describe('grants', () => {
    const available = (text: string) =>
      page.waitForFunction((wanted) => document.querySelector('[data-testid=available]')?.textContent === wanted, text);

    it('are given by an operator once, however often the form is sent, and taken back', async () => {
      await open(`/owners/${tenant.ownerId}`, service.adminKey);
      await available('2,000');
      await page.getByRole('button', { name: 'Grant credits' }).click();
      await press('Grant credits');
      await dialog().getByText('A whole number of credits, from 1 to 2,000,000,000.').waitFor();
      await dialog().getByLabel('Credits', { exact: true }).fill('500');
      await dialog().getByLabel('Reason').fill('For the outage');
      // The answer to the first try is lost, after it was committed.
      let lost = false;
      await page.route('**/graphql', async (route) => {
        if (lost || !route.request().postData()?.includes('mutation GrantCredits')) return route.continue();
        lost = true;
        await route.fetch();
        return route.abort();
      });
      await press('Grant credits');
      await dialog().getByText('The service cannot be reached.').waitFor();
      await available('2,500');
      await press('Grant credits');
      await gone();

      await page.getByText('500 credits had been granted already: nothing was added twice.').waitFor();
      await available('2,500');
      await page.getByText('Never expires · For the outage').waitFor();
      await page.getByRole('button', { name: /Revoke: Bonus/ }).click();
      await press('Revoke 500 credits');
      await gone();
      await available('2,000');
    });

    it('of a source and with an end are what was asked for, and words say where credits wait for a plan', async () => {
      const planCode = await service.plan({ monthlyCredits: 10, topUpsAllowed: false });
      const { createOwner } = await service.ask(
        'mutation($input: CreateOwnerInput!) { createOwner(input: $input) { owner { id } } }',
        { input: { name: 'No top-ups', planCode } },
      );
      const ownerId = createOwner.owner.id as string;
      await open(`/owners/${ownerId}`, service.adminKey);
      await page.getByRole('button', { name: 'Grant credits' }).click();
      await dialog().getByText('To No top-ups,').waitFor();
      await dialog().getByLabel('Credits', { exact: true }).fill('1.200');
      await dialog().getByRole('button', { name: 'Top-up' }).click();
      await dialog()
        .getByText(/does not allow top-ups: they stay paused/)
        .waitFor();
      await select('Expires', 'At the end of a day');
      await dialog().getByLabel('Day').fill('2090-06-15');
      await press('Grant credits');
      await page.getByText('Granted 1,200 credits: paused until the plan allows top-ups.').waitFor();
      const { balance } = await service.ask(
        'query($ownerId: ID!) { balance(ownerId: $ownerId) { paused grants { source expiresAt } } }',
        { ownerId },
      );
      expect(balance.paused).toBe(1_200);
      // The end of the viewer's day, in Berlin.
      expect(balance.grants[1]).toEqual({ source: 'TOP_UP', expiresAt: '2090-06-15T21:59:59.999Z' });
    });

    it('are nothing that an owner gives itself', async () => {
      await open('/');
      await page.getByRole('heading', { name: 'Grants' }).waitFor();
      await page.getByText(/^Expires/).waitFor();
      expect(await page.getByRole('button', { name: /Grant credits|Revoke/ }).count()).toBe(0);
    });
  });

  describe('in both themes', () => {
    test.each(['light', 'dark'] as const)(
      'no view and no dialog has a serious finding of axe (%s)',
      async (colorScheme) => {
        // Whatever fades in is there at once.
        await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
        await act('one');
        await service.ask('mutation($input: UpdateAppInput!) { updateApp(input: $input) { app { id } } }', {
          input: { id: tenant.appId, creditCap: 1, allowedOrigins: ['https://shop.example'] },
        });
        await open('/apps');
        await page.getByText(/has used its cap/).waitFor();
        expect(await seriousFindings(page)).toEqual([]);
        await page.getByRole('button', { name: 'More for An app' }).click();
        await page.getByRole('menuitem').first().waitFor();
        expect(await seriousFindings(page)).toEqual([]);
        await page.getByRole('menuitem', { name: /cap/ }).click();
        await page.getByRole('menuitem').first().waitFor({ state: 'detached' });
        await dialog()
          .getByText(/will be refused/)
          .waitFor();
        expect(await seriousFindings(page)).toEqual([]);
        await press('Cancel');
        await page.getByRole('link', { name: 'An app' }).click();
        await page.getByText(/The cap is reached/).waitFor();
        await page.locator('canvas').waitFor();
        expect(await seriousFindings(page)).toEqual([]);
        await page.getByRole('button', { name: 'Edit' }).click();
        await dialog().waitFor();
        expect(await seriousFindings(page)).toEqual([]);
        await press('Cancel');

        await page.getByRole('link', { name: 'Keys', exact: true }).click();
        await page.getByRole('row', { name: /Signed in/ }).waitFor();
        expect(await seriousFindings(page)).toEqual([]);
        await choose('icr_own', /Revoke/);
        expect(await seriousFindings(page)).toEqual([]);
        await press('Keep it');
        await page.getByRole('button', { name: 'Create key' }).click();
        await dialog().getByRole('combobox', { name: 'Expires' }).click();
        await page.getByRole('option').first().waitFor();
        expect(await seriousFindings(page)).toEqual([]);
        await page.getByRole('option', { name: 'In a year' }).click();
        await dialog().getByLabel('Name').fill('For axe');
        await press('Create key');
        await dialog().getByLabel('The new key').waitFor();
        expect(await seriousFindings(page)).toEqual([]);
        expect(faults).toEqual([]);
      },
    );

    it('fits a phone, without a line that leaves the page', async () => {
      await page.setViewportSize({ width: 390, height: 844 });
      await open('/apps');
      for (const view of ['Apps', 'Keys']) {
        await page.getByRole('link', { name: view, exact: true }).click();
        await page
          .getByRole('button', { name: /^More for/ })
          .first()
          .waitFor();
        const beyond = await page.evaluate(
          () =>
            [...document.querySelectorAll('main button, main td')].filter(
              (one) => one.getBoundingClientRect().right > document.documentElement.clientWidth,
            ).length,
        );
        expect([view, beyond]).toEqual([view, 0]);
      }
    });
  });
});
