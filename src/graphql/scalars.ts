import { GraphQLScalarType } from 'graphql';
import { GraphQLDateTime, GraphQLJSONObject, GraphQLSafeInt } from 'graphql-scalars';

/** graphql-scalars' types with our descriptions. Instants are milliseconds inside and serialised with milliseconds, in UTC. */
export const DateTime = new GraphQLScalarType<number | Date, Date>({
  ...GraphQLDateTime.toConfig(),
  description: 'An instant in UTC, RFC 3339 with milliseconds.',
  specifiedByURL: null,
});

export const JSONObject = new GraphQLScalarType<object, object>({
  ...GraphQLJSONObject.toConfig(),
  description: 'A JSON object, at most 4 KiB as text.',
  specifiedByURL: null,
});

export const SafeInt = new GraphQLScalarType<number | string, number>({
  ...GraphQLSafeInt.toConfig(),
  description: 'An integer up to 2^53 - 1.',
  specifiedByURL: null,
});
