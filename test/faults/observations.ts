import type { Books } from '../support/books';

/** What anybody was told of a pool. */
export interface ToldBalance {
  readonly available: number;
  readonly held: number;
  readonly paused: number;
  readonly version: number;
  readonly lastSequence: number;
}

/** The fields that every reading of a balance asks for. */
export const TOLD_FIELDS = 'available held paused version lastSequence';

/**
 * Every balance that anybody was told, by answer or by subscription: each must be what the ledger says after the entry that it
 * names (I6: nothing is told that was not committed), and to one who reads one after the other, versions never fall.
 */
export class Observations {
  readonly problems: string[] = [];
  count = 0;
  private readonly told = new Map<string, ToldBalance & { readonly ownerId: number }>();
  private readonly lastVersions = new Map<string, number>();

  /** Notes a balance; `reader` names one who reads one after the other. */
  note(ownerId: number, balance: ToldBalance, reader?: string): void {
    this.count += 1;
    const { available, held, paused, version, lastSequence } = balance;
    if (available < 0 || held < 0 || paused < 0) this.problems.push(`I2: told ${JSON.stringify(balance)}`);
    const name = `${ownerId} ${lastSequence}`;
    const before = this.told.get(name);
    if (!before) this.told.set(name, { ownerId, available, held, paused, version, lastSequence });
    else if (before.available !== available || before.held !== held || before.paused !== paused) {
      this.problems.push(`owner ${ownerId}: told two balances after entry ${lastSequence}`);
    }
    if (reader === undefined) return;
    const last = this.lastVersions.get(`${reader} ${ownerId}`) ?? 0;
    if (version < last)
      this.problems.push(`${reader}: the version of owner ${ownerId} fell from ${last} to ${version}`);
    this.lastVersions.set(`${reader} ${ownerId}`, Math.max(last, version));
  }

  /** What was told and is not so by the books. */
  compareWith({ entries, pools }: Books): string[] {
    const known = new Map(entries.map((entry) => [`${entry.ownerId} ${entry.sequence}`, entry]));
    const versions = new Map(pools.map((pool) => [Number(pool['owner_id']), Number(pool['version'])]));
    const wrong = [...this.told.values()].flatMap(({ ownerId, ...told }) => {
      const entry = known.get(`${ownerId} ${told.lastSequence}`);
      if (!entry) return [`I6: owner ${ownerId} was told entry ${told.lastSequence}, which is not in the ledger`];
      const same = entry.available === told.available && entry.held === told.held && entry.paused === told.paused;
      const version = versions.get(ownerId) ?? 0;
      if (told.version > version) return [`I6: owner ${ownerId} was told version ${told.version}, it is ${version}`];
      return same ? [] : [`I6: owner ${ownerId} was told ${JSON.stringify(told)}, entry: ${JSON.stringify(entry)}`];
    });
    return [...this.problems, ...wrong];
  }
}
