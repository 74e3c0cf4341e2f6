// Made by `npm run codegen` from update-owner.graphql; do not edit.
/** Internal type. DO NOT USE DIRECTLY. */
type Exact<T extends { [key: string]: unknown }> = { [K in keyof T]: T[K] };
/** Internal type. DO NOT USE DIRECTLY. */
export type Incremental<T> = T | { [P in keyof T]?: P extends ' $fragmentName' | '__typename' ? T[P] : never };
import type { TypedDocumentNode as DocumentNode } from '@graphql-typed-document-node/core';
/** An absent field keeps its value and null clears it. */
export type UpdateOwnerInput = {
  /** Its e-mail address, 3 to 254 characters. */
  email?: string | null | undefined;
  /** ADMIN only. The operator’s own id of it, unique, 1 to 255 characters. */
  externalId?: string | null | undefined;
  /** Which owner. */
  id: string;
  /** Its name, 1 to 255 characters. */
  name?: string | null | undefined;
  /** ADMIN only. Whether its apps’ actions are refused, from the next one on. */
  suspended?: boolean | null | undefined;
};

export type UpdateOwnerMutationVariables = Exact<{
  input: UpdateOwnerInput;
}>;


export type UpdateOwnerMutation = { updateOwner: { owner: { id: string, name: string, suspendedAt: string | null } } };


export const UpdateOwnerDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"mutation","name":{"kind":"Name","value":"UpdateOwner"},"variableDefinitions":[{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"input"}},"type":{"kind":"NonNullType","type":{"kind":"NamedType","name":{"kind":"Name","value":"UpdateOwnerInput"}}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"updateOwner"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"input"},"value":{"kind":"Variable","name":{"kind":"Name","value":"input"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"owner"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"name"}},{"kind":"Field","name":{"kind":"Name","value":"suspendedAt"}}]}}]}}]}}]} as unknown as DocumentNode<UpdateOwnerMutation, UpdateOwnerMutationVariables>;
