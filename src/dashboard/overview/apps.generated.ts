// Made by `npm run codegen` from apps.graphql; do not edit.
/** Internal type. DO NOT USE DIRECTLY. */
type Exact<T extends { [key: string]: unknown }> = { [K in keyof T]: T[K] };
/** Internal type. DO NOT USE DIRECTLY. */
export type Incremental<T> = T | { [P in keyof T]?: P extends ' $fragmentName' | '__typename' ? T[P] : never };
import type { TypedDocumentNode as DocumentNode } from '@graphql-typed-document-node/core';
/** What an app does with a paid integration. Each costs exactly one credit. */
export type ActionType =
  /** Analyse an image. */
  | 'ANALYZE_IMAGE'
  /** Call an external API. */
  | 'CALL_API'
  /** Generate an image. */
  | 'GENERATE_IMAGE'
  /** Invoke a language model. */
  | 'INVOKE_LLM'
  /** Process a file, for example to extract its text. */
  | 'PROCESS_FILE'
  /** Query an external database. */
  | 'QUERY_DATABASE'
  /** Send an e-mail. One credit, however many recipients. */
  | 'SEND_EMAIL'
  /** Send a text message. One credit, however many segments. */
  | 'SEND_SMS'
  /** Upload a file. */
  | 'UPLOAD_FILE';

/** Whether an app may perform actions. */
export type AppStatus =
  /** It may. */
  | 'ACTIVE'
  /** Its actions are refused with APP_PAUSED; what is held can still be resolved. */
  | 'PAUSED';

export type OverviewAppsQueryVariables = Exact<{
  ownerId: string;
}>;


export type OverviewAppsQuery = { actionCatalogue: Array<{ type: ActionType }>, owner: { id: string, apps: { edges: Array<{ node: { id: string, name: string, status: AppStatus, creditCap: number | null, usedThisPeriod: number } }> } } | null };


export const OverviewAppsDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"query","name":{"kind":"Name","value":"OverviewApps"},"variableDefinitions":[{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"ownerId"}},"type":{"kind":"NonNullType","type":{"kind":"NamedType","name":{"kind":"Name","value":"ID"}}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"actionCatalogue"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"type"}}]}},{"kind":"Field","name":{"kind":"Name","value":"owner"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"id"},"value":{"kind":"Variable","name":{"kind":"Name","value":"ownerId"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"apps"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"first"},"value":{"kind":"IntValue","value":"100"}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"edges"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"node"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"name"}},{"kind":"Field","name":{"kind":"Name","value":"status"}},{"kind":"Field","name":{"kind":"Name","value":"creditCap"}},{"kind":"Field","name":{"kind":"Name","value":"usedThisPeriod"}}]}}]}}]}}]}}]}}]} as unknown as DocumentNode<OverviewAppsQuery, OverviewAppsQueryVariables>;
