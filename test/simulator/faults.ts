/** Where in a transaction something can go wrong. On SQLite each row of an insert is a WRITE of its own. */
export const OPERATIONS = ['BEGIN', 'READ', 'WRITE', 'COMMIT'] as const;
export type Operation = (typeof OPERATIONS)[number];
export type Side = 'before' | 'after';

/**
 * What goes wrong, told apart by what the ledger learns of it.
 * - busy: it certainly did not take effect, for a reason that passes (SQLITE_BUSY, a deadlock);
 * - wait: so did somebody who held a row for too long (1205), which only some of a batch's commands need;
 * - lost: the connection, so whether it took effect is unknown;
 * - silent: the answer, or the disk, so that to ask again at once is of no use;
 * - outage: the connection, and the database stays away until callers are told; full: so does a full disk;
 * - broken: an error that is not known to pass, so that the batch is halved until only the culprit fails;
 * - crash: the process is gone, and nobody is answered; kill: so are its files, but for what they held at that instant.
 */
export const FAULT_KINDS = ['busy', 'wait', 'lost', 'silent', 'outage', 'full', 'broken', 'crash', 'kill'] as const;
export type FaultKind = (typeof FAULT_KINDS)[number];

/** One fault as it is drawn. It strikes at the first such point after `skip` others, if a step comes so far. */
export interface DrawnFault {
  readonly kind: FaultKind;
  readonly operation: Operation;
  readonly side: Side;
  readonly skip: number;
  /** What whoever was not answered does then: asks again with the same key, this process or another one, or never. */
  readonly then: 'retry' | 'retry elsewhere' | 'give up';
  /** How far the clock goes on until then. */
  readonly awayMs: number;
}

/** A fault that struck. */
export interface Struck extends DrawnFault {
  /** It was committed all the same. */
  readonly tookEffect: boolean;
}

/** What a process is told that is not there any more: nobody hears it. */
export class Gone extends Error {}

/** What the drivers throw, for all of them: src/database/failure.ts looks at these members and not at who threw. */
const ERRORS: Record<Exclude<FaultKind, 'crash' | 'kill'>, Record<'sqlite' | 'mysql', object>> = {
  busy: { sqlite: { errcode: 5 }, mysql: { errno: 1213 } },
  wait: { sqlite: { errno: 1205 }, mysql: { errno: 1205 } },
  lost: { sqlite: { code: 'PROTOCOL_CONNECTION_LOST' }, mysql: { code: 'PROTOCOL_CONNECTION_LOST', fatal: true } },
  silent: { sqlite: { errcode: 10 }, mysql: { code: 'PROTOCOL_SEQUENCE_TIMEOUT', fatal: true } },
  outage: { sqlite: { code: 'ECONNREFUSED' }, mysql: { code: 'ECONNREFUSED', fatal: true } },
  full: { sqlite: { errcode: 13 }, mysql: { errno: 1114 } },
  broken: { sqlite: { errcode: 1 }, mysql: { errno: 1105 } },
};

/**
 * Stands in the driver of the connection that the ledger writes on, and decides at each statement whether something goes
 * wrong. Nothing does until `arm`.
 */
export class FaultPoints {
  private armed: readonly DrawnFault[] = [];
  private passed = 0;
  private struck: Struck[] = [];
  private lasting: DrawnFault | null = null;

  constructor(private readonly database: 'sqlite' | 'mysql') {}

  /** The faults of a step, in the order in which they strike: each lies in wait once the one before it has struck. */
  arm(faults: readonly DrawnFault[]): void {
    this.armed = faults;
    this.passed = 0;
  }

  get isArmed(): boolean {
    return this.armed.length > 0 || this.lasting !== null;
  }

  /** The process has crashed: nothing that it still does reaches the database or anybody else. */
  get isGone(): boolean {
    return this.lasting?.kind === 'crash' || this.lasting?.kind === 'kill';
  }

  /** The fault that strikes here, if any. It has not struck until `strike`. */
  at(operation: Operation, side: Side): DrawnFault | null {
    if (this.lasting) return operation === 'BEGIN' && side === 'before' ? this.lasting : null;
    const [next] = this.armed;
    if (next?.operation !== operation || next.side !== side) return null;
    this.passed += 1;
    return this.passed > next.skip ? next : null;
  }

  /** Lets it happen. Returns the error that the ledger gets. */
  strike(fault: DrawnFault, tookEffect: boolean): Error {
    if (fault !== this.lasting) {
      this.struck.push({ ...fault, tookEffect });
      this.arm(this.armed.slice(1));
      if (['outage', 'full', 'crash', 'kill'].includes(fault.kind)) this.lasting = fault;
    }
    if (fault.kind === 'crash' || fault.kind === 'kill') return new Gone('The process is gone.');
    return Object.assign(new Error(`A fault of the simulator: ${fault.kind}.`), ERRORS[fault.kind][this.database]);
  }

  /** What struck since this was asked for last. What lasted is over now. */
  mend(): readonly Struck[] {
    const { struck } = this;
    this.struck = [];
    this.lasting = null;
    return struck;
  }
}

/** What of a transaction a statement is; null: none of it, such as a guard of the statement before it. */
export function operationOf(sql: string): Operation | null {
  if (/^(BEGIN|START TRANSACTION)/.test(sql)) return 'BEGIN';
  if (/^(INSERT|UPDATE|DELETE)/.test(sql)) return 'WRITE';
  if (/^SELECT .* FROM/s.test(sql)) return 'READ';
  return sql === 'COMMIT' ? 'COMMIT' : null;
}

/**
 * Whether somebody may stay without an answer where `asked` were asked at once and this struck: the ledger mends the rest,
 * and of several commands it finds out the ones that are not to blame.
 */
export function leavesUnanswered({ kind }: DrawnFault, asked: number): boolean {
  if (kind === 'wait' || kind === 'broken') return asked === 1;
  return kind !== 'busy' && kind !== 'lost';
}
