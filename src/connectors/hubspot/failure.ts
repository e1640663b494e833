import { ActionError, type ActionErrorCode, type ActionErrorDetail, providerCode } from '../action-error';
import type { ErrorClass } from '../../errors/step-errors';
import { retryAfterMs } from '../network-failure';
import { readAnswer, type AnswerFacts } from './answer-facts';

const CONNECTION = 'hubspot';
/**
 * HubSpot's windows and how long each takes to open again; it documents no Retry-After (reference connectors.md 1.5).
 */
const WINDOW_MS: Readonly<Record<string, number>> = { SECONDLY: 1_000, TEN_SECONDLY_ROLLING: 10_000, DAILY: 3_600_000 };
const UNKNOWN_WINDOW_MS = 2_000;
/** A locked record (423) needs at least this long (reference connectors.md 1.5). */
const LOCKED_MS = 2_000;
/** Statuses below 500 that pass: request timeout, locked, too early, portal migration. */
const PASSING_STATUSES = new Set([408, 423, 425, 477]);
/** What HubSpot's scopes are about: it refuses requests for one and accepts those for another. */
export const HUBSPOT_PARTS = ['contacts', 'calls', 'tasks', 'owners', 'properties'] as const;
export type HubSpotPart = (typeof HUBSPOT_PARTS)[number];

/**
 * An answer of HubSpot's that is not a success. Message and details hold status, codes, scopes, property names and the
 * correlation id only: HubSpot's own message repeats values, and its headers carry cookies.
 */
export class HubSpotFailure extends ActionError {
  constructor(
    errorClass: ErrorClass,
    message: string,
    detail: Omit<ActionErrorDetail, 'connection'>,
    readonly answer: AnswerFacts,
  ) {
    super(errorClass, message, { connection: CONNECTION, ...detail });
  }
}

/** A `transient` error of the connection itself, without an answer of HubSpot's to blame. */
export function transientFailure(
  message: string,
  code: ActionErrorCode,
  more: { retryAfterMs?: number; remedy?: string } = {},
): ActionError {
  return new ActionError('transient', message, { connection: CONNECTION, code, ...more });
}

/** A `permanent` error found here, before HubSpot was asked. */
export function permanentFailure(message: string, code: ActionErrorCode, remedy: string): ActionError {
  return new ActionError('permanent', message, { connection: CONNECTION, code, remedy });
}

/** Whether an error is HubSpot's answer with this status. */
export function answered(error: unknown, status: number): error is HubSpotFailure {
  return error instanceof HubSpotFailure && error.answer.status === status;
}

/** Whether an error says that another record has the unique value already. */
export function isConflict(error: unknown): error is HubSpotFailure {
  return error instanceof HubSpotFailure && error.answer.conflict;
}

/** The properties whose values an answer refuses; empty for other errors, a conflict among them. */
export function refusedProperties(error: unknown): readonly string[] {
  return error instanceof HubSpotFailure && error.errorClass === 'permanent' && !error.answer.conflict
    ? error.answer.properties
    : [];
}

/** Codes that are about a property, whatever its value is, and the category that stands beside all of them. */
const OF_PROPERTIES = new Set(['PROPERTY_DOESNT_EXIST', 'READ_ONLY_VALUE', 'VALIDATION_ERROR']);

/** Whether a refusal of properties holds for every value of them: the account does not have them. */
export function isForAnyValue({ answer: { codes } }: HubSpotFailure): boolean {
  return codes.some((code) => code !== 'VALIDATION_ERROR') && codes.every((code) => OF_PROPERTIES.has(code));
}

/** The time within which HubSpot's search sees a new record nearly always; HubSpot says "a few moments". */
const SEARCH_LAG_MS = 15_000;

/**
 * The error of a creation whose record only a search can find again: where the record may have been made, the next attempt
 * waits until the search has caught up. Other errors unchanged.
 */
export function withSearchLag(error: unknown): unknown {
  const isSureNotMade = answered(error, 429) || answered(error, 423);
  if (!(error instanceof ActionError) || error.errorClass !== 'transient' || isSureNotMade) {
    return error;
  }
  const retryAfter = Math.max(error.detail.retryAfterMs ?? 0, SEARCH_LAG_MS);
  return new ActionError('transient', error.message, { ...error.detail, retryAfterMs: retryAfter });
}

/** A conflict with a record that HubSpot shows nowhere, and that does not pass by waiting. */
export function hiddenConflict(conflict: HubSpotFailure): ActionError {
  const { correlationId } = conflict.detail;
  return new ActionError('permanent', 'HubSpot says that this record exists already, and shows it nowhere', {
    connection: CONNECTION,
    code: 'conflict_hidden',
    remedy:
      'Look in HubSpot for a deleted or restricted record with the same value, and restore it or delete it for good.',
    ...(correlationId === undefined ? {} : { correlationId }),
  });
}

/**
 * Turns an answer that is not a success into a classified error (reference connectors.md 1.5).
 *
 * @param part what was asked for; null when it is none of the parts.
 */
export function failureOf(
  status: number,
  headers: Pick<Headers, 'get'>,
  bodyText: string,
  part: HubSpotPart | null,
): HubSpotFailure {
  const { facts, policy, correlationId } = readAnswer(status, headers, bodyText);
  const { codes } = facts;
  const trace = correlationId === null ? {} : { correlationId };
  const code: ActionErrorCode = codes[0] === undefined ? `http_${status}` : providerCode(codes[0]);

  if (status === 429) {
    const wait =
      retryAfterMs(headers.get('retry-after')) ??
      (policy === null ? undefined : WINDOW_MS[policy]) ??
      UNKNOWN_WINDOW_MS;
    const which = policy === null ? '' : ` (${policy})`;
    return new HubSpotFailure(
      'transient',
      `HubSpot's rate limit is reached${which}`,
      { code: policy === null ? 'rate_limit' : providerCode(policy), retryAfterMs: wait, ...trace },
      facts,
    );
  }
  if (status === 401) {
    return new HubSpotFailure(
      'credential',
      'HubSpot refuses the access token (401)',
      {
        code,
        remedy:
          'Put a valid service key or private app token into connections.hubspot.access_token (HUBSPOT_ACCESS_TOKEN).',
        ...trace,
      },
      facts,
    );
  }
  if (status === 403) {
    const { scopes } = facts;
    return new HubSpotFailure(
      'credential',
      `HubSpot does not allow this to the access token (403)${part === null ? '' : `: ${part}`}`,
      {
        code,
        // HubSpot's error page: 403 is about the address that was asked for, 401 about the token.
        ...(part === null ? {} : { part }),
        remedy: `Give the token ${scopes.length === 0 ? 'the scopes that the manual lists' : `the scopes ${scopes.join(', ')}`}.`,
        ...trace,
      },
      facts,
    );
  }
  if (status >= 500 || PASSING_STATUSES.has(status)) {
    const wait = retryAfterMs(headers.get('retry-after')) ?? (status === 423 ? LOCKED_MS : undefined);
    return new HubSpotFailure(
      'transient',
      `HubSpot answered ${status}`,
      { code: `http_${status}`, ...(wait === undefined ? {} : { retryAfterMs: wait }), ...trace },
      facts,
    );
  }
  if (status >= 300 && status < 400) {
    return new HubSpotFailure(
      'transient',
      `HubSpot answered with a redirect (${status})`,
      { code: 'redirect', remedy: 'Check connections.hubspot.base_url, and any proxy on the way.', ...trace },
      facts,
    );
  }
  return new HubSpotFailure(
    'permanent',
    permanentMessage(facts, code),
    { code, ...permanentRemedy(facts), ...trace },
    facts,
  );
}

function permanentMessage(facts: AnswerFacts, code: string): string {
  const about = facts.properties.length === 0 ? '' : `: ${facts.properties.join(', ')}`;
  return `HubSpot refuses the request (${facts.status} ${code})${about}`;
}

function permanentRemedy(facts: AnswerFacts): { remedy?: string } {
  if (facts.codes.includes('PROPERTY_DOESNT_EXIST')) {
    return {
      remedy: 'Create the property in HubSpot (Settings > Properties), or correct its internal name in the rule file.',
    };
  }
  if (facts.properties.length > 0) {
    return {
      remedy: 'Look at what the rule gives these properties, and at the validation rules that HubSpot has for them.',
    };
  }
  return {};
}
