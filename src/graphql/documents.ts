import {
  getOperationAST,
  type GraphQLError,
  parse,
  specifiedRules,
  validate,
  type DocumentNode,
  type GraphQLSchema,
  type OperationDefinitionNode,
  type ValidationRule,
} from 'graphql';
import { LRUCache } from 'lru-cache';
import { LIMITS } from './limits';

const CACHED_DOCUMENTS = 1_000;
const VALIDATION_ERRORS = 5;

export interface ParsedDocument {
  readonly document: DocumentNode;
  readonly operation: OperationDefinitionNode | null;
}

export class InvalidDocument extends Error {
  constructor(
    readonly phase: 'GRAPHQL_PARSE_FAILED' | 'GRAPHQL_VALIDATION_FAILED',
    readonly errors: readonly GraphQLError[],
  ) {
    super(phase);
  }
}

/** Parses and validates a document once, under the same limits as over HTTP: graphql-ws runs none of Apollo's rules. */
export class Documents {
  private readonly cache = new LRUCache<string, DocumentNode>({ max: CACHED_DOCUMENTS });

  constructor(
    private readonly schema: GraphQLSchema,
    private readonly rules: readonly ValidationRule[],
  ) {}

  /** Throws InvalidDocument. The operation is null where the document has none of that name. */
  read(source: string, operationName: string | null | undefined): ParsedDocument {
    const document = this.cache.get(source) ?? this.parse(source);
    return { document, operation: getOperationAST(document, operationName) ?? null };
  }

  private parse(source: string): DocumentNode {
    let document: DocumentNode;
    try {
      document = parse(source, { maxTokens: LIMITS.tokens });
    } catch (error) {
      throw new InvalidDocument('GRAPHQL_PARSE_FAILED', [error as GraphQLError]);
    }
    const rules = [...specifiedRules, ...this.rules];
    const errors = validate(this.schema, document, rules, { maxErrors: VALIDATION_ERRORS });
    if (errors.length > 0) throw new InvalidDocument('GRAPHQL_VALIDATION_FAILED', errors);
    this.cache.set(source, document);
    return document;
  }
}
