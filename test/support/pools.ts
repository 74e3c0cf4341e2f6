import { BALANCE_FIELDS, performed, type Balance } from './actions';
import { entriesOf } from './books';
import { createTenant, type Answer, type Tenant, type TestService } from './service';

export const GRANT_FIELDS = 'id source amount remaining effectiveAt expiresAt paused reason';

export interface Grant {
  readonly id: string;
  readonly source: 'PLAN' | 'BONUS' | 'TOP_UP';
  readonly amount: number;
  readonly remaining: number;
  readonly effectiveAt: string;
  readonly expiresAt: string | null;
  readonly paused: boolean;
  readonly reason: string | null;
}

export interface GrantRequest {
  readonly ownerId: string;
  readonly amount: number;
  readonly source: 'BONUS' | 'TOP_UP';
  readonly idempotencyKey: string;
  readonly reason?: string | null;
  readonly expiresAt?: string | null;
}

export interface GrantOutcome {
  readonly grant: Grant;
  readonly balance: Balance;
  readonly replayed: boolean;
}

/** Sends grantCredits, with the operator's key where no other is given. */
export function grantCredits(service: TestService, input: GrantRequest, key = service.adminKey): Promise<Answer> {
  const outcome = `{ grant { ${GRANT_FIELDS} } balance { ${BALANCE_FIELDS} } replayed }`;
  return service.send(
    `mutation ($input: GrantCreditsInput!) { grantCredits(input: $input) ${outcome} }`,
    { input },
    key,
  );
}

/** The same, of which the test knows that it succeeds. */
export async function granted(service: TestService, input: GrantRequest): Promise<GrantOutcome> {
  return payloadOf(await grantCredits(service, input), 'grantCredits');
}

export function revokeGrant(
  service: TestService,
  input: { grantId: string; reason?: string | null },
  key = service.adminKey,
): Promise<Answer> {
  const outcome = `{ grant { ${GRANT_FIELDS} } balance { ${BALANCE_FIELDS} } }`;
  return service.send(`mutation ($input: RevokeGrantInput!) { revokeGrant(input: $input) ${outcome} }`, { input }, key);
}

/** The same, of which the test knows that it succeeds. */
export async function revoked(
  service: TestService,
  input: { grantId: string; reason?: string | null },
): Promise<Omit<GrantOutcome, 'replayed'>> {
  return payloadOf(await revokeGrant(service, input), 'revokeGrant');
}

export interface PlanChange {
  readonly owner: PlansOfOwner;
  readonly balance: Balance;
}

/** The codes of an owner's plan and of the one that follows it. */
export interface PlansOfOwner {
  readonly plan: { readonly code: string };
  readonly nextPlan: { readonly code: string } | null;
}

export function changePlan(
  service: TestService,
  input: { ownerId: string; planCode: string },
  key = service.adminKey,
): Promise<Answer> {
  const outcome = `{ owner { plan { code } nextPlan { code } } balance { ${BALANCE_FIELDS} } }`;
  return service.send(`mutation ($input: ChangePlanInput!) { changePlan(input: $input) ${outcome} }`, { input }, key);
}

/** The same, of which the test knows that it succeeds. */
export async function planChanged(service: TestService, ownerId: string, planCode: string): Promise<PlanChange> {
  return payloadOf(await changePlan(service, { ownerId, planCode }), 'changePlan');
}

export async function plansOf(service: TestService, ownerId: string): Promise<PlansOfOwner> {
  const { owner } = await service.ask('query ($id: ID!) { owner(id: $id) { plan { code } nextPlan { code } } }', {
    id: ownerId,
  });
  return owner as PlansOfOwner;
}

/** What a plan's operator edits: new amounts, or that it is archived. */
export async function editPlan(service: TestService, code: string, changes: object): Promise<void> {
  const { plans } = await service.ask('{ plans(includeArchived: true) { id code } }');
  const { id } = plans.find((plan: { code: string }) => plan.code === code);
  await service.ask('mutation ($input: UpdatePlanInput!) { updatePlan(input: $input) { plan { id } } }', {
    input: { id, ...changes },
  });
}

/** An owner on a plan of its own with these terms. */
export async function tenantOn(
  service: TestService,
  terms: Parameters<TestService['plan']>[0],
): Promise<Tenant & { planCode: string }> {
  const planCode = await service.plan(terms);
  return { ...(await createTenant(service.ask, planCode)), planCode };
}

/** The open grants of a pool, in burn order. */
export async function grantsOf(service: TestService, ownerId: string): Promise<Grant[]> {
  const { balance } = await service.ask(
    `query ($ownerId: ID) { balance(ownerId: $ownerId) { grants { ${GRANT_FIELDS} } } }`,
    { ownerId },
  );
  return balance.grants as Grant[];
}

/** Captures this many actions, each of one credit. */
export async function spend(
  service: TestService,
  { appKey }: Pick<Tenant, 'appKey'>,
  credits: number,
  label = 'spent',
): Promise<void> {
  await Promise.all(
    Array.from({ length: credits }, (_, i) => performed(service, appKey, { idempotencyKey: `${label} ${i}` })),
  );
}

/** The kinds and credits of a pool's entries after one of them, as the table holds them. */
export async function storyOf(service: TestService, ownerId: string, afterSequence = 0): Promise<string[]> {
  const entries = await entriesOf(service.databaseUrl, ownerId);
  return entries.filter(({ sequence }) => sequence > afterSequence).map(({ kind, credits }) => `${kind} ${credits}`);
}

function payloadOf<T>({ data, errors }: Answer, field: string): T {
  if (errors.length > 0) throw new Error(JSON.stringify(errors));
  return data[field] as T;
}
