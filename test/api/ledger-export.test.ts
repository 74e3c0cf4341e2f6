import { once } from 'node:events';
import { Agent, get as httpGet, request as httpRequest, type IncomingMessage, type ServerResponse } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import { setImmediate as nextTurn } from 'node:timers/promises';
import Fastify, { type FastifyInstance } from 'fastify';
import { unauthenticated, type Caller } from '../../src/access/caller';
import { LedgerExports, type LedgerExportReader } from '../../src/balances/ledger-export';
import type { ExportedEntry } from '../../src/balances/ledger-export.format';
import type { DomainError } from '../../src/errors';
import { parsePublicId, publicId } from '../../src/public-id';
import { addLedgerExport } from '../../src/server/ledger-export';
import { performed, resolved } from '../support/actions';
import { stopSound, tamper } from '../support/books';
import { databaseKindOf } from '../support/database';
import { granted, planChanged, revoked, spend, tenantOn } from '../support/pools';
import { ManualClock, startTestService, type Tenant, type TestService } from '../support/service';

const DAY_MS = 86_400_000;
const HEADER =
  'sequence,id,at,kind,credits,available,held,paused,grantId,grantSource,actionId,appId,actionType,idempotencyKey,visitor,reason';
const FORMATS = ['csv', 'ndjson'] as const;

let service: TestService;
/** It only ever moves forward. */
const clock = new ManualClock();
beforeAll(async () => {
  service = await startTestService(databaseKindOf(), { clock });
});
afterAll(() => stopSound(service));

type Line = Record<string, string | number | null>;

function fetchPath(path: string, key: string | null, options: RequestInit = {}, on = service): Promise<Response> {
  const headers = { ...(key !== null && { authorization: `Bearer ${key}` }), ...options.headers };
  return fetch(on.url + path, { ...options, headers });
}

/** The text of an export that the test knows to succeed. */
async function textOf(path: string, key: string, on = service): Promise<string> {
  const response = await fetchPath(path, key, {}, on);
  if (response.status !== 200) throw new Error(`${response.status}: ${await response.text()}`);
  return response.text();
}

async function linesOf(tenant: Pick<Tenant, 'ownerKey'>, query = ''): Promise<Line[]> {
  return objectsOf(await textOf(`/ledger.ndjson${query}`, tenant.ownerKey));
}

function objectsOf(ndjson: string): Line[] {
  if (ndjson === '') return [];
  expect(ndjson.endsWith('\n')).toBe(true);
  return ndjson
    .slice(0, -1)
    .split('\n')
    .map((line) => JSON.parse(line) as Line);
}

/** RFC 4180, read by the letter: fails on whatever it does not allow. */
function parseCsv(text: string): string[][] {
  const records: string[][] = [];
  for (let at = 0; at < text.length;) {
    const record: string[] = [];
    for (;;) {
      const [whole, quoted, plain = ''] = /^(?:"((?:[^"]|"")*)"|([^",\r\n]*))(?=,|\r\n)/.exec(text.slice(at)) ?? [];
      if (whole === undefined) throw new Error(`Not RFC 4180 at ${at}.`);
      record.push(quoted === undefined ? plain : quoted.replaceAll('""', '"'));
      at += whole.length;
      if (text[at] !== ',') break;
      at += 1;
    }
    at += 2;
    records.push(record);
  }
  return records;
}

/** What the documentation tells readers to do with the apostrophes that were added. */
const withoutGuards = (cell: string) => cell.replace(/(^|[;\t\r\n])'/g, '$1');

/** An owner whose ledger has each kind of entry. */
async function everyKind(): Promise<Tenant> {
  const tenant = await tenantOn(service, { monthlyCredits: 10, topUpsAllowed: false });
  const { ownerId, appKey, planCode } = tenant;
  const topUp = await granted(service, { ownerId, amount: 4, source: 'TOP_UP', idempotencyKey: 't' });
  const expiresAt = new Date(Date.parse(topUp.balance.resetsAt) + DAY_MS).toISOString();
  await planChanged(service, ownerId, await service.plan({ monthlyCredits: 20 }));
  const charged = await performed(service, appKey, { idempotencyKey: 'refunded', visitor: 'visitor-1' });
  await resolved(service, appKey, 'refundAction', { actionId: charged.action.id, reason: 'It failed.' });
  const captured = await performed(service, appKey, { idempotencyKey: 'captured', hold: true });
  await resolved(service, appKey, 'captureAction', { actionId: captured.action.id });
  const voided = await performed(service, appKey, { idempotencyKey: 'voided', hold: true });
  await resolved(service, appKey, 'voidAction', { actionId: voided.action.id });
  const bonus = await granted(service, { ownerId, amount: 8, source: 'BONUS', idempotencyKey: 'b', expiresAt });
  await revoked(service, { grantId: bonus.grant.id, reason: 'A mistake.' });
  await planChanged(service, ownerId, planCode);
  clock.set(expiresAt);
  return tenant;
}

describe('an exported ledger', () => {
  it('is this file, to the letter', async () => {
    const { ownerId, ownerKey, appKey, appId } = await service.tenant(10);
    const at = new Date(clock.now()).toISOString();
    const { action } = await performed(service, appKey, { idempotencyKey: 'job 1', visitor: 'v, "1"', hold: true });
    await resolved(service, appKey, 'voidAction', { actionId: action.id, reason: '=1+1' });
    const bonus = await granted(service, { ownerId, amount: 5, source: 'BONUS', idempotencyKey: 'b', reason: 'Grüße' });
    const owner = parsePublicId(ownerId)?.ownerId ?? 0;
    const [led1, led2, led3, led4] = [1, 2, 3, 4].map((sequence) => publicId('ledgerEntry', owner, sequence));
    const plan = publicId('grant', owner, 1);

    expect(await textOf('/ledger.csv', ownerKey)).toBe(
      [
        HEADER,
        `1,${led1},${at},GRANT,10,10,0,0,${plan},PLAN,,,,,,The plan began.`,
        `2,${led2},${at},HOLD,1,9,1,0,${plan},PLAN,${action.id},${appId},CALL_API,job 1,"v, ""1""",`,
        `3,${led3},${at},VOID,1,10,0,0,${plan},PLAN,${action.id},${appId},CALL_API,job 1,"v, ""1""",'=1+1`,
        `4,${led4},${at},GRANT,5,15,0,0,${bonus.grant.id},BONUS,,,,,,Grüße`,
        '',
      ].join('\r\n'),
    );
    expect((await textOf('/ledger.ndjson', ownerKey)).split('\n').slice(1)).toEqual([
      `{"sequence":2,"id":"${led2}","at":"${at}","kind":"HOLD","credits":1,"available":9,"held":1,"paused":0,` +
        `"grantId":"${plan}","grantSource":"PLAN","actionId":"${action.id}","appId":"${appId}","actionType":"CALL_API",` +
        '"idempotencyKey":"job 1","visitor":"v, \\"1\\"","reason":null}',
      `{"sequence":3,"id":"${led3}","at":"${at}","kind":"VOID","credits":1,"available":10,"held":0,"paused":0,` +
        `"grantId":"${plan}","grantSource":"PLAN","actionId":"${action.id}","appId":"${appId}","actionType":"CALL_API",` +
        '"idempotencyKey":"job 1","visitor":"v, \\"1\\"","reason":"=1+1"}',
      `{"sequence":4,"id":"${led4}","at":"${at}","kind":"GRANT","credits":5,"available":15,"held":0,"paused":0,` +
        `"grantId":"${bonus.grant.id}","grantSource":"BONUS","actionId":null,"appId":null,"actionType":null,` +
        '"idempotencyKey":null,"visitor":null,"reason":"Grüße"}',
      '',
    ]);
  });

  it('says of each kind of entry what the query `ledger` says, in both formats', async () => {
    const tenant = await everyKind();
    const lines = await linesOf(tenant);
    const { ledger } = await service.ask(
      `{ ledger(first: 100) { edges { node { sequence id at kind credits available held paused grant { id source }
         action { id app { id } type idempotencyKey visitor } } } } }`,
      {},
      tenant.ownerKey,
    );
    // eslint-disable-next-line @typescript-eslint/no-explicit-any -- the shape is that of the query above
    const expected = ledger.edges.map(({ node: { grant, action, ...own } }: any) => ({
      ...own,
      grantId: grant.id,
      grantSource: grant.source,
      actionId: action?.id ?? null,
      appId: action?.app.id ?? null,
      actionType: action?.type ?? null,
      idempotencyKey: action?.idempotencyKey ?? null,
      visitor: action?.visitor ?? null,
    }));
    expect(lines.map(({ reason: _reason, ...shared }) => shared)).toEqual(expected);
    expect(new Set(lines.map(({ kind }) => kind))).toEqual(
      new Set(['GRANT', 'DEBIT', 'HOLD', 'CAPTURE', 'VOID', 'REFUND', 'EXPIRE', 'REVOKE', 'PAUSE', 'RESUME']),
    );
    const reasonOf = (wanted: string) => lines.find(({ kind }) => kind === wanted)?.['reason'];
    expect([reasonOf('REFUND'), reasonOf('REVOKE'), reasonOf('DEBIT')]).toEqual(['It failed.', 'A mistake.', null]);

    const [header, ...records] = parseCsv(await textOf('/ledger.csv', tenant.ownerKey));
    expect(header).toEqual(HEADER.split(','));
    expect(records).toEqual(
      lines.map((line) => Object.values(line).map((value) => (value === null ? '' : `${value}`))),
    );
  });

  it('has what has fallen due by now (rule 4)', async () => {
    const tenant = await service.tenant(7);
    clock.advance(32 * DAY_MS);
    expect((await linesOf(tenant)).map(({ kind, credits }) => `${kind} ${credits}`)).toEqual([
      'GRANT 7',
      'EXPIRE 7',
      'GRANT 7',
    ]);
  });

  it('continues after a sequence number', async () => {
    const tenant = await service.tenant(10);
    await spend(service, tenant, 4);
    const all = await linesOf(tenant);
    expect(all.map(({ sequence }) => sequence)).toEqual([1, 2, 3, 4, 5]);
    expect(await linesOf(tenant, '?afterSequence=0')).toEqual(all);
    expect(await linesOf(tenant, '?afterSequence=3')).toEqual(all.slice(3));
    for (const beyond of [5, 6, Number.MAX_SAFE_INTEGER]) {
      expect(await textOf(`/ledger.ndjson?afterSequence=${beyond}`, tenant.ownerKey)).toBe('');
      expect(await textOf(`/ledger.csv?afterSequence=${beyond}`, tenant.ownerKey)).toBe(`${HEADER}\r\n`);
    }
  });

  it.each([
    ['csv', 'text/csv; charset=utf-8; header=present'],
    ['ndjson', 'application/x-ndjson; charset=utf-8'],
  ])('is sent as a %s file that is kept nowhere', async (format, contentType) => {
    const { ownerId, ownerKey } = await service.tenant(10);
    for (const [query, name] of [
      ['', `ledger-${ownerId}.${format}`],
      [`?ownerId=${ownerId}&afterSequence=00`, `ledger-${ownerId}.${format}`],
      ['?afterSequence=1', `ledger-${ownerId}-after-1.${format}`],
    ] as const) {
      for (const method of ['GET', 'HEAD']) {
        const response = await fetchPath(`/ledger.${format}${query}`, ownerKey, { method });
        expect(response.status).toBe(200);
        expect(Object.fromEntries(response.headers)).toMatchObject({
          'content-type': contentType,
          'content-disposition': `attachment; filename="${name}"`,
          'cache-control': 'no-store',
          'x-content-type-options': 'nosniff',
          'access-control-allow-origin': '*',
        });
        expect(response.headers.get('set-cookie')).toBeNull();
        if (method === 'HEAD') expect(await response.text()).toBe('');
      }
    }
  });
});

describe('text that callers chose', () => {
  it.each([
    ['plain', 'plain'],
    ['two, three', '"two, three"'],
    ['say "no"', '"say ""no"""'],
    ['"', `"'"""`],
    ['null', 'null'],
    ['=HYPERLINK("http://x","y")', `"'=HYPERLINK(""http://x"",""y"")"`],
    ['+1', "'+1"],
    ['-1', "'-1"],
    ['@SUM(A1)', "'@SUM(A1)"],
    ['＝1', "'＝1"],
    ["'tis", "''tis"],
    ["'=1", "''=1"],
    ['a=b-c', 'a=b-c'],
    ['a;=1+1', `"a;'=1+1"`],
    ['a;"=1+1', `"a;'""=1+1"`],
    ["a;'b", `"a;''b"`],
    ['💳 Ж', '💳 Ж'],
  ])('%s is exact in NDJSON, and in CSV no formula: %s', async (value, cell) => {
    const { ownerKey, appKey } = await service.tenant(10);
    const { action } = await performed(service, appKey, { idempotencyKey: value, visitor: value, hold: true });
    await resolved(service, appKey, 'voidAction', { actionId: action.id, reason: value });
    const [line] = await linesOf({ ownerKey }, '?afterSequence=2');
    expect([line?.['idempotencyKey'], line?.['visitor'], line?.['reason']]).toEqual([value, value, value]);
    const csv = await textOf('/ledger.csv?afterSequence=2', ownerKey);
    expect(csv.endsWith(`,CALL_API,${cell},${cell},${cell}\r\n`)).toBe(true);
    expect(parseCsv(csv)[1]?.slice(-3).map(withoutGuards)).toEqual([value, value, value]);
  });

  it('that came into the table past the bounds breaks no line', async () => {
    const { ownerId, ownerKey } = await service.tenant(10);
    const value = '\t=1\r\n=2\n;=3\r';
    await tamper(service.databaseUrl, 'UPDATE ledger_entries SET reason = ? WHERE owner_id = ? AND sequence = 1', [
      value,
      parsePublicId(ownerId)?.ownerId ?? 0,
    ]);
    expect((await linesOf({ ownerKey }))[0]?.['reason']).toBe(value);
    const records = parseCsv(await textOf('/ledger.csv', ownerKey));
    expect(records).toHaveLength(2);
    expect(records[1]?.[15]?.startsWith("'\t'=1")).toBe(true);
    expect(withoutGuards(records[1]?.[15] ?? '')).toBe(value);
  });
});

describe('who may export a ledger', () => {
  let tenant: Tenant;
  let other: Tenant;
  const keys: Record<string, string | null> = { none: null };
  const ORIGIN = 'https://shop.example';
  beforeAll(async () => {
    [tenant, other] = [await service.tenant(10), await service.tenant(10)];
    const createKey = async (input: object) =>
      (
        await service.ask(
          'mutation ($input: CreateApiKeyInput!) { createApiKey(input: $input) { secret apiKey { id } } }',
          {
            input: { name: 'key', ...input },
          },
        )
      ).createApiKey as { secret: string; apiKey: { id: string } };
    await service.ask('mutation ($input: UpdateAppInput!) { updateApp(input: $input) { app { id } } }', {
      input: { id: tenant.appId, allowedOrigins: [ORIGIN] },
    });
    const gone = await createKey({ role: 'OWNER', ownerId: tenant.ownerId });
    await service.ask('mutation ($id: ID!) { revokeApiKey(input: { id: $id }) { apiKey { id } } }', {
      id: gone.apiKey.id,
    });
    keys['REVOKED'] = gone.secret;
    keys['PUBLISHABLE'] = (await createKey({ role: 'PUBLISHABLE', appId: tenant.appId })).secret;
    keys['ADMIN'] = service.adminKey;
    keys['OWNER'] = tenant.ownerKey;
    keys['APP'] = tenant.appKey;
    keys['mistyped'] = `${tenant.ownerKey.slice(0, -1)}!`;
  });

  const own = () => `?ownerId=${tenant.ownerId}`;
  const foreign = () => `?ownerId=${other.ownerId}`;
  const missing = () => '?ownerId=own_0000000020';
  const malformed = () => '?ownerId=nonsense';
  const nothing = () => '';

  it.each<[string, string, () => string, number, string | null]>([
    ['nobody', 'none', own, 401, 'UNAUTHENTICATED'],
    ['a mistyped key', 'mistyped', own, 401, 'UNAUTHENTICATED'],
    ['a revoked key', 'REVOKED', nothing, 401, 'UNAUTHENTICATED'],
    ['an operator who names the owner', 'ADMIN', own, 200, null],
    ['an operator who names none', 'ADMIN', nothing, 400, 'BAD_USER_INPUT'],
    ['an operator who names a missing owner', 'ADMIN', missing, 404, 'NOT_FOUND'],
    ['the owner', 'OWNER', nothing, 200, null],
    ['the owner by name', 'OWNER', own, 200, null],
    ['an owner who names another', 'OWNER', foreign, 404, 'NOT_FOUND'],
    ['an app', 'APP', nothing, 403, 'FORBIDDEN'],
    ['an app that names another owner', 'APP', foreign, 403, 'FORBIDDEN'],
    ['a page', 'PUBLISHABLE', nothing, 403, 'FORBIDDEN'],
  ])('%s: with the key %s', async (_title, role, query, status, code) => {
    for (const format of FORMATS) {
      for (const method of ['GET', 'HEAD']) {
        const options = { method, headers: { origin: ORIGIN } };
        const response = await fetchPath(`/ledger.${format}${query()}`, keys[role] ?? null, options);
        expect(response.status).toBe(status);
        expect(response.headers.get('access-control-allow-origin')).toBe('*');
        expect(response.headers.get('cache-control')).toBe('no-store');
        expect(response.headers.get('www-authenticate')).toBe(status === 401 ? 'Bearer' : null);
        if (code === null) continue;
        expect(response.headers.get('content-type')).toBe('application/json; charset=utf-8');
        expect(response.headers.get('content-disposition')).toBeNull();
        const text = await response.text();
        if (method === 'GET') expect(JSON.parse(text)).toMatchObject({ errors: [{ extensions: { code } }] });
      }
    }
  });

  it('cannot tell a foreign owner from one that does not exist', async () => {
    const answers = await Promise.all(
      [foreign, missing, malformed].map(async (query) => {
        const response = await fetchPath(`/ledger.csv${query()}`, tenant.ownerKey);
        return { status: response.status, headers: [...response.headers.keys()], text: await response.text() };
      }),
    );
    expect(answers[0]?.text).toBe(
      '{"errors":[{"message":"There is no such owner.","extensions":{"code":"NOT_FOUND"}}]}',
    );
    expect(answers[1]).toEqual(answers[0]);
    expect(answers[2]).toEqual(answers[0]);
  });
});

describe('a request that is wrong', () => {
  let tenant: Tenant;
  beforeAll(async () => {
    tenant = await service.tenant(10);
  });

  it.each([
    ['afterSequence=-1', 'afterSequence'],
    ['afterSequence=', 'afterSequence'],
    ['afterSequence', 'afterSequence'],
    ['afterSequence=secret', 'afterSequence'],
    ['afterSequence=1.5', 'afterSequence'],
    ['afterSequence=1e3', 'afterSequence'],
    ['afterSequence=+1', 'afterSequence'],
    ['afterSequence=0x10', 'afterSequence'],
    ['afterSequence=9007199254740992', 'afterSequence'],
    ['afterSequence=99999999999999999999', 'afterSequence'],
    ['afterSequence=1&afterSequence=2', 'afterSequence'],
    ['ownerId=a&ownerId=b', 'ownerId'],
    ['secret=1', 'query'],
    ['key=icr_secret', 'query'],
    ['__proto__=secret', 'query'],
    ['afterSequence[]=1', 'query'],
  ])('in its query ?%s is told where: %s', async (query, path) => {
    for (const format of FORMATS) {
      const response = await fetchPath(`/ledger.${format}?${query}`, tenant.ownerKey);
      expect(response.status).toBe(400);
      const text = await response.text();
      expect(JSON.parse(text)).toMatchObject({
        errors: [{ extensions: { code: 'BAD_USER_INPUT', problems: [{ path }] } }],
      });
      expect(text).not.toMatch(/secret|proto/);
    }
  });

  it.each(['POST', 'PUT', 'PATCH', 'DELETE'])('in its method %s is told which are allowed', async (method) => {
    for (const contentType of ['application/json', 'text/csv']) {
      const options = { method, body: '{', headers: { 'content-type': contentType } };
      const response = await fetchPath('/ledger.csv', tenant.ownerKey, options);
      expect([response.status, response.headers.get('allow')]).toEqual([405, 'GET, HEAD, OPTIONS']);
      expect(await response.json()).toMatchObject({ errors: [{ extensions: { code: 'BAD_USER_INPUT' } }] });
    }
  });

  it('may have a body, which nobody looks at', async () => {
    const request = httpRequest(`${service.url}/ledger.ndjson`, {
      method: 'GET',
      headers: { authorization: `Bearer ${tenant.ownerKey}`, 'content-type': 'text/csv', 'content-length': 1 },
    });
    request.end('{');
    const [response] = (await once(request, 'response')) as [IncomingMessage];
    expect(response.statusCode).toBe(200);
    expect(objectsOf(await readAll(response))).toHaveLength(1);
  });

  it('may come from a page of any origin, as to /graphql', async () => {
    const headers = {
      origin: 'https://dashboard.example',
      'access-control-request-method': 'GET',
      'access-control-request-headers': 'authorization',
    };
    const seen = await Promise.all(
      ['/ledger.csv', '/graphql'].map(async (path) => {
        const response = await fetchPath(path, null, { method: 'OPTIONS', headers });
        const allowed = ['origin', 'methods', 'headers'].map((name) =>
          response.headers.get(`access-control-allow-${name}`),
        );
        return { status: response.status, allowed };
      }),
    );
    expect(seen[0]).toEqual(seen[1]);
    expect(seen[0]?.status).toBe(204);
  });
});

describe('a large ledger', () => {
  const ENTRIES = 60_500;
  let large: TestService;
  let tenant: Tenant;
  beforeAll(async () => {
    large = await startTestService(databaseKindOf(), { config: { shutdownGraceSeconds: 1 } });
    tenant = await large.tenant(100);
    await performed(large, tenant.appKey, { idempotencyKey: 'first', visitor: 'v' });
    await addDebits(large.databaseUrl, tenant.ownerId, ENTRIES);
  });
  afterAll(() => large.stop());

  it('is exported whole, in order, as it was when the export began', async () => {
    const response = await fetchPath('/ledger.ndjson', tenant.ownerKey, {}, large);
    // What is committed from now on is not part of it.
    await performed(large, tenant.appKey, { idempotencyKey: 'later' });
    const lines = objectsOf(await response.text());
    expect(lines).toHaveLength(ENTRIES);
    expect(lines.every(({ sequence }, index) => sequence === index + 1)).toBe(true);
    expect(lines.slice(1).every(({ actionType, visitor }) => actionType === 'CALL_API' && visitor === 'v')).toBe(true);
    const records = parseCsv(await textOf(`/ledger.csv?afterSequence=${ENTRIES - 2_500}`, tenant.ownerKey, large));
    expect(records.slice(1).map(([sequence]) => Number(sequence))).toEqual(
      Array.from({ length: 2_501 }, (_, index) => ENTRIES - 2_499 + index),
    );
  });

  it('is not waited for by debits when its client takes nothing', async () => {
    const stalled = await Promise.all(Array.from({ length: 4 }, () => beginDownload(large.url, tenant.ownerKey)));
    const { balance } = await performed(large, tenant.appKey, { idempotencyKey: 'meanwhile' });
    expect(balance.lastSequence).toBeGreaterThan(ENTRIES);
    for (const { response } of stalled) response.destroy();
  });

  it('whose client takes nothing does not hold up a stop, and is not taken for whole', async () => {
    const { response } = await beginDownload(large.url, tenant.ownerKey);
    const failure = once(response, 'error');
    await large.service.stop();
    response.resume();
    expect((await failure)[0]).toMatchObject({ code: 'ECONNRESET' });
    expect(response.complete).toBe(false);
    expect(large.failures).toEqual([]);
  });
});

describe('an export that is under way', () => {
  let exporting: Exporting | null = null;
  afterEach(async () => {
    await exporting?.stop();
    exporting = null;
  });

  it('reads as fast as its client takes, and no more when the client has left', async () => {
    exporting = await startExporting({ lastSequence: 1e9 });
    const { response } = await beginDownload(exporting.url);
    await exporting.stalls();
    const readAtFirst = exporting.reads;
    // What it read is what the two ends of the connection hold.
    expect(readAtFirst).toBeLessThan(100);
    response.resume();
    await exporting.hasRead(readAtFirst + 100);
    response.pause();
    await exporting.stalls();
    const left = once(exporting.responses[0] as ServerResponse, 'close');
    response.destroy();
    await left;
    const readInAll = exporting.reads;
    for (let turn = 0; turn < 100; turn += 1) await nextTurn();
    expect(exporting.reads).toBe(readInAll);
    expect(exporting.bugs).toEqual([]);
  });

  it('is read one page at a time with the others', async () => {
    exporting = await startExporting({ lastSequence: 20_000 });
    const { url } = exporting;
    await Promise.all(['a', 'b', 'c'].map(async () => readAll((await beginDownload(url)).response)));
    expect([exporting.reads, exporting.readsAtOnce]).toEqual([60, 1]);
  });

  it.each([
    ['1.1', 'a bug', new Error('a secret'), 1],
    ['1.0', 'a bug', new Error('a secret'), 1],
    ['1.1', 'a lost connection', Object.assign(new Error('lost'), { fatal: true }), 0],
  ])('over HTTP/%s is reset by %s, so that nobody takes the file for whole', async (version, _title, error, bugs) => {
    exporting = await startExporting({ lastSequence: 5_000, failAfter: { reads: 2, error } });
    const socket = connect(exporting.port, '127.0.0.1');
    let text = '';
    socket.on('data', (data) => (text += String(data)));
    const failure = once(socket, 'error');
    socket.write(`GET /ledger.ndjson HTTP/${version}\r\nHost: x\r\n\r\n`);
    expect((await failure)[0]).toMatchObject({ code: 'ECONNRESET' });
    expect(text).not.toMatch(/secret|"sequence":2001,/);
    expect(exporting.bugs).toHaveLength(bugs);
  });

  it.each([
    [
      'because the database is out of reach',
      Object.assign(new Error('a secret'), { code: 'ECONNREFUSED' }),
      503,
      'UNAVAILABLE',
    ],
    ['because of a bug', new Error('a secret'), 500, 'INTERNAL_SERVER_ERROR'],
  ])('is answered with a status where it cannot begin %s', async (_title, error, status, code) => {
    exporting = await startExporting({ lastSequence: 10, failAfter: { reads: 0, error } });
    const response = await fetch(`${exporting.url}/ledger.csv`);
    expect(response.status).toBe(status);
    expect(response.headers.get('content-disposition')).toBeNull();
    const text = await response.text();
    expect(text).not.toContain('secret');
    const [{ extensions }] = JSON.parse(text).errors;
    expect(extensions).toEqual(code === 'UNAVAILABLE' ? { code } : { code, requestId: expect.any(String) });
    expect(exporting.bugs).toHaveLength(code === 'UNAVAILABLE' ? 0 : 1);
  });

  it('fails where an entry is missing, rather than leave it out (I4)', async () => {
    exporting = await startExporting({ lastSequence: 10, missing: 7 });
    expect((await fetch(`${exporting.url}/ledger.csv`)).status).toBe(500);
    expect((await fetch(`${exporting.url}/ledger.csv?afterSequence=7`)).status).toBe(200);
  });

  it('takes no place for longer than it needs, where it fails or is asked for its head only', async () => {
    exporting = await startExporting({ lastSequence: 10, missing: 7 });
    for (let requests = 0; requests < 5; requests += 1) {
      expect((await fetch(`${exporting.url}/ledger.csv`)).status).toBe(500);
      expect((await fetch(`${exporting.url}/ledger.csv?afterSequence=7`, { method: 'HEAD' })).status).toBe(200);
    }
  });

  it('ends when its key is revoked', async () => {
    exporting = await startExporting({ lastSequence: 1e9 });
    const { response } = await beginDownload(exporting.url);
    await exporting.stalls();
    exporting.revokeKeys();
    const failure = once(response, 'error');
    response.resume();
    expect((await failure)[0]).toMatchObject({ code: 'ECONNRESET' });
    expect(exporting.bugs).toEqual([]);
  });

  it('ends with all others when the service is out of patience, also where its client takes nothing', async () => {
    exporting = await startExporting({ lastSequence: 1e9 });
    for (let places = 0; places < 4; places += 1) await beginDownload(exporting.url);
    await exporting.stalls();
    const closed = Promise.all(exporting.responses.map((response) => once(response, 'close')));
    exporting.endAll();
    await closed;
    expect((await beginDownload(exporting.url)).response.statusCode).toBe(200);
    expect(exporting.bugs).toEqual([]);
  });

  it('ends when its client takes nothing for too long, and gives its place back', async () => {
    exporting = await startExporting({ lastSequence: 1e9, idleMs: 50 });
    for (let places = 0; places < 8; places += 1) {
      await beginDownload(exporting.url);
      await once(exporting.responses.at(-1) as ServerResponse, 'close');
    }
    expect(exporting.responses).toHaveLength(8);
  });

  it('takes one of 4 places of its owner and of 20 in all: RATE_LIMITED beyond', async () => {
    exporting = await startExporting({ lastSequence: 1e9 });
    const { url } = exporting;
    const own = await Promise.all(Array.from({ length: 4 }, () => beginDownload(url)));
    const refused = await fetch(`${url}/ledger.csv`);
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([429, '5']);
    expect(await refused.json()).toMatchObject({
      errors: [{ extensions: { code: 'RATE_LIMITED', retryAfterMs: 5_000 } }],
    });
    const others = await Promise.all(
      Array.from({ length: 16 }, (_, index) => beginDownload(url, undefined, `owner-${2 + (index % 4)}`)),
    );
    expect((await beginDownload(url, undefined, 'owner-9')).response.statusCode).toBe(429);
    // A client that leaves makes room, for its owner and for all.
    own[0]?.response.destroy();
    await once(exporting.responses[0] as ServerResponse, 'close');
    const next = await beginDownload(url);
    expect(next.response.statusCode).toBe(200);
    for (const { response } of [...own, ...others, next]) response.destroy();
  });

  it('leaves its connection as good as new', async () => {
    exporting = await startExporting({ lastSequence: 2_500 });
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    for (let requests = 0; requests < 6; requests += 1) {
      const { response } = await beginDownload(exporting.url, undefined, undefined, agent);
      expect(objectsOf(await readAll(response))).toHaveLength(2_500);
    }
    expect(exporting.connections).toBe(1);
    agent.destroy();
  });
});

async function readAll(response: IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of response.setEncoding('utf8')) text += chunk;
  return text;
}

/** Asks for an export and takes nothing of it until the test says so. */
async function beginDownload(
  url: string,
  key = 'any',
  origin?: string,
  agent = new Agent(),
): Promise<{ response: IncomingMessage }> {
  const headers = { authorization: `Bearer ${key}`, ...(origin !== undefined && { origin }) };
  const request = httpGet(`${url}/ledger.ndjson`, { headers, agent });
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  // A reset is told to both; the test looks at the response.
  request.on('error', () => undefined);
  response.on('error', () => undefined);
  return { response };
}

interface Exporting {
  readonly url: string;
  readonly port: number;
  readonly bugs: unknown[];
  /** The responses as the server has them, in the order of the requests. */
  readonly responses: ServerResponse[];
  readonly connections: number;
  readonly reads: number;
  readonly readsAtOnce: number;
  /** Resolves when the first export waits for its client and reads no more. */
  stalls(): Promise<void>;
  hasRead(pages: number): Promise<void>;
  revokeKeys(): void;
  endAll(): void;
  stop(): Promise<void>;
}

/** The routes on a real server, over a ledger that has as many entries as wanted, where reads are counted. */
async function startExporting(options: {
  readonly lastSequence: number;
  readonly failAfter?: { readonly reads: number; readonly error: Error };
  readonly missing?: number;
  readonly idleMs?: number;
}): Promise<Exporting> {
  const seen = { reads: 0, atOnce: 0, readsAtOnce: 0, connections: 0, revoked: false };
  const reader: LedgerExportReader = {
    exportedEntries: async (ownerId, { afterSequence, upToSequence, limit }) => {
      if (seen.reads === options.failAfter?.reads) throw options.failAfter.error;
      seen.reads += 1;
      seen.readsAtOnce = Math.max(seen.readsAtOnce, (seen.atOnce += 1));
      // As long as others would take to read meanwhile, if they could.
      for (let turn = 0; turn < 20; turn += 1) await nextTurn();
      seen.atOnce -= 1;
      const size = Math.min(limit, upToSequence - afterSequence);
      const entries = Array.from({ length: size }, (_, index) => entryOf(ownerId, afterSequence + 1 + index));
      return entries.filter(({ sequence }) => sequence !== options.missing);
    },
  };
  const balance = () => Promise.resolve({ lastSequence: options.lastSequence } as never);
  const authenticate = ({ origin = 'owner-1' }: { origin?: string | undefined }): Promise<Caller | DomainError> =>
    Promise.resolve(seen.revoked ? unauthenticated() : ownerNumber(Number(origin.slice('owner-'.length))));
  const ledgerExports = new LedgerExports(reader, { balance });
  const bugs: unknown[] = [];
  const responses: ServerResponse[] = [];
  const fastify: FastifyInstance = Fastify({ forceCloseConnections: true });
  addLedgerExport(fastify, {
    authentication: { authenticate },
    ledgerExports,
    reportBug: (error) => bugs.push(error),
    ...(options.idleMs !== undefined && { idleMs: options.idleMs }),
  });
  fastify.server.on('connection', () => (seen.connections += 1));
  fastify.server.prependListener('request', (_request, response) => responses.push(response));
  await fastify.listen({ port: 0, host: '127.0.0.1' });
  const { port } = fastify.server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    bugs,
    responses,
    get connections() {
      return seen.connections;
    },
    get reads() {
      return seen.reads;
    },
    get readsAtOnce() {
      return seen.readsAtOnce;
    },
    stalls: async () => {
      // The network takes some more for a few turns after the client has stopped.
      for (let quiet = 0, last = -1; quiet < 200; quiet = seen.reads === last ? quiet + 1 : 0) {
        last = seen.reads;
        await nextTurn();
      }
      expect(responses[0]?.writableNeedDrain).toBe(true);
    },
    hasRead: async (pages) => {
      while (seen.reads < pages) await nextTurn();
    },
    revokeKeys: () => (seen.revoked = true),
    endAll: () => ledgerExports.endAll(),
    stop: () => fastify.close(),
  };
}

function ownerNumber(ownerId: number): Caller {
  return { role: 'OWNER', keyOwnerId: ownerId, keyNumber: 1, ownerId, appId: null, expiresAt: null };
}

function entryOf(ownerId: number, sequence: number): ExportedEntry {
  const pool = { credits: 1, available: 1, held: 0, paused: 0, grantSequence: 1, grantSource: 'PLAN' as const };
  const reason = 'r'.repeat(500);
  return { ownerId, sequence, kind: 'GRANT', ...pool, actionSequence: null, action: null, at: 0, reason };
}

/** Adds debits past the service to a ledger of 1 grant and 1 debit, until it has this many entries. */
async function addDebits(databaseUrl: string, ownerId: string, entries: number): Promise<void> {
  const owner = parsePublicId(ownerId)?.ownerId ?? 0;
  for (let first = 3; first <= entries; first += 1_000) {
    const rows = Array.from({ length: Math.min(1_000, entries - first + 1) }, (_, index) => {
      const sequence = first + index;
      const hash = sequence.toString(16).padStart(32, '0');
      return `(${owner}, ${sequence}, ${sequence}, X'${hash}', 'DEBIT', 1, 1, 0, 0, 1, 0, 1, 'k', 'CALL_API', 'CAPTURED', 'v', '{}')`;
    });
    await tamper(
      databaseUrl,
      `INSERT INTO ledger_entries (owner_id, sequence, action_sequence, key_hash, kind, credits, available, held, paused,
         grant_sequence, at, app_id, idempotency_key, action_type, status, visitor, details) VALUES ${rows.join(', ')}`,
      [],
    );
  }
  const sql = 'UPDATE pools SET last_sequence = ?, version = version + 1 WHERE owner_id = ?';
  await tamper(databaseUrl, sql, [entries, owner]);
}
