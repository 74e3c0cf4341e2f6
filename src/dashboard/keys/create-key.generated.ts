// Made by `npm run codegen` from create-key.graphql; do not edit.
/** Internal type. DO NOT USE DIRECTLY. */
type Exact<T extends { [key: string]: unknown }> = { [K in keyof T]: T[K] };
/** Internal type. DO NOT USE DIRECTLY. */
export type Incremental<T> = T | { [P in keyof T]?: P extends ' $fragmentName' | '__typename' ? T[P] : never };
import type { TypedDocumentNode as DocumentNode } from '@graphql-typed-document-node/core';
/** What a key may do. Anything not listed is refused with FORBIDDEN. */
export type ApiKeyRole =
  /** The operator: everything. Where a field needs an owner, ownerId must be given. */
  | 'ADMIN'
  /** One app: the action mutations, capture, void, refund, its own actions, its owner’s balance. */
  | 'APP'
  /** One owner: all reads and subscriptions, its apps, voids, refunds, its name and e-mail, keys of the other roles but ADMIN. */
  | 'OWNER'
  /** Made for browsers: the balance without grants, from an allowed origin. It never debits. */
  | 'PUBLISHABLE';

/** ownerId with role OWNER, appId with role APP or PUBLISHABLE, neither with role ADMIN. */
export type CreateApiKeyInput = {
  /** With role APP or PUBLISHABLE: which app’s. */
  appId?: string | null | undefined;
  /** From when on it does not work, in the future; null: it does not expire. */
  expiresAt?: string | null | undefined;
  /** What it is for, 1 to 255 characters. */
  name: string;
  /** With role OWNER: whose; ADMIN keys must give it. */
  ownerId?: string | null | undefined;
  /** What it may do. Only an ADMIN key may create one of role ADMIN. */
  role: ApiKeyRole;
};

export type CreateKeyMutationVariables = Exact<{
  input: CreateApiKeyInput;
}>;


export type CreateKeyMutation = { createApiKey: { secret: string, apiKey: { id: string, name: string, role: ApiKeyRole, app: { id: string, allowedOrigins: Array<string> } | null } } };


export const CreateKeyDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"mutation","name":{"kind":"Name","value":"CreateKey"},"variableDefinitions":[{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"input"}},"type":{"kind":"NonNullType","type":{"kind":"NamedType","name":{"kind":"Name","value":"CreateApiKeyInput"}}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"createApiKey"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"input"},"value":{"kind":"Variable","name":{"kind":"Name","value":"input"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"secret"}},{"kind":"Field","name":{"kind":"Name","value":"apiKey"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"name"}},{"kind":"Field","name":{"kind":"Name","value":"role"}},{"kind":"Field","name":{"kind":"Name","value":"app"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"allowedOrigins"}}]}}]}}]}}]}}]} as unknown as DocumentNode<CreateKeyMutation, CreateKeyMutationVariables>;
