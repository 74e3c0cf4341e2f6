import { isAway, isCrowded, isTransient } from '../../src/database/failure';

describe('what the database says when it cannot go on', () => {
  it.each([
    ['the disk is full', 1021],
    ['a file cannot be written', 1026],
    ['a table has no room', 1114],
  ])('MySQL, that %s (%d): passes, but not by trying again at once, as on SQLite', (_what, errno) => {
    const error = { driverError: { errno } };
    expect([isTransient(error), isAway(error)]).toEqual([true, true]);
    expect(isAway({ errcode: 13 })).toBe(true);
  });

  it.each([1040, 1203, 1226])('MySQL, that it has no connection to spare (%d): it is there, and it passes', (errno) => {
    const error = { errno, fatal: true };
    expect([isTransient(error), isCrowded(error), isAway(error)]).toEqual([true, true, false]);
  });

  it('anything else is a bug, and no reason to try again', () => {
    const error = { errno: 1054, message: "Unknown column 'x'" };
    expect([isTransient(error), isAway(error), isCrowded(error)]).toEqual([false, false, false]);
  });
});
