// Made by `npm run codegen` from update-app.graphql; do not edit.
/** Internal type. DO NOT USE DIRECTLY. */
type Exact<T extends { [key: string]: unknown }> = { [K in keyof T]: T[K] };
/** Internal type. DO NOT USE DIRECTLY. */
export type Incremental<T> = T | { [P in keyof T]?: P extends ' $fragmentName' | '__typename' ? T[P] : never };
import type { TypedDocumentNode as DocumentNode } from '@graphql-typed-document-node/core';
/** Whether an app may perform actions. */
export type AppStatus =
  /** It may. */
  | 'ACTIVE'
  /** Its actions are refused with APP_PAUSED; what is held can still be resolved. */
  | 'PAUSED';

/** An absent field keeps its value and null clears it. */
export type UpdateAppInput = {
  /** Sites whose pages may use a publishable key, at most 20 values, each an http or https origin of at most 255 characters. Removing one closes its sockets. */
  allowedOrigins?: Array<string> | null | undefined;
  /** Credits per period, 0 to 2000000000; null: no cap. */
  creditCap?: number | null | undefined;
  /** Which app. */
  id: string;
  /** Its name, 1 to 255 characters. */
  name?: string | null | undefined;
  /** Pauses or resumes it, from the next action on. */
  status?: AppStatus | null | undefined;
};

export type UpdateAppMutationVariables = Exact<{
  input: UpdateAppInput;
}>;


export type UpdateAppMutation = { updateApp: { app: { id: string, name: string, status: AppStatus, creditCap: number | null, allowedOrigins: Array<string> } } };


export const UpdateAppDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"mutation","name":{"kind":"Name","value":"UpdateApp"},"variableDefinitions":[{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"input"}},"type":{"kind":"NonNullType","type":{"kind":"NamedType","name":{"kind":"Name","value":"UpdateAppInput"}}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"updateApp"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"input"},"value":{"kind":"Variable","name":{"kind":"Name","value":"input"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"app"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"name"}},{"kind":"Field","name":{"kind":"Name","value":"status"}},{"kind":"Field","name":{"kind":"Name","value":"creditCap"}},{"kind":"Field","name":{"kind":"Name","value":"allowedOrigins"}}]}}]}}]}}]} as unknown as DocumentNode<UpdateAppMutation, UpdateAppMutationVariables>;
