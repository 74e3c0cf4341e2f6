import { setTimeout as pause } from 'node:timers/promises';
import { startDatabaseProxy } from '../../support/database-proxy';
import type { Mariadb } from '../../support/mariadb';
import type { ApiProcess } from '../api-process';
import type { FaultTest } from '../fault-test';
import type { Stage } from '../stage';
import { Trial } from '../trial';

const LONGEST_AIM_MS = 40;
const CALLERS = 24;

/** R5: the database is what everything rests on, and it goes away. */
export const killDatabase: FaultTest = {
  id: 'R5',
  title: 'kill -9 of the database, and a cut network between it and the API, under load',
  faults: 'kills and cuts',
  needs: ['mariadbd'],
  async run(stage) {
    const { server, databaseUrl } = await stage.mariadb();
    const proxy = await startDatabaseProxy(databaseUrl);
    stage.defer(() => proxy.close());
    const apis = await stage.apiProcesses(2, proxy.url);
    const kills = stage.scale({ short: 4, full: 20 });
    for (let kill = 1; kill <= kills; kill += 1) {
      const took = await killOnce(stage, { server, apis, databaseUrl });
      stage.progress(`kill ${kill} of ${kills}; ${took}`);
    }
    const cuts: readonly (readonly [string, Cut])[] = [
      ['connections refused', { begin: () => proxy.refuse(), end: () => proxy.pass() }],
      ['packets lost', { begin: () => proxy.silence(), end: () => proxy.pass() }],
      // What was sent meanwhile, such as a COMMIT, arrives when nobody expects it any more.
      ['database frozen', { begin: () => server.freeze(), end: () => server.thaw() }],
    ];
    const rounds = stage.scale({ short: 1, full: 5 });
    for (let round = 1; round <= rounds; round += 1) {
      for (const [name, cut] of cuts) {
        const took = await cutOnce(stage, { cut, apis, databaseUrl });
        stage.progress(`${name}, ${round} of ${rounds}; ${took}`);
      }
    }
    stage.assertSound();
  },
};

interface Scene {
  readonly apis: readonly ApiProcess[];
  readonly databaseUrl: string;
}

async function killOnce(stage: Stage, { server, apis, databaseUrl }: Scene & { server: Mariadb }): Promise<string> {
  const trial = await underLoad(stage, apis);
  await trial.fault(() => server.kill());
  await server.restart();
  return recovered(trial, databaseUrl);
}

interface Cut {
  readonly begin: () => Promise<void> | void;
  readonly end: () => Promise<void> | void;
}

/** Cuts the API off until as many callers as there are have been told so, and then mends it. */
async function cutOnce(stage: Stage, { cut, apis, databaseUrl }: Scene & { cut: Cut }): Promise<string> {
  const trial = await underLoad(stage, apis);
  const cutAt = performance.now();
  await trial.fault(cut.begin);
  await trial.load.afterUnknown(CALLERS);
  const told = `callers told UNAVAILABLE after ${seconds(cutAt)}`;
  await cut.end();
  return `${told}, ${await recovered(trial, databaseUrl)}`;
}

async function underLoad(stage: Stage, apis: readonly ApiProcess[]): Promise<Trial> {
  const trial = await Trial.begin(stage, { apis, callers: CALLERS, pools: 3 });
  await trial.load.afterAcknowledged(stage.dice.between(50, 400));
  await pause(stage.dice.between(0, LONGEST_AIM_MS));
  return trial;
}

/** Nobody restarts or asks the API: it finds the database again by itself. */
async function recovered(trial: Trial, databaseUrl: string): Promise<string> {
  const mendedAt = performance.now();
  await trial.load.afterAcknowledged(1);
  const first = `first debit ${seconds(mendedAt)} after it was back`;
  await trial.load.afterAcknowledged(CALLERS);
  await trial.end([databaseUrl]);
  return first;
}

function seconds(since: number): string {
  return `${((performance.now() - since) / 1_000).toFixed(1)} s`;
}
