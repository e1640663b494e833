import { z } from 'zod';

const PROPERTY_NAME = /^[a-z][a-z0-9_]{0,99}$/i;
const CODE = /^[A-Z][A-Z0-9_]{0,63}$/;
const SCOPE = /^[a-z][a-z0-9._-]{0,79}$/;
const CORRELATION_ID = /^[0-9a-f-]{16,64}$/i;

const CONFLICT_CODES = new Set([
  'CONFLICT',
  'CONFLICTING_UNIQUE_VALUE',
  'STORAGE_UNIQUE_CONFLICT',
  'OBJECT_ALREADY_EXISTS',
]);

/** HubSpot's words for a unique value that is taken; not every answer has a code (seen for deals and orders). */
const TAKEN = /already has that value/i;
const EXISTING_ID = /\bExisting ID: *(\d{1,20})\b|\b(\d{1,20}) already has that value/i;

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

/** An answer of HubSpot's that is not a success, as far as it is used. */
export interface ReadAnswer {
  facts: AnswerFacts;
  /** The rate limit that is reached, with status 429: `TEN_SECONDLY_ROLLING`; null when HubSpot does not name it. */
  policy: string | null;
  correlationId: string | null;
}

/** Reads an answer, whatever its body is: HubSpot's JSON, a gateway's page, nothing. */
export function readAnswer(status: number, headers: Pick<Headers, 'get'>, bodyText: string): ReadAnswer {
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
  const correlationId = body.correlationId ?? headers.get('x-hubspot-correlation-id') ?? '';
  return {
    facts,
    policy: isCode(body.policyName) ? body.policyName : null,
    correlationId: CORRELATION_ID.test(correlationId) ? correlationId : null,
  };
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
