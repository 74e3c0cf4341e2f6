// Made by `npm run codegen` from update-plan.graphql; do not edit.
/** Internal type. DO NOT USE DIRECTLY. */
type Exact<T extends { [key: string]: unknown }> = { [K in keyof T]: T[K] };
/** Internal type. DO NOT USE DIRECTLY. */
export type Incremental<T> = T | { [P in keyof T]?: P extends ' $fragmentName' | '__typename' ? T[P] : never };
import type { TypedDocumentNode as DocumentNode } from '@graphql-typed-document-node/core';
/** New amounts apply to each owner from the next renewal; a running period keeps its terms. */
export type UpdatePlanInput = {
  /** Whether it takes no new owners. */
  archived?: boolean | null | undefined;
  /** Which plan. */
  id: string;
  /** How many apps an owner may have, 0 to 1000000; null: no limit. */
  maxApps?: number | null | undefined;
  /** Credits granted each month, 0 to 2000000000. */
  monthlyCredits?: number | null | undefined;
  /** Its name, 1 to 255 characters. */
  name?: string | null | undefined;
  /** How many unused credits live one more period, 0 to 2000000000. */
  rolloverLimit?: number | null | undefined;
  /** Whether top-ups may be spent. */
  topUpsAllowed?: boolean | null | undefined;
};

export type UpdatePlanMutationVariables = Exact<{
  input: UpdatePlanInput;
}>;


export type UpdatePlanMutation = { updatePlan: { plan: { id: string, name: string } } };


export const UpdatePlanDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"mutation","name":{"kind":"Name","value":"UpdatePlan"},"variableDefinitions":[{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"input"}},"type":{"kind":"NonNullType","type":{"kind":"NamedType","name":{"kind":"Name","value":"UpdatePlanInput"}}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"updatePlan"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"input"},"value":{"kind":"Variable","name":{"kind":"Name","value":"input"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"plan"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"name"}}]}}]}}]}}]} as unknown as DocumentNode<UpdatePlanMutation, UpdatePlanMutationVariables>;
