import type { GraphQLSchema } from 'graphql';
import { ApiKeyResolver } from '../access/api-key.resolver';
import { presentApiKey } from '../access/api-key.graphql';
import type { ApiKeys } from '../access/api-keys';
import { ownIdOf, idOf } from '../access/caller';
import { ACTION_CATALOGUE, type ActionDefinition } from '../actions/action-catalogue';
import { presentAction } from '../actions/action.graphql';
import { ActionsResolver, createActionResolver } from '../actions/action.resolver';
import type { ListActions } from '../actions/list-actions';
import { createPerformAction } from '../actions/perform-action';
import type { ResolveActions } from '../actions/resolve-action';
import { presentApp } from '../apps/app.graphql';
import { AppResolver } from '../apps/app.resolver';
import type { Apps } from '../apps/apps';
import { presentGrant } from '../balances/balance.graphql';
import { BalanceResolver } from '../balances/balance.resolver';
import { GrantResolver } from '../balances/grant.resolver';
import type { Grants } from '../balances/grants';
import { LedgerEntryType, presentEntry } from '../balances/ledger-entry.graphql';
import { LedgerEntryResolver } from '../balances/ledger-entry.resolver';
import type { LedgerHistory } from '../balances/ledger-history';
import type { LedgerReader } from '../balances/ledger-reader';
import type { Ledger } from '../ledger/ledger';
import { presentOwner } from '../owners/owner.graphql';
import { ApiKeyScopeResolver, AppOwnerResolver, OwnerResolver, ViewerResolver } from '../owners/owner.resolver';
import type { Owners } from '../owners/owners';
import { presentPlan } from '../plans/plan.graphql';
import { PlanResolver } from '../plans/plan.resolver';
import type { Plans } from '../plans/plans';
import { RunwayResolver } from '../usage/runway.resolver';
import type { Runways } from '../usage/runways';
import type { Usage } from '../usage/usage';
import { UsageResolver } from '../usage/usage.resolver';
import { ALL_BUT_PUBLISHABLE, MANAGERS } from './access';
import { buildSchema, type MutationResolver, type ResolverEntry } from './build-schema';
import { NodeLoaders, NodeResolver } from './node.resolver';

/** The use cases that resolvers call. */
export interface SchemaParts {
  readonly ledger: Ledger;
  readonly plans: Plans;
  readonly owners: Owners;
  readonly apps: Apps;
  readonly apiKeys: ApiKeys;
  readonly grants: Grants;
  readonly reader: LedgerReader;
  readonly history: LedgerHistory;
  readonly usage: Usage;
  readonly runways: Runways;
  readonly resolving: ResolveActions;
  readonly listing: ListActions;
}

/** The schema of the whole API. The catalogue of action types may be another one, in tests. */
export function createSchema(
  parts: SchemaParts,
  catalogue: readonly ActionDefinition[] = ACTION_CATALOGUE,
): GraphQLSchema {
  const { ledger, plans, owners, apps, apiKeys, grants, reader, history, usage, runways, resolving, listing } = parts;
  const actions = new Map<string, MutationResolver>();
  const actionResolvers = catalogue.map((definition): ResolverEntry => {
    const resolverClass = createActionResolver(definition);
    const resolver = new resolverClass(createPerformAction(definition, ledger));
    actions.set(definition.mutation, (_source, { input }, context) => resolver.record(context, input));
    return [resolverClass, resolver];
  });
  return buildSchema(
    [
      ...actionResolvers,
      [ActionsResolver, new ActionsResolver(resolving, listing, apps)],
      [BalanceResolver, new BalanceResolver(ledger)],
      [RunwayResolver, new RunwayResolver(runways)],
      [UsageResolver, new UsageResolver(usage)],
      [GrantResolver, new GrantResolver(grants)],
      [LedgerEntryResolver, new LedgerEntryResolver(reader, history)],
      [OwnerResolver, new OwnerResolver(owners, plans, apps, apiKeys, ledger)],
      [ViewerResolver, new ViewerResolver(owners, apps)],
      [AppOwnerResolver, new AppOwnerResolver(owners)],
      [AppResolver, new AppResolver(apps, ledger, apiKeys)],
      [ApiKeyResolver, new ApiKeyResolver(apiKeys)],
      [ApiKeyScopeResolver, new ApiKeyScopeResolver(owners, apps)],
      [PlanResolver, new PlanResolver(plans)],
      [NodeResolver, new NodeResolver(nodeLoaders(parts))],
    ],
    [LedgerEntryType],
    actions,
  );
}

function nodeLoaders({ ledger, plans, owners, apps, apiKeys, reader, listing }: SchemaParts): NodeLoaders {
  return new NodeLoaders({
    plan: {
      allowedTo: MANAGERS,
      load: async (_caller, id) => presentPlan(await plans.byId(idOf('plan', id).number)),
    },
    owner: {
      allowedTo: MANAGERS,
      load: async (caller, id) => presentOwner(await owners.byId(ownIdOf(caller, 'owner', id).ownerId)),
    },
    app: {
      allowedTo: ALL_BUT_PUBLISHABLE,
      load: async (caller, id) => {
        const { ownerId, number } = ownIdOf(caller, 'app', id);
        return presentApp(await apps.byId(ownerId, number));
      },
    },
    apiKey: {
      allowedTo: MANAGERS,
      load: async (caller, id) => presentApiKey(await apiKeys.byId(caller, id)),
    },
    action: {
      allowedTo: ALL_BUT_PUBLISHABLE,
      load: async (caller, id) => presentAction(await listing.byId(caller, id)),
    },
    grant: {
      allowedTo: ALL_BUT_PUBLISHABLE,
      load: async (caller, id) => {
        const { ownerId, number } = ownIdOf(caller, 'grant', id);
        await ledger.balance(ownerId);
        const { grant, terms } = await reader.grant(ownerId, number);
        return presentGrant(grant, terms);
      },
    },
    ledgerEntry: {
      allowedTo: MANAGERS,
      load: async (caller, id) => {
        const { ownerId, number } = ownIdOf(caller, 'ledgerEntry', id);
        return presentEntry(await reader.entry(ownerId, number));
      },
    },
  });
}
