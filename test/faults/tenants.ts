import { parsePublicId } from '../../src/public-id';
import { createTenant, type Tenant } from '../support/service';
import type { ApiProcess } from './api-process';

/** An owner with its number in the tables. */
export type NumberedTenant = Tenant & { readonly owner: number };

const LIMIT_MS = 30_000;

/** What an operator asks of a process; fails where it is refused. */
export function askAs(api: ApiProcess, adminKey: string) {
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- answers of many shapes; what is expected of them is the check
  return async (query: string, variables: object = {}, key: string | null = adminKey): Promise<any> => {
    const answer = await api.client.send({ query, variables, key: key ?? '', limitMs: LIMIT_MS });
    if (answer.errors.length > 0) throw new Error(JSON.stringify(answer.errors));
    return answer.data;
  };
}

export type Ask = ReturnType<typeof askAs>;

/** Owners with `credits` each, on a plan of their own, made through the public API. */
export async function createTenants(
  ask: Ask,
  given: { count: number; credits: number; topUpsAllowed?: boolean },
): Promise<NumberedTenant[]> {
  const code = `plan-${process.hrtime.bigint()}`;
  await ask('mutation ($input: CreatePlanInput!) { createPlan(input: $input) { plan { id } } }', {
    input: { code, name: code, monthlyCredits: given.credits, topUpsAllowed: given.topUpsAllowed ?? true },
  });
  const tenants: NumberedTenant[] = [];
  for (let i = 0; i < given.count; i += 1) {
    const tenant = await createTenant(ask, code);
    tenants.push({ ...tenant, owner: parsePublicId(tenant.ownerId)?.ownerId as number });
  }
  return tenants;
}
