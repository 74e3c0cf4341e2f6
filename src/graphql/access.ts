import {
  getNamedType,
  GraphQLInputObjectType,
  isInterfaceType,
  isIntrospectionType,
  isObjectType,
  Kind,
  type DocumentNode,
  type FragmentDefinitionNode,
  type GraphQLFieldResolver,
  type GraphQLNamedType,
  type GraphQLSchema,
  type OperationDefinitionNode,
  type SelectionSetNode,
} from 'graphql';
import { Extensions } from 'type-graphql';
import type { ApiKeyRole } from '../access/api-key-secret';
import { forbidden, unauthenticated } from '../access/caller';
import type { DomainError } from '../errors';
import type { RequestContext, UncheckedContext } from './context';

/**
 * Declares next to a field which roles may use it. Every field of every object type must have a declaration: the schema is
 * not built without. On an input field it says which roles may give it.
 */
export function AllowedTo(...roles: readonly ApiKeyRole[]): MethodDecorator & PropertyDecorator {
  return Extensions({ allowedTo: new Set(roles) }) as MethodDecorator & PropertyDecorator;
}

/** The same for an input field whose null says nothing, such as clients send for a variable that is not set. */
export function NonNullAllowedTo(...roles: readonly ApiKeyRole[]): PropertyDecorator {
  return Extensions({ allowedTo: new Set(roles), nullIsAbsent: true }) as PropertyDecorator;
}

export const EVERYONE = ['ADMIN', 'OWNER', 'APP', 'PUBLISHABLE'] as const;
export const ALL_BUT_PUBLISHABLE = ['ADMIN', 'OWNER', 'APP'] as const;
export const MANAGERS = ['ADMIN', 'OWNER'] as const;

type Declared = { extensions: { allowedTo?: ReadonlySet<ApiKeyRole>; nullIsAbsent?: boolean } };

/** Fails where a field has no declaration; makes resolvers refuse arguments that the caller's role may not give. */
export function enforceAccess(schema: GraphQLSchema): void {
  for (const type of Object.values(schema.getTypeMap())) {
    if (isIntrospectionType(type) || !(isObjectType(type) || isInterfaceType(type))) continue;
    for (const field of Object.values(type.getFields())) {
      if (!(field as Declared).extensions.allowedTo) {
        throw new Error(`${type.name}.${field.name} does not declare who may use it: add @AllowedTo.`);
      }
      const restricted = field.args.flatMap((arg) => restrictedInputFields(arg.name, getNamedType(arg.type)));
      if (restricted.length > 0) field.resolve = refusing(restricted, field.resolve);
    }
  }
}

interface RestrictedInputField {
  readonly argument: string;
  readonly name: string;
  readonly allowedTo: ReadonlySet<ApiKeyRole>;
  readonly nullIsAbsent: boolean;
}

function restrictedInputFields(argument: string, type: GraphQLNamedType): RestrictedInputField[] {
  if (!(type instanceof GraphQLInputObjectType)) return [];
  return Object.values(type.getFields()).flatMap((field) => {
    const { allowedTo, nullIsAbsent = false } = (field as Declared).extensions;
    return allowedTo ? [{ argument, name: field.name, allowedTo, nullIsAbsent }] : [];
  });
}

function refusing(
  restricted: readonly RestrictedInputField[],
  resolve: GraphQLFieldResolver<unknown, RequestContext> | undefined,
): GraphQLFieldResolver<unknown, RequestContext> {
  return (source, args, context, info) => {
    for (const { argument, name, allowedTo, nullIsAbsent } of restricted) {
      const value = (args[argument] as Record<string, unknown> | null | undefined)?.[name];
      if (value === undefined || (nullIsAbsent && value === null)) continue;
      if (!allowedTo.has(context.caller.role)) throw forbidden();
    }
    return resolve?.(source, args, context, info);
  };
}

const verdicts = new WeakMap<DocumentNode, Map<string, boolean>>();

/**
 * Whether the caller may use every field that an operation selects: decided before anything is executed, so that a field which
 * is refused deep inside a mutation's payload does not come after the mutation. Returns the refusal, or null.
 */
export function checkAccess(
  schema: GraphQLSchema,
  document: DocumentNode,
  operation: OperationDefinitionNode,
  context: UncheckedContext,
): DomainError | null {
  if (context.refusal) return context.refusal;
  if (!context.caller) return selectsOnlyIntrospection(operation) ? null : unauthenticated();
  const { role } = context.caller;
  const key = `${operation.name?.value ?? ''} ${operation.loc?.start ?? 0} ${role}`;
  let known = verdicts.get(document);
  if (!known) verdicts.set(document, (known = new Map()));
  let allowed = known.get(key);
  if (allowed === undefined) known.set(key, (allowed = allows(schema, document, operation, role)));
  return allowed ? null : forbidden();
}

/** The schema is no secret: it may be read without a key, unless introspection is configured off. */
function selectsOnlyIntrospection(operation: OperationDefinitionNode): boolean {
  return operation.selectionSet.selections.every(
    (selection) => selection.kind === Kind.FIELD && selection.name.value.startsWith('__'),
  );
}

function allows(
  schema: GraphQLSchema,
  document: DocumentNode,
  operation: OperationDefinitionNode,
  role: ApiKeyRole,
): boolean {
  const fragments = new Map<string, FragmentDefinitionNode>();
  for (const definition of document.definitions) {
    if (definition.kind === Kind.FRAGMENT_DEFINITION) fragments.set(definition.name.value, definition);
  }
  const visited = new Set<string>();

  const check = (selectionSet: SelectionSetNode, parent: GraphQLNamedType | null | undefined): boolean =>
    selectionSet.selections.every((selection) => {
      if (selection.kind === Kind.INLINE_FRAGMENT) {
        const { typeCondition } = selection;
        return check(selection.selectionSet, typeCondition ? schema.getType(typeCondition.name.value) : parent);
      }
      if (selection.kind === Kind.FRAGMENT_SPREAD) {
        const fragment = fragments.get(selection.name.value);
        if (!fragment || visited.has(selection.name.value)) return true;
        visited.add(selection.name.value);
        return check(fragment.selectionSet, schema.getType(fragment.typeCondition.name.value));
      }
      if (selection.name.value.startsWith('__')) return true;
      const field =
        isObjectType(parent) || isInterfaceType(parent) ? parent.getFields()[selection.name.value] : undefined;
      if (!field || !(field as Declared).extensions.allowedTo?.has(role)) return false;
      return !selection.selectionSet || check(selection.selectionSet, getNamedType(field.type));
    });

  return check(operation.selectionSet, schema.getRootType(operation.operation));
}
