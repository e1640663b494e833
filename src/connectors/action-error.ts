/**
 * The four ways an action can fail (DESIGN "Connectors"); what the bridge does next follows from the class alone.
 * - `transient`: nothing is wrong with the request; it is retried with backoff inside the step's budget.
 * - `permanent`: the request itself is wrong; retrying cannot help.
 * - `credential`: the connection's credential or account does not work; every step of that connection would fail alike.
 * - `ambiguous`: it may have happened; only actions whose effect is not repeatable throw this.
 */
export const ERROR_CLASSES = ['transient', 'permanent', 'credential', 'ambiguous'] as const;

/** One of {@link ERROR_CLASSES}. */
export type ErrorClass = (typeof ERROR_CLASSES)[number];

/** What an {@link ActionError} carries besides its message. */
export interface ActionErrorDetail {
  /** The connection that failed: `hubspot`. */
  connection: string;
  /**
   * Machine-readable, stable: the provider's own code where it has one (`channel_not_found`, `PROPERTY_DOESNT_EXIST`),
   * or `http_503`, `timeout`, `network`.
   */
  code: string;
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
