import type { Scenario } from '../contenders/contender';
import { startOurs } from '../contenders/ours';
import { Stage } from '../contenders/stage';
import { startTextbook } from '../contenders/textbook';
import type { Figure, Measure } from './measure';
import { MANY_OWNERS, Races, ratio } from './race';

const figures: Record<Scenario, Omit<Figure, 'value' | 'details'>> = {
  hot: { id: 'S1', name: 'debits/s against the textbook service, hot owner', bar: 30, aim: 60 },
  many: { id: 'S1-many', name: 'debits/s against the textbook service, 1,000 owners', bar: 12, aim: 25 },
};

/** S1: durable debits per second over HTTP on MariaDB, against the textbook service. */
export const textbookRatio: Measure = {
  id: 'S1',
  name: 'durable debits/s over HTTP, MySQL, 64 connections, against the textbook service',
  run: (options) =>
    Stage.use(async (stage) => {
      const mariadbUrl = await stage.mariadbUrl();
      const textbook = await stage.add(startTextbook(mariadbUrl, MANY_OWNERS));
      const ours = options.rivalsOnly ? undefined : await stage.add(startOurs(mariadbUrl, MANY_OWNERS));
      const contenders = ours === undefined ? [textbook] : [textbook, ours];
      const races = new Races(contenders, options);
      const results: Figure[] = [];
      for (const scenario of ['hot', 'many'] as const) {
        const figure = figures[scenario];
        const raced = await races.run({ id: figure.id, scenario });
        results.push({ ...figure, ...ratio(raced, { of: ours, against: textbook }) });
      }
      return results;
    }),
};
