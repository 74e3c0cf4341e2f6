// Made by `npm run codegen` from app-detail.graphql; do not edit.
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

/** Whether an app may perform actions. */
export type AppStatus =
  /** It may. */
  | 'ACTIVE'
  /** Its actions are refused with APP_PAUSED; what is held can still be resolved. */
  | 'PAUSED';

export type AppDetailQueryVariables = Exact<{
  id: string;
}>;


export type AppDetailQuery = { app: { id: string, name: string, status: AppStatus, creditCap: number | null, usedThisPeriod: number, allowedOrigins: Array<string>, createdAt: string, owner: { id: string }, apiKeys: Array<{ id: string, name: string, role: ApiKeyRole, hint: string, lastUsedAt: string | null, expiresAt: string | null, revokedAt: string | null }> } | null };


export const AppDetailDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"query","name":{"kind":"Name","value":"AppDetail"},"variableDefinitions":[{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"id"}},"type":{"kind":"NonNullType","type":{"kind":"NamedType","name":{"kind":"Name","value":"ID"}}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"app"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"id"},"value":{"kind":"Variable","name":{"kind":"Name","value":"id"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"name"}},{"kind":"Field","name":{"kind":"Name","value":"status"}},{"kind":"Field","name":{"kind":"Name","value":"creditCap"}},{"kind":"Field","name":{"kind":"Name","value":"usedThisPeriod"}},{"kind":"Field","name":{"kind":"Name","value":"allowedOrigins"}},{"kind":"Field","name":{"kind":"Name","value":"createdAt"}},{"kind":"Field","name":{"kind":"Name","value":"owner"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}}]}},{"kind":"Field","name":{"kind":"Name","value":"apiKeys"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"name"}},{"kind":"Field","name":{"kind":"Name","value":"role"}},{"kind":"Field","name":{"kind":"Name","value":"hint"}},{"kind":"Field","name":{"kind":"Name","value":"lastUsedAt"}},{"kind":"Field","name":{"kind":"Name","value":"expiresAt"}},{"kind":"Field","name":{"kind":"Name","value":"revokedAt"}}]}}]}}]}}]} as unknown as DocumentNode<AppDetailQuery, AppDetailQueryVariables>;
