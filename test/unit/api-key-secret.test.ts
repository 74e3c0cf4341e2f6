import { createHash } from 'node:crypto';
import * as fc from 'fast-check';
import { API_KEY_ROLES, createSecret, hashSecret, hintOf, isWellFormedSecret } from '../../src/access/api-key-secret';

const TAGS = { ADMIN: 'adm', OWNER: 'own', APP: 'app', PUBLISHABLE: 'pub' };
const roles = fc.constantFrom(...API_KEY_ROLES);
const secrets = roles.map((role) => createSecret(role));

describe('a secret', () => {
  test.each(API_KEY_ROLES)('of the role %s has its tag, 32 digits of chance and a checksum of 6', (role) => {
    expect(createSecret(role)).toMatch(new RegExp(`^icr_${TAGS[role]}_[0-9A-Za-z]{38}$`));
  });

  it('is well formed, for its own role only', () => {
    fc.assert(
      fc.property(roles, roles, (role, asked) => {
        const secret = createSecret(role);
        expect(isWellFormedSecret(secret)).toBe(true);
        expect(isWellFormedSecret(secret, asked)).toBe(asked === role);
      }),
    );
  });

  it('is never made twice', () => {
    const made = new Set(Array.from({ length: 2_000 }, () => createSecret('APP')));
    expect(made.size).toBe(2_000);
  });

  it('uses every digit at every place: its chance is not narrowed', () => {
    const seen = Array.from({ length: 32 }, () => new Set<string>());
    for (let i = 0; i < 3_000; i++) [...createSecret('APP').slice(8, 40)].forEach((digit, at) => seen[at]?.add(digit));
    expect(seen.map(({ size }) => size)).toEqual(Array(32).fill(62));
  });
});

describe('the checksum', () => {
  it('catches every change of one character, wherever it is', () => {
    const characters = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_- ';
    fc.assert(
      fc.property(secrets, (secret) => {
        for (let index = 0; index < secret.length; index++) {
          for (const character of characters) {
            if (secret[index] === character) continue;
            const changed = secret.slice(0, index) + character + secret.slice(index + 1);
            expect([changed, isWellFormedSecret(changed)]).toEqual([changed, false]);
          }
        }
      }),
      { numRuns: 5 },
    );
  });

  it('catches two neighbours that changed places', () => {
    fc.assert(
      fc.property(secrets, fc.nat(44), (secret, index) => {
        const [a, b] = [secret.charAt(index), secret.charAt(index + 1)];
        fc.pre(a !== b);
        expect(isWellFormedSecret(secret.slice(0, index) + b + a + secret.slice(index + 2))).toBe(false);
      }),
    );
  });

  it('catches what is cut off or added', () => {
    fc.assert(
      fc.property(secrets, fc.nat(45), fc.constantFrom('0', 'a', '\n', ' '), (secret, length, more) => {
        expect(isWellFormedSecret(secret.slice(0, length))).toBe(false);
        expect(isWellFormedSecret(secret + more)).toBe(false);
        expect(isWellFormedSecret(more + secret)).toBe(false);
      }),
    );
  });

  it('knows one secret by heart, so that keys that are in use stay good', () => {
    expect(isWellFormedSecret('icr_adm_0123456789ABCDEFGHIJKLMNOPQRSTUV3nMHF2')).toBe(true);
  });
});

describe('what is kept and shown of a secret', () => {
  it('is its SHA-256, and its tag with the last four characters', () => {
    const secret = createSecret('OWNER');
    expect(hashSecret(secret)).toEqual(createHash('sha256').update(secret, 'utf8').digest());
    expect(hintOf(secret)).toBe(`icr_own_…${secret.slice(-4)}`);
  });
});
