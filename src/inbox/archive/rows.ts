/** Rows of `inbox.db` as its readers parse them: a damaged file must not pass for events. */
import { z } from 'zod';
import { parseEnvelope } from '../../events/envelope';
import type { JsonObject, JsonValue } from '../../events/json';
import type { Plan } from '../../rules/plan';
import type { QuarantineSummary, RuleSetUse } from '../stored-event';

/** Where an event is. */
export const positionRow = z.object({ seq: z.number(), event_id: z.string() });
/** How large the body of an event is. */
export const sizeRow = z.object({ seq: z.number(), bytes: z.number() });
const head = {
  event_id: z.string(),
  type: z.string(),
  // As many milliseconds as a Date can have.
  received_at: z.number().min(-8.64e15).max(8.64e15),
  head: z.string(),
};
/** The columns that hold an event's head, for a SELECT. */
export const HEAD_COLUMNS = 'event_id, type, received_at, head';
/** An event without its body. */
export const summaryRow = z.object({
  seq: z.number(),
  ...head,
  plan: z.number().nullable(),
  bytes: z.number(),
});
/** A plan and its JSON. */
export const planRow = z.object({ id: z.number(), json: z.string() });
/** A whole event. */
export const eventRow = z.object({
  seq: z.number(),
  ...head,
  plan: z.number().nullable(),
  content_type: z.string().nullable(),
  body: z.unknown(),
});
/** A rule set and the events that were matched with it. */
export const ruleSetRow = z
  .object({
    ruleset: z.string().nullable(),
    first_at: z.number(),
    last_at: z.number(),
    events: z.number(),
    received: z.number(),
  })
  .transform((row): RuleSetUse => ({
    ...row,
    first_at: new Date(row.first_at).toISOString(),
    last_at: new Date(row.last_at).toISOString(),
  }));
/** A request in quarantine, without its body. */
export const quarantineRow = z
  .object({
    id: z.string(),
    received_at: z.number(),
    reason: z.string(),
    content_type: z.string().nullable(),
    bytes: z.number(),
    times: z.number(),
  })
  .transform((row): QuarantineSummary => ({ ...row, received_at: new Date(row.received_at).toISOString() }));

const json: z.ZodType<JsonValue> = z.json();
const jsonObject: z.ZodType<JsonObject> = z.record(z.string(), json);

/** Plans as this version or an earlier one stored them. Loose: fields that a later version adds are kept. */
export const storedPlan: z.ZodType<Plan> = z.looseObject({
  ruleset: z.string(),
  rules: z.array(
    z.looseObject({
      name: z.string(),
      timezone: z.string(),
      country: z.string().nullable(),
      steps: z.array(
        z.looseObject({
          id: z.string(),
          action: z.string(),
          effect: z.enum(['repeatable', 'verifiable', 'once']),
          input: jsonObject,
          if: z.string().exactOptional(),
          on_error: z.enum(['stop', 'continue']),
          retry: z.looseObject({
            for_ms: z.number(),
            every_ms: z.number(),
            max_every_ms: z.number(),
            from: z.literal('event').exactOptional(),
          }),
          attempt_timeout_ms: z.number(),
        }),
      ),
    }),
  ),
});

/**
 * The payload in a stored body, which was checked before it was stored.
 * @throws TypeError when the body is damaged.
 */
export function dataOf(body: Buffer): JsonObject {
  const parsed = parseEnvelope(body);
  if (!parsed.ok) {
    throw new TypeError(`a stored body is not an envelope: ${parsed.message}`);
  }
  return parsed.envelope.data;
}
