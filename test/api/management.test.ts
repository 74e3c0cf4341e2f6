import { addApp, balanceOf, performed } from '../support/actions';
import { stopSound } from '../support/books';
import { databaseKindOf } from '../support/database';
import { ManualClock, startTestService, type Answer, type TestService } from '../support/service';

const NOW = '2026-05-05T05:05:05.005Z';

let service: TestService;
const clock = new ManualClock(Date.parse(NOW));
beforeAll(async () => {
  service = await startTestService(databaseKindOf(), { clock });
});
afterAll(() => stopSound(service));

const OWNER = '{ id name email externalId suspendedAt createdAt plan { code } }';
const APP = '{ id name status creditCap usedThisPeriod allowedOrigins createdAt owner { id } }';
const PLAN = '{ id code name monthlyCredits maxApps topUpsAllowed rolloverLimit archivedAt }';

const send = (field: string, payload: string, input: object, key?: string): Promise<Answer> => {
  const type = `${field.charAt(0).toUpperCase()}${field.slice(1)}Input`;
  return service.send(`mutation ($input: ${type}!) { ${field}(input: $input) { ${payload} } }`, { input }, key);
};

/** What a mutation that succeeds returns: its payload's only field. */
async function change(field: string, payload: string, input: object, key?: string) {
  const { data, errors } = await send(field, payload, input, key);
  expect(errors).toEqual([]);
  return data[field][payload.slice(0, payload.indexOf(' '))];
}
const createOwner = (input: object) => change('createOwner', `owner ${OWNER}`, input);
const updateOwner = (input: object, key?: string) => change('updateOwner', `owner ${OWNER}`, input, key);
const createApp = (input: object, key?: string) => change('createApp', `app ${APP}`, input, key);
const updateApp = (input: object, key?: string) => change('updateApp', `app ${APP}`, input, key);
const createPlan = (input: object) => change('createPlan', `plan ${PLAN}`, input);
const updatePlan = (input: object) => change('updatePlan', `plan ${PLAN}`, input);

function problemsIn({ errors }: Answer): string[] {
  expect(errors[0]?.extensions).toMatchObject({ code: 'BAD_USER_INPUT' });
  return (errors[0]?.extensions['problems'] as { path: string }[]).map(({ path }) => path);
}

describe('an owner', () => {
  it('is created on the free plan where no other is named, with its credits', async () => {
    const owner = await createOwner({ name: 'Ada' });
    expect(owner).toEqual({
      id: expect.stringMatching(/^own_/),
      name: 'Ada',
      email: null,
      externalId: null,
      suspendedAt: null,
      createdAt: NOW,
      plan: { code: 'free' },
    });
    expect(await balanceOf(service, owner.id)).toEqual({
      ownerId: owner.id,
      available: 100,
      held: 0,
      paused: 0,
      allowance: 100,
      usedThisPeriod: 0,
      periodStart: NOW,
      resetsAt: '2026-06-05T05:05:05.005Z',
      version: expect.any(Number),
      lastSequence: 1,
    });
  });

  it.each([
    ['free', 100],
    ['starter', 2_000],
    ['builder', 10_000],
    ['pro', 20_000],
    ['elite', 50_000],
  ])('on the plan %s has %d credits a month (rule 3)', async (planCode, credits) => {
    const { id, plan } = await createOwner({ name: 'Ada', planCode });
    expect(plan).toEqual({ code: planCode });
    expect(await balanceOf(service, id)).toMatchObject({ available: credits, allowance: credits });
  });

  it('is not created on a plan that is unknown or archived', async () => {
    const plan = await createPlan({ code: 'bygone', name: 'Bygone', monthlyCredits: 1 });
    await updatePlan({ id: plan.id, archived: true });
    const payload = `owner ${OWNER}`;
    expect((await send('createOwner', payload, { name: 'Ada', planCode: 'unknown' })).code).toBe('NOT_FOUND');
    expect((await send('createOwner', payload, { name: 'Ada', planCode: 'bygone' })).code).toBe('CONFLICT');
  });

  it('keeps what an update does not name, and loses what it names as null', async () => {
    const { id } = await createOwner({ name: 'Ada', email: 'ada@example.com', externalId: 'keep-1' });
    expect(await updateOwner({ id, name: 'Ada L.' })).toMatchObject({
      name: 'Ada L.',
      email: 'ada@example.com',
      externalId: 'keep-1',
    });
    expect(await updateOwner({ id, email: null })).toMatchObject({ name: 'Ada L.', email: null, externalId: 'keep-1' });
    expect(await updateOwner({ id, externalId: null })).toMatchObject({ name: 'Ada L.', externalId: null });
    expect(await updateOwner({ id })).toMatchObject({ name: 'Ada L.', email: null, externalId: null });
    expect(problemsIn(await send('updateOwner', `owner ${OWNER}`, { id, name: null }))).toEqual(['input.name']);
  });

  it('has an externalId that nobody else has, until it gives it up', async () => {
    const payload = `owner ${OWNER}`;
    const { id } = await createOwner({ name: 'Ada', externalId: 'unique-1' });
    expect((await send('createOwner', payload, { name: 'Bob', externalId: 'unique-1' })).code).toBe('CONFLICT');
    const bob = await createOwner({ name: 'Bob', externalId: 'unique-2' });
    expect((await send('updateOwner', payload, { id: bob.id, externalId: 'unique-1' })).code).toBe('CONFLICT');
    // Its own again is no conflict, nor is the same in capitals.
    await updateOwner({ id, externalId: 'unique-1' });
    await createOwner({ name: 'Cid', externalId: 'UNIQUE-1' });
    await updateOwner({ id, externalId: null });
    expect(await updateOwner({ id: bob.id, externalId: 'unique-1' })).toMatchObject({ externalId: 'unique-1' });
  });

  it('is created once by twenty who ask for one externalId at once', async () => {
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => send('createOwner', `owner ${OWNER}`, { name: 'Ada', externalId: 'at-once' })),
    );
    expect(answers.filter(({ code }) => code === undefined)).toHaveLength(1);
    expect(answers.filter(({ code }) => code === 'CONFLICT')).toHaveLength(19);
  });

  it('is found by its id and by its externalId, but not by half or both', async () => {
    const { id } = await createOwner({ name: 'Ada', externalId: 'find-me' });
    const find = (variables: object) =>
      service.send('query ($id: ID, $externalId: String) { owner(id: $id, externalId: $externalId) { id } }', {
        ...variables,
      });
    expect((await find({ id })).data).toEqual({ owner: { id } });
    expect((await find({ externalId: 'find-me' })).data).toEqual({ owner: { id } });
    for (const variables of [{}, { id, externalId: 'find-me' }])
      expect((await find(variables)).code).toBe('BAD_USER_INPUT');
    for (const variables of [{ externalId: 'FIND-ME' }, { externalId: '' }, { id: '' }, { id: `${id}0` }]) {
      const answer = await find(variables);
      expect([variables, answer.code, answer.data]).toEqual([variables, 'NOT_FOUND', { owner: null }]);
    }
  });

  it('finds itself with its own key, by any way, and nobody else', async () => {
    const { ownerId, ownerKey } = await service.tenant(1);
    await updateOwner({ id: ownerId, externalId: 'self' });
    const other = await createOwner({ name: 'Bob', externalId: 'not-self' });
    const find = (args: string) => service.send(`{ owner${args} { id } }`, {}, ownerKey);
    for (const args of ['', `(id: "${ownerId}")`, '(externalId: "self")']) {
      expect((await find(args)).data).toEqual({ owner: { id: ownerId } });
    }
    for (const args of [`(id: "${other.id}")`, '(externalId: "not-self")', '(externalId: "")', '(id: "")']) {
      expect([args, (await find(args)).code]).toEqual([args, 'NOT_FOUND']);
    }
  });

  it('is suspended since the first time it was, and no more once it is not', async () => {
    const { id } = await createOwner({ name: 'Ada' });
    expect(await updateOwner({ id, suspended: true })).toMatchObject({ suspendedAt: NOW });
    clock.advance(1_000);
    expect(await updateOwner({ id, suspended: true, name: 'Ada L.' })).toMatchObject({ suspendedAt: NOW });
    expect(await updateOwner({ id, suspended: false })).toMatchObject({ suspendedAt: null });
    clock.set(NOW);
  });

  it('changes its own name and e-mail, never its externalId or suspension', async () => {
    const { ownerId: id, ownerKey } = await service.tenant(1);
    expect(await updateOwner({ id, name: 'Self', email: 'self@example.com' }, ownerKey)).toMatchObject({
      name: 'Self',
      email: 'self@example.com',
    });
    for (const forbidden of [{ externalId: 'mine' }, { suspended: false }, { externalId: null }]) {
      const answer = await send('updateOwner', `owner ${OWNER}`, { id, name: 'No', ...forbidden }, ownerKey);
      expect(answer.code).toBe('FORBIDDEN');
    }
    const { owner } = await service.ask('{ owner { name } }', {}, ownerKey);
    expect(owner.name).toBe('Self');
  });

  it.each<[string, object, string[]]>([
    ['an empty name', { name: '' }, ['input.name']],
    ['a long name', { name: 'x'.repeat(256) }, ['input.name']],
    ['no e-mail address', { email: 'ada' }, ['input.email']],
    ['a blank externalId', { externalId: ' ' }, ['input.externalId']],
    ['an externalId that ends with a blank', { externalId: 'a ' }, ['input.externalId']],
    ['all of them', { name: '', email: '', externalId: '' }, ['input.email', 'input.externalId', 'input.name']],
  ])('takes no %s', async (_title, wrong, paths) => {
    expect(problemsIn(await send('createOwner', `owner ${OWNER}`, { name: 'Ada', ...wrong })).sort()).toEqual(paths);
    const { id } = await createOwner({ name: 'Ada' });
    expect(problemsIn(await send('updateOwner', `owner ${OWNER}`, { id, ...wrong })).sort()).toEqual(paths);
  });

  it('that does not exist reads as missing', async () => {
    const { appId } = await service.tenant(1);
    for (const id of ['own_0000000010', appId, 'nonsense', '']) {
      expect((await send('updateOwner', `owner ${OWNER}`, { id, name: 'Ada' })).code).toBe('NOT_FOUND');
    }
  });
});

describe('a search of owners', () => {
  const search = async (text: string | null) => {
    const { owners } = await service.ask(
      'query ($search: String) { owners(search: $search) { edges { node { name } } } }',
      { search: text },
    );
    return owners.edges.map(({ node }: { node: { name: string } }) => node.name).sort() as string[];
  };

  it('looks into name, e-mail and externalId, and takes wildcard characters as they are', async () => {
    await createOwner({ name: 'Search 100% wool' });
    await createOwner({ name: 'Search 100 wool', email: 'under_score@search.example' });
    await createOwner({ name: 'Search underscore', email: 'underXscore@search.example' });
    await createOwner({ name: 'Search bang! and \\slash', externalId: 'search-[ext]' });
    expect(await search('100%')).toEqual(['Search 100% wool']);
    expect(await search('under_score')).toEqual(['Search 100 wool']);
    expect(await search('@search.example')).toEqual(['Search 100 wool', 'Search underscore']);
    expect(await search('bang!')).toEqual(['Search bang! and \\slash']);
    expect(await search('\\')).toEqual(['Search bang! and \\slash']);
    expect(await search('[ext]')).toEqual(['Search bang! and \\slash']);
    expect(await search("'; --")).toEqual([]);
    expect(await search('%')).toEqual(['Search 100% wool']);
    expect(await search('_')).toEqual(['Search 100 wool']);
  });

  it('does not mind capitals', async () => {
    await createOwner({ name: 'Grace HOPPER', email: 'Grace@Navy.Example' });
    for (const text of ['grace hopper', 'GRACE', 'grace@navy']) expect(await search(text)).toEqual(['Grace HOPPER']);
  });

  it('for nothing finds everybody, and takes at most 255 characters', async () => {
    expect(await search('')).toEqual(await search(null));
    const answer = await service.send('query ($search: String) { owners(search: $search) { edges { cursor } } }', {
      search: 'x'.repeat(256),
    });
    expect(problemsIn(answer)).toEqual(['search']);
  });
});

describe('an app', () => {
  it('is created by an operator for an owner that it names, or by an owner for itself', async () => {
    const { ownerId, ownerKey } = await service.tenant(1);
    const settings = { name: 'Shop', creditCap: 5, allowedOrigins: ['https://shop.example', 'http://localhost:3000'] };
    const expected = {
      id: expect.stringMatching(/^app_/),
      ...settings,
      status: 'ACTIVE',
      usedThisPeriod: 0,
      createdAt: NOW,
      owner: { id: ownerId },
    };
    expect(await createApp({ ownerId, ...settings })).toEqual(expected);
    expect(await createApp(settings, ownerKey)).toEqual(expected);
    expect(await createApp({ ownerId, ...settings }, ownerKey)).toEqual(expected);
    expect(await createApp({ ownerId, name: 'Plain' })).toMatchObject({ creditCap: null, allowedOrigins: [] });
  });

  it('is not created without an owner, for a missing one, or for somebody else', async () => {
    const { ownerKey } = await service.tenant(1);
    const other = await service.tenant(1);
    const payload = `app ${APP}`;
    expect(problemsIn(await send('createApp', payload, { name: 'Shop' }))).toEqual(['input.ownerId']);
    const missing = await send('createApp', payload, { ownerId: 'own_0000000010', name: 'Shop' });
    expect(missing.code).toBe('NOT_FOUND');
    const foreign = await send('createApp', payload, { ownerId: other.ownerId, name: 'Shop' }, ownerKey);
    expect(foreign.code).toBe('NOT_FOUND');
  });

  it('keeps what an update does not name; null clears the cap and nothing else', async () => {
    const { ownerId, ownerKey } = await service.tenant(1);
    const { id } = await createApp({ ownerId, name: 'Shop', creditCap: 5, allowedOrigins: ['https://a.example'] });
    expect(await updateApp({ id, name: 'Store' }, ownerKey)).toMatchObject({ name: 'Store', creditCap: 5 });
    expect(await updateApp({ id, status: 'PAUSED' })).toMatchObject({ status: 'PAUSED', name: 'Store', creditCap: 5 });
    expect(await updateApp({ id, creditCap: null })).toMatchObject({
      status: 'PAUSED',
      creditCap: null,
      allowedOrigins: ['https://a.example'],
    });
    expect(await updateApp({ id, allowedOrigins: [] })).toMatchObject({ status: 'PAUSED', allowedOrigins: [] });
    expect(await updateApp({ id })).toMatchObject({ name: 'Store', status: 'PAUSED', creditCap: null });
    for (const field of ['name', 'status', 'allowedOrigins']) {
      expect(problemsIn(await send('updateApp', `app ${APP}`, { id, [field]: null }))).toEqual([`input.${field}`]);
    }
  });

  it.each<[string, object, string]>([
    ['a negative cap', { creditCap: -1 }, 'input.creditCap'],
    ['a cap beyond any pool', { creditCap: 2_000_000_001 }, 'input.creditCap'],
    ['an empty name', { name: '' }, 'input.name'],
    ['a site with a path', { allowedOrigins: ['https://a.example/'] }, 'input.allowedOrigins'],
    ['a site that is none', { allowedOrigins: ['*'] }, 'input.allowedOrigins'],
    [
      '21 sites',
      { allowedOrigins: Array.from({ length: 21 }, (_, i) => `https://${i}.example`) },
      'input.allowedOrigins',
    ],
  ])('takes no %s', async (_title, wrong, path) => {
    const { ownerId, appId } = await service.tenant(1);
    expect(problemsIn(await send('createApp', `app ${APP}`, { ownerId, name: 'Shop', ...wrong }))).toEqual([path]);
    expect(problemsIn(await send('updateApp', `app ${APP}`, { id: appId, ...wrong }))).toEqual([path]);
  });

  it('is read by its owner and by itself, and is missing for all others', async () => {
    const { ownerId, ownerKey, appId, appKey } = await service.tenant(1);
    const sibling = await addApp(service, ownerId);
    const stranger = await service.tenant(1);
    const read = (key: string) => service.send('query ($id: ID!) { app(id: $id) { id } }', { id: appId }, key);
    for (const key of [service.adminKey, ownerKey, appKey])
      expect((await read(key)).data).toEqual({ app: { id: appId } });
    for (const key of [sibling.appKey, stranger.ownerKey, stranger.appKey]) {
      expect(await read(key)).toMatchObject({ code: 'NOT_FOUND', data: { app: null } });
    }
  });

  it('is numbered per owner, also where ten are created at once', async () => {
    const { ownerId } = await service.tenant(1);
    const apps = await Promise.all(Array.from({ length: 10 }, (_, i) => createApp({ ownerId, name: `App ${i}` })));
    expect(new Set(apps.map(({ id }) => id)).size).toBe(10);
  });
});

describe('a plan', () => {
  it('is created with its terms, or with the defaults of the contract', async () => {
    const terms = {
      code: 'custom_1',
      name: 'Custom',
      monthlyCredits: 7,
      maxApps: 2,
      topUpsAllowed: false,
      rolloverLimit: 3,
    };
    expect(await createPlan(terms)).toEqual({ id: expect.stringMatching(/^plan_/), archivedAt: null, ...terms });
    expect(await createPlan({ code: 'custom_2', name: 'Custom', monthlyCredits: 0 })).toMatchObject({
      maxApps: null,
      topUpsAllowed: true,
      rolloverLimit: 0,
    });
  });

  it('has a code that no other plan has, and twenty may be created at once', async () => {
    const input = { code: 'taken', name: 'Taken', monthlyCredits: 1 };
    await createPlan(input);
    expect((await send('createPlan', `plan ${PLAN}`, input)).code).toBe('CONFLICT');
    const codes = Array.from({ length: 20 }, (_, i) => `at-once-${i % 10}`);
    const answers = await Promise.all(codes.map((code) => send('createPlan', `plan ${PLAN}`, { ...input, code })));
    expect(answers.filter(({ code }) => code === undefined)).toHaveLength(10);
    expect(answers.filter(({ code }) => code === 'CONFLICT')).toHaveLength(10);
  });

  it('keeps what an update does not name; null clears maxApps and nothing else', async () => {
    const { id } = await createPlan({ code: 'kept', name: 'Kept', monthlyCredits: 5, maxApps: 2, rolloverLimit: 1 });
    expect(await updatePlan({ id, monthlyCredits: 6 })).toMatchObject({ name: 'Kept', monthlyCredits: 6, maxApps: 2 });
    expect(await updatePlan({ id, maxApps: null })).toMatchObject({ monthlyCredits: 6, maxApps: null });
    expect(await updatePlan({ id, name: 'Named', topUpsAllowed: false, rolloverLimit: 0 })).toMatchObject({
      code: 'kept',
      name: 'Named',
      monthlyCredits: 6,
      topUpsAllowed: false,
      rolloverLimit: 0,
    });
    for (const field of ['name', 'monthlyCredits', 'topUpsAllowed', 'rolloverLimit']) {
      expect(problemsIn(await send('updatePlan', `plan ${PLAN}`, { id, [field]: null }))).toEqual([`input.${field}`]);
    }
  });

  it('that is archived is listed only where it is asked for, until it is taken out again', async () => {
    const plan = await createPlan({ code: 'archive', name: 'Archive', monthlyCredits: 5 });
    const listed = async (args: string) => {
      const { plans } = await service.ask(`{ plans${args} { code archivedAt } }`);
      return plans.find(({ code }: { code: string }) => code === 'archive');
    };
    expect(await listed('')).toEqual({ code: 'archive', archivedAt: null });
    expect(await updatePlan({ id: plan.id, archived: true })).toMatchObject({ archivedAt: NOW });
    expect(await listed('')).toBeUndefined();
    expect(await listed('(includeArchived: true)')).toEqual({ code: 'archive', archivedAt: NOW });
    expect(await updatePlan({ id: plan.id, archived: false })).toMatchObject({ archivedAt: null });
    expect(await listed('')).toEqual({ code: 'archive', archivedAt: null });
  });

  it('is listed oldest first: the five of the first catalogue', async () => {
    const { plans } = await service.ask('{ plans { code name monthlyCredits maxApps rolloverLimit } }');
    const [free, ...others] = plans;
    expect(free).toEqual({ code: 'free', name: 'Free', monthlyCredits: 100, maxApps: null, rolloverLimit: 0 });
    expect(others.slice(0, 4).map(({ code }: { code: string }) => code)).toEqual([
      'starter',
      'builder',
      'pro',
      'elite',
    ]);
  });

  it.each<[string, object, string]>([
    ['negative credits', { monthlyCredits: -1 }, 'input.monthlyCredits'],
    ['more credits than a pool holds', { monthlyCredits: 2_000_000_001 }, 'input.monthlyCredits'],
    ['a negative number of apps', { maxApps: -1 }, 'input.maxApps'],
    ['a negative rolloverLimit', { rolloverLimit: -1 }, 'input.rolloverLimit'],
    ['an empty name', { name: '' }, 'input.name'],
  ])('takes no %s', async (_title, wrong, path) => {
    const good = { code: 'never', name: 'Never', monthlyCredits: 1 };
    expect(problemsIn(await send('createPlan', `plan ${PLAN}`, { ...good, ...wrong }))).toEqual([path]);
    const { plans } = await service.ask('{ plans { id } }');
    expect(problemsIn(await send('updatePlan', `plan ${PLAN}`, { id: plans[0].id, ...wrong }))).toEqual([path]);
  });

  it.each(['', 'Free', 'a b', '-a', 'x'.repeat(65)])('takes no code such as "%s"', async (code) => {
    const answer = await send('createPlan', `plan ${PLAN}`, { code, name: 'Never', monthlyCredits: 1 });
    expect(problemsIn(answer)).toEqual(['input.code']);
  });

  it('that does not exist reads as missing', async () => {
    for (const id of ['plan_000000000zz', 'nonsense', '']) {
      expect((await send('updatePlan', `plan ${PLAN}`, { id, name: 'No' })).code).toBe('NOT_FOUND');
    }
  });

  it('may give as many credits as a pool holds', async () => {
    const planCode = await service.plan({ monthlyCredits: 2_000_000_000, rolloverLimit: 2_000_000_000 });
    const { id } = await createOwner({ name: 'Rich', planCode });
    expect(await balanceOf(service, id)).toMatchObject({ available: 2_000_000_000 });
  });
});

describe('a node', () => {
  it('is found by its id, whatever its kind', async () => {
    const { ownerId, ownerKey, appId, appKey } = await service.tenant(10);
    const { action } = await performed(service, appKey, { idempotencyKey: '1' });
    const { owner } = await service.ask(
      '{ owner { plan { id } apiKeys { id } balance { grants { id } } } }',
      {},
      ownerKey,
    );
    const kinds: [string, string][] = [
      ['Owner', ownerId],
      ['App', appId],
      ['Plan', owner.plan.id],
      ['ApiKey', owner.apiKeys[0].id],
      ['IntegrationAction', action.id],
      ['Grant', owner.balance.grants[0].id],
      ['LedgerEntry', action.id.replace(/^act_/, 'led_')],
    ];
    for (const [kind, id] of kinds) {
      for (const key of [service.adminKey, ownerKey]) {
        const { node } = await service.ask('query ($id: ID!) { node(id: $id) { __typename id } }', { id }, key);
        expect(node).toEqual({ __typename: kind, id });
      }
    }
  });

  it('shows what its own field shows', async () => {
    const { ownerKey, appKey } = await service.tenant(10);
    const { action } = await performed(service, appKey, { idempotencyKey: '1' });
    const read = async (id: string, type: string, fields: string) => {
      const query = `query ($id: ID!) { node(id: $id) { ... on ${type} { ${fields} } } }`;
      return (await service.ask(query, { id }, ownerKey)).node;
    };
    const entry = await read(
      action.id.replace(/^act_/, 'led_'),
      'LedgerEntry',
      'sequence kind credits available held paused at grant { id remaining } action { id }',
    );
    expect(entry).toEqual({
      sequence: 2,
      kind: 'DEBIT',
      credits: 1,
      available: 9,
      held: 0,
      paused: 0,
      at: action.createdAt,
      grant: { id: expect.stringMatching(/^grt_/), remaining: 9 },
      action: { id: action.id },
    });
    const grant = await read(entry.grant.id, 'Grant', 'source amount remaining paused effectiveAt expiresAt reason');
    expect(grant).toEqual({
      source: 'PLAN',
      amount: 10,
      remaining: 9,
      paused: false,
      effectiveAt: NOW,
      expiresAt: '2026-06-05T05:05:05.005Z',
      reason: 'The plan began.',
    });
  });

  it('of somebody else, or of nobody, reads as missing', async () => {
    const { ownerId, appId, appKey } = await service.tenant(10);
    const { action } = await performed(service, appKey, { idempotencyKey: '1' });
    const stranger = await service.tenant(10);
    const suffixes = ['act_', 'led_', 'grt_'].map((prefix) => action.id.replace(/^act_/, prefix));
    for (const id of [ownerId, appId, ...suffixes, 'nonsense', '', 'own_', `${ownerId} `]) {
      const answer = await service.send('query ($id: ID!) { node(id: $id) { id } }', { id }, stranger.ownerKey);
      expect([id, answer.code, answer.data]).toEqual([id, 'NOT_FOUND', { node: null }]);
    }
  });
});

describe('viewer', () => {
  it('tells who asks, for each role', async () => {
    const { ownerId, ownerKey, appId, appKey } = await service.tenant(1);
    const origin = 'https://shop.example';
    await updateApp({ id: appId, allowedOrigins: [origin] });
    const { createApiKey } = await service.ask(
      'mutation ($input: CreateApiKeyInput!) { createApiKey(input: $input) { secret } }',
      { input: { name: 'page', role: 'PUBLISHABLE', appId } },
    );
    const viewer = async (key: string) =>
      (await service.ask('{ viewer { role owner { id } app { id } } }', {}, key)).viewer;
    expect(await viewer(service.adminKey)).toEqual({ role: 'ADMIN', owner: null, app: null });
    expect(await viewer(ownerKey)).toEqual({ role: 'OWNER', owner: { id: ownerId }, app: null });
    expect(await viewer(appKey)).toEqual({ role: 'APP', owner: { id: ownerId }, app: { id: appId } });
    const response = await fetch(`${service.url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${createApiKey.secret}`, origin },
      body: JSON.stringify({ query: '{ viewer { role } }' }),
    });
    expect(await response.json()).toEqual({ data: { viewer: { role: 'PUBLISHABLE' } } });
  });
});

describe('an API key', () => {
  it('is numbered per owner, also where twenty are created at once', async () => {
    const { ownerId } = await service.tenant(1);
    const create = (input: object) => send('createApiKey', 'apiKey { id }', { name: 'key', ...input });
    for (const input of [{ role: 'OWNER', ownerId }, { role: 'ADMIN' }]) {
      const answers = await Promise.all(Array.from({ length: 20 }, () => create(input)));
      expect(answers.flatMap(({ errors }) => errors)).toEqual([]);
      expect(new Set(answers.map(({ data }) => data.createApiKey.apiKey.id)).size).toBe(20);
    }
  });
});

describe('an operator', () => {
  it.each([
    ['balance', '{ balance { available } }', 'ownerId'],
    ['actions', '{ actions { edges { cursor } } }', 'ownerId'],
    ['owner', '{ owner { id } }', 'id'],
    ['createApp', 'mutation { createApp(input: { name: "Shop" }) { app { id } } }', 'input.ownerId'],
    ['createApiKey', 'mutation { createApiKey(input: { name: "key", role: OWNER }) { secret } }', 'input.ownerId'],
    ['an action', 'mutation { sendSms(input: { idempotencyKey: "1" }) { replayed } }', 'input.appId'],
  ])('must say whose: %s', async (_title, query, path) => {
    expect(problemsIn(await service.send(query))).toEqual([path]);
  });

  it('acts for an app that it names', async () => {
    const { appId } = await service.tenant(10);
    expect(await performed(service, service.adminKey, { idempotencyKey: '1', appId })).toMatchObject({
      balance: { available: 9 },
    });
  });
});
