import type { JsonValue } from '../../events/json';
import type { CanonicalEvent } from '../../events/canonical-event';
import type { FieldDefinition, FieldKind } from './field';

/** The type of the event that an alert is. VoIPBIN sends none of it, and no rule listens to it. */
export const ALERT_TYPE = 'alert';

const OF_ALERT = /^alert$/;

function field(
  name: string,
  kind: FieldKind,
  presence: FieldDefinition['presence'],
  description: string,
): FieldDefinition {
  return {
    name: `alert.${name}`,
    kind,
    presence,
    types: OF_ALERT,
    description,
    read: (event) => partOf(event, name),
  };
}

function partOf({ type, data }: CanonicalEvent, name: string): JsonValue {
  return type === ALERT_TYPE ? (data[name] ?? null) : null;
}

/** What the steps of `alerts` can use. Null for every event of VoIPBIN's. */
export const ALERT_FIELDS: readonly FieldDefinition[] = [
  field('kind', 'text', 'always', 'What happened, as in `on`: `run_failed`.'),
  field('summary', 'text', 'always', 'What happened and what to do, in one or two sentences.'),
  field('count', 'any', 'always', 'How often it has happened so far.'),
  field('since', 'time', 'always', 'When it began.'),
  field('ended', 'boolean', 'always', 'Whether it is over: each alert is sent when it begins and when it ends.'),
  field('rule', 'text', 'maybe', 'The rule that failed.'),
  field('connection', 'text', 'maybe', 'The connection that is parked, or whose steps failed.'),
  field('error_class', 'text', 'maybe', 'The class of the failure: `permanent`, `credential`, ...'),
];
