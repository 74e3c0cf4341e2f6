import 'reflect-metadata';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import {
  buildSchema,
  isEnumType,
  isInputObjectType,
  isInterfaceType,
  isObjectType,
  type GraphQLArgument,
  type GraphQLInputField,
  type GraphQLNamedType,
  type GraphQLSchema,
} from 'graphql';
import { emittedSchema } from '../../src/graphql/emitted-schema';

const ROOT = path.resolve(__dirname, '../..');

describe('the schema', () => {
  const emitted = emittedSchema();
  const schema = buildSchema(emitted);

  it('is the one in schema/schema.graphql: run `npm run schema` after a change', () => {
    expect(readFileSync(path.join(ROOT, 'schema/schema.graphql'), 'utf8')).toBe(emitted);
  });

  it('describes every type, field, argument, input field and value', () => {
    const described = partsOf(schema);
    expect(described.length).toBeGreaterThan(300);
    expect(described.filter(({ description }) => !description?.trim()).map(({ name }) => name)).toEqual([]);
  });

  it('has everything that the contract has, with the same types and defaults', () => {
    const contract = buildSchema(readFileSync(path.join(ROOT, 'test/support/contract.graphql'), 'utf8'));
    const has = new Set(partsOf(schema).map(({ text }) => text));
    const wants = partsOf(contract).map(({ text }) => text);
    expect(wants.length).toBeGreaterThan(300);
    expect(wants.filter((text) => !has.has(text))).toEqual([]);
  });

  it('asks for nothing that the contract does not ask for: what was added is optional', () => {
    const contract = buildSchema(readFileSync(path.join(ROOT, 'test/support/contract.graphql'), 'utf8'));
    const inContract = new Set(partsOf(contract).map(({ name }) => name));
    const added = partsOf(schema).filter(({ name, isRequiredInput }) => isRequiredInput && !inContract.has(name));
    const ofKnownTypes = added.filter(({ name }) => inContract.has(name.slice(0, name.lastIndexOf('.'))));
    expect(ofKnownTypes.map(({ name }) => name)).toEqual([]);
  });
});

interface Part {
  /** Its coordinate, such as `Query.owners.first`. */
  readonly name: string;
  readonly description: string | null | undefined;
  /** What clients rely on: its coordinate, its type and its default. */
  readonly text: string;
  readonly isRequiredInput: boolean;
}

function partsOf(schema: GraphQLSchema): Part[] {
  const builtIn = new Set(['Int', 'Float', 'String', 'Boolean', 'ID']);
  return Object.values(schema.getTypeMap())
    .filter(({ name }) => !name.startsWith('__') && !builtIn.has(name))
    .flatMap((type) => [partOfType(type), ...partsOfType(type)]);
}

function partOfType(type: GraphQLNamedType): Part {
  const interfaces = isObjectType(type) || isInterfaceType(type) ? type.getInterfaces().map(String).sort() : [];
  const text = [type.constructor.name, type.name, ...interfaces].join(' ');
  return { name: type.name, description: type.description, text, isRequiredInput: false };
}

function partsOfType(type: GraphQLNamedType): Part[] {
  if (isEnumType(type)) {
    return type.getValues().map(({ name, description }) => {
      const coordinate = `${type.name}.${name}`;
      return { name: coordinate, description, text: coordinate, isRequiredInput: false };
    });
  }
  if (isInputObjectType(type)) return Object.values(type.getFields()).map((field) => inputPart(type.name, field));
  if (!isObjectType(type) && !isInterfaceType(type)) return [];
  return Object.values(type.getFields()).flatMap((field) => {
    const name = `${type.name}.${field.name}`;
    const part = { name, description: field.description, text: `${name}: ${field.type}`, isRequiredInput: false };
    return [part, ...field.args.map((argument) => inputPart(name, argument))];
  });
}

function inputPart(parent: string, input: GraphQLArgument | GraphQLInputField): Part {
  const name = `${parent}.${input.name}`;
  const hasDefault = input.defaultValue !== undefined;
  const text = `${name}: ${input.type}${hasDefault ? ` = ${JSON.stringify(input.defaultValue)}` : ''}`;
  const isRequiredInput = String(input.type).endsWith('!') && !hasDefault;
  return { name, description: input.description, text, isRequiredInput };
}
