import type { FaultTest } from '../fault-test';
import { breakSockets } from './break-sockets';
import { bank } from './bank';
import { killApi } from './kill-api';
import { killDatabase } from './kill-database';
import { lastCredit } from './last-credit';
import { loseNode } from './lose-node';
import { loseRedis } from './lose-redis';
import { rollingRestart } from './rolling-restart';
import { sameKey } from './same-key';

/** Every test, in the order of the bars. */
export const faultTests: readonly FaultTest[] = [
  lastCredit,
  sameKey,
  bank,
  killApi,
  killDatabase,
  loseNode,
  rollingRestart,
  breakSockets,
  loseRedis,
];
