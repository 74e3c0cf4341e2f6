// Made by `npm run codegen` from latest-actions.graphql; do not edit.
/** Internal type. DO NOT USE DIRECTLY. */
type Exact<T extends { [key: string]: unknown }> = { [K in keyof T]: T[K] };
/** Internal type. DO NOT USE DIRECTLY. */
export type Incremental<T> = T | { [P in keyof T]?: P extends ' $fragmentName' | '__typename' ? T[P] : never };
import type { TypedDocumentNode as DocumentNode } from '@graphql-typed-document-node/core';
/** Where an action’s credit is. */
export type ActionStatus =
  /** Spent. */
  | 'CAPTURED'
  /** Held: it will be captured or voided, by itself when the hold expires. */
  | 'HELD'
  /** A spent credit that came back. */
  | 'REFUNDED'
  /** A held credit that came back. */
  | 'VOIDED';

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

export type LatestActionsQueryVariables = Exact<{
  ownerId: string;
}>;


export type LatestActionsQuery = { actions: { edges: Array<{ node: { id: string, sequence: number, type: ActionType, status: ActionStatus, createdAt: string, visitor: string | null, app: { id: string, name: string } } }> } };


export const LatestActionsDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"query","name":{"kind":"Name","value":"LatestActions"},"variableDefinitions":[{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"ownerId"}},"type":{"kind":"NonNullType","type":{"kind":"NamedType","name":{"kind":"Name","value":"ID"}}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"actions"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"ownerId"},"value":{"kind":"Variable","name":{"kind":"Name","value":"ownerId"}}},{"kind":"Argument","name":{"kind":"Name","value":"first"},"value":{"kind":"IntValue","value":"10"}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"edges"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"node"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"sequence"}},{"kind":"Field","name":{"kind":"Name","value":"type"}},{"kind":"Field","name":{"kind":"Name","value":"status"}},{"kind":"Field","name":{"kind":"Name","value":"createdAt"}},{"kind":"Field","name":{"kind":"Name","value":"visitor"}},{"kind":"Field","name":{"kind":"Name","value":"app"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"name"}}]}}]}}]}}]}}]}}]} as unknown as DocumentNode<LatestActionsQuery, LatestActionsQueryVariables>;
