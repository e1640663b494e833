import { asDouble } from './exact-number';
import type { JsonObject, JsonValue } from './json';

/** Readers of unverified payloads: each takes any JSON, and returns null for a missing member or another type. */

const NIL_UUID = '00000000-0000-0000-0000-000000000000';

/** Whether a JSON value is an object (not a list). */
export function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A member that is a non-empty text. */
export function textAt(object: JsonObject, key: string): string | null {
  const value = object[key];
  return typeof value === 'string' && value !== '' ? value : null;
}

/** A member that is a reference: a non-empty text other than the nil UUID, VoIPBIN's "none". */
export function referenceAt(object: JsonObject, key: string): string | null {
  const value = textAt(object, key);
  return value === NIL_UUID ? null : value;
}

/**
 * A member that is a number above zero, as seconds; VoIPBIN's durations are milliseconds, and 0 or absent is "none".
 */
export function secondsAt(object: JsonObject, key: string): number | null {
  const value = asDouble(object[key]);
  return value !== null && value > 0 ? value / 1000 : null;
}

/** The elements of a list that are objects; empty when it is not a list. */
export function objectsAt(object: JsonObject, key: string): JsonObject[] {
  const value = object[key];
  return Array.isArray(value) ? value.filter(isObject) : [];
}
