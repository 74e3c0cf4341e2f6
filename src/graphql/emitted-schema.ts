import { lexicographicSortSchema, printSchema } from 'graphql';
import { createSchema, type SchemaParts } from './schema';

/** The SDL of the public API, sorted, so that a change shows as itself. The schema needs no database to be printed. */
export function emittedSchema(): string {
  return `${printSchema(lexicographicSortSchema(createSchema({} as SchemaParts)))}\n`;
}
