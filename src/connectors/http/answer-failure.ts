import { ActionError, type ActionErrorCode, type ActionErrorDetail } from '../action-error';
import { retryAfterMs } from '../network-failure';

/** The parts of an answer that decide the error class. */
export interface RefusedAnswer {
  status: number;
  retryAfter: string | undefined;
  /** The host that answered. Errors may name nothing else of the URL. */
  host: string;
  /** Whether doing the request again has the effect of doing it once. */
  repeatable: boolean;
}

/** Statuses which mean that nothing was done, whatever the method (RFC 9110 15.5.9, RFC 6585 4, RFC 8470 5.2). */
const NOT_DONE = new Set([408, 425, 429]);
/** A server that will never do it, whatever the request's content. */
const NOT_SUPPORTED = new Set([501, 505]);

/**
 * Classifies an answer that is not a success.
 * - 408, 425, 429, and 503 with `Retry-After`: `transient`, the server has not taken the request.
 * - 501 and 505: `permanent`, it never will.
 * - other 5xx: `transient` for what may be repeated. For what may not they are `ambiguous`: a handler that fails
 *   half-way (500), one behind a gateway that gave up waiting (502, 504), or one whose connection to the gateway broke
 *   after the request had gone out (503: envoyproxy/envoy#10007, istio/istio#13205) may have had its effect.
 * - everything else: `permanent`; also 401 and 403, for the credential is the rule's, not the connection's.
 */
export function answerFailure({ status, retryAfter, host, repeatable }: RefusedAnswer): ActionError {
  const detail: ActionErrorDetail = { connection: 'http', code: `http_${status}` };
  const wait = retryAfterMs(retryAfter);
  const isNotDone = NOT_DONE.has(status) || (status === 503 && wait !== undefined);
  if (!isNotDone && (status < 500 || NOT_SUPPORTED.has(status))) {
    return new ActionError('permanent', `${host} refused the request (${status})`, {
      ...detail,
      remedy: remedyFor(status),
    });
  }
  if (!isNotDone && !repeatable) {
    return ambiguous(`${host} failed in the middle (${status})`, detail.code);
  }
  return new ActionError(
    'transient',
    `${host} cannot do it now (${status})`,
    wait === undefined ? detail : { ...detail, retryAfterMs: wait },
  );
}

/** A request that may have had its effect and may not be repeated. */
export function ambiguous(message: string, code: ActionErrorCode): ActionError {
  return new ActionError('ambiguous', `${message}; the request may have had its effect`, {
    connection: 'http',
    code,
    remedy:
      'Look there whether it was done; retry the run if not. Where the server knows Idempotency-Key, set that header in the rule: then the bridge retries by itself.',
  });
}

function remedyFor(status: number): string {
  if (status === 401 || status === 403) {
    return 'Check the credential in `headers` of the rule.';
  }
  if (status >= 300 && status < 400) {
    return 'Set `url` in the rule to the final address.';
  }
  return "Check `url`, `method` and `body` of the rule against the server's documentation.";
}
