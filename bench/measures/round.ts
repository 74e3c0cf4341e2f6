import type { Contender, Scenario } from '../contenders/contender';
import type { LoadResult } from '../load/plan';
import { runLoad } from '../load/run';

export interface Phases {
  warmUpSeconds: number;
  seconds: number;
  connections: number;
}

/** Debits of one contender after another, with the proof that each accepted answer is a row and a credit gone. */
export class DebitRounds {
  private readonly accepted = new Map<Contender, number>();

  constructor(private readonly phases: Phases) {}

  /** One run. Throws unless every answer was accepted, and accepted = rows = debits. */
  async run(contender: Contender, scenario: Scenario, connections = this.phases.connections): Promise<LoadResult> {
    const result = await runLoad({
      urls: contender.urls,
      headers: {},
      keys: contender.keys[scenario],
      requests: [contender.request],
      ...this.phases,
      connections,
    });
    if (result.broken > 0 || Object.keys(result.refused).length > 0) {
      const refused = JSON.stringify(result.refused);
      throw new Error(`${contender.name}: ${result.broken} broken, refused ${refused}\n${result.samples.join('\n')}`);
    }
    const accepted = (this.accepted.get(contender) ?? 0) + result.accepted;
    this.accepted.set(contender, accepted);
    const tally = await contender.tally();
    const { rows, debits } = tally ?? { rows: null, debits: accepted };
    if (accepted === 0 || accepted !== (rows ?? accepted) || accepted !== debits) {
      throw new Error(`${contender.name}: accepted ${accepted}, rows ${rows}, debits ${debits}`);
    }
    return result;
  }

  /** All debits of a contender so far, each of them checked. */
  checked(contender: Contender): number {
    return this.accepted.get(contender) ?? 0;
  }
}
