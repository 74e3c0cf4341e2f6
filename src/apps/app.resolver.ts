import { Arg, Ctx, FieldResolver, ID, Int, Mutation, Query, Resolver, Root } from 'type-graphql';
import { ApiKeyType, presentApiKey } from '../access/api-key.graphql';
import type { ApiKeys } from '../access/api-keys';
import { ownIdOf } from '../access/caller';
import { ALL_BUT_PUBLISHABLE, AllowedTo, MANAGERS } from '../graphql/access';
import type { RequestContext } from '../graphql/context';
import type { Ledger } from '../ledger/ledger';
import { AppType, CreateAppInput, CreateAppPayload, presentApp, UpdateAppInput, UpdateAppPayload } from './app.graphql';
import type { Apps } from './apps';

@Resolver(() => AppType)
export class AppResolver {
  constructor(
    private readonly apps: Apps,
    private readonly ledger: Ledger,
    private readonly apiKeysOf: ApiKeys,
  ) {}

  @Query(() => AppType, { nullable: true, description: 'One app. NOT_FOUND where it is not the caller’s.' })
  @AllowedTo(...ALL_BUT_PUBLISHABLE)
  async app(
    @Ctx() { caller }: RequestContext,
    @Arg('id', () => ID, { description: 'The app’s id.' }) id: string,
  ): Promise<AppType> {
    const { ownerId, number } = ownIdOf(caller, 'app', id);
    return presentApp(await this.apps.byId(ownerId, number));
  }

  @Mutation(() => CreateAppPayload, { description: 'Adds an app. LIMIT_REACHED where the plan’s maxApps is reached.' })
  @AllowedTo(...MANAGERS)
  async createApp(
    @Ctx() { caller }: RequestContext,
    @Arg('input', () => CreateAppInput, { description: 'The app.' }) input: CreateAppInput,
  ): Promise<CreateAppPayload> {
    return { app: presentApp(await this.apps.create(caller, input)) };
  }

  @Mutation(() => UpdateAppPayload, { description: 'Changes an app. Pause and cap hold from the next action on.' })
  @AllowedTo(...MANAGERS)
  async updateApp(
    @Ctx() { caller }: RequestContext,
    @Arg('input', () => UpdateAppInput, { description: 'What changes.' }) input: UpdateAppInput,
  ): Promise<UpdateAppPayload> {
    const { id, ...update } = input;
    return { app: presentApp(await this.apps.update(caller, id, update)) };
  }

  @FieldResolver(() => Int)
  async usedThisPeriod(@Root() app: AppType): Promise<number> {
    // A hold that has expired, or a renewal, changes the counter: settle what is due, then read it.
    const { periodStart } = await this.ledger.balance(app.ownerNumber);
    const { usedThisPeriod, countedFrom } = await this.apps.byId(app.ownerNumber, app.number);
    // A counter of an earlier period counts nothing of this one.
    return countedFrom >= periodStart ? usedThisPeriod : 0;
  }

  @FieldResolver(() => [ApiKeyType])
  async apiKeys(@Root() app: AppType): Promise<ApiKeyType[]> {
    return (await this.apiKeysOf.list(app.ownerNumber, app.number)).map(presentApiKey);
  }
}
