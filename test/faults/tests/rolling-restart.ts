import type { ApiProcess } from '../api-process';
import type { FaultTest } from '../fault-test';
import type { Stage } from '../stage';
import { Trial } from '../trial';

const CALLERS = 24;
const GOING_AWAY = 1001;

/** R7: a deployment, as callers and watchers see it. */
export const rollingRestart: FaultTest = {
  id: 'R7',
  title: 'rolling restart (SIGTERM) of two processes under load',
  faults: 'restarts',
  needs: ['mariadbd'],
  async run(stage) {
    const { databaseUrl } = await stage.mariadb();
    const apis = await stage.apiProcesses(2, databaseUrl);
    const rounds = stage.scale({ short: 2, full: 20 });
    for (let round = 1; round <= rounds; round += 1) {
      const sockets = await rollOnce(stage, apis, databaseUrl);
      stage.progress(`both restarted, ${round} of ${rounds}; ${sockets} sockets closed with ${GOING_AWAY}`);
    }
    stage.assertSound();
  },
};

async function rollOnce(stage: Stage, apis: readonly ApiProcess[], databaseUrl: string): Promise<number> {
  const trial = await Trial.begin(stage, { apis, callers: CALLERS, pools: 4 });
  await trial.followersOpen();
  for (const api of apis) {
    await trial.load.afterAcknowledged(stage.dice.between(50, 300));
    const { code, signal } = await trial.fault(() => api.terminate());
    if (code !== 0) throw new Error(`after SIGTERM a process ended with ${code ?? signal}`);
    await api.restart();
  }
  await trial.load.afterAcknowledged(100);
  // What the callers' retries could not mend fails here.
  await trial.end([databaseUrl]);
  const closes = trial.closes();
  const others = [...closes].filter(([code]) => code !== GOING_AWAY);
  if (others.length > 0) throw new Error(`sockets closed otherwise than with 1001: ${JSON.stringify(others)}`);
  const count = closes.get(GOING_AWAY) ?? 0;
  // Each process had half of the subscribers, and those of the first moved to the second, which then stopped, too.
  if (count < trial.ledgers.length + trial.watchers.length) throw new Error(`only ${count} sockets closed with 1001`);
  stage.report.verify('a socket was closed with 1001, and its subscription resumed elsewhere', count);
  return count;
}
