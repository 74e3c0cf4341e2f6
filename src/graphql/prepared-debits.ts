import {
  getNullableType,
  isInputObjectType,
  isLeafType,
  isListType,
  isNonNullType,
  isObjectType,
  Kind,
  type DocumentNode,
  type GraphQLInputObjectType,
  type GraphQLLeafType,
  type GraphQLObjectType,
  type GraphQLOutputType,
  type GraphQLResolveInfo,
  type GraphQLSchema,
  type OperationDefinitionNode,
  type SelectionSetNode,
} from 'graphql';
import type { RequestContext } from './context';
import { DEBITS } from './limits';

/** What a debit came to, kept for the case that graphql-js must make the answer: then it is not performed again. */
const settled = Symbol('settled');

interface Settled {
  readonly [settled]?: { readonly payload: unknown } | { readonly error: unknown };
}

type Complete = (value: unknown) => unknown;
type Resolve = (source: unknown, args: object, context: RequestContext, info: GraphQLResolveInfo) => unknown;

interface PreparedDebit {
  readonly responseName: string;
  readonly variable: string;
  readonly coerce: (value: unknown) => unknown;
  readonly resolve: Resolve;
  readonly complete: Complete;
  readonly info: Omit<GraphQLResolveInfo, 'variableValues'>;
}

/** Says that only graphql-js can tell what is wrong, or unusual, here. */
class Unprepared extends Error {}

/**
 * Answers documents of one action mutation without graphql-js's cost per field and per input field: what is needed is worked
 * out once per document. Only what goes well is answered here. For anything else (another kind of document, a variable that
 * does not fit, a refusal) it returns null, and graphql-js makes the answer as it always does: a debit that was
 * performed by then is not performed again, since its resolver returns what it came to.
 */
export class PreparedDebits {
  private readonly known = new WeakMap<OperationDefinitionNode, PreparedDebit | null>();

  /** Makes the schema's action mutations return what is settled already. Call it once per schema. */
  constructor(private readonly schema: GraphQLSchema) {
    for (const field of Object.values(schema.getMutationType()?.getFields() ?? {})) {
      const { resolve } = field;
      if (!field.extensions[DEBITS] || !resolve) continue;
      field.resolve = (source: unknown, args, context: RequestContext & Settled, info) => {
        const outcome = context[settled];
        if (!outcome) return resolve(source, args, context, info) as unknown;
        if ('error' in outcome) throw outcome.error;
        return outcome.payload;
      };
    }
  }

  /** The `data` of the answer; null where graphql-js must make it, with this same context. */
  async answer(
    request: { document: DocumentNode; operation: OperationDefinitionNode | undefined },
    variables: Readonly<Record<string, unknown>>,
    context: RequestContext,
  ): Promise<Record<string, unknown> | null> {
    const { document, operation } = request;
    const debit = operation && this.prepared(document, operation);
    if (!debit) return null;
    let input: unknown;
    try {
      input = debit.coerce(variables[debit.variable]);
    } catch {
      return null;
    }
    let payload: unknown;
    try {
      const info = { ...debit.info, variableValues: { [debit.variable]: input } };
      payload = await debit.resolve(undefined, { input }, context, info);
    } catch (error) {
      return settle(context, { error });
    }
    try {
      return { [debit.responseName]: debit.complete(payload) };
    } catch {
      return settle(context, { payload });
    }
  }

  private prepared(document: DocumentNode, operation: OperationDefinitionNode): PreparedDebit | null {
    let debit = this.known.get(operation);
    if (debit === undefined) this.known.set(operation, (debit = this.prepare(document, operation)));
    return debit;
  }

  private prepare(document: DocumentNode, operation: OperationDefinitionNode): PreparedDebit | null {
    const mutations = this.schema.getMutationType();
    const [node, ...others] = operation.selectionSet.selections;
    const [definition, ...otherVariables] = operation.variableDefinitions ?? [];
    if (operation.operation !== 'mutation' || !mutations || node?.kind !== Kind.FIELD || others.length > 0) return null;
    const field = mutations.getFields()[node.name.value];
    const [argument, ...otherArguments] = node.arguments ?? [];
    // A default, a directive, a fragment or a literal: rare, and graphql-js knows them all.
    if (!field?.extensions[DEBITS] || !field.resolve || !node.selectionSet || node.directives?.length) return null;
    if (operation.directives?.length || document.definitions.length > 1 || otherVariables.length > 0) return null;
    if (argument?.value.kind !== Kind.VARIABLE || otherArguments.length > 0 || !definition) return null;
    if (definition.defaultValue || definition.directives?.length) return null;
    const [input] = field.args;
    const inputType = input && getNullableType(input.type);
    if (!isInputObjectType(inputType) || !isNonNullType(input?.type)) return null;
    const complete = completerOf(field.type, node.selectionSet);
    if (!complete) return null;
    const responseName = node.alias?.value ?? node.name.value;
    return {
      responseName,
      variable: argument.value.name.value,
      coerce: inputCoercer(inputType),
      resolve: field.resolve as Resolve,
      complete,
      info: {
        fieldName: node.name.value,
        fieldNodes: [node],
        returnType: field.type,
        parentType: mutations,
        path: { prev: undefined, key: responseName, typename: mutations.name },
        schema: this.schema,
        fragments: {},
        rootValue: undefined,
        operation,
      },
    };
  }
}

/** Leaves to graphql-js an answer that cannot be made here. */
function settle(context: object, outcome: NonNullable<Settled[typeof settled]>): null {
  (context as { [settled]?: object })[settled] = outcome;
  return null;
}

/** Completes a value as graphql-js would; null where something in it has a resolver, or is not a plain selection. */
function completerOf(type: GraphQLOutputType, selectionSet: SelectionSetNode | undefined): Complete | null {
  const nullable = getNullableType(type);
  const complete = isListType(nullable)
    ? listCompleter(nullable.ofType, selectionSet)
    : isLeafType(nullable)
      ? leafCompleter(nullable)
      : isObjectType(nullable) && selectionSet
        ? objectCompleter(nullable, selectionSet)
        : null;
  if (!complete) return null;
  const mayBeNull = nullable === type;
  return (value) => {
    if (value !== null && value !== undefined) return complete(value);
    if (mayBeNull) return null;
    throw new Unprepared();
  };
}

function leafCompleter(type: GraphQLLeafType): Complete {
  return (value) => {
    const serialized = type.serialize(value);
    if (serialized === null || serialized === undefined) throw new Unprepared();
    return serialized;
  };
}

function listCompleter(type: GraphQLOutputType, selectionSet: SelectionSetNode | undefined): Complete | null {
  const complete = completerOf(type, selectionSet);
  if (!complete) return null;
  return (values) => {
    if (!Array.isArray(values)) throw new Unprepared();
    return values.map(complete);
  };
}

function objectCompleter(type: GraphQLObjectType, selectionSet: SelectionSetNode): Complete | null {
  const members: { responseName: string; property: string; complete: Complete }[] = [];
  for (const node of selectionSet.selections) {
    if (node.kind !== Kind.FIELD || node.directives?.length || node.arguments?.length) return null;
    const responseName = node.alias?.value ?? node.name.value;
    // The same name twice is merged by graphql-js, whose objects have no prototype to set.
    if (responseName === '__proto__' || members.some((member) => member.responseName === responseName)) return null;
    if (node.name.value === '__typename') {
      members.push({ responseName, property: '', complete: () => type.name });
      continue;
    }
    const field = type.getFields()[node.name.value];
    const complete = field && !field.resolve && completerOf(field.type, node.selectionSet);
    if (!complete) return null;
    members.push({ responseName, property: node.name.value, complete });
  }
  return (source) => {
    const data: Record<string, unknown> = {};
    for (const { responseName, property, complete } of members) {
      let value = (source as Record<string, unknown>)[property];
      // As in graphql-js, what is costly to make is a function.
      if (typeof value === 'function') value = (value as () => unknown).call(source);
      if (value instanceof Promise) throw new Unprepared();
      data[responseName] = complete(value);
    }
    return data;
  };
}

/** Coerces the value of a variable as graphql-js would. Throws where graphql-js would report anything. */
function inputCoercer(type: GraphQLInputObjectType): (value: unknown) => unknown {
  const fields = Object.values(type.getFields()).map((field) => {
    const nullable = getNullableType(field.type);
    return { ...field, required: isNonNullType(field.type), leaf: isLeafType(nullable) ? nullable : null };
  });
  const names = new Set(fields.map(({ name }) => name));
  return (value) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new Unprepared();
    const given = value as Record<string, unknown>;
    for (const name in given) if (!names.has(name)) throw new Unprepared();
    const coerced: Record<string, unknown> = {};
    for (const { name, required, leaf, defaultValue } of fields) {
      const field = given[name];
      if (field === undefined) {
        if (defaultValue !== undefined) coerced[name] = defaultValue;
        else if (required) throw new Unprepared();
      } else if (field === null) {
        if (required) throw new Unprepared();
        coerced[name] = null;
      } else {
        // Parses as graphql-js does, by the type itself.
        const parsed: unknown = leaf?.parseValue(field);
        if (parsed === undefined) throw new Unprepared();
        coerced[name] = parsed;
      }
    }
    return coerced;
  };
}
