import { setTimeout as pause } from 'node:timers/promises';
import type { Committed } from '../ledger/ledger';
import type { ActionRecord, BalanceSnapshot } from '../ledger/pool';

/** Where a pool stands: all that one process tells another of a commit. */
export interface PoolMark {
  readonly ownerId: number;
  readonly version: number;
  readonly lastSequence: number;
}

/** An action as the entry of this number left it. */
export interface RecordedAction {
  readonly sequence: number;
  readonly action: ActionRecord;
}

/** Reads, as committed, what watchers were not told by their own process. */
export interface FeedReader {
  /** Where those pools stand now; owners that do not exist are left out. */
  marks(ownerIds: readonly number[]): Promise<PoolMark[]>;
  /** Their balances, without settling what is due. */
  balances(ownerIds: readonly number[]): Promise<BalanceSnapshot[]>;
  /** What at most `limit` entries after a number did to actions, in order, and the number of the last of these entries. */
  recordedAfter(
    ownerId: number,
    afterSequence: number,
    limit: number,
  ): Promise<{ recorded: RecordedAction[]; lastSequence: number }>;
}

export type BalanceListener = (balance: BalanceSnapshot) => void;
export type ActionsListener = (recorded: readonly ActionRecord[]) => void;

/** How many owners one reading is for, and how many of their ledgers are read side by side: requests read there too. */
const OWNERS_AT_ONCE = 400;
const LEDGERS_AT_ONCE = 4;
/** A reader that keeps up with some thousand actions a second is to keep up with what comes in bulk, too. */
const ENTRIES_AT_ONCE = 100;
const MARKS_AT_ONCE = 1_000;
/** Between two readings: what is heard meanwhile shares the next one, so a hot pool costs at most so many readings. */
const REST_MS = 10;
/** A replica may be behind what was heard. After so many readings in vain, what is there is taken for the latest. */
const PATIENCE_READINGS = 100;

interface ActionsWatcher {
  readonly listener: ActionsListener;
  /** It is told what comes after the entry of this number; Infinity until it is known. */
  from: number;
}

interface Watched {
  readonly balances: Set<BalanceListener>;
  readonly actions: Set<ActionsWatcher>;
  /** The version that was told last. */
  version: number;
  /** The entry up to which actions were told; null while nobody watches actions. */
  sequence: number | null;
  /** The highest that was heard of, from whomever. */
  heardVersion: number;
  heardSequence: number;
  /** How often what was heard of was read for and not found. */
  readingsInVain: number;
}

/**
 * Tells watchers of an owner what was committed, by whichever process (rule 12). What this process commits is told at once, as
 * the transaction returned it. Of what others commit only the mark is heard, from a message or from a look at the pool, and
 * what is missing is read: balances by version, actions from the ledger by sequence, so without gap or repeat.
 */
export class BalanceFeed {
  private readonly watched = new Map<number, Watched>();
  private readonly behind = new Set<number>();
  private isReading = false;

  constructor(
    private readonly reader: FeedReader,
    private readonly onError: (error: unknown) => void = () => undefined,
  ) {}

  /** Calls `listener` with each newer balance of the owner; versions only rise. It must not throw or wait. Returns how to stop that. */
  watch(ownerId: number, listener: BalanceListener): () => void {
    const watched = this.enter(ownerId);
    watched.balances.add(listener);
    return () => {
      watched.balances.delete(listener);
      this.leave(ownerId, watched);
    };
  }

  /**
   * Calls `listener` with actions as they are opened or resolved from now on, in the order of the ledger. It must not throw
   * or wait. Returns how to stop that.
   */
  async watchActions(ownerId: number, listener: ActionsListener): Promise<() => void> {
    const watched = this.enter(ownerId);
    const watcher: ActionsWatcher = { listener, from: Infinity };
    watched.actions.add(watcher);
    const stop = () => {
      watched.actions.delete(watcher);
      if (watched.actions.size === 0) watched.sequence = null;
      this.leave(ownerId, watched);
    };
    try {
      const [mark] = await this.reader.marks([ownerId]);
      watcher.from = mark?.lastSequence ?? 0;
      watched.sequence ??= watcher.from;
    } catch (error) {
      stop();
      throw error;
    }
    // This process may have committed while the mark was read.
    this.readIfBehind(ownerId, watched);
    return stop;
  }

  /** Tells what this process has committed. */
  publish({ balance, afterSequence, recorded }: Committed): void {
    const watched = this.watched.get(balance.ownerId);
    if (!watched) return;
    this.tell(balance);
    // Else entries of another process lie between: they come first, so these are read after them.
    if (watched.sequence === afterSequence) {
      watched.sequence = balance.lastSequence;
      if (recorded.length > 0) {
        for (const { listener, from } of watched.actions) if (from <= afterSequence) listener(recorded);
      }
    }
    this.hear(balance);
  }

  /** Tells whoever watches a balance that was read, where it is news. */
  tell(balance: BalanceSnapshot): void {
    const watched = this.watched.get(balance.ownerId);
    if (!watched || balance.version <= watched.version) return;
    watched.version = balance.version;
    for (const listener of watched.balances) listener(balance);
  }

  /** Takes note of where a pool stands, and reads what its watchers miss. Waits for nothing. */
  hear({ ownerId, version, lastSequence }: PoolMark): void {
    const watched = this.watched.get(ownerId);
    if (!watched) return;
    if (version > watched.heardVersion || lastSequence > watched.heardSequence) watched.readingsInVain = 0;
    watched.heardVersion = Math.max(watched.heardVersion, version);
    watched.heardSequence = Math.max(watched.heardSequence, lastSequence);
    this.readIfBehind(ownerId, watched);
  }

  /**
   * Looks where all watched pools stand, by one cheap statement for many: a message that was lost, and a COMMIT that arrived
   * after this process had given up on it, delays an update and never loses it.
   */
  async reread(): Promise<void> {
    const ownerIds = [...this.watched.keys()];
    for (let start = 0; start < ownerIds.length; start += MARKS_AT_ONCE) {
      for (const mark of await this.reader.marks(ownerIds.slice(start, start + MARKS_AT_ONCE))) this.hear(mark);
    }
  }

  private enter(ownerId: number): Watched {
    let watched = this.watched.get(ownerId);
    if (!watched) {
      watched = {
        balances: new Set(),
        actions: new Set(),
        version: -1,
        sequence: null,
        heardVersion: -1,
        heardSequence: -1,
        readingsInVain: 0,
      };
      this.watched.set(ownerId, watched);
    }
    return watched;
  }

  private leave(ownerId: number, watched: Watched): void {
    if (watched.balances.size > 0 || watched.actions.size > 0) return;
    if (this.watched.get(ownerId) === watched) this.watched.delete(ownerId);
  }

  private readIfBehind(ownerId: number, watched: Watched): void {
    if (!lacksBalance(watched) && !lacksActions(watched)) return;
    this.behind.add(ownerId);
    if (!this.isReading) void this.readAll();
  }

  /** One reading at a time, however many messages come. */
  private async readAll(): Promise<void> {
    this.isReading = true;
    while (this.behind.size > 0) {
      const ownerIds = [...this.behind].slice(0, OWNERS_AT_ONCE);
      for (const ownerId of ownerIds) this.behind.delete(ownerId);
      try {
        await this.readFor(ownerIds);
      } catch (error) {
        // The next look at all watched pools finds them behind again.
        this.onError(error);
      }
      await pause(REST_MS, undefined, { ref: false });
    }
    this.isReading = false;
  }

  private async readFor(ownerIds: readonly number[]): Promise<void> {
    const owners = ownerIds.flatMap((ownerId) => {
      const watched = this.watched.get(ownerId);
      return watched ? [{ ownerId, watched, sequence: watched.sequence }] : [];
    });
    const lacking = owners.filter(({ watched }) => lacksBalance(watched)).map(({ ownerId }) => ownerId);
    if (lacking.length > 0) for (const balance of await this.reader.balances(lacking)) this.tell(balance);
    const ledgers = owners.filter(({ watched }) => lacksActions(watched));
    for (let start = 0; start < ledgers.length; start += LEDGERS_AT_ONCE) {
      const some = ledgers.slice(start, start + LEDGERS_AT_ONCE);
      await Promise.all(some.map(({ ownerId, watched }) => this.readActions(ownerId, watched)));
    }
    for (const { ownerId, watched, sequence } of owners) {
      const inVain = lacksBalance(watched) || (lacksActions(watched) && watched.sequence === sequence);
      watched.readingsInVain = inVain ? watched.readingsInVain + 1 : 0;
      if (watched.readingsInVain >= PATIENCE_READINGS) believeWhatIsThere(watched);
      this.readIfBehind(ownerId, watched);
    }
  }

  private async readActions(ownerId: number, watched: Watched): Promise<void> {
    const after = watched.sequence;
    if (after === null) return;
    const page = await this.reader.recordedAfter(ownerId, after, ENTRIES_AT_ONCE);
    // Meanwhile this process told what follows by itself, or all who watched have left and somebody else may have come.
    if (watched.sequence !== after) return;
    watched.sequence = page.lastSequence;
    for (const { listener, from } of watched.actions) {
      const own = page.recorded.filter(({ sequence }) => sequence > from);
      if (own.length > 0) listener(own.map(({ action }) => action));
    }
  }
}

function lacksBalance({ balances, version, heardVersion }: Watched): boolean {
  return balances.size > 0 && version < heardVersion;
}

function lacksActions({ sequence, heardSequence }: Watched): boolean {
  return sequence !== null && sequence < heardSequence;
}

function believeWhatIsThere(watched: Watched): void {
  watched.heardVersion = watched.version;
  watched.heardSequence = watched.sequence ?? -1;
  watched.readingsInVain = 0;
}
