// Made by `npm run codegen` from action.graphql; do not edit.
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

/** Where the credits of a grant come from. */
export type GrantSource =
  /** Given by the operator; burnt as early as plan credits. */
  | 'BONUS'
  /** The plan: renewed monthly, burnt first. */
  | 'PLAN'
  /** Bought: valid for one year, burnt last, paused while the plan does not allow top-ups. */
  | 'TOP_UP';

export type ActionQueryVariables = Exact<{
  id: string;
}>;


export type ActionQuery = { node:
    | { id: string }
    | { id: string }
    | { id: string }
    | { sequence: number, type: ActionType, status: ActionStatus, createdAt: string, holdExpiresAt: string | null, resolvedAt: string | null, reason: string | null, availableAfter: number, heldAfter: number, idempotencyKey: string, visitor: string | null, origin: string | null, details: Record<string, unknown>, metadata: Record<string, unknown> | null, id: string, app: { id: string, name: string } }
    | { id: string }
    | { id: string }
    | { id: string }
   | null };

export type ActionGrantQueryVariables = Exact<{
  ownerId: string;
  before: number;
}>;


export type ActionGrantQuery = { ledger: { edges: Array<{ node: { id: string, sequence: number, grant: { id: string, source: GrantSource, expiresAt: string | null } } }> } };


export const ActionDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"query","name":{"kind":"Name","value":"Action"},"variableDefinitions":[{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"id"}},"type":{"kind":"NonNullType","type":{"kind":"NamedType","name":{"kind":"Name","value":"ID"}}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"node"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"id"},"value":{"kind":"Variable","name":{"kind":"Name","value":"id"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"InlineFragment","typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"IntegrationAction"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"sequence"}},{"kind":"Field","name":{"kind":"Name","value":"type"}},{"kind":"Field","name":{"kind":"Name","value":"status"}},{"kind":"Field","name":{"kind":"Name","value":"createdAt"}},{"kind":"Field","name":{"kind":"Name","value":"holdExpiresAt"}},{"kind":"Field","name":{"kind":"Name","value":"resolvedAt"}},{"kind":"Field","name":{"kind":"Name","value":"reason"}},{"kind":"Field","name":{"kind":"Name","value":"availableAfter"}},{"kind":"Field","name":{"kind":"Name","value":"heldAfter"}},{"kind":"Field","name":{"kind":"Name","value":"idempotencyKey"}},{"kind":"Field","name":{"kind":"Name","value":"visitor"}},{"kind":"Field","name":{"kind":"Name","value":"origin"}},{"kind":"Field","name":{"kind":"Name","value":"details"}},{"kind":"Field","name":{"kind":"Name","value":"metadata"}},{"kind":"Field","name":{"kind":"Name","value":"app"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"name"}}]}}]}}]}}]}}]} as unknown as DocumentNode<ActionQuery, ActionQueryVariables>;
export const ActionGrantDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"query","name":{"kind":"Name","value":"ActionGrant"},"variableDefinitions":[{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"ownerId"}},"type":{"kind":"NonNullType","type":{"kind":"NamedType","name":{"kind":"Name","value":"ID"}}}},{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"before"}},"type":{"kind":"NonNullType","type":{"kind":"NamedType","name":{"kind":"Name","value":"SafeInt"}}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"ledger"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"ownerId"},"value":{"kind":"Variable","name":{"kind":"Name","value":"ownerId"}}},{"kind":"Argument","name":{"kind":"Name","value":"afterSequence"},"value":{"kind":"Variable","name":{"kind":"Name","value":"before"}}},{"kind":"Argument","name":{"kind":"Name","value":"first"},"value":{"kind":"IntValue","value":"1"}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"edges"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"node"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"sequence"}},{"kind":"Field","name":{"kind":"Name","value":"grant"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"source"}},{"kind":"Field","name":{"kind":"Name","value":"expiresAt"}}]}}]}}]}}]}}]}}]} as unknown as DocumentNode<ActionGrantQuery, ActionGrantQueryVariables>;
