/// <reference lib="dom" />
import { chromium, type Browser, type Page } from 'playwright-core';
import { CHROMIUM_ARGUMENTS, chromiumPath } from '../support/chromium';
import { startTestService, type TestService } from '../support/service';

describe('the explorer at /', () => {
  let service: TestService;
  let browser: Browser;
  beforeAll(async () => {
    service = await startTestService('sqlite');
    browser = await chromium.launch({ executablePath: chromiumPath(), args: CHROMIUM_ARGUMENTS });
  });
  afterAll(async () => {
    await browser?.close();
    await service?.stop();
  });

  it('needs nothing from elsewhere, and runs a subscription with the key of its Headers tab', async () => {
    const { appKey } = await service.tenant(100);
    const page = await browser.newPage();
    const foreign = requestsTo(page, (url) => !url.startsWith(service.url) && !/^(data|blob):/.test(url));
    const query = 'subscription { balanceChanged { available } }';
    await page.addInitScript(
      (headers) => localStorage.setItem('graphiql:headers', headers),
      JSON.stringify({ authorization: `Bearer ${appKey}` }),
    );
    await page.goto(`${service.url}/?query=${encodeURIComponent(query)}`);
    await page.getByLabel(/^Execute query/).click();
    await expectText(page, '"available": 100');

    await service.ask('mutation { sendSms(input: { idempotencyKey: "1" }) { replayed } }', {}, appKey);

    await expectText(page, '"available": 99');
    expect(foreign).toEqual([]);
  });

  it('reads the schema before a key is pasted', async () => {
    const page = await browser.newPage();
    const schema = page.waitForResponse((response) => response.url() === `${service.url}/graphql`);
    await page.goto(service.url);
    expect(await (await schema).json()).toMatchObject({ data: { __schema: { queryType: { name: 'Query' } } } });
  });
});

function requestsTo(page: Page, matches: (url: string) => boolean): string[] {
  const urls: string[] = [];
  page.on('request', (request) => void (matches(request.url()) && urls.push(request.url())));
  return urls;
}

/** GraphiQL's result pane draws its lines as it likes: blanks are compared as blanks. */
async function expectText(page: Page, text: string): Promise<void> {
  await page.waitForFunction(
    (wanted) => document.querySelector('.result-window')?.textContent?.replace(/\s/g, ' ').includes(wanted),
    text,
  );
}
