// Made by `npm run codegen` from grant-credits.graphql; do not edit.
/** Internal type. DO NOT USE DIRECTLY. */
type Exact<T extends { [key: string]: unknown }> = { [K in keyof T]: T[K] };
/** Internal type. DO NOT USE DIRECTLY. */
export type Incremental<T> = T | { [P in keyof T]?: P extends ' $fragmentName' | '__typename' ? T[P] : never };
import type { TypedDocumentNode as DocumentNode } from '@graphql-typed-document-node/core';
/** expiresAt: null is never; absent is one year for TOP_UP and never for BONUS. */
export type GrantCreditsInput = {
  /** How many credits, 1 to 2000000000. */
  amount: number;
  /** When what is left expires, in the future; null: never; absent: one year for TOP_UP, never for BONUS. */
  expiresAt?: string | null | undefined;
  /** Chosen by the caller, unique per owner, 1 to 255 characters. The same key with the same input returns the same grant. */
  idempotencyKey: string;
  /** To whom. */
  ownerId: string;
  /** Why, 1 to 500 characters. */
  reason?: string | null | undefined;
  /** What kind of credits. */
  source: GrantableSource;
};

/** What an operator can grant; PLAN credits come from the plan alone. */
export type GrantableSource =
  /** Burnt as early as plan credits; does not expire unless said so. */
  | 'BONUS'
  /** Burnt last; expires after one year unless said otherwise; paused while the plan does not allow it. */
  | 'TOP_UP';

export type GrantCreditsMutationVariables = Exact<{
  input: GrantCreditsInput;
}>;


export type GrantCreditsMutation = { grantCredits: { replayed: boolean, grant: { id: string, amount: number, remaining: number, paused: boolean }, balance: { ownerId: string, available: number, version: number } } };


export const GrantCreditsDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"mutation","name":{"kind":"Name","value":"GrantCredits"},"variableDefinitions":[{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"input"}},"type":{"kind":"NonNullType","type":{"kind":"NamedType","name":{"kind":"Name","value":"GrantCreditsInput"}}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"grantCredits"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"input"},"value":{"kind":"Variable","name":{"kind":"Name","value":"input"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"replayed"}},{"kind":"Field","name":{"kind":"Name","value":"grant"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"amount"}},{"kind":"Field","name":{"kind":"Name","value":"remaining"}},{"kind":"Field","name":{"kind":"Name","value":"paused"}}]}},{"kind":"Field","name":{"kind":"Name","value":"balance"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"ownerId"}},{"kind":"Field","name":{"kind":"Name","value":"available"}},{"kind":"Field","name":{"kind":"Name","value":"version"}}]}}]}}]}}]} as unknown as DocumentNode<GrantCreditsMutation, GrantCreditsMutationVariables>;
