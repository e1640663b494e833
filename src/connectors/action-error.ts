import type { ErrorClass, StepErrorCode } from '../errors/step-errors';

declare const fromProvider: unique symbol;

/** A provider's own error code. {@link providerCode} makes it. */
export type ProviderCode = string & { readonly [fromProvider]: true };

/** Marks a string as a provider's own code (`channel_not_found`), as opposed to one of the bridge's own. */
export function providerCode(code: string): ProviderCode {
  return code as ProviderCode;
}

/** Why an action failed: described in src/errors/step-errors.ts, a status, or the provider's own code. */
export type ActionErrorCode =
  | StepErrorCode
  | `http_${number}`
  | `smtp_${number}`
  | `smtp_${number}_${string}`
  | `storage_http_${number}`
  | ProviderCode;

/** What an {@link ActionError} carries besides its message. */
export interface ActionErrorDetail {
  /** The connection that failed: `hubspot`. */
  connection: string;
  /**
   * With class `credential`: the only part of the connection that refuses, one of its `parts`. The steps that it refused
   * wait in a queue of their own, and the rest of the connection goes on. Absent when the whole connection fails.
   */
  part?: string;
  /**
   * Machine-readable and stable: the provider's own code where it has one (`channel_not_found`,
   * `PROPERTY_DOESNT_EXIST`), or `http_503`, `timeout`, `network`.
   */
  code: ActionErrorCode;
  /** What the operator should do, one sentence. */
  remedy?: string;
  /** How long the provider asks to wait before the next attempt. */
  retryAfterMs?: number;
  /** The provider's id for the request, for its support. */
  correlationId?: string;
}

/**
 * The only error an action may throw. It reaches Temporal's history and the logs as it is, so its message and details
 * must hold no personal data, no body, no header and no token: status codes, error codes and names of settings only.
 */
export class ActionError extends Error {
  override readonly name = 'ActionError';

  constructor(
    readonly errorClass: ErrorClass,
    message: string,
    readonly detail: ActionErrorDetail,
  ) {
    super(message);
  }
}
