import { DEADLINES, type Deadlines } from '../../src/database/deadlines';

/** The deadlines of the service, a quarter as long, for tests that wait for them. */
export const SHORT_DEADLINES: Deadlines = {
  ...DEADLINES,
  connectMs: 750,
  acquireMs: 1_250,
  statementMs: 2_000,
  doubtMs: 250,
  probeMs: 500,
  probeIntervalMs: 60,
  graceMs: 250,
  readyMs: 500,
  closeMs: 250,
};
