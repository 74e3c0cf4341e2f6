import type { Instant } from '../clock';
import type { Command } from './commands';
import { decide, type Decision } from './decide';
import type { PoolState } from './draft';
import { groupBy } from './group-by';
import type { Latecomers } from './group-commit';

/** One decision for each pool, of the commands that are about it. */
export function decideAll(
  states: ReadonlyMap<number, PoolState>,
  commands: readonly Command[],
  now: Instant,
): Decision[] {
  const byOwner = groupBy(commands, (command) => command.ownerId);
  return [...states].map(([ownerId, state]) => decide(state, byOwner.get(ownerId) ?? [], now));
}

/** Whether nothing in it had to be refused or deferred. */
export function isPlain({ decided }: Decision): boolean {
  return decided.every(({ status }) => status === 'ACCEPTED');
}

interface Batch {
  readonly commands: readonly Command[];
  /** Null where nobody may be admitted. */
  readonly late: Latecomers<Command> | null;
  /** What the states were read for. */
  readonly now: Instant;
  /** When they had been read. Latecomers came after `now`, and not after this. */
  readonly later: Instant;
}

/**
 * Decides what `states` were read for, and with it the plain debits that came while their pools were waited for, where
 * all of a pool's are accepted: the keys of late ones were not looked up, which the unique index makes good (I3), but a
 * refusal would have to know them (rule 10). A pool of which something has fallen due meanwhile was not read for that
 * (rule 4): its latecomers wait for the next batch.
 */
export function decideWithLate(
  states: ReadonlyMap<number, PoolState>,
  { commands, late, now, later }: Batch,
): { decisions: Decision[]; admitted: readonly Command[] } {
  const cameLate = states.size === 0 ? [] : (late?.find((command) => isDecidableBy(states, command, later)) ?? []);
  if (!late || cameLate.length === 0) return { decisions: decideAll(states, commands, now), admitted: [] };
  const byOwner = groupBy(commands, (command) => command.ownerId);
  const lateByOwner = groupBy(cameLate, (command) => command.ownerId);
  const admitted: Command[] = [];
  const decisions = [...states].map(([ownerId, state]) => {
    const own = byOwner.get(ownerId) ?? [];
    const ownLate = lateByOwner.get(ownerId) ?? [];
    if (ownLate.length === 0) return decide(state, own, now);
    const decision = decide(state, [...own, ...ownLate], later);
    if (!isPlain(decision)) return decide(state, own, now);
    admitted.push(...ownLate);
    return decision;
  });
  late.admit(admitted);
  return { decisions, admitted };
}

function isDecidableBy(states: ReadonlyMap<number, PoolState>, command: Command, later: Instant): boolean {
  if (command.kind !== 'DEBIT' && command.kind !== 'HOLD') return false;
  const state = states.get(command.ownerId);
  if (!state || state.pool.nextDueAt <= Math.max(later, state.pool.lastAt)) return false;
  return state.apps.some(({ appId }) => appId === command.appId);
}
