import 'reflect-metadata';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { emittedSchema } from '../graphql/emitted-schema';

if (process.argv.includes('--help')) {
  console.log('Writes the SDL of the public API to schema/schema.graphql.\n\nUsage: npm run schema');
} else {
  const file = path.join('schema', 'schema.graphql');
  writeFileSync(file, emittedSchema());
  console.log(`Wrote ${file}`);
}
