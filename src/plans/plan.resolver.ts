import { Arg, Mutation, Query, Resolver } from 'type-graphql';
import { idOf } from '../access/caller';
import { AllowedTo, MANAGERS } from '../graphql/access';
import {
  CreatePlanInput,
  CreatePlanPayload,
  PlanType,
  presentPlan,
  UpdatePlanInput,
  UpdatePlanPayload,
} from './plan.graphql';
import type { Plans } from './plans';

@Resolver()
export class PlanResolver {
  constructor(private readonly plans: Plans) {}

  @Query(() => [PlanType], { name: 'plans', description: 'The plan catalogue, oldest first.' })
  @AllowedTo(...MANAGERS)
  async list(
    @Arg('includeArchived', () => Boolean, { defaultValue: false, description: 'Also those that take no new owners.' })
    includeArchived: boolean,
  ): Promise<PlanType[]> {
    return (await this.plans.list(includeArchived)).map(presentPlan);
  }

  @Mutation(() => CreatePlanPayload, { description: 'Adds a plan. CONFLICT where its code is taken.' })
  @AllowedTo('ADMIN')
  async createPlan(
    @Arg('input', () => CreatePlanInput, { description: 'The plan.' }) input: CreatePlanInput,
  ): Promise<CreatePlanPayload> {
    return { plan: presentPlan(await this.plans.create({ ...input, maxApps: input.maxApps ?? null })) };
  }

  @Mutation(() => UpdatePlanPayload, { description: 'Changes a plan. A running period keeps its terms.' })
  @AllowedTo('ADMIN')
  async updatePlan(
    @Arg('input', () => UpdatePlanInput, { description: 'What changes: an absent field keeps its value.' })
    input: UpdatePlanInput,
  ): Promise<UpdatePlanPayload> {
    const { id, ...changes } = input;
    return { plan: presentPlan(await this.plans.update(idOf('plan', id).number, changes)) };
  }
}
