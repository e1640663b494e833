import type { CanonicalEvent, EventPart } from '../../events/canonical-event';
import type { JsonValue } from '../../events/json';

/**
 * The type of a field, which decides how it may be compared. `phone` compares in E.164, however a number is written;
 * `seconds` is a number; `any` is a value exactly as VoIPBIN sent it.
 */
export type FieldKind = 'text' | 'choice' | 'phone' | 'seconds' | 'boolean' | 'time' | 'any';

/** A word of a `choice` field. */
export interface Choice {
  value: string;
  meaning: string;
  /** The event types that can have it; every type of the field when absent. */
  types?: RegExp;
  /** Other words for it, which events never contain. Using one is an error that names the right word. */
  synonyms?: readonly string[];
}

/** A field of the canonical event: the definition for rules, templates, explanations, the editor's schema and the docs. */
export interface FieldDefinition {
  /** Dotted: `peer.number`. */
  name: string;
  kind: FieldKind;
  /** One sentence for the documentation. */
  description: string;
  choices?: readonly Choice[];
  /** Whether VoIPBIN may send words that are not in `choices`. An unknown word is then a warning instead of an error. */
  open?: boolean;
  /** `always`: never null. `maybe`: null where VoIPBIN does not send it. */
  presence: 'always' | 'maybe';
  /** The event types that can have it; it is null for all others. Absent when every type can have it. */
  types?: RegExp;
  /**
   * For events of these types the value may come from a call that the run looks up: it is unknown before, while one of
   * these parts of the event is pending. Absent when the event alone tells.
   */
  lookedUp?: { types: RegExp; parts: readonly EventPart[] };
  read(event: CanonicalEvent): JsonValue;
  /** Why the field is absent although VoIPBIN sent something in its place, in a word; null when it sent nothing. */
  absence?(event: CanonicalEvent): string | null;
}

/** Whether a field of an event is unknown so far, and a look-up of the call may tell it. */
export function isPending(field: FieldDefinition, event: CanonicalEvent): boolean {
  const { pending } = event;
  return (
    pending !== undefined &&
    field.lookedUp !== undefined &&
    field.lookedUp.types.test(event.type) &&
    field.lookedUp.parts.some((part) => pending.includes(part))
  );
}
