import { Arg, Ctx, FieldResolver, ID, Int, Mutation, Query, Resolver, Root } from 'type-graphql';
import { ApiKeyType, presentApiKey } from '../access/api-key.graphql';
import type { ApiKeys } from '../access/api-keys';
import { ownIdOf } from '../access/caller';
import { AppConnection, AppType, presentApp } from '../apps/app.graphql';
import type { Apps } from '../apps/apps';
import { BalanceType, presentBalance } from '../balances/balance.graphql';
import { badUserInput } from '../errors';
import { AllowedTo, EVERYONE, MANAGERS } from '../graphql/access';
import { connectionOf } from '../graphql/connection';
import type { RequestContext } from '../graphql/context';
import type { Ledger } from '../ledger/ledger';
import { PlanType, presentPlan } from '../plans/plan.graphql';
import type { Plans } from '../plans/plans';
import {
  ChangePlanInput,
  ChangePlanPayload,
  CreateOwnerInput,
  CreateOwnerPayload,
  OwnerConnection,
  OwnerType,
  presentOwner,
  UpdateOwnerInput,
  UpdateOwnerPayload,
  ViewerType,
} from './owner.graphql';
import type { Owners } from './owners';

const LONGEST_SEARCH = 255;

@Resolver(() => OwnerType)
export class OwnerResolver {
  constructor(
    private readonly ownersOf: Owners,
    private readonly plansOf: Plans,
    private readonly appsOf: Apps,
    private readonly apiKeysOf: ApiKeys,
    private readonly ledger: Ledger,
  ) {}

  @Query(() => OwnerType, { nullable: true, description: 'One owner, by id or externalId; with an OWNER key its own.' })
  @AllowedTo(...MANAGERS)
  async owner(
    @Ctx() { caller }: RequestContext,
    @Arg('id', () => ID, { nullable: true, description: 'The owner’s id.' }) id: string | null,
    @Arg('externalId', () => String, { nullable: true, description: 'The operator’s own id of it.' })
    externalId: string | null,
  ): Promise<OwnerType> {
    const given = [id, externalId].filter((value) => value !== null && value !== undefined).length;
    if (given > 1 || (given === 0 && caller.ownerId === null)) {
      throw badUserInput([{ path: 'id', message: 'or externalId must be given, not both' }]);
    }
    if (typeof externalId === 'string') return presentOwner(await this.ownersOf.byExternalId(caller, externalId));
    const ownerId = typeof id === 'string' ? ownIdOf(caller, 'owner', id).ownerId : (caller.ownerId as number);
    return presentOwner(await this.ownersOf.byId(ownerId));
  }

  @Query(() => OwnerConnection, { description: 'All owners, newest first.' })
  @AllowedTo('ADMIN')
  owners(
    @Arg('first', () => Int, { defaultValue: 20, description: 'The size of the page, 1 to 100.' }) first: number,
    @Arg('after', () => String, { nullable: true, description: 'The cursor to continue after.' }) after: string | null,
    @Arg('search', () => String, {
      nullable: true,
      description: 'Only those whose name, email or externalId contains this, at most 255 characters.',
    })
    search: string | null,
  ): Promise<object> {
    if (search && search.length > LONGEST_SEARCH) {
      throw badUserInput([{ path: 'search', message: `must have at most ${LONGEST_SEARCH} characters` }]);
    }
    return connectionOf(
      { first, after },
      {
        read: (before, limit) =>
          this.ownersOf.page({ search: search || null, beforeId: before ?? Number.MAX_SAFE_INTEGER, limit }),
        positionOf: (owner) => owner.id,
        nodeOf: presentOwner,
      },
    );
  }

  @Mutation(() => CreateOwnerPayload, {
    description:
      'Adds an owner with the plan’s credits. NOT_FOUND for an unknown plan; CONFLICT where the externalId is taken.',
  })
  @AllowedTo('ADMIN')
  async createOwner(
    @Arg('input', () => CreateOwnerInput, { description: 'The owner.' }) input: CreateOwnerInput,
  ): Promise<CreateOwnerPayload> {
    return { owner: presentOwner(await this.ownersOf.create(input)) };
  }

  @Mutation(() => UpdateOwnerPayload, { description: 'Changes an owner. CONFLICT where the externalId is taken.' })
  @AllowedTo(...MANAGERS)
  async updateOwner(
    @Ctx() { caller }: RequestContext,
    @Arg('input', () => UpdateOwnerInput, { description: 'What changes.' }) input: UpdateOwnerInput,
  ): Promise<UpdateOwnerPayload> {
    const { id, ...update } = input;
    return { owner: presentOwner(await this.ownersOf.update(caller, id, update)) };
  }

  @Mutation(() => ChangePlanPayload, {
    description:
      'Changes an owner’s plan: more monthly credits than this period’s allowance take effect at once, the difference being granted; anything else takes effect at the end of the period. CONFLICT where the plan is archived.',
  })
  @AllowedTo('ADMIN')
  async changePlan(
    @Arg('input', () => ChangePlanInput, { description: 'Which owner gets which plan.' }) input: ChangePlanInput,
  ): Promise<ChangePlanPayload> {
    const { owner, balance } = await this.ownersOf.changePlan(input);
    return { owner: presentOwner(owner), balance: presentBalance(balance) };
  }

  @FieldResolver(() => PlanType, { nullable: true })
  async nextPlan(@Root() owner: OwnerType): Promise<PlanType | null> {
    await this.ledger.balance(owner.number);
    const { nextPlanId } = await this.ownersOf.byId(owner.number);
    return nextPlanId === null ? null : presentPlan(await this.plansOf.byId(nextPlanId));
  }

  @FieldResolver(() => PlanType)
  async plan(@Root() owner: OwnerType): Promise<PlanType> {
    // A renewal that is due may change the plan.
    await this.ledger.balance(owner.number);
    const current = await this.ownersOf.byId(owner.number);
    return presentPlan(await this.plansOf.byId(current.planId));
  }

  @FieldResolver(() => BalanceType)
  async balance(@Root() owner: OwnerType): Promise<BalanceType> {
    return presentBalance(await this.ledger.balance(owner.number));
  }

  @FieldResolver(() => AppConnection)
  apps(
    @Root() owner: OwnerType,
    @Arg('first', () => Int, { defaultValue: 20, description: 'The size of the page, 1 to 100.' }) first: number,
    @Arg('after', () => String, { nullable: true, description: 'The cursor to continue after.' }) after: string | null,
  ): Promise<object> {
    return connectionOf(
      { first, after },
      {
        read: (before, limit) => this.appsOf.page(owner.number, { beforeId: before ?? 2 ** 31 - 1, limit }),
        positionOf: (app) => app.id,
        nodeOf: presentApp,
      },
    );
  }

  @FieldResolver(() => [ApiKeyType])
  async apiKeys(@Root() owner: OwnerType): Promise<ApiKeyType[]> {
    return (await this.apiKeysOf.list(owner.number, null)).map(presentApiKey);
  }
}

@Resolver(() => ViewerType)
export class ViewerResolver {
  constructor(
    private readonly owners: Owners,
    private readonly apps: Apps,
  ) {}

  @Query(() => ViewerType, { description: 'Who asks.' })
  @AllowedTo(...EVERYONE)
  viewer(@Ctx() { caller }: RequestContext): Pick<ViewerType, 'role'> {
    return { role: caller.role };
  }

  @FieldResolver(() => OwnerType, { nullable: true })
  async owner(@Ctx() { caller }: RequestContext): Promise<OwnerType | null> {
    return caller.ownerId === null ? null : presentOwner(await this.owners.byId(caller.ownerId));
  }

  @FieldResolver(() => AppType, { nullable: true })
  async app(@Ctx() { caller }: RequestContext): Promise<AppType | null> {
    if (caller.ownerId === null || caller.appId === null) return null;
    return presentApp(await this.apps.byId(caller.ownerId, caller.appId));
  }
}

/** App.owner stands here, since an app's room knows nothing of owners. */
@Resolver(() => AppType)
export class AppOwnerResolver {
  constructor(private readonly owners: Owners) {}

  @FieldResolver(() => OwnerType, { description: 'Whose app it is.' })
  @AllowedTo('ADMIN', 'OWNER', 'APP')
  async owner(@Root() app: AppType): Promise<OwnerType> {
    return presentOwner(await this.owners.byId(app.ownerNumber));
  }
}

/** ApiKey.owner and ApiKey.app likewise. */
@Resolver(() => ApiKeyType)
export class ApiKeyScopeResolver {
  constructor(
    private readonly owners: Owners,
    private readonly apps: Apps,
  ) {}

  @FieldResolver(() => OwnerType, { nullable: true, description: 'Whose it is; null with role ADMIN.' })
  @AllowedTo('ADMIN', 'OWNER')
  async owner(@Root() key: ApiKeyType): Promise<OwnerType | null> {
    return key.ownerNumber === 0 ? null : presentOwner(await this.owners.byId(key.ownerNumber));
  }

  @FieldResolver(() => AppType, { nullable: true, description: 'Which app’s it is; null with role ADMIN or OWNER.' })
  @AllowedTo('ADMIN', 'OWNER')
  async app(@Root() key: ApiKeyType): Promise<AppType | null> {
    return key.appNumber === null ? null : presentApp(await this.apps.byId(key.ownerNumber, key.appNumber));
  }
}
