/** Why an export ended before its file was whole, as errorWords reads it. */
export class ExportFailed extends Error {
  readonly graphQLErrors: readonly { readonly message: string; readonly extensions: Record<string, unknown> }[];
  /** Whether another try would fail alike. */
  readonly final: boolean;

  /** `answer`: what the API said, in the form of a GraphQL error; null where the connection was lost. */
  constructor(answer: { readonly message: string; readonly extensions: Record<string, unknown> } | null) {
    super(answer?.message ?? 'The connection was lost.');
    this.graphQLErrors = answer ? [answer] : [];
    this.final = answer !== null && answer.extensions['code'] !== 'UNAVAILABLE';
  }
}

/** The refusal that a response carries; a proxy's own answer counts as a service that is not there. */
export async function exportErrorOf(response: Response): Promise<ExportFailed> {
  try {
    const { errors } = (await response.json()) as { errors: ExportFailed['graphQLErrors'] };
    return new ExportFailed(errors[0] ?? null);
  } catch {
    return new ExportFailed(null);
  }
}
