import { type Caller, ownerScope, ownIdOf } from '../access/caller';
import { checkBounds, httpOrigin, listOf, text, wholeNumber } from '../bounds';
import type { Clock, Instant } from '../clock';
import { badUserInput, notFound } from '../errors';
import { POOL_LIMIT_CREDITS, type AppStatus } from '../ledger/pool';

export interface App {
  readonly ownerId: number;
  readonly id: number;
  readonly name: string;
  readonly status: AppStatus;
  readonly creditCap: number | null;
  readonly usedThisPeriod: number;
  /** The start of the period that `usedThisPeriod` counts. */
  readonly countedFrom: Instant;
  readonly allowedOrigins: readonly string[];
  readonly createdAt: Instant;
}

export type NewApp = Pick<App, 'ownerId' | 'name' | 'creditCap' | 'allowedOrigins'>;
export type AppChanges = Partial<Pick<App, 'name' | 'status' | 'creditCap' | 'allowedOrigins'>>;

export interface AppStore {
  /** LIMIT_REACHED where the plan allows no more apps; null where there is no such owner. */
  create(app: NewApp, now: Instant): Promise<App | null>;
  byId(ownerId: number, id: number): Promise<App | null>;
  /** Newest first. */
  page(ownerId: number, options: { beforeId: number; limit: number }): Promise<App[]>;
  update(ownerId: number, id: number, changes: AppChanges): Promise<App | null>;
}

export const APP_BOUNDS = {
  name: text({ max: 255 }),
  creditCap: wholeNumber({ min: 0, max: POOL_LIMIT_CREDITS }),
  allowedOrigins: listOf(httpOrigin, { max: 20 }),
};

export class Apps {
  constructor(
    private readonly store: AppStore,
    private readonly parts: {
      clock: Clock;
      /** Settles what is due, so that a downgrade that has fallen due counts. */
      settle(ownerId: number): Promise<unknown>;
      /** Told when an app changed, so that sockets of pages that are not allowed any more are closed. */
      onChanged(app: App): void;
    },
  ) {}

  /** NOT_FOUND, BAD_USER_INPUT, or LIMIT_REACHED where the plan's maxApps is reached. */
  async create(
    caller: Caller,
    input: { ownerId?: string | null; name: string; creditCap?: number | null; allowedOrigins: string[] },
  ): Promise<App> {
    const ownerId = ownerScope(caller, input.ownerId, 'input.ownerId');
    checkBounds(input, APP_BOUNDS);
    await this.parts.settle(ownerId);
    const { name, creditCap = null, allowedOrigins } = input;
    const app = await this.store.create({ ownerId, name, creditCap, allowedOrigins }, this.parts.clock.now());
    if (!app) throw notFound('owner');
    return app;
  }

  /** NOT_FOUND where there is none. */
  async byId(ownerId: number, id: number): Promise<App> {
    const app = await this.store.byId(ownerId, id);
    if (!app) throw notFound('app');
    return app;
  }

  page(ownerId: number, options: { beforeId: number; limit: number }): Promise<App[]> {
    return this.store.page(ownerId, options);
  }

  /** An absent field keeps its value; null clears the cap. Pause, cap and origins hold from the next debit on. */
  async update(
    caller: Caller,
    id: string,
    update: {
      name?: string;
      status?: AppStatus | null;
      creditCap?: number | null;
      allowedOrigins?: string[];
    },
  ): Promise<App> {
    const { ownerId, number } = ownIdOf(caller, 'app', id);
    checkBounds(update, APP_BOUNDS, { required: ['name', 'allowedOrigins'] });
    if (update.status === null) throw badUserInput([{ path: 'input.status', message: 'must not be null' }]);
    await this.byId(ownerId, number);
    const { name, status, creditCap, allowedOrigins } = update;
    const app = await this.store.update(ownerId, number, {
      ...(name !== undefined && { name }),
      ...(status !== undefined && { status }),
      ...(creditCap !== undefined && { creditCap }),
      ...(allowedOrigins !== undefined && { allowedOrigins }),
    });
    if (!app) throw notFound('app');
    this.parts.onChanged(app);
    return app;
  }
}
