import { startOurs } from '../contenders/ours';
import { Stage } from '../contenders/stage';
import { startTextbook } from '../contenders/textbook';
import type { Measure } from './measure';
import { Races, ratio } from './race';

/** S5: group commit must not cost a lone caller anything: the p50 of its debits against that of textbook debits. */
export const loneCaller: Measure = {
  id: 'S5',
  name: 'one caller alone: p50 of a debit against p50 of one textbook debit',
  run: (options) =>
    Stage.use(async (stage) => {
      const mariadbUrl = await stage.mariadbUrl();
      const textbook = await stage.add(startTextbook(mariadbUrl, 0));
      const ours = options.rivalsOnly ? undefined : await stage.add(startOurs(mariadbUrl, 0));
      const contenders = ours === undefined ? [textbook] : [textbook, ours];
      const raced = await new Races(contenders, options).run({ id: 'S5', connections: 1 });
      const compared = ratio(raced, { of: ours, against: textbook, by: ({ timed }) => timed.p50Ms });
      const name = 'p50 of a lone caller against the textbook service';
      return [{ id: 'S5', name, bar: 1, aim: 0.5, lowerIsBetter: true, ...compared }];
    }),
};
