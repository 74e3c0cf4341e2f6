import { echoRatio, noWorkRatio } from './echo-ratio';
import { fanOut, idleSubscribers } from './fan-out';
import { featureCosts } from './feature-costs';
import { growth } from './growth';
import { limiterRatio } from './limiter-ratio';
import { listQueries } from './list-queries';
import { loneCaller } from './lone-caller';
import type { Measure } from './measure';
import { startTime } from './start-time';
import { textbookRatio } from './textbook-ratio';
import { twoProcesses } from './two-processes';

export const measures: Measure[] = [
  textbookRatio,
  limiterRatio,
  echoRatio,
  noWorkRatio,
  loneCaller,
  fanOut,
  idleSubscribers,
  startTime,
  twoProcesses,
  growth,
  listQueries,
  featureCosts,
];
