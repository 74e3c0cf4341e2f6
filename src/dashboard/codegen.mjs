// Writes X.generated.ts beside every X.graphql of the dashboard: the operations' types and documents, against the emitted
// schema. With --check it writes nothing and fails where a file is stale.
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { codegen } from '@graphql-codegen/core';
import * as documents from '@graphql-codegen/typed-document-node';
import * as operations from '@graphql-codegen/typescript-operations';
import { parse } from 'graphql';

const HERE = import.meta.dirname;
const SCHEMA = path.resolve(HERE, '../../schema/schema.graphql');
const CONFIG = {
  useTypeImports: true,
  strictScalars: true,
  skipTypename: true,
  scalars: { ID: 'string', DateTime: 'string', SafeInt: 'number', JSONObject: 'Record<string, unknown>' },
};

function filesEndingWith(ending) {
  return readdirSync(HERE, { recursive: true })
    .filter((file) => file.endsWith(ending))
    .map((file) => path.join(HERE, file))
    .sort();
}

async function generate(schema, file) {
  const document = parse(readFileSync(file, 'utf8'));
  const text = await codegen({
    filename: `${path.basename(file)}.ts`,
    schema,
    documents: [{ location: file, document }],
    config: CONFIG,
    plugins: [{ operations: {} }, { documents: {} }],
    pluginMap: { operations, documents },
  });
  return `// Made by \`npm run codegen\` from ${path.basename(file)}; do not edit.\n${text.trimEnd()}\n`;
}

const checking = process.argv.includes('--check');
const schema = parse(readFileSync(SCHEMA, 'utf8'));
const stale = [];
const wanted = new Set();
for (const file of filesEndingWith('.graphql')) {
  const target = file.replace(/\.graphql$/, '.generated.ts');
  wanted.add(target);
  const text = await generate(schema, file);
  if (existsSync(target) && readFileSync(target, 'utf8') === text) continue;
  stale.push(path.relative(HERE, target));
  if (!checking) writeFileSync(target, text);
}
for (const file of filesEndingWith('.generated.ts').filter((file) => !wanted.has(file))) {
  stale.push(path.relative(HERE, file));
  if (!checking) rmSync(file);
}
if (stale.length > 0) console.log(`${checking ? 'stale, run npm run codegen' : 'written'}: ${stale.join(', ')}`);
if (checking && stale.length > 0) process.exitCode = 1;
