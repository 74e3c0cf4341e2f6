import { startGalera, type Galera, type GaleraNode } from '../../support/galera';
import type { ApiProcess } from '../api-process';
import type { FaultTest } from '../fault-test';
import { ANSWER_LIMIT_MS } from '../load';
import { createDatabase, type Stage } from '../stage';
import type { NumberedTenant } from '../tenants';
import { Trial, type TrialOptions } from '../trial';

const NODES = 3;
const CALLERS = 18;
/** A node that rejoins takes its state from another one, which does not answer meanwhile. */
const TOLD_WITHIN_MS = 20_000;
const NOT_READY_WITHIN_MS = 10_000;

/** R6: every node takes writes to the same pools; row locks do not reach from one to the other (hazard 2). */
export const loseNode: FaultTest = {
  id: 'R6',
  title: 'three-node Galera, writes on all nodes to the same pools: a node killed and back, the quorum lost and back',
  faults: 'nodes killed',
  needs: ['galera'],
  async run(stage) {
    const cluster = await startGalera(NODES);
    stage.defer(() => cluster.stop());
    const [first, ...others] = cluster.nodes as [GaleraNode, ...GaleraNode[]];
    const name = new URL(await createDatabase(first.url)).pathname;
    const urls = cluster.nodes.map((node) => `${node.url}${name}`);
    // One after the other: the first one migrates.
    const apis: ApiProcess[] = [];
    for (const url of urls) apis.push(await stage.api(url));
    stage.progress('three nodes, and a process of the API on each');
    const scene = { cluster, apis, urls };
    const kills = stage.scale({ short: 1, full: 10 });
    for (let kill = 1; kill <= kills; kill += 1) {
      await loseOne(stage, scene, stage.dice.between(0, NODES - 1));
      stage.progress(`node killed and back, ${kill} of ${kills}`);
    }
    const losses = stage.scale({ short: 1, full: 3 });
    for (let loss = 1; loss <= losses; loss += 1) {
      await loseQuorum(stage, scene, first, others);
      stage.progress(`quorum lost and back, ${loss} of ${losses}`);
    }
    stage.assertSound();
  },
};

interface Scene {
  readonly cluster: Galera;
  readonly apis: readonly ApiProcess[];
  readonly urls: readonly string[];
}

async function loseOne(stage: Stage, scene: Scene, victim: number): Promise<void> {
  const trial = await Trial.begin(stage, trialOn(scene.apis));
  const node = scene.cluster.nodes[victim] as GaleraNode;
  // Long enough for the nodes' transactions to meet often: that alone once left half a transaction behind.
  await trial.load.afterAcknowledged(stage.dice.between(500, 1_000));
  await trial.fault(() => node.kill());
  await trial.load.afterAcknowledged(200);
  await node.start();
  await trial.load.afterAcknowledged(100);
  await finish(trial, scene);
}

/** Two of three nodes are gone: what is left must not write, and must say so. An operator then names it the cluster. */
async function loseQuorum(
  stage: Stage,
  scene: Scene,
  survivor: GaleraNode,
  victims: readonly GaleraNode[],
): Promise<void> {
  const [api] = scene.apis as [ApiProcess];
  const trial = await Trial.begin(stage, trialOn(scene.apis));
  await trial.load.afterAcknowledged(stage.dice.between(50, 200));
  for (const node of victims) await trial.fault(() => node.kill());
  await survivor.untilStatus('wsrep_cluster_status', 'non-Primary');
  await trial.load.afterUnknown(2 * CALLERS);
  await untilNotReady(api);
  const { appKey } = trial.tenants[0] as NumberedTenant;
  const { code } = await api.client.send({ query: '{ balance { available } }', key: appKey, limitMs: ANSWER_LIMIT_MS });
  if (code !== 'UNAVAILABLE') throw new Error(`a balance on a node without quorum was answered ${String(code)}`);
  stage.report.verify('a process on a node without quorum answers UNAVAILABLE, and is not ready');
  await survivor.bootstrap();
  await trial.load.afterAcknowledged(50);
  for (const node of victims) await node.start();
  await trial.load.afterAcknowledged(50);
  await finish(trial, scene);
}

function trialOn(apis: readonly ApiProcess[]): TrialOptions {
  return { apis, callers: CALLERS, pools: 3, toldWithinMs: TOLD_WITHIN_MS, nodesLag: true };
}

async function finish(trial: Trial, { cluster, urls }: Scene): Promise<void> {
  await trial.load.stop();
  for (const node of cluster.nodes) await node.catchUp();
  await trial.end(urls);
}

/** Readiness must ask a table: SELECT 1 still answers there (hazard 11). */
async function untilNotReady({ url }: ApiProcess): Promise<void> {
  const giveUpAt = performance.now() + NOT_READY_WITHIN_MS;
  for (;;) {
    const { status } = await fetch(`${url}/readyz`, { signal: AbortSignal.timeout(NOT_READY_WITHIN_MS) });
    if (status === 503) return;
    if (performance.now() > giveUpAt) throw new Error(`/readyz says ${status} on a node without quorum`);
  }
}
