import { type Caller, ownAppOf } from '../access/caller';
import { checkBounds, httpOrigin, text, wholeNumber, type Bound } from '../bounds';
import { badUserInput, notFound } from '../errors';
import type { ActionOutcome } from '../ledger/commands';
import type { Ledger } from '../ledger/ledger';
import { parsePublicId } from '../public-id';
import type { ActionDefinition } from './action-catalogue';
import { canonicalJson, fingerprint, hashKey } from '../idempotency';

/** The fields that all action mutations share. The typed facts of the action's type stand beside them. */
export interface ActionInput {
  idempotencyKey: string;
  appId?: string | null;
  hold: boolean;
  holdSeconds: number;
  visitor?: string | null;
  origin?: string | null;
  metadata?: Record<string, unknown> | null;
}

export const DEFAULT_HOLD_SECONDS = 900;
export const METADATA_LIMIT_BYTES = 4_096;
/** Where metadata stands in an input: its own nulls are the caller’s data and count. */
const METADATA_LEVEL = 1;

export const ACTION_INPUT_BOUNDS = {
  idempotencyKey: text({ max: 255 }),
  holdSeconds: wholeNumber({ min: 1, max: 86_400 }),
  visitor: text({ max: 255 }),
  origin: httpOrigin,
};

const COMMON_DEFAULTS = { hold: false, holdSeconds: DEFAULT_HOLD_SECONDS };

export type PerformAction = (caller: Caller, input: ActionInput) => Promise<ActionOutcome>;

/**
 * What a mutation of this action type does: authorises and records one action by debiting or holding one credit. Throws
 * BAD_USER_INPUT, NOT_FOUND, and the refusals of `openAction` in the ledger.
 */
export function createPerformAction(definition: ActionDefinition, ledger: Ledger): PerformAction {
  const bounds: Record<string, Bound> = { ...ACTION_INPUT_BOUNDS };
  const defaults: Record<string, unknown> = { ...COMMON_DEFAULTS };
  const factNames = Object.keys(definition.facts);
  for (const [name, fact] of Object.entries(definition.facts)) {
    bounds[name] = fact.bound;
    if (fact.defaultValue !== undefined) defaults[name] = fact.defaultValue;
  }
  return async (caller, input) => {
    const app = appOf(caller, input);
    const values = input as unknown as Record<string, unknown>;
    checkBounds(values, bounds);
    const metadata = metadataText(input.metadata);
    return ledger.submit({
      kind: input.hold ? 'HOLD' : 'DEBIT',
      ...app,
      key: {
        text: input.idempotencyKey,
        hash: hashKey(input.idempotencyKey),
        fingerprint: fingerprint(definition.mutation, withoutDefaults(values, defaults)),
      },
      facts: {
        type: definition.type,
        visitor: input.visitor ?? null,
        origin: input.origin ?? null,
        details: JSON.stringify(factsOf(values, factNames)),
        metadata,
      },
      holdSeconds: input.holdSeconds,
    });
  };
}

function appOf(caller: Caller, input: ActionInput): { ownerId: number; appId: number } {
  const own = ownAppOf(caller);
  if (own) return own;
  if (!input.appId) throw badUserInput([{ path: 'input.appId', message: 'is required with an ADMIN key' }]);
  const id = parsePublicId(input.appId);
  if (id?.kind !== 'app') throw notFound('app');
  return { ownerId: id.ownerId, appId: id.number };
}

function metadataText(metadata: ActionInput['metadata']): string | null {
  if (!metadata) return null;
  // Bounds the nesting before JSON.stringify, which would overflow the stack.
  const json = canonicalJson(metadata, METADATA_LEVEL);
  if (Buffer.byteLength(json) > METADATA_LIMIT_BYTES) {
    throw badUserInput([{ path: 'input.metadata', message: `must not exceed ${METADATA_LIMIT_BYTES} bytes as JSON` }]);
  }
  return JSON.stringify(metadata);
}

function withoutDefaults(
  input: Readonly<Record<string, unknown>>,
  defaults: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  const said: Record<string, unknown> = {};
  for (const name in input) {
    if (name === 'idempotencyKey' || name === 'appId' || input[name] === defaults[name]) continue;
    said[name] = input[name];
  }
  return said;
}

function factsOf(input: Readonly<Record<string, unknown>>, names: readonly string[]): Record<string, unknown> {
  const facts: Record<string, unknown> = {};
  for (const name of names) {
    const value = input[name];
    if (value !== null && value !== undefined) facts[name] = value;
  }
  return facts;
}
