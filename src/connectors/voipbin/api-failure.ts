import { parseExactly } from '../../events/exact-number';
import { z } from 'zod';
import { ActionError, type ActionErrorDetail, providerCode } from '../action-error';
import { retryAfterMs } from '../network-failure';

const CONNECTION = 'voipbin';
const DEFAULT_WAIT_AFTER_429_MS = 1_000;

/** The error envelope of every VoIPBIN answer that is not a success (reference voipbin.md 5). */
const envelope = z.object({
  error: z.object({
    status: z.string().optional(),
    reason: z.string().optional(),
    request_id: z.string().optional(),
  }),
});

const REMEDIES: Readonly<Partial<Record<number, string>>> = {
  401: 'Set VOIPBIN_ACCESS_KEY to a valid access key; keys expire.',
  402: 'Top up the VoIPBIN account.',
  403: 'Give the access key the permission for this, or use a key of the right customer.',
};

/** The parts of an answer that decide the error class. */
export interface RefusedAnswer {
  status: number;
  retryAfter: string | null;
  /** As received; none of it but the envelope's own codes gets into the error. */
  body: string;
}

/**
 * Classifies an answer that is not a success (DESIGN "Connectors"): 401, 402 and 403 are
 * `credential`; 408, 429 and 5xx `transient`; the rest `permanent`.
 */
export function apiFailure(answer: RefusedAnswer): ActionError {
  const { status } = answer;
  const { reason, requestId } = readEnvelope(answer.body);
  const detail: ActionErrorDetail = {
    connection: CONNECTION,
    code: reason === null ? `http_${status}` : providerCode(reason),
    ...(requestId === null ? {} : { correlationId: requestId }),
  };
  if (status === 401 || status === 402 || status === 403) {
    return new ActionError(
      'credential',
      `voipbin refused the account or its access key (${status})`,
      withRemedy(detail, REMEDIES[status]),
    );
  }
  if (status === 429) {
    return new ActionError('transient', 'voipbin limits the rate of requests (429)', {
      ...detail,
      retryAfterMs: retryAfterMs(answer.retryAfter) ?? DEFAULT_WAIT_AFTER_429_MS,
    });
  }
  if (status === 408 || status >= 500) {
    const wait = retryAfterMs(answer.retryAfter);
    return new ActionError(
      'transient',
      `voipbin failed (${status})`,
      wait === undefined ? detail : { ...detail, retryAfterMs: wait },
    );
  }
  if (status >= 300 && status < 400) {
    return new ActionError('permanent', `voipbin answered with a redirect (${status}), which is not followed`, {
      ...detail,
      remedy: 'Set VOIPBIN_API_URL to the final address; it ends in /v1.0.',
    });
  }
  return new ActionError('permanent', `voipbin refused the request (${status})`, detail);
}

function withRemedy(detail: ActionErrorDetail, remedy: string | undefined): ActionErrorDetail {
  return remedy === undefined ? detail : { ...detail, remedy };
}

/** Only words of a fixed form leave the envelope: anything else could hold a number or a text. */
function readEnvelope(body: string): { reason: string | null; requestId: string | null } {
  const parsed = envelope.safeParse(parseJson(body));
  if (!parsed.success) {
    return { reason: null, requestId: null };
  }
  const { reason = '', request_id = '' } = parsed.data.error;
  return {
    reason: /^[A-Z][A-Z0-9_]{1,63}$/.test(reason) ? reason : null,
    requestId: /^[A-Za-z0-9_-]{1,64}$/.test(request_id) ? request_id : null,
  };
}

/** Parses JSON, with the digits of its numbers; undefined when the text is not JSON. */
export function parseJson(text: string): unknown {
  try {
    return parseExactly(text);
  } catch {
    return undefined;
  }
}
