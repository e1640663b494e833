import { z } from 'zod';
import { ActionError, type ActionErrorCode, type ActionErrorDetail, providerCode } from '../action-error';
import type { ErrorClass } from '../../errors/step-errors';
import { retryAfterMs } from '../network-failure';

const CONNECTION = 'hubspot';
const PROPERTY_NAME = /^[a-z][a-z0-9_]{0,99}$/i;
const CODE = /^[A-Z][A-Z0-9_]{0,63}$/;
const SCOPE = /^[a-z][a-z0-9._-]{0,79}$/;
const CORRELATION_ID = /^[0-9a-f-]{16,64}$/i;

/**
 * HubSpot's windows and how long each takes to open again; it documents no Retry-After (reference connectors.md 1.5).
 */
const WINDOW_MS: Readonly<Record<string, number>> = { SECONDLY: 1_000, TEN_SECONDLY_ROLLING: 10_000, DAILY: 3_600_000 };
const UNKNOWN_WINDOW_MS = 2_000;
/** A locked record (423) needs at least this long (reference connectors.md 1.5). */
const LOCKED_MS = 2_000;
/** Statuses below 500 that pass: request timeout, locked, too early, portal migration. */
const PASSING_STATUSES = new Set([408, 423, 425, 477]);
const CONFLICT_CODES = new Set([
  'CONFLICT',
  'CONFLICTING_UNIQUE_VALUE',
  'STORAGE_UNIQUE_CONFLICT',
  'OBJECT_ALREADY_EXISTS',
]);

/** HubSpot's words for a unique value that is taken; not every answer has a code (seen for deals and orders). */
const TAKEN = /already has that value/i;
const EXISTING_ID = /\bExisting ID: *(\d{1,20})\b|\b(\d{1,20}) already has that value/i;

/** What HubSpot's scopes are about: it refuses requests for one and accepts those for another. */
export const HUBSPOT_PARTS = ['contacts', 'calls', 'tasks', 'owners', 'properties'] as const;
export type HubSpotPart = (typeof HUBSPOT_PARTS)[number];

/** What HubSpot answered, in so far as the bridge decides by it. */
export interface AnswerFacts {
  status: number;
  /** Internal names of the properties that HubSpot objects to. */
  properties: readonly string[];
  /** Machine-readable codes, most specific first: `PROPERTY_DOESNT_EXIST`, `VALIDATION_ERROR`. */
  codes: readonly string[];
  /** Scopes that the token lacks, with status 403; empty when HubSpot does not name them. */
  scopes: readonly string[];
  /** A unique value that another record has already. */
  conflict: boolean;
  /** The id of that record, when HubSpot's message tells it: `Existing ID: 123`, `123 already has that value`. */
  existingId: string | null;
}

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

const text = z.string().optional().catch(undefined);
const errorItem = z.object({
  code: text,
  error: text,
  name: text,
  message: text,
  context: z.record(z.string(), z.array(z.string()).catch([])).catch({}).default({}),
});
const errorItems = z.array(errorItem).catch([]).default([]);
const errorBody = z.object({
  message: text,
  category: text,
  errorType: text,
  policyName: text,
  correlationId: text,
  errors: errorItems,
  context: z.record(z.string(), z.array(z.string()).catch([])).catch({}).default({}),
});
type ErrorBody = z.output<typeof errorBody>;
type ErrorItem = z.output<typeof errorItem>;

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
  const body = errorBody.parse(readObject(bodyText));
  const items = [...body.errors, ...itemsInMessage(body.message)];
  const codes = unique(
    [...items.flatMap((item) => [item.code, item.error]), body.category, body.errorType].filter(isCode),
  );
  const properties = unique(
    items.flatMap((item) => [item.name, ...(item.context['propertyName'] ?? [])]).filter(isPropertyName),
  );
  const messages = [body.message, ...items.map((item) => item.message)].filter((each) => each !== undefined);
  const facts: AnswerFacts = {
    status,
    codes,
    properties,
    scopes: status === 403 ? missingScopes(body, items) : [],
    conflict:
      status === 409 ||
      (status === 400 && (codes.some((code) => CONFLICT_CODES.has(code)) || messages.some((each) => TAKEN.test(each)))),
    existingId:
      messages
        .map((each) => EXISTING_ID.exec(each))
        .find((match) => match !== null)
        ?.slice(1)
        .find(Boolean) ?? null,
  };
  const correlationId = body.correlationId ?? headers.get('x-hubspot-correlation-id') ?? undefined;
  const trace = correlationId !== undefined && CORRELATION_ID.test(correlationId) ? { correlationId } : {};
  const code: ActionErrorCode = codes[0] === undefined ? `http_${status}` : providerCode(codes[0]);

  if (status === 429) {
    const policy = isCode(body.policyName) ? body.policyName : undefined;
    const wait =
      retryAfterMs(headers.get('retry-after')) ??
      (policy === undefined ? undefined : WINDOW_MS[policy]) ??
      UNKNOWN_WINDOW_MS;
    const which = policy === undefined ? '' : ` (${policy})`;
    return new HubSpotFailure(
      'transient',
      `HubSpot's rate limit is reached${which}`,
      { code: policy === undefined ? 'rate_limit' : providerCode(policy), retryAfterMs: wait, ...trace },
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

function missingScopes(body: ErrorBody, items: readonly ErrorItem[]): string[] {
  const contexts = [body.context, ...items.map((item) => item.context)];
  const scopes = contexts.flatMap((context) => [
    ...(context['missingScopes'] ?? []),
    ...(context['requiredGranularScopes'] ?? []),
    ...(context['requiredScopes'] ?? []),
  ]);
  return unique(scopes.filter((scope) => SCOPE.test(scope))).slice(0, 10);
}

/**
 * HubSpot writes the faults of single properties as JSON into the message: `Property values were not valid:
 * [{"error":…,"name":…}]`.
 */
function itemsInMessage(message: string | undefined): ErrorItem[] {
  const start = message?.indexOf('[{') ?? -1;
  const end = message?.lastIndexOf(']') ?? -1;
  if (message === undefined || start < 0 || end < start) {
    return [];
  }
  try {
    return errorItems.parse(JSON.parse(message.slice(start, end + 1)));
  } catch {
    return [];
  }
}

function readObject(bodyText: string): object {
  try {
    const parsed: unknown = JSON.parse(bodyText);
    return typeof parsed === 'object' && parsed !== null ? parsed : {};
  } catch {
    return {};
  }
}

function isCode(value: string | undefined): value is string {
  return value !== undefined && CODE.test(value);
}

function isPropertyName(value: string | undefined): value is string {
  return value !== undefined && PROPERTY_NAME.test(value);
}

function unique(values: readonly string[]): string[] {
  return [...new Set(values)];
}
