import { createHash } from 'node:crypto';
import * as fc from 'fast-check';
import type { Caller } from '../../src/access/caller';
import { ACTION_CATALOGUE, type ActionDefinition } from '../../src/actions/action-catalogue';
import { canonicalJson, fingerprint, hashKey } from '../../src/idempotency';
import { createPerformAction, type ActionInput } from '../../src/actions/perform-action';
import { DomainError } from '../../src/errors';
import type { OpenAction } from '../../src/ledger/commands';
import type { Ledger } from '../../src/ledger/ledger';

/** Inputs as they come from GraphQL: fields with values of any JSON. */
const inputs = fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 5 }), { maxKeys: 8 });

describe('the fingerprint of an input (rule 10)', () => {
  it('is the SHA-256 of the mutation’s name and the input as JSON with sorted keys', () => {
    const expected = createHash('sha256').update('callApi\n{"a":[1,{"c":null,"d":"x"}],"b":true}').digest('hex');
    expect(fingerprint('callApi', { b: true, a: [1, { d: 'x', c: null }] })).toBe(expected);
  });

  it('does not depend on the order of the keys, at any depth', () => {
    fc.assert(
      fc.property(inputs, (input) => {
        expect(fingerprint('callApi', reversed(input) as typeof input)).toBe(fingerprint('callApi', input));
      }),
    );
  });

  it('leaves out what is null or absent in the input, and nothing else', () => {
    const input = { host: 'a.example', visitor: null, origin: undefined };
    expect(fingerprint('callApi', input)).toBe(fingerprint('callApi', { host: 'a.example' }));
    expect(fingerprint('callApi', { metadata: { a: null } })).not.toBe(fingerprint('callApi', { metadata: {} }));
    expect(fingerprint('callApi', { list: [null] })).not.toBe(fingerprint('callApi', { list: [] }));
    expect(fingerprint('callApi', { flag: false })).not.toBe(fingerprint('callApi', {}));
    expect(fingerprint('callApi', { count: 0 })).not.toBe(fingerprint('callApi', {}));
    expect(fingerprint('callApi', { text: '' })).not.toBe(fingerprint('callApi', {}));
  });

  it('differs wherever the inputs or the mutations differ', () => {
    const kept = (input: Record<string, unknown>) =>
      JSON.parse(JSON.stringify(input), (_key, value: unknown) => value) as Record<string, unknown>;
    fc.assert(
      fc.property(inputs, inputs, (a, b) => {
        const same = canonicalJson(kept(a)) === canonicalJson(kept(b));
        expect(fingerprint('callApi', a) === fingerprint('callApi', b)).toBe(same);
        expect(fingerprint('callApi', a)).not.toBe(fingerprint('sendSms', a));
      }),
    );
  });

  it('tells apart values that look alike', () => {
    const looks = [1, '1', true, 'true', [1], { 1: 1 }, 'null', '{}', {}, [], '[]'];
    const fingerprints = looks.map((value) => fingerprint('callApi', { value }));
    expect(new Set(fingerprints).size).toBe(looks.length);
    expect(fingerprint('callApi', { a: 'x","b":"y' })).not.toBe(fingerprint('callApi', { a: 'x', b: 'y' }));
  });

  it('is JSON: what is written can be read again', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 5 }), (value) => {
        expect(JSON.parse(canonicalJson(value, 1))).toEqual(JSON.parse(JSON.stringify(value)));
      }),
    );
  });

  it('refuses what nests deeper than 32 levels, before it overflows the stack', () => {
    const nested = (levels: number): Record<string, unknown> => {
      let value: Record<string, unknown> = {};
      for (let level = 0; level < levels; level++) value = { a: value };
      return value;
    };
    expect(() => fingerprint('callApi', nested(32))).not.toThrow();
    expect(() => fingerprint('callApi', nested(33))).toThrow(expect.objectContaining({ code: 'BAD_USER_INPUT' }));
    expect(() => fingerprint('callApi', nested(100_000))).toThrow(DomainError);
  });
});

describe('the hash of a key', () => {
  it('is 16 bytes of its SHA-256, in hexadecimal', () => {
    expect(hashKey('abc')).toBe('ba7816bf8f01cfea414140de5dae2223');
    expect(hashKey('abc')).not.toBe(hashKey('ABC'));
  });
});

describe('the same input (rule 10)', () => {
  const caller: Caller = { keyId: 1, role: 'APP', ownerId: 7, appId: 1 } as unknown as Caller;

  /** The command that an input becomes. */
  async function commandOf(definition: ActionDefinition, input: Record<string, unknown>): Promise<OpenAction> {
    const submitted: OpenAction[] = [];
    const ledger = { submit: (command: OpenAction) => Promise.resolve(void submitted.push(command)) };
    const perform = createPerformAction(definition, ledger as unknown as Ledger);
    await perform(caller, { hold: false, holdSeconds: 900, ...input } as unknown as ActionInput);
    return submitted[0] as OpenAction;
  }
  const callApi = ACTION_CATALOGUE.find(({ mutation }) => mutation === 'callApi') as ActionDefinition;
  const sendSms = ACTION_CATALOGUE.find(({ mutation }) => mutation === 'sendSms') as ActionDefinition;
  const input = { idempotencyKey: 'k', method: 'POST', host: 'a.example' };

  it('has defaults, nulls, the key and the app left out', async () => {
    const { key } = await commandOf(callApi, input);
    const others = [
      { ...input, idempotencyKey: 'other' },
      { ...input, visitor: null, origin: null, metadata: null },
      { ...input, holdSeconds: 900, hold: false },
    ];
    for (const other of others) expect((await commandOf(callApi, other)).key.fingerprint).toBe(key.fingerprint);
    const segments = await commandOf(sendSms, { idempotencyKey: 'k', segments: 1 });
    expect((await commandOf(sendSms, { idempotencyKey: 'k' })).key.fingerprint).toBe(segments.key.fingerprint);
  });

  it('has everything else in it', async () => {
    const { key } = await commandOf(callApi, input);
    const others = [
      { ...input, hold: true },
      { ...input, holdSeconds: 60 },
      { ...input, host: 'b.example' },
      { ...input, visitor: 'v' },
      { ...input, origin: 'https://shop.example' },
      { ...input, metadata: { a: 1 } },
    ];
    for (const other of others) expect((await commandOf(callApi, other)).key.fingerprint).not.toBe(key.fingerprint);
  });

  it('may have 4 KiB of metadata as JSON, and not a byte more, whatever is in it', async () => {
    const text = (bytes: number) => ({ ...input, metadata: { a: 'x'.repeat(bytes - '{"a":""}'.length) } });
    expect((await commandOf(callApi, text(4_096))).facts.metadata).toHaveLength(4_096);
    await expect(commandOf(callApi, text(4_097))).rejects.toMatchObject({ code: 'BAD_USER_INPUT' });
    const nulls = Object.fromEntries(Array.from({ length: 1_000 }, (_, index) => [`field${index}`, null]));
    await expect(commandOf(callApi, { ...input, metadata: nulls })).rejects.toMatchObject({ code: 'BAD_USER_INPUT' });
  });
});

/** The same value with the keys of all objects in reverse order. */
function reversed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(reversed);
  if (typeof value !== 'object' || value === null) return value;
  const members = Object.entries(value).reverse();
  // Object.fromEntries defines `__proto__` as a member like any other.
  return Object.fromEntries(members.map(([key, member]) => [key, reversed(member)]));
}
