import { setTimeout as pause } from 'node:timers/promises';
import type { FaultTest } from '../fault-test';
import type { Stage } from '../stage';
import { Trial } from '../trial';

const LONGEST_AIM_MS = 40;

/** R4: the process that serves is killed in the middle of whatever it does. */
export const killApi: FaultTest = {
  id: 'R4',
  title: 'kill -9 of the API at random moments under load',
  faults: 'kills',
  needs: ['mariadbd'],
  async run(stage) {
    const kills = stage.scale({ short: 5, full: 100 });
    await killRepeatedly(stage, { databaseUrl: await stage.sqliteUrl(), kills, name: 'SQLite' });
    await killRepeatedly(stage, { databaseUrl: (await stage.mariadb()).databaseUrl, kills, name: 'MariaDB' });
  },
};

async function killRepeatedly(
  stage: Stage,
  given: { databaseUrl: string; kills: number; name: string },
): Promise<void> {
  const { databaseUrl, kills, name } = given;
  const api = await stage.api(databaseUrl);
  for (let kill = 1; kill <= kills; kill += 1) {
    const trial = await Trial.begin(stage, { apis: [api], callers: stage.dice.between(8, 48), pools: 3 });
    await trial.load.afterAcknowledged(stage.dice.between(1, 400));
    // Receipts arrive in bursts, one per commit: a kill right after one would never meet a commit under way.
    await pause(stage.dice.between(0, LONGEST_AIM_MS));
    await trial.fault(() => api.kill());
    await api.restart();
    await trial.load.afterAcknowledged(30);
    await trial.end([databaseUrl]);
    stage.progress(`${name}: kill ${kill} of ${kills}`);
  }
  stage.assertSound();
}
