import { originOf } from '../../src/dashboard/apps/origin';
import { wholeNumberOf } from '../../src/dashboard/design/whole-number';
import { grantInputOf, type GrantDraft } from '../../src/dashboard/grants/grant-draft';
import { expiryOf, isInUse, keyState } from '../../src/dashboard/keys/key-state';

const NOW = Date.parse('2026-04-15T12:00:00Z');
const HOUR_MS = 60 * 60 * 1_000;
const DAY_MS = 24 * HOUR_MS;

describe('a number that somebody typed', () => {
  test.each([
    ['1200', 1_200],
    [' 12,000 ', 12_000],
    ['12.000', 12_000],
    ['1\u202f200\u202f000', 1_200_000],
    ['1’000', 1_000],
    ['0', 0],
  ])('%p is %p', (text, value) => expect(wholeNumberOf(text)).toBe(value));

  test.each(['', '1.5', '1,20', '1,200.50', '1,200.000', '-3', '1e3', 'ten', '12 000 0', '99999999999999999999'])(
    '%p is none',
    (text) => expect(wholeNumberOf(text)).toBeNull(),
  );
});

describe('an origin that somebody typed', () => {
  test.each([
    ['https://shop.example', 'https://shop.example'],
    ['https://Shop.Example/cart?item=1#top', 'https://shop.example'],
    ['http://localhost:8080/', 'http://localhost:8080'],
    ['shop.example', 'https://shop.example'],
    ['https://shop.example:443', 'https://shop.example'],
  ])('%p means %p', (text, origin) => expect(originOf(text)).toBe(origin));

  test.each(['', 'https://*.example', 'ftp://shop.example', 'javascript:alert(1)', 'two words', 'https://'])(
    '%p means none',
    (text) => expect(originOf(text)).toBeNull(),
  );

  it('is none where the API would take it for too long', () => {
    expect(
      originOf(`https://${'a'.repeat(60)}.${'b'.repeat(60)}.${'c'.repeat(60)}.${'d'.repeat(60)}.example`),
    ).toBeNull();
  });
});

describe('the state of a key', () => {
  const at = (ms: number) => new Date(NOW + ms).toISOString();

  it('is by its end and its revocation', () => {
    expect(keyState({ expiresAt: null, revokedAt: null }, NOW)).toBe('WORKING');
    expect(keyState({ expiresAt: at(8 * DAY_MS), revokedAt: null }, NOW)).toBe('WORKING');
    expect(keyState({ expiresAt: at(7 * DAY_MS), revokedAt: null }, NOW)).toBe('EXPIRING');
    expect(keyState({ expiresAt: at(0), revokedAt: null }, NOW)).toBe('EXPIRED');
    expect(keyState({ expiresAt: at(DAY_MS), revokedAt: at(-1) }, NOW)).toBe('REVOKED');
  });

  it('is in use when it was used in the last day', () => {
    expect(isInUse({ lastUsedAt: at(-23 * HOUR_MS) }, NOW)).toBe(true);
    expect(isInUse({ lastUsedAt: at(-25 * HOUR_MS) }, NOW)).toBe(false);
    expect(isInUse({ lastUsedAt: null }, NOW)).toBe(false);
  });

  it('ends never, after so many days, or at the end of a day of the viewer', () => {
    expect(expiryOf('NEVER', '', NOW)).toBeNull();
    expect(expiryOf('QUARTER', '', NOW)).toBe(at(90 * DAY_MS));
    expect(expiryOf('DAY', '2026-05-01', NOW)).toBe(new Date(2026, 4, 1, 23, 59, 59, 999).toISOString());
    expect(expiryOf('DAY', '', NOW)).toBeUndefined();
    expect(expiryOf('DAY', '2026-13-01', NOW)).toBeUndefined();
  });
});

describe('the form of a grant', () => {
  const draft: GrantDraft = { source: 'TOP_UP', amount: '1,000', expiry: 'USUAL', day: '', reason: ' ' };

  it('leaves out what is left to the API, and tells never from as usual', () => {
    expect(grantInputOf(draft).input).toEqual({ source: 'TOP_UP', amount: 1_000 });
    expect(grantInputOf({ ...draft, expiry: 'NEVER' }).input).toEqual({
      source: 'TOP_UP',
      amount: 1_000,
      expiresAt: null,
    });
    expect(grantInputOf({ ...draft, reason: ' Paid. ' }).input).toMatchObject({ reason: 'Paid.' });
  });

  it('says what is wrong beside the field', () => {
    expect(grantInputOf({ ...draft, amount: '0', expiry: 'DAY' })).toEqual({
      input: null,
      problems: { amount: expect.any(String), expiresAt: expect.any(String) },
    });
    expect(grantInputOf({ ...draft, amount: '2,000,000,001' }).problems).toEqual({ amount: expect.any(String) });
  });
});
