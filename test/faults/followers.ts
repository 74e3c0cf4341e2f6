import { setTimeout as pause } from 'node:timers/promises';
import type { Client } from 'graphql-ws';
import type WebSocket from 'ws';
import type { BookEntry } from '../support/books';
import { socketClient } from '../support/socket';
import type { ApiProcess } from './api-process';
import { TOLD_FIELDS, type Observations, type ToldBalance } from './observations';
import type { NumberedTenant } from './tenants';
import { within } from './within';

const RESUBSCRIBE_PAUSE_MS = 50;
const ACKNOWLEDGE_LIMIT_MS = 10_000;
/** What a subscription may end with: the database is out of reach, or its reader was too slow. It is then opened again. */
const PASSING_CODES = ['UNAVAILABLE', 'LIMIT_REACHED'];

/** A subscriber that opens its subscription again, at the next process, whenever it ends. */
abstract class Follower {
  /** How often its socket was closed, by code; 1006 stands for a connection that broke. */
  readonly closes = new Map<number, number>();
  readonly problems: string[] = [];
  private client: Client | null = null;
  private socket: WebSocket | null = null;
  private stopping = false;
  private isTold = false;
  private wake = () => {};
  private arrived: { position: number; resolve: () => void } | null = null;
  protected readonly name = `${this.constructor.name} ${nextNumber()}`;
  private readonly ended: Promise<void>;

  constructor(
    private readonly apis: readonly ApiProcess[],
    protected readonly tenant: NumberedTenant,
    firstTurn: number,
  ) {
    // Only once the subclass is made.
    this.ended = Promise.resolve().then(() => this.follow(firstTurn));
  }

  /** How far it has come: the version of a balance, or the last entry of a ledger. */
  abstract readonly position: number;
  protected abstract request(): { query: string; variables: Record<string, unknown> };
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- answers of two shapes
  protected abstract receive(data: any): void;

  get owner(): number {
    return this.tenant.owner;
  }

  /** Whether its connection is open, and the subscription on it has told something. */
  get isOpen(): boolean {
    return this.socket !== null && this.isTold;
  }

  async untilOpen(): Promise<void> {
    while (!this.isOpen && !this.stopping) await new Promise<void>((resolve) => (this.wake = resolve));
  }

  /** Resolves when it has come this far; fails after `limitMs`. */
  async until(position: number, limitMs: number): Promise<void> {
    if (this.position >= position) return;
    const there = new Promise<void>((resolve) => (this.arrived = { position, resolve }));
    const problem = () => `${this.name} is at ${this.position} and not ${position} after ${limitMs} ms`;
    await within(limitMs, there, problem);
  }

  /** Breaks its connection as a lost network would: without a closing handshake. Returns whether there was one. */
  breakConnection(): boolean {
    const { socket } = this;
    socket?.terminate();
    return socket !== null;
  }

  async stop(): Promise<void> {
    this.stopping = true;
    this.wake();
    void this.client?.dispose();
    await this.ended;
  }

  private async follow(firstTurn: number): Promise<void> {
    for (let turn = firstTurn; !this.stopping; turn += 1) {
      const api = this.apis[turn % this.apis.length] as ApiProcess;
      this.client = socketClient(api.url, this.tenant.ownerKey, {
        connectionAckWaitTimeout: ACKNOWLEDGE_LIMIT_MS,
        on: {
          opened: (socket) => void (this.socket = socket as WebSocket),
          closed: (event) => {
            const wasOpen = this.socket !== null;
            this.socket = null;
            this.isTold = false;
            const { code } = event as { code: number };
            // One that never opened met a process that is not there.
            if (wasOpen && !this.stopping) this.closes.set(code, (this.closes.get(code) ?? 0) + 1);
          },
        },
      });
      try {
        for await (const { data, errors } of this.client.iterate(this.request())) {
          if (errors) this.noteErrors(errors);
          else this.receive(data);
          this.isTold = true;
          this.wake();
          if (this.arrived && this.position >= this.arrived.position) this.arrived.resolve();
        }
      } catch (error) {
        // A lost socket is counted by its code; what is refused comes as a list of errors.
        if (Array.isArray(error)) this.noteErrors(error as { extensions?: object }[]);
      }
      void this.client.dispose();
      if (!this.stopping) await pause(RESUBSCRIBE_PAUSE_MS);
    }
  }

  private noteErrors(errors: readonly { extensions?: { code?: unknown } }[]): void {
    for (const error of errors) {
      if (!PASSING_CODES.includes(String(error.extensions?.code))) this.problems.push(JSON.stringify(error));
    }
  }
}

/** Watches a balance, and notes all that it is told. */
export class BalanceWatcher extends Follower {
  position = 0;

  constructor(
    apis: readonly ApiProcess[],
    tenant: NumberedTenant,
    firstTurn: number,
    private readonly observations: Observations,
  ) {
    super(apis, tenant, firstTurn);
  }

  protected override request() {
    return { query: `subscription { balanceChanged { ${TOLD_FIELDS} } }`, variables: {} };
  }

  protected override receive({ balanceChanged }: { balanceChanged: ToldBalance }): void {
    this.observations.note(this.tenant.owner, balanceChanged, this.name);
    this.position = balanceChanged.version;
  }
}

interface AppendedEntry {
  readonly sequence: number;
  readonly kind: string;
  readonly credits: number;
  readonly available: number;
  readonly held: number;
  readonly paused: number;
}

/** Follows a ledger from its first entry on, and resumes after the last one that it has. */
export class LedgerFollower extends Follower {
  private readonly entries: AppendedEntry[] = [];

  get position(): number {
    return this.entries.length;
  }

  protected override request() {
    return {
      query: `subscription ($after: SafeInt!) {
        ledgerAppended(afterSequence: $after) { sequence kind credits available held paused } }`,
      variables: { after: this.position },
    };
  }

  protected override receive({ ledgerAppended: entry }: { ledgerAppended: AppendedEntry }): void {
    const due = this.position + 1;
    if (entry.sequence > due) this.problems.push(`a gap: entry ${entry.sequence} came after ${due - 1}`);
    else if (entry.sequence < due) this.problems.push(`a repeat: entry ${entry.sequence} came after ${due - 1}`);
    else this.entries.push(entry);
  }

  /** How what it was sent differs from the ledger, of which `entries` are those of its owner, in order. */
  compareWith(entries: readonly BookEntry[]): string[] {
    const told = (entry: AppendedEntry | undefined) =>
      entry && [entry.sequence, entry.kind, entry.credits, entry.available, entry.held, entry.paused].join(' ');
    const beyond = this.entries.slice(entries.length).map((entry) => `I6: entry ${told(entry)} is not in the ledger`);
    const wrong = entries.flatMap((entry, index) =>
      told(entry) === told(this.entries[index])
        ? []
        : [`owner ${this.owner}: entry ${entry.sequence} was told as ${told(this.entries[index])}`],
    );
    return [...beyond, ...wrong];
  }
}

let numbers = 0;

function nextNumber(): number {
  numbers += 1;
  return numbers;
}
