import type { Answer, TestService } from './service';

/** What tests read of an action: everything but its app. */
export const ACTION_FIELDS = `id type category status credits idempotencyKey visitor origin details metadata
  holdExpiresAt createdAt resolvedAt reason sequence availableAfter heldAfter`;
/** What tests read of a balance: everything but its grants. */
export const BALANCE_FIELDS =
  'ownerId available held paused allowance usedThisPeriod periodStart resetsAt version lastSequence';
const OUTCOME_FIELDS = `{ action { ${ACTION_FIELDS} } balance { ${BALANCE_FIELDS} } replayed }`;

export type Status = 'HELD' | 'CAPTURED' | 'VOIDED' | 'REFUNDED';
export type Resolution = 'captureAction' | 'voidAction' | 'refundAction';

export interface Balance {
  readonly available: number;
  readonly held: number;
  readonly paused: number;
  readonly allowance: number;
  readonly usedThisPeriod: number;
  readonly periodStart: string;
  readonly resetsAt: string;
  readonly version: number;
  readonly lastSequence: number;
}

export interface Outcome {
  readonly action: {
    readonly id: string;
    readonly status: Status;
    readonly details: object;
    readonly holdExpiresAt: string | null;
    readonly createdAt: string;
    readonly resolvedAt: string | null;
    readonly reason: string | null;
    readonly sequence: number;
    readonly availableAfter: number;
    readonly heldAfter: number;
  };
  readonly balance: Balance;
  readonly replayed: boolean;
}

export interface ActionRequest {
  readonly idempotencyKey: string;
  readonly hold?: boolean;
  readonly holdSeconds?: number;
  readonly [field: string]: unknown;
}

/** Sends one action, of the type CALL_API where the type does not matter. */
export function perform(service: TestService, key: string, request: ActionRequest): Promise<Answer> {
  return service.send(
    `mutation ($input: CallApiInput!) { callApi(input: $input) ${OUTCOME_FIELDS} }`,
    { input: { method: 'GET', host: 'api.example', ...request } },
    key,
  );
}

/** The same, of which the test knows that it succeeds. */
export async function performed(service: TestService, key: string, request: ActionRequest): Promise<Outcome> {
  return outcomeOf(await perform(service, key, request), 'callApi');
}

/** Sends captureAction, voidAction or refundAction. */
export function resolve(
  service: TestService,
  key: string,
  mutation: Resolution,
  input: { actionId: string; reason?: string | null },
): Promise<Answer> {
  const type = `${mutation.charAt(0).toUpperCase()}${mutation.slice(1)}Input`;
  return service.send(`mutation ($input: ${type}!) { ${mutation}(input: $input) ${OUTCOME_FIELDS} }`, { input }, key);
}

/** The same, of which the test knows that it succeeds. */
export async function resolved(
  service: TestService,
  key: string,
  mutation: Resolution,
  input: { actionId: string; reason?: string | null },
): Promise<Outcome> {
  return outcomeOf(await resolve(service, key, mutation, input), mutation);
}

function outcomeOf({ data, errors }: Answer, field: string): Outcome {
  if (errors.length > 0) throw new Error(JSON.stringify(errors));
  return data[field] as Outcome;
}

/** Opens actions and resolves them, so that the one returned last has this status. */
export async function actionIn(
  service: TestService,
  key: string,
  status: Status,
  idempotencyKey: string,
): Promise<Outcome> {
  const hold = status === 'HELD' || status === 'VOIDED';
  const opened = await performed(service, key, { idempotencyKey, hold });
  if (status === 'HELD' || status === 'CAPTURED') return opened;
  const mutation = status === 'VOIDED' ? 'voidAction' : 'refundAction';
  return resolved(service, key, mutation, { actionId: opened.action.id });
}

export async function balanceOf(service: TestService, ownerId: string): Promise<Balance> {
  const { balance } = await service.ask(`query ($ownerId: ID) { balance(ownerId: $ownerId) { ${BALANCE_FIELDS} } }`, {
    ownerId,
  });
  return balance as Balance;
}

/** What an operator or owner changes while actions run: pause, cap and so on. */
export async function changeApp(service: TestService, id: string, changes: object): Promise<void> {
  await service.ask('mutation ($input: UpdateAppInput!) { updateApp(input: $input) { app { id } } }', {
    input: { id, ...changes },
  });
}

export async function changeOwner(service: TestService, id: string, changes: object): Promise<void> {
  await service.ask('mutation ($input: UpdateOwnerInput!) { updateOwner(input: $input) { owner { id } } }', {
    input: { id, ...changes },
  });
}

/** Adds an app to an owner; returns its id and a key of it. */
export async function addApp(
  service: TestService,
  ownerId: string,
  settings: { name?: string; creditCap?: number } = {},
): Promise<{ appId: string; appKey: string }> {
  const { createApp } = await service.ask(
    'mutation ($input: CreateAppInput!) { createApp(input: $input) { app { id } } }',
    { input: { ownerId, name: 'Another app', ...settings } },
  );
  const appId = createApp.app.id as string;
  const { createApiKey } = await service.ask(
    'mutation ($input: CreateApiKeyInput!) { createApiKey(input: $input) { secret } }',
    { input: { name: 'app', role: 'APP', appId } },
  );
  return { appId, appKey: createApiKey.secret as string };
}
