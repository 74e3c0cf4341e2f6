import * as fc from 'fast-check';
import { parsePublicId, publicId, toBase62, type NodeKind } from '../../src/public-id';

const KINDS: NodeKind[] = ['plan', 'owner', 'app', 'apiKey', 'action', 'grant', 'ledgerEntry'];
const kinds = fc.constantFrom(...KINDS);
const numbers = fc.oneof(
  fc.maxSafeNat(),
  fc.nat(100_000),
  fc.constantFrom(0, 61, 62, 2 ** 31, Number.MAX_SAFE_INTEGER),
);

describe('a public id', () => {
  it('leads back to what it stands for', () => {
    fc.assert(
      fc.property(kinds, numbers, numbers, (kind, ownerId, number) => {
        expect(parsePublicId(publicId(kind, ownerId, number))).toEqual({ kind, ownerId, number });
      }),
    );
  });

  it('is one of its own for each kind, owner and number', () => {
    const identity = fc.tuple(kinds, fc.nat(70), fc.nat(70));
    fc.assert(
      fc.property(identity, identity, (a, b) => {
        expect(publicId(...a) === publicId(...b)).toBe(a.join() === b.join());
      }),
      { numRuns: 2_000 },
    );
  });

  test.each([
    ['owner' as const, 1, 0, 'own_0000000010'],
    ['action' as const, 1, 62, 'act_00000000110'],
    ['plan' as const, 0, 5, 'plan_0000000005'],
    ['ledgerEntry' as const, 3_844, 61, 'led_000000100z'],
  ])('of the %s %i/%i is %s', (kind, ownerId, number, id) => {
    expect(publicId(kind, ownerId, number)).toBe(id);
  });

  it('has one spelling only: whatever is read is what would have been written', () => {
    const digits = '0123456789ABCZabcz_- é';
    const anything = fc.oneof(
      fc.string(),
      fc
        .tuple(
          fc.constantFrom('own', 'act', 'plan', 'key', 'xyz', 'Own', ''),
          fc.string({ unit: fc.constantFrom(...digits) }),
        )
        .map((parts) => parts.join('_')),
      // An id with a character changed, added or taken out.
      fc
        .tuple(kinds, numbers, numbers, fc.nat(22), fc.constantFrom(...digits, ''), fc.nat(1))
        .map(([kind, ownerId, number, index, character, taken]) => {
          const id = publicId(kind, ownerId, number);
          return id.slice(0, index) + character + id.slice(index + taken);
        }),
    );
    fc.assert(
      fc.property(anything, (id) => {
        const identity = parsePublicId(id);
        if (identity) expect(publicId(identity.kind, identity.ownerId, identity.number)).toBe(id);
      }),
      { numRuns: 5_000 },
    );
  });

  test.each([
    ['nothing', ''],
    ['no number', 'own_000000001'],
    ['an unknown prefix', 'abc_0000000010'],
    ['another case', 'OWN_0000000010'],
    ['no underscore', 'own0000000010'],
    ['a leading zero in the number', 'act_00000000101'],
    ['a line break after it', 'own_0000000010\n'],
    ['a space before it', ' own_0000000010'],
    ['an owner beyond 2^53', 'own_zzzzzzzzz0'],
    ['a number beyond 2^53', 'act_000000001zzzzzzzzz'],
    ['a number of more digits than there are', 'act_0000000011000000000'],
    ['the name of a kind and not its prefix', 'owner_0000000010'],
    ['a property that every object has', 'constructor_0000000010'],
    ['a foreign alphabet', 'own_00000000１0'],
  ])('is not %s', (_what, id) => {
    expect(parsePublicId(id)).toBeNull();
  });
});

describe('base 62', () => {
  test.each([
    [0, '0'],
    [9, '9'],
    [10, 'A'],
    [36, 'a'],
    [61, 'z'],
    [62, '10'],
    [Number.MAX_SAFE_INTEGER, 'fFgnDxSe7'],
  ])('of %i is %s', (value, digits) => {
    expect(toBase62(value)).toBe(digits);
  });

  test.each([-1, 0.5, NaN, Infinity, 2 ** 53])('refuses %d', (value) => {
    expect(() => toBase62(value)).toThrow(/base 62/);
  });
});
