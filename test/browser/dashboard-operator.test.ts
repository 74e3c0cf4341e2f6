/// <reference lib="dom" />
import { chromium, type Browser, type BrowserContext, type Page } from 'playwright-core';
import { seriousFindings } from '../support/axe';
import { CHROMIUM_ARGUMENTS, chromiumPath } from '../support/chromium';
import { buildDashboard, type BuiltDashboard } from '../support/dashboard';
import { ManualClock, startTestService, type Tenant, type TestService } from '../support/service';

const BUILD_TIMEOUT_MS = 120_000;
const WAIT_MS = 12_000;
const MANY_OWNERS_TIMEOUT_MS = 90_000;
const NOW = Date.parse('2026-01-10T14:00:00Z');
const RESET = 'Tue 10 Feb, 14:00';
const DEBIT = 'mutation($key: ID!) { sendSms(input: { idempotencyKey: $key }) { replayed } }';

describe('the operator’s views', () => {
  let built: BuiltDashboard;
  let service: TestService;
  let browser: Browser;
  let context: BrowserContext;
  let page: Page;
  let violations: string[];
  let clock: ManualClock;

  beforeAll(async () => {
    built = await buildDashboard();
    browser = await chromium.launch({ executablePath: chromiumPath(), args: CHROMIUM_ARGUMENTS });
  }, BUILD_TIMEOUT_MS);
  afterAll(async () => {
    await browser?.close();
    await built?.remove();
  });
  beforeEach(async () => {
    clock = new ManualClock(NOW);
    service = await startTestService('sqlite', { dashboardFolder: built.folder, clock });
    await visitWith({});
  });
  afterEach(async () => {
    await context?.close();
    await service?.stop();
    expect(violations).toEqual([]);
  });

  /** A browser for which it is NOW as well; the page's own policy is in force unless axe has to get in. */
  const visitWith = async (options: { bypassCSP?: boolean; colorScheme?: 'light' | 'dark' }) => {
    await context?.close();
    context = await browser.newContext({ locale: 'en-GB', timezoneId: 'UTC', ...options });
    page = await context.newPage();
    // Less than a test has, so that it says what it waited for.
    page.setDefaultTimeout(WAIT_MS);
    await page.clock.setFixedTime(NOW);
    violations = [];
    page.on('console', (message) => {
      if (/Content Security Policy|Trusted/i.test(message.text())) violations.push(message.text());
    });
    page.on('pageerror', (error) => violations.push(String(error)));
  };
  const open = async (where: string) => {
    await page.goto(`${service.url}/dashboard${where}`);
    await page.getByLabel('API key').fill(service.adminKey);
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.locator('#content').waitFor();
  };
  const button = (name: string | RegExp) => page.getByRole('button', { name, exact: true });
  const row = (name: string) => page.getByRole('row').filter({ hasText: name });
  const createOwner = async (name: string, planCode = 'starter') => {
    // Newer than the one before.
    clock.advance(1);
    const { createOwner: made } = await service.ask(
      'mutation($input: CreateOwnerInput!) { createOwner(input: $input) { owner { id } } }',
      { input: { name, planCode } },
    );
    return made.owner.id as string;
  };
  const planOf = async (ownerId: string) =>
    (await service.ask('query($id: ID!) { owner(id: $id) { plan { code } nextPlan { code } } }', { id: ownerId }))
      .owner;
  const use = async ({ appKey }: Tenant, actions: number) => {
    const keys = Array.from({ length: actions }, (_, index) => `used-${index}`);
    await Promise.all(keys.map((key) => service.ask(DEBIT, { key }, appKey)));
  };

  describe('of all owners', () => {
    it('finds owners by a part of their name, and says so where there is none', async () => {
      await createOwner('Robot bakery');
      await createOwner('Lighthouse books');
      await open('/owners');
      await row('Robot bakery').getByText('2,000', { exact: true }).waitFor();

      await page.getByLabel('Search owners').fill('light');
      await row('Robot bakery').waitFor({ state: 'detached' });
      await row('Lighthouse books').waitFor();
      expect(new URL(page.url()).search).toBe('?search=light');

      await page.getByLabel('Search owners').fill('nobody');
      await page.getByText('No owner matches “nobody”').waitFor();
    });

    it('goes through the pages, and back', async () => {
      for (let number = 1; number <= 26; number += 1) await createOwner(`Owner number ${number}.`);
      await open('/owners');
      await row('Owner number 26.').waitFor();
      await button('Older').click();
      await row('Owner number 1.').waitFor();
      expect(await row('Owner number 26.').count()).toBe(0);
      await button('Newer').click();
      await row('Owner number 26.').waitFor();
    });

    it('lists who is about to run out, the soonest first, without those that are suspended', async () => {
      await createOwner('One at rest');
      const empty = await service.tenant();
      clock.advance(1);
      const soon = await service.tenant();
      clock.advance(1);
      const suspended = await service.tenant();
      await use(empty, 100);
      await use(soon, 90);
      await use(suspended, 95);
      const rename = 'mutation($input: UpdateOwnerInput!) { updateOwner(input: $input) { owner { id } } }';
      await service.ask(rename, { input: { id: empty.ownerId, name: 'Empty' } });
      await service.ask(rename, { input: { id: soon.ownerId, name: 'Soon empty' } });
      await service.ask(rename, { input: { id: suspended.ownerId, name: 'Out of it', suspended: true } });
      await open('/owners');
      await row('Out of it').getByText('Suspended').waitFor();

      await button('About to run out').click();

      await page.getByText('2 of all 5 owners').waitFor();
      const names = await page.locator('tbody tr td:first-child').allTextContents();
      expect(names).toEqual(['Empty', 'Soon empty']);
      await row('Soon empty').getByText('Empty today at').waitFor();
      await row('Empty').getByText('Nothing is left').waitFor();
    });

    it(
      'asks before it looks at more than 500 owners, and looks again when told to',
      async () => {
        for (let made = 0; made < 525; made += 25) {
          await Promise.all(Array.from({ length: 25 }, (_, index) => createOwner(`Owner ${made + index}`)));
        }
        await open('/owners?show=running-out');
        await page.getByText('0 of the newest 500 owners; there are more').waitFor({ timeout: 2 * WAIT_MS });
        await button('Look at the next 500').click();
        await page.getByText('0 of all 526 owners').waitFor({ timeout: 2 * WAIT_MS });
        await page.getByText('Nobody is about to run out').waitFor();

        clock.advance(1);
        await use(await service.tenant(), 100);
        await button('Look again').click();
        await page.getByText('1 of the newest 500 owners; there are more').waitFor({ timeout: 2 * WAIT_MS });
      },
      MANY_OWNERS_TIMEOUT_MS,
    );

    it('creates an owner with a first key, which is shown once and works', async () => {
      await open('/owners');
      await button('Create owner').click();
      const dialog = page.getByRole('dialog');
      await dialog.getByLabel('Name').fill('Paper kites');
      await dialog.getByLabel('External id (optional)').fill('kites-1');
      await dialog.getByRole('combobox', { name: 'Plan' }).click();
      await page.getByRole('option', { name: /^Builder/ }).click();
      await dialog.getByRole('button', { name: 'Create owner' }).click();
      await button('Make its first key').click();

      const secret = (await page.getByLabel('OWNER key', { exact: true }).textContent()) as string;

      const { viewer } = await service.ask(
        '{ viewer { role owner { name externalId plan { code } } } }',
        {},
        secret.trim(),
      );
      expect(viewer).toEqual({
        role: 'OWNER',
        owner: { name: 'Paper kites', externalId: 'kites-1', plan: { code: 'builder' } },
      });
      await page.keyboard.press('Escape');
      expect(await dialog.isVisible()).toBe(true);
      await dialog.getByRole('button', { name: 'Close' }).click();
      await row('Paper kites').getByText('10,000', { exact: true }).waitFor();
      expect(await page.content()).not.toContain(secret.trim());
    });

    it('says what is wrong with an owner where it is typed, and gives the focus back when it is left', async () => {
      await service.ask('mutation($input: CreateOwnerInput!) { createOwner(input: $input) { owner { id } } }', {
        input: { name: 'The first', externalId: 'taken' },
      });
      await open('/owners');
      await button('Create owner').click();
      const dialog = page.getByRole('dialog');
      await dialog.getByLabel('Name').fill('The second');
      await dialog.getByLabel('E-mail (optional)').fill('second@localhost ');
      await dialog.getByLabel('External id (optional)').fill('taken');
      await dialog.getByRole('button', { name: 'Create owner' }).click();
      await dialog.getByText('This externalId is taken.').waitFor();
      await page.keyboard.press('Escape');
      await dialog.waitFor({ state: 'detached' });
      await page.waitForFunction(() => document.activeElement?.textContent === 'Create owner');
    });
  });

  describe('of one owner', () => {
    it('explains an upgrade with its credits and the date of the reset before it is made', async () => {
      const tenant = await service.tenant();
      await use(tenant, 10);
      await open(`/owners/${tenant.ownerId}/manage`);
      await button('Change plan').click();
      const dialog = page.getByRole('dialog');
      await dialog.getByRole('radio', { name: /^Starter/ }).check();
      await dialog.getByText('1,900 credits are added at once, which makes 1,990 available').waitFor();
      await dialog.getByText('10 of 2,000').waitFor();
      await dialog.getByText(`on ${RESET};`).waitFor();
      expect(await planOf(tenant.ownerId)).toEqual({ plan: { code: 'free' }, nextPlan: null });

      await dialog.getByRole('button', { name: 'Change to Starter now' }).click();

      await page.waitForFunction(() => document.querySelector('[data-testid=available]')?.textContent === '1,990');
      expect(await planOf(tenant.ownerId)).toEqual({ plan: { code: 'starter' }, nextPlan: null });
    });

    it('explains a downgrade, which waits for the reset, and cancels it', async () => {
      const ownerId = await createOwner('Robot bakery', 'pro');
      await open(`/owners/${ownerId}/manage`);
      await button('Change plan').click();
      const dialog = page.getByRole('dialog');
      await dialog.getByRole('radio', { name: /^Free/ }).check();
      await dialog.getByText(`Takes effect at the reset, on ${RESET}.`).waitFor();
      await dialog.getByText('Top-ups are paused from then on').waitFor();
      await dialog.getByRole('button', { name: 'Change to Free at the reset' }).click();
      await page.getByText(`Free from ${RESET} on`).waitFor();
      expect(await planOf(ownerId)).toEqual({ plan: { code: 'pro' }, nextPlan: { code: 'free' } });

      await button('Stay on Pro').click();

      await page.getByText(`Free from ${RESET} on`).waitFor({ state: 'detached' });
      expect(await planOf(ownerId)).toEqual({ plan: { code: 'pro' }, nextPlan: null });
    });

    it('goes by the allowance of the running period, also where the plan was edited since', async () => {
      const edited = await service.plan({ monthlyCredits: 5_000 });
      const other = await service.plan({ monthlyCredits: 5_500 });
      const ownerId = await createOwner('Robot bakery', edited);
      const { plans } = await service.ask('{ plans { id code } }');
      const { id } = plans.find(({ code }: { code: string }) => code === edited);
      await service.ask('mutation($input: UpdatePlanInput!) { updatePlan(input: $input) { plan { id } } }', {
        input: { id, monthlyCredits: 6_000 },
      });
      await open(`/owners/${ownerId}/manage`);
      await page.getByText('0 of 5,000 used this period; 6,000 from the reset on').waitFor();
      await button('Change plan').click();
      await page.getByRole('radio', { name: new RegExp(`^${other}`) }).check();
      await button(`Change to ${other} now`).click();
      await page.waitForFunction(() => document.querySelector('[data-testid=available]')?.textContent === '5,500');
      expect((await planOf(ownerId)).plan.code).toBe(other);
    });

    it('suspends an owner once that is confirmed, and lets it act again', async () => {
      const tenant = await service.tenant();
      await open(`/owners/${tenant.ownerId}/manage`);
      await button('Suspend…').click();
      await page.getByRole('dialog').getByRole('button', { name: 'Suspend' }).click();
      await page.getByText('its actions are refused').waitFor();
      expect((await service.send(DEBIT, { key: 'while' }, tenant.appKey)).code).toBe('OWNER_SUSPENDED');

      await button('Resume').click();

      await page.getByText('Its apps may perform actions').waitFor();
      expect((await service.send(DEBIT, { key: 'after' }, tenant.appKey)).code).toBeUndefined();
    });

    it('changes its name, and shows its grants and what it has live', async () => {
      const tenant = await service.tenant();
      await open(`/owners/${tenant.ownerId}/manage`);
      await button('Edit').click();
      await page.getByRole('dialog').getByLabel('Name').fill('Salt & Stone');
      await page.getByRole('dialog').getByRole('button', { name: 'Save' }).click();
      await page.getByText('Salt & Stone · Free plan').waitFor();
      await page.getByRole('meter', { name: 'Plan: 100 of 100 credits left' }).waitFor();
      await use(tenant, 1);
      await page.getByRole('meter', { name: 'Plan: 99 of 100 credits left' }).waitFor();
    });

    it('says that there is no such owner', async () => {
      await open('/owners/own_none/manage');
      await page.getByText('There is no such').first().waitFor();
    });
  });

  describe('of the plans', () => {
    it('creates a plan, edits it without touching a running period, and archives it', async () => {
      await open('/plans');
      await button('Create plan').click();
      const dialog = page.getByRole('dialog');
      await dialog.getByLabel('Name').fill('Team');
      await dialog.getByLabel('Code').fill('team');
      await dialog.getByLabel('Credits a month').fill('many');
      await dialog.getByRole('button', { name: 'Create plan' }).click();
      await dialog.getByText('Type a whole number').waitFor();
      await dialog.getByLabel('Credits a month').fill('5,000');
      await dialog.getByLabel('Rolls over, at most').fill('500');
      await dialog.getByRole('button', { name: 'Create plan' }).click();
      await row('Team').getByText('5,000').waitFor();
      const ownerId = await createOwner('Robot bakery', 'team');

      await button('What can be done with Team').click();
      await page.getByRole('menuitem', { name: 'Edit' }).click();
      await dialog.getByText('a running period is never touched').waitFor();
      await dialog.getByLabel('Credits a month').fill('6000');
      await dialog.getByRole('button', { name: 'Save' }).click();
      await row('Team').getByText('6,000').waitFor();
      const { owner } = await service.ask('query($id: ID!) { owner(id: $id) { balance { allowance } } }', {
        id: ownerId,
      });
      expect(owner.balance.allowance).toBe(5_000);

      await button('What can be done with Team').click();
      await page.getByRole('menuitem', { name: 'Archive' }).click();
      await dialog.getByRole('button', { name: 'Archive' }).click();
      await row('Team').waitFor({ state: 'detached' });
      await button('Archived').click();
      await row('Team').waitFor();
      const { plans } = await service.ask('{ plans { code } }');
      expect(plans).not.toContainEqual({ code: 'team' });

      await button('What can be done with Team').click();
      await page.getByRole('menuitem', { name: 'Offer again' }).click();
      await page.getByText('No plan is archived').waitFor();
    });

    it('is used by the keyboard alone', async () => {
      await open('/plans');
      await button('What can be done with Free').focus();
      await page.keyboard.press('Enter');
      await page.getByRole('menuitem', { name: 'Edit' }).waitFor();
      await page.keyboard.press('Enter');
      const name = page.getByRole('dialog').getByLabel('Name');
      await name.waitFor();
      await page.waitForFunction(() => document.activeElement instanceof HTMLInputElement);
      await page.keyboard.press('Control+a');
      await page.keyboard.type('Gratis');
      await page.keyboard.press('Enter');
      await row('Gratis').waitFor();
      await page.waitForFunction(() => document.activeElement?.getAttribute('aria-label')?.includes('Gratis'));
    });
  });

  it('says in words why a view cannot be read, and reads it again', async () => {
    await page.route('**/graphql', async (route) => {
      if (route.request().postData()?.includes('query Plans')) return route.abort();
      return route.continue();
    });
    await open('/plans');
    await page.getByText('The service cannot be reached').waitFor();
    await page.unroute('**/graphql');
    await button('Try again').click();
    await row('Elite').waitFor();
  });

  describe.each(['light', 'dark'] as const)('have no serious finding of axe (%s)', (colorScheme) => {
    it('of all owners, with the dialog and its choices', async () => {
      await use(await service.tenant(), 99);
      await visitWith({ bypassCSP: true, colorScheme });
      await open('/owners');
      await row('An owner').waitFor();
      expect(await seriousFindings(page)).toEqual([]);
      await button('About to run out').click();
      await page.getByText('1 of all 2 owners').waitFor();
      expect(await seriousFindings(page)).toEqual([]);
      await button('Create owner').click();
      await page.getByRole('dialog').getByRole('combobox', { name: 'Plan' }).click();
      await page.getByRole('option', { name: /^Builder/ }).waitFor();
      expect(await seriousFindings(page)).toEqual([]);
    });

    it('of one owner, with the change of its plan', async () => {
      const { ownerId } = await service.tenant();
      await visitWith({ bypassCSP: true, colorScheme });
      await open(`/owners/${ownerId}/manage`);
      await page.getByTestId('available').waitFor();
      expect(await seriousFindings(page)).toEqual([]);
      await button('Change plan').click();
      await page.getByRole('radio', { name: /^Builder/ }).check();
      expect(await seriousFindings(page)).toEqual([]);
    });

    it('of the plans, with a menu and the form', async () => {
      await visitWith({ bypassCSP: true, colorScheme });
      await open('/plans');
      await row('Elite').waitFor();
      expect(await seriousFindings(page)).toEqual([]);
      await button('What can be done with Elite').click();
      await page.getByRole('menuitem', { name: 'Edit' }).waitFor();
      expect(await seriousFindings(page)).toEqual([]);
      await page.getByRole('menuitem', { name: 'Edit' }).click();
      await page.getByRole('dialog').getByLabel('Name').waitFor();
      expect(await seriousFindings(page)).toEqual([]);
    });
  });

  test.each([390, 820, 1440])('fit a width of %d pixels', async (width) => {
    const ownerId = await createOwner('An owner with a name of many words, as agencies have');
    await page.setViewportSize({ width, height: 800 });
    await open('/owners');
    await row('An owner with').waitFor();
    expect(await pageOverflow(page)).toBeLessThanOrEqual(0);
    await page.goto(`${service.url}/dashboard/plans`);
    await row('Elite').waitFor();
    expect(await pageOverflow(page)).toBeLessThanOrEqual(0);
    await page.goto(`${service.url}/dashboard/owners/${ownerId}/manage`);
    await page.getByTestId('available').waitFor();
    expect(await pageOverflow(page)).toBeLessThanOrEqual(0);
  });
});

/** By how many pixels the page is wider than the window. */
function pageOverflow(page: Page): Promise<number> {
  return page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
}
