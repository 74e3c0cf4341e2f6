import {
  Arg,
  Ctx,
  Extensions,
  FieldResolver,
  ID,
  Int,
  Mutation,
  Query,
  Resolver,
  Root,
  Subscription,
} from 'type-graphql';
import type { Apps } from '../apps/apps';
import { AppType, presentApp } from '../apps/app.graphql';
import { ALL_BUT_PUBLISHABLE, AllowedTo, MANAGERS } from '../graphql/access';
import { connectionOf } from '../graphql/connection';
import type { RequestContext } from '../graphql/context';
import { DEBITS } from '../graphql/limits';
import { DateTime } from '../graphql/scalars';
import type { ActionRecord } from '../ledger/pool';
import { ACTION_CATALOGUE, CREDITS_PER_ACTION, type ActionDefinition } from './action-catalogue';
import {
  ActionConnection,
  ActionDefinitionType,
  ActionStatus,
  actionTypes,
  ActionType,
  CaptureActionInput,
  IntegrationActionType,
  presentAction,
  presentOutcome,
  RefundActionInput,
  ResolveActionPayload,
  VoidActionInput,
} from './action.graphql';
import type { ActionInput, PerformAction } from './perform-action';
import type { ResolveActions } from './resolve-action';
import type { ListActions } from './list-actions';

/** What answers one action mutation. */
export interface ActionResolver {
  record(context: RequestContext, input: object): Promise<object>;
}

/** The resolver class of one action type's mutation. The classes of all nine are alike but for their catalogue row. */
export function createActionResolver(definition: ActionDefinition): new (perform: PerformAction) => ActionResolver {
  const { Input, Payload } = actionTypes(definition);

  @Resolver()
  class OneActionResolver {
    constructor(private readonly perform: PerformAction) {}

    @Mutation(() => Payload, {
      name: definition.mutation,
      description: `${definition.description} Authorises and records one ${definition.type} action, for one credit. Refused, in this order, with IDEMPOTENCY_KEY_REUSED or ACTION_ALREADY_RESOLVED, OWNER_SUSPENDED, APP_PAUSED, CAP_REACHED, INSUFFICIENT_CREDITS.`,
    })
    @AllowedTo('ADMIN', 'APP')
    @Extensions({ [DEBITS]: true })
    async record(
      @Ctx() { caller }: RequestContext,
      @Arg('input', () => Input, { description: 'The typed facts of the action.' }) input: object,
    ): Promise<object> {
      return presentOutcome(await this.perform(caller, input as ActionInput));
    }
  }
  Object.defineProperty(OneActionResolver, 'name', { value: `${definition.type}Resolver` });
  return OneActionResolver;
}

@Resolver(() => IntegrationActionType)
export class ActionsResolver {
  constructor(
    private readonly resolving: ResolveActions,
    private readonly listing: ListActions,
    private readonly apps: Apps,
  ) {}

  @Query(() => [ActionDefinitionType], { description: 'All action types, with the mutation that records each.' })
  @AllowedTo(...MANAGERS)
  actionCatalogue(): ActionDefinitionType[] {
    return ACTION_CATALOGUE.map(({ type, category, mutation, description }) => ({
      type,
      category,
      mutation,
      description,
      credits: CREDITS_PER_ACTION,
    }));
  }

  @Query(() => ActionConnection, { description: 'Actions, newest first.' })
  @AllowedTo(...ALL_BUT_PUBLISHABLE)
  actions(
    @Ctx() { caller }: RequestContext,
    @Arg('ownerId', () => ID, { nullable: true, description: 'Whose; ADMIN keys must give it or appId.' })
    ownerId: string | null,
    @Arg('appId', () => ID, { nullable: true, description: 'Only of this app.' }) appId: string | null,
    @Arg('type', () => ActionType, { nullable: true, description: 'Only of this type.' }) type: string | null,
    @Arg('status', () => ActionStatus, { nullable: true, description: 'Only in this status.' })
    status: ActionRecord['status'] | null,
    @Arg('visitor', () => String, { nullable: true, description: 'Only of this end user.' }) visitor: string | null,
    @Arg('from', () => DateTime, { nullable: true, description: 'Only those opened at or after this instant.' })
    from: Date | null,
    @Arg('to', () => DateTime, { nullable: true, description: 'Only those opened before this instant.' })
    to: Date | null,
    @Arg('first', () => Int, { defaultValue: 20, description: 'The size of the page, 1 to 100.' }) first: number,
    @Arg('after', () => String, { nullable: true, description: 'The cursor to continue after.' }) after: string | null,
  ): Promise<object> {
    return connectionOf(
      { first, after },
      {
        read: (before, limit) =>
          this.listing.page(caller, {
            ownerId,
            appId,
            type,
            status,
            visitor,
            from: from?.getTime() ?? null,
            to: to?.getTime() ?? null,
            beforeSequence: before,
            limit,
          }),
        positionOf: (action) => action.sequence,
        nodeOf: presentAction,
      },
    );
  }

  @Mutation(() => ResolveActionPayload, {
    description: 'Spends a held credit. Also while the app is paused or the owner suspended. ACTION_ALREADY_RESOLVED.',
  })
  @AllowedTo('ADMIN', 'APP')
  async captureAction(
    @Ctx() { caller }: RequestContext,
    @Arg('input', () => CaptureActionInput, { description: 'Which action.' }) input: CaptureActionInput,
  ): Promise<ResolveActionPayload> {
    return presentOutcome(await this.resolving.capture(caller, input));
  }

  @Mutation(() => ResolveActionPayload, {
    description:
      'Gives a held credit back. Also while the app is paused or the owner suspended. ACTION_ALREADY_RESOLVED.',
  })
  @AllowedTo(...ALL_BUT_PUBLISHABLE)
  async voidAction(
    @Ctx() { caller }: RequestContext,
    @Arg('input', () => VoidActionInput, { description: 'Which action, and why.' }) input: VoidActionInput,
  ): Promise<ResolveActionPayload> {
    return presentOutcome(await this.resolving.void(caller, input));
  }

  @Mutation(() => ResolveActionPayload, {
    description:
      'Gives a spent credit back, once and wholly. Also while the app is paused or the owner suspended. ACTION_NOT_CAPTURED, ACTION_ALREADY_RESOLVED.',
  })
  @AllowedTo(...ALL_BUT_PUBLISHABLE)
  async refundAction(
    @Ctx() { caller }: RequestContext,
    @Arg('input', () => RefundActionInput, { description: 'Which action, and why.' }) input: RefundActionInput,
  ): Promise<ResolveActionPayload> {
    return presentOutcome(await this.resolving.refund(caller, input));
  }

  @Subscription(() => IntegrationActionType, {
    description:
      'Actions as they are opened or resolved. A watcher that is too slow is ended with LIMIT_REACHED, not thinned out.',
    subscribe: ({ context, args }) =>
      (context as RequestContext).live.actions.watch((context as RequestContext).caller, {
        ownerId: args['ownerId'] as string | null,
        appId: args['appId'] as string | null,
      }),
  })
  @AllowedTo(...ALL_BUT_PUBLISHABLE)
  actionRecorded(
    @Root() action: ActionRecord,
    @Arg('ownerId', () => ID, { nullable: true, description: 'Whose; ADMIN keys must give it or appId.' })
    _owner: string | null,
    @Arg('appId', () => ID, { nullable: true, description: 'Only of this app.' }) _app: string | null,
  ): IntegrationActionType {
    return presentAction(action);
  }

  @FieldResolver(() => AppType)
  async app(@Root() action: IntegrationActionType): Promise<AppType> {
    return presentApp(await this.apps.byId(action.ownerId, action.appId));
  }
}
