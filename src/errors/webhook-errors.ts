import type { ErrorDescription } from './error-description';

/** An answer of the webhook that is not 200. */
export interface WebhookError extends ErrorDescription {
  /** The HTTP status; null where it depends on what is wrong with the request. */
  readonly status: number | null;
}

const RESENT = 'VoIPBIN sends the event again, up to three times, one second apart.';

/**
 * Every reason for which a request to the webhook's port is refused. The key is `error` in the JSON answer and the
 * label `reason` of `bridge_requests_refused_total`.
 */
export const WEBHOOK_ERRORS = {
  method: {
    status: 405,
    meaning: 'The method is not one that VoIPBIN sends events with: POST or PUT; GET and DELETE only with a body.',
    remedy: 'Set the method of the webhook to POST.',
  },
  address: {
    status: 403,
    meaning: 'The address of the caller is not in `receiver.ip_allow`.',
    remedy:
      'If it is VoIPBIN, add its address. Behind a proxy, name the proxy in `receiver.trust_proxy`. VoIPBIN does not send the event again; `bridge backfill` finds it.',
  },
  page: {
    status: 403,
    meaning: 'The request comes from a web page in a browser, and no webhook secret is set.',
    remedy: 'Nothing, unless the page is yours: then set `VOIPBIN_WEBHOOK_SECRET`, and let it sign its events.',
  },
  too_large: {
    status: 413,
    meaning: 'The body is larger than 10 MiB.',
    remedy: 'Nothing: no known event is that large.',
  },
  signature: {
    status: 401,
    meaning: 'The `X-VoIPBIN-Signature` header is missing, or was made with another secret.',
    remedy:
      'Compare `VOIPBIN_WEBHOOK_SECRET` with the secret in the VoIPBIN account. Set both secrets, separated by a comma, while you change it. VoIPBIN does not send the event again; `bridge backfill` finds it.',
  },
  encoding: {
    status: 415,
    meaning: 'The body is compressed.',
    remedy: 'Turn off compression in the proxy in front of the bridge.',
  },
  not_an_event: {
    status: 400,
    meaning:
      'The body is not JSON, or has no `type` and `data`. It is kept in quarantine, unless its sender sends many.',
    remedy: 'See `bridge events list --quarantine`, and check what else is sent to this address.',
  },
  broken: {
    status: 400,
    meaning: 'The connection ended before the body did.',
    remedy: 'Nothing, unless it happens often: then look at the network and the proxy.',
  },
  busy: {
    status: 503,
    meaning:
      'Too many large bodies are being received at once, or the body is large and its sender sent too many bad requests within a minute.',
    remedy: RESENT,
  },
  unavailable: {
    status: 503,
    meaning: 'The event cannot be stored at present.',
    remedy: `${RESENT} See \`/readyz\` for what is wrong with the disk.`,
  },
  http: {
    status: null,
    meaning: 'The request is not HTTP, or takes too long: 400, 408, 413 or 431.',
    remedy: 'Nothing, unless it is VoIPBIN: then look at the proxy in front of the bridge.',
  },
} as const satisfies Readonly<Record<string, WebhookError>>;

/** Why a request is refused. */
export type RefusalReason = keyof typeof WEBHOOK_ERRORS;

/** All of them. */
export const REFUSAL_REASONS = Object.keys(WEBHOOK_ERRORS) as RefusalReason[];
