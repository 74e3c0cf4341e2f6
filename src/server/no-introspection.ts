import { GraphQLError, type ASTVisitor, type ValidationContext } from 'graphql';

/** For deployments whose schema is not to be read; Apollo's own rule of the same kind does not reach sockets. */
export function noIntrospection(context: ValidationContext): ASTVisitor {
  return {
    Field(node) {
      if (node.name.value === '__schema' || node.name.value === '__type') {
        context.reportError(new GraphQLError('Unknown field: introspection is off.', { nodes: [node] }));
      }
    },
  };
}
