/**
 * Statuses that a gRPC client sets itself when the server sends nothing. The native client says CANCELLED (1) where
 * grpc-js says DEADLINE_EXCEEDED (4).
 */
const NO_ANSWER: Readonly<Record<number, string>> = {
  1: 'Temporal does not answer in time:',
  4: 'Temporal does not answer in time:',
  14: 'Temporal cannot be reached:',
};
const MAX_CAUSES = 5;
const MAX_MESSAGE_CHARS = 300;

/** A gRPC status with its message. */
export interface GrpcError {
  code: number;
  details: string;
}

/** The gRPC status inside an error of Temporal's client, which wraps what the server sent; null when there is none. */
export function grpcErrorIn(error: unknown): GrpcError | null {
  // Recognised by shape: under jest, errors of native code are not instances of this realm's Error.
  for (
    let cause: unknown = error, depth = 0;
    typeof cause === 'object' && cause !== null && depth < MAX_CAUSES;
    depth += 1
  ) {
    if ('code' in cause && typeof cause.code === 'number') {
      const details = 'details' in cause && typeof cause.details === 'string' ? cause.details : '';
      return {
        code: cause.code,
        details: details === '' && 'message' in cause && typeof cause.message === 'string' ? cause.message : details,
      };
    }
    cause = 'cause' in cause ? cause.cause : undefined;
  }
  return null;
}

/**
 * Describes in one line why a call to Temporal failed, for logs and /readyz.
 *
 * Guarantees: at most 300 characters. The text is Temporal's own status and contains no data of an event.
 */
export function describeTemporalError(error: unknown): string {
  const status = grpcErrorIn(error);
  if (status !== null) {
    const what = NO_ANSWER[status.code] ?? 'Temporal answered with';
    // grpc-js appends this heading, with nothing after it when the address needed no name resolution.
    // Texts go on after this one, so it has no full stop.
    const details = status.details.replace(/\s*Resolution note:\s*$/, '').replace(/\.+$/, '');
    return `${what} gRPC status ${status.code}: ${details}`.slice(0, MAX_MESSAGE_CHARS);
  }
  return error instanceof Error ? `${error.name}: ${error.message}`.slice(0, MAX_MESSAGE_CHARS) : 'unknown error';
}
