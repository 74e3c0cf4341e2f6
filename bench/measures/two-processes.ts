import { startOurs } from '../contenders/ours';
import { Stage } from '../contenders/stage';
import type { Measure } from './measure';
import { Races, ratio } from './race';

/** S11: two processes that debit one owner in one database must not be in each other's way, and fail nobody. */
export const twoProcesses: Measure = {
  id: 'S11',
  name: 'two API processes on one database, hot owner, against one',
  run: (options) =>
    Stage.use(async (stage) => {
      if (options.rivalsOnly) return [];
      const mariadbUrl = await stage.mariadbUrl();
      const one = await stage.add(startOurs(mariadbUrl, 0, { name: 'one process' }));
      const two = await stage.add(startOurs(mariadbUrl, 0, { name: 'two processes', processes: 2 }));
      const raced = await new Races([one, two], options).run({ id: 'S11' });
      const name = 'debits/s of two processes against one, hot owner';
      return [{ id: 'S11', name, bar: 0.85, aim: 1.2, ...ratio(raced, { of: two, against: one }) }];
    }),
};
