import { startEcho } from '../contenders/echo';
import { startOurs, startOursOnSqlite, startOursWithoutStore } from '../contenders/ours';
import { Stage } from '../contenders/stage';
import type { Measure } from './measure';
import { Races, ratio, without } from './race';

const ECHO_CONNECTIONS = 256;

/** S3: how much of what node:http can do at all is left for durable debits, on MySQL and on SQLite. */
export const echoRatio: Measure = {
  id: 'S3',
  name: 'debits/s against a bare node:http JSON echo, 256 connections: MySQL, SQLite',
  run: (options) =>
    Stage.use(async (stage) => {
      const echo = await stage.add(startEcho());
      const onMysql = options.rivalsOnly ? undefined : await stage.add(startOurs(await stage.mariadbUrl(), 0));
      const onSqlite = options.rivalsOnly ? undefined : await stage.add(startOursOnSqlite(await stage.folder(), 0));
      const contenders = [echo, onMysql, onSqlite].filter((contender) => contender !== undefined);
      const raced = await new Races(contenders, options).run({ id: 'S3', connections: ECHO_CONNECTIONS });
      const name = 'debits/s against a node:http echo';
      return [
        {
          id: 'S3',
          name: `${name}, MySQL`,
          bar: 0.13,
          aim: 0.24,
          ...ratio(without(raced, onSqlite), { of: onMysql, against: echo }),
        },
        {
          ...{ id: 'S3-sqlite', name: `${name}, SQLite`, bar: 0.16, aim: 0.3 },
          ...ratio(without(raced, onMysql), { of: onSqlite, against: echo }),
        },
      ];
    }),
};

/** S4: how much of it is left for a mutation of our server that does no store work. */
export const noWorkRatio: Measure = {
  id: 'S4',
  name: 'a no-op mutation of our server against the same echo',
  run: (options) =>
    Stage.use(async (stage) => {
      const echo = await stage.add(startEcho());
      const ours = options.rivalsOnly ? undefined : await stage.add(startOursWithoutStore(await stage.folder()));
      const contenders = ours === undefined ? [echo] : [echo, ours];
      const raced = await new Races(contenders, options).run({ id: 'S4', connections: ECHO_CONNECTIONS });
      const name = 'no-op mutations/s against a node:http echo';
      return [{ id: 'S4', name, bar: 0.2, aim: 0.42, ...ratio(raced, { of: ours, against: echo }) }];
    }),
};
