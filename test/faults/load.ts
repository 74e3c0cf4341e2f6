import { setTimeout as pause } from 'node:timers/promises';
import type { Dice } from '../simulator/dice';
import type { ApiProcess } from './api-process';
import { NoAnswer } from './http-client';
import type { Journal, Receipt } from './journal';
import { TOLD_FIELDS, type Observations, type ToldBalance } from './observations';
import type { Report } from './report';
import type { NumberedTenant } from './tenants';
import { within } from './within';

/** No request may take longer than this, whatever is broken; a caller that waits in vain reports it as a hang. */
export const ANSWER_LIMIT_MS = 20_000;
/** How long a key is sent again before its caller gives up, which fails the test. */
const CONVERGE_LIMIT_MS = 60_000;
const RETRY_PAUSE_MS = 25;

export interface LoadParts {
  /** The processes to call, in turn; looked up for every attempt. */
  readonly apis: readonly ApiProcess[];
  readonly tenants: readonly NumberedTenant[];
  readonly journal: Journal;
  readonly observations: Observations;
  readonly report: Report;
  readonly dice: Dice;
  /** The callers' keys begin with it: no two loads on one pool may share it. */
  readonly name: string;
  /** How many of a hundred actions are holds. */
  readonly holdPercent: number;
}

interface Payload {
  readonly action: { id: string; sequence: number; availableAfter: number; heldAfter: number };
  readonly balance: ToldBalance;
  readonly replayed: boolean;
}

const ACTION = `mutation ($input: InvokeLlmInput!) {
  invokeLlm(input: $input) { action { id sequence availableAfter heldAfter } balance { ${TOLD_FIELDS} } replayed } }`;

/**
 * Callers as the API's documentation wants them: each sends one action after the other, waits for the answer, and where the
 * outcome is unknown sends the same key again, to whichever process comes next.
 */
export class Load {
  inFlight = 0;
  acknowledged = 0;
  unknown = 0;
  /** Keys whose first answer was unknown. */
  readonly retriedKeys: string[] = [];
  readonly problems: string[] = [];
  private stopping = false;
  private readonly callers: Promise<void>[] = [];
  private waiting: { passes: () => boolean; resolve: () => void }[] = [];
  /** Which pool a key belongs to. */
  private readonly tenantOfKey = new Map<string, NumberedTenant>();

  constructor(private readonly parts: LoadParts) {}

  /** Starts callers; each ends after `actionsEach` actions, or when stop() is called. */
  start(callers: number, actionsEach = Infinity): this {
    for (let caller = 0; caller < callers; caller += 1) this.callers.push(this.call(caller, actionsEach));
    return this;
  }

  /** Resolves when `count` more actions have been acknowledged, or when all callers have ended. */
  afterAcknowledged(count: number): Promise<void> {
    const enough = this.acknowledged + count;
    return this.until(() => this.acknowledged >= enough);
  }

  /** Resolves when `count` more attempts have ended without the caller knowing what happened, or when all callers have ended. */
  afterUnknown(count: number): Promise<void> {
    const enough = this.unknown + count;
    return this.until(() => this.unknown >= enough);
  }

  private async until(passes: () => boolean): Promise<void> {
    const counts = () => `${this.acknowledged} acknowledged, ${this.unknown} unknown, ${this.inFlight} in flight`;
    const there = new Promise<void>((resolve) => this.waiting.push({ passes, resolve }));
    const work = Promise.race([there, Promise.all(this.callers)]);
    await within(CONVERGE_LIMIT_MS, work, () => `nothing happens any more: ${counts()}`);
  }

  private wakeWaiting(): void {
    this.waiting = this.waiting.filter(({ passes, resolve }) => !passes() || void resolve());
  }

  /** Lets each caller finish its action, with all the retries that takes. */
  async stop(): Promise<void> {
    this.stopping = true;
    await this.finished();
  }

  /** Resolves when all callers have ended. */
  async finished(): Promise<void> {
    await Promise.all(this.callers);
  }

  /** Sends keys that were acknowledged once more: each must give the receipt that the journal has. */
  async replay(receipts: readonly Receipt[]): Promise<void> {
    for (const receipt of receipts) {
      const tenant = this.tenantOfKey.get(receipt.key);
      if (!tenant) throw new Error(`nobody sent the key ${receipt.key}`);
      const payload = await this.converge(receipt.key, receipt.hold, tenant, 0);
      const again = payload && receiptOf(receipt.key, receipt.hold, payload);
      if (payload?.replayed !== true || JSON.stringify(again) !== JSON.stringify(receipt)) {
        this.problems.push(`the key ${receipt.key} gave ${JSON.stringify(payload)} for ${JSON.stringify(receipt)}`);
      }
    }
  }

  private async call(caller: number, actionsEach: number): Promise<void> {
    const { tenants, dice, name, holdPercent, journal, report } = this.parts;
    for (let i = 0; i < actionsEach && !this.stopping; i += 1) {
      const key = `${name} ${caller} ${i}`;
      const tenant = dice.oneOf(tenants);
      const hold = dice.chance(holdPercent);
      this.tenantOfKey.set(key, tenant);
      const payload = await this.converge(key, hold, tenant, caller + i);
      if (!payload) continue;
      await journal.append(receiptOf(key, hold, payload));
      report.acknowledged += 1;
      this.acknowledged += 1;
      this.wakeWaiting();
    }
  }

  /** Sends one key until its outcome is known; undefined: it was refused, or gave an answer that it may not. */
  private async converge(
    key: string,
    hold: boolean,
    tenant: NumberedTenant,
    turn: number,
  ): Promise<Payload | undefined> {
    const { apis, report, observations, dice } = this.parts;
    const giveUpAt = performance.now() + CONVERGE_LIMIT_MS;
    for (let attempt = 0; ; attempt += 1) {
      const api = apis[(turn + attempt) % apis.length] as ApiProcess;
      const outcome = await this.attempt(api, key, hold, tenant);
      if (outcome !== 'UNKNOWN') {
        if (outcome && 'balance' in outcome) observations.note(tenant.owner, outcome.balance);
        return outcome;
      }
      report.unknown += 1;
      this.unknown += 1;
      this.wakeWaiting();
      if (attempt === 0) {
        report.retried += 1;
        this.retriedKeys.push(key);
      }
      if (performance.now() > giveUpAt) {
        this.problems.push(`the key ${key} had no answer for ${CONVERGE_LIMIT_MS} ms and ${attempt + 1} attempts`);
        return undefined;
      }
      await pause(RETRY_PAUSE_MS * dice.between(1, 4));
    }
  }

  private async attempt(
    api: ApiProcess,
    key: string,
    hold: boolean,
    tenant: NumberedTenant,
  ): Promise<Payload | undefined | 'UNKNOWN'> {
    const input = { idempotencyKey: key, model: 'small-1', ...(hold && { hold: true, holdSeconds: 86_400 }) };
    const startedAt = performance.now();
    this.inFlight += 1;
    try {
      const query = { query: ACTION, variables: { input }, key: tenant.appKey, limitMs: ANSWER_LIMIT_MS };
      const { data, code, errors, status } = await api.client.send(query);
      if (code === undefined && data?.invokeLlm) return data.invokeLlm as Payload;
      if (code === 'UNAVAILABLE') return 'UNKNOWN';
      if (code === 'INSUFFICIENT_CREDITS') this.parts.report.refused += 1;
      else this.problems.push(`the key ${key} was answered HTTP ${status}, ${JSON.stringify(errors)}`);
      return undefined;
    } catch (error) {
      if (!(error instanceof NoAnswer)) throw error;
      if (performance.now() - startedAt >= ANSWER_LIMIT_MS) this.problems.push(`a hang: ${key}: ${error.message}`);
      return 'UNKNOWN';
    } finally {
      this.inFlight -= 1;
      this.parts.report.answered(performance.now() - startedAt);
    }
  }
}

function receiptOf(key: string, hold: boolean, { action }: Payload): Receipt {
  const { id, sequence, availableAfter, heldAfter } = action;
  return { key, actionId: id, hold, sequence, availableAfter, heldAfter };
}
