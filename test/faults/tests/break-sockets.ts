import type { FaultTest } from '../fault-test';
import { Trial } from '../trial';

const CALLERS = 32;

/** R8: dashboards on trains. */
export const breakSockets: FaultTest = {
  id: 'R8',
  title: 'sockets broken during debits, ledgerAppended resumed after the last sequence',
  faults: 'sockets broken',
  needs: ['mariadbd'],
  async run(stage) {
    const { databaseUrl } = await stage.mariadb();
    const apis = await stage.apiProcesses(2, databaseUrl);
    const debits = stage.scale({ short: 4_000, full: 100_000 });
    const kills = stage.scale({ short: 40, full: 1_000 });
    const actionsEach = Math.ceil(debits / CALLERS);
    const trial = await Trial.begin(stage, { apis, callers: CALLERS, pools: 4, actionsEach, ledgersEach: 2 });
    await trial.followersOpen();
    const between = Math.floor(debits / kills);
    for (let kill = 0; kill < kills;) {
      await trial.load.afterAcknowledged(stage.dice.between(1, between));
      const follower = stage.dice.oneOf([...trial.ledgers, ...trial.watchers]);
      // One that is just being opened again is let be: its turn comes.
      if (!follower.isOpen) await follower.untilOpen();
      await trial.fault(() => follower.breakConnection());
      kill += 1;
      if (kill % Math.ceil(kills / 4) === 0) stage.progress(`${kill} of ${kills}`);
    }
    await trial.load.finished();
    await trial.end([databaseUrl]);
    stage.assertSound();
  },
};
