import fc from 'fast-check';
import { messageOf, textOf } from '../../src/processes/message';

const whole = fc.maxSafeInteger();
const mark = fc.record({ ownerId: whole, version: whole, lastSequence: whole });
const message = fc.record({ from: fc.string(), committed: fc.array(mark), curtailed: fc.boolean() });

describe('a message between processes', () => {
  it('is heard as it was said', () => {
    fc.assert(fc.property(message, (said) => expect(messageOf(textOf(said))).toEqual(said)));
  });

  it('is nothing where it is anything else: whoever else publishes there can make nobody fail', () => {
    fc.assert(fc.property(fc.oneof(fc.string(), fc.json()), (text) => expect(messageOf(text)).toBeNull()));
  });

  test.each([
    ['without a sender', { committed: [], curtailed: false }],
    ['with a mark that is not three numbers', { from: 'a', committed: [[1, 2]], curtailed: false }],
    ['with a number that is none', { from: 'a', committed: [[1, 2, '3']], curtailed: false }],
    ['with a number beyond what counts exactly', { from: 'a', committed: [[1, 2, 2 ** 53]], curtailed: false }],
    ['with something else for a mark', { from: 'a', committed: [null], curtailed: false }],
    ['that does not say whether keys were curtailed', { from: 'a', committed: [] }],
  ])('is nothing %s', (_case, fields) => {
    expect(messageOf(JSON.stringify(fields))).toBeNull();
  });

  it('is nothing where it is longer than any that is sent', () => {
    expect(messageOf(textOf({ from: 'a'.repeat(100_000), committed: [], curtailed: false }))).toBeNull();
    const most = Array.from({ length: 500 }, () => ({ ownerId: 2 ** 48, version: 2 ** 50, lastSequence: 2 ** 50 }));
    expect(messageOf(textOf({ from: 'a', committed: most, curtailed: true }))?.committed).toEqual(most);
  });
});
