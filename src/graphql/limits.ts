import {
  getNamedType,
  isInterfaceType,
  isListType,
  isNonNullType,
  isObjectType,
  Kind,
  SchemaMetaFieldDef,
  TypeMetaFieldDef,
  type ASTVisitor,
  type DocumentNode,
  type FieldNode,
  type FragmentDefinitionNode,
  GraphQLError,
  type GraphQLNamedType,
  type GraphQLOutputType,
  type SelectionSetNode,
  type ValidationContext,
} from 'graphql';
import { DomainError } from '../errors';

/** What one document may ask for, on both transports. */
export const LIMITS = {
  tokens: 1_500,
  depth: 12,
  /** Of introspection, whose own types nest by their wrappers. */
  introspectionDepth: 20,
  /** Fields, each multiplied by the sizes of the lists that it is in. */
  cost: 5_000,
  aliases: 30,
  directives: 20,
  /** Action mutations of one document: one request is one credit. */
  debits: 1,
  bodyBytes: 100_000,
  messageBytes: 100_000,
  subscriptionsPerSocket: 100,
} as const;

export const PAGE_LIMIT = 100;
/** What a list without a page size counts as, such as an owner's keys. */
const UNPAGED_LIST = 10;

/** In a field's extensions: how long its list may be, where it is longer than others. */
export const LIST_SIZE = 'listSize';

/** Marks an action mutation in its field's extensions. */
export const DEBITS = 'debits';

interface Measures {
  depth: number;
  introspectionDepth: number;
  cost: number;
  aliases: number;
  directives: number;
  debits: number;
}

const NOTHING: Measures = { depth: 0, introspectionDepth: 0, cost: 0, aliases: 0, directives: 0, debits: 0 };

/**
 * One validation rule for all limits. Each fragment is measured once and counted at each spread, so that fragments that spread
 * fragments cost no more time than they are long. Documents are validated once and cached, so a page size in a variable
 * counts as the largest there is.
 */
export function limitsRule(context: ValidationContext): ASTVisitor {
  return {
    Document(document) {
      const total = measure(context, document);
      for (const name of ['depth', 'introspectionDepth', 'cost', 'aliases', 'directives', 'debits'] as const) {
        if (total[name] > LIMITS[name]) context.reportError(tooComplex(name));
      }
    },
  };
}

function tooComplex(name: keyof Measures): GraphQLError {
  const words = { introspectionDepth: 'depth of introspection', debits: 'number of action mutations' };
  const what = words[name as keyof typeof words] ?? name;
  const message = `The document's ${what} exceeds the limit of ${LIMITS[name]}.`;
  return new GraphQLError(message, { originalError: new DomainError('QUERY_TOO_COMPLEX', message) });
}

function measure(context: ValidationContext, document: DocumentNode): Measures {
  const fragments = new Map<string, FragmentDefinitionNode>();
  for (const definition of document.definitions) {
    if (definition.kind === Kind.FRAGMENT_DEFINITION) fragments.set(definition.name.value, definition);
  }
  const meter = new Meter(context, fragments);
  let total = NOTHING;
  for (const definition of document.definitions) {
    if (definition.kind !== Kind.OPERATION_DEFINITION) continue;
    const root = context.getSchema().getRootType(definition.operation);
    const directives = definition.directives?.length ?? 0;
    total = combine(total, meter.selections(definition.selectionSet, root), { ...NOTHING, directives });
  }
  return total;
}

class Meter {
  private readonly measured = new Map<string, Measures>();

  constructor(
    private readonly context: ValidationContext,
    private readonly fragments: ReadonlyMap<string, FragmentDefinitionNode>,
  ) {}

  selections(selectionSet: SelectionSetNode, parent: GraphQLNamedType | null | undefined): Measures {
    let total = NOTHING;
    for (const selection of selectionSet.selections) {
      const directives = selection.directives?.length ?? 0;
      total = combine(total, { ...NOTHING, directives });
      if (selection.kind === Kind.FIELD) total = combine(total, this.field(selection, parent));
      else if (selection.kind === Kind.FRAGMENT_SPREAD) total = combine(total, this.fragment(selection.name.value));
      else {
        const condition = selection.typeCondition?.name.value;
        const type = condition ? this.context.getSchema().getType(condition) : parent;
        total = combine(total, this.selections(selection.selectionSet, type));
      }
    }
    return total;
  }

  private fragment(name: string): Measures {
    const known = this.measured.get(name);
    if (known) return known;
    // A fragment that spreads itself is another rule's finding; here it ends the recursion.
    this.measured.set(name, NOTHING);
    const fragment = this.fragments.get(name);
    if (!fragment) return NOTHING;
    const type = this.context.getSchema().getType(fragment.typeCondition.name.value);
    const measures = this.selections(fragment.selectionSet, type);
    this.measured.set(name, measures);
    return measures;
  }

  private field(node: FieldNode, parent: GraphQLNamedType | null | undefined): Measures {
    const aliases = node.alias ? 1 : 0;
    const name = node.name.value;
    if (name.startsWith('__')) {
      // Introspection reads no data and is not counted as cost; what makes it long are nesting and aliases.
      const type = name === '__schema' ? SchemaMetaFieldDef.type : TypeMetaFieldDef.type;
      const inner = node.selectionSet ? this.selections(node.selectionSet, getNamedType(type)) : NOTHING;
      const { directives } = inner;
      return { ...NOTHING, directives, aliases: aliases + inner.aliases, introspectionDepth: inner.depth + 1 };
    }
    const field = isObjectType(parent) || isInterfaceType(parent) ? parent.getFields()[name] : undefined;
    const own = { ...NOTHING, aliases, depth: 1, cost: 1, debits: field?.extensions[DEBITS] ? 1 : 0 };
    if (!field || !node.selectionSet) return own;
    const inner = this.selections(node.selectionSet, getNamedType(field.type));
    const size = (field.extensions[LIST_SIZE] as number | undefined) ?? sizeOf(node, field.type);
    return combine(own, { ...inner, depth: 0, cost: inner.cost * size }, { ...NOTHING, depth: inner.depth + 1 });
  }
}

/** How many values a field may return: its page size, which stands beside a connection's edges, or a list's usual length. */
function sizeOf(node: FieldNode, type: GraphQLOutputType): number {
  const first = node.arguments?.find((argument) => argument.name.value === 'first')?.value;
  if (first) return first.kind === Kind.INT ? Math.min(Math.max(Number(first.value), 1), PAGE_LIMIT) : PAGE_LIMIT;
  const named = getNamedType(type);
  if (isObjectType(named) && named.name.endsWith('Connection')) return 20;
  const nullable = isNonNullType(type) ? type.ofType : type;
  // A connection has counted its edges already.
  return isListType(nullable) && !named.name.endsWith('Edge') ? UNPAGED_LIST : 1;
}

function combine(...parts: readonly Measures[]): Measures {
  const total = { ...NOTHING };
  for (const part of parts) {
    total.depth = Math.max(total.depth, part.depth);
    total.introspectionDepth = Math.max(total.introspectionDepth, part.introspectionDepth);
    total.cost += part.cost;
    total.aliases += part.aliases;
    total.directives += part.directives;
    total.debits += part.debits;
  }
  return total;
}
