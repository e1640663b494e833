import type { CanonicalEvent } from '../events/canonical-event';
import { toJsonText } from '../events/exact-number';
import { guardLeftOut } from '../events/left-out';
import { toE164 } from '../events/phone';
import { fieldNamed } from '../rules/language/fields';

/**
 * The value of the field that a limit is counted per; null when the event has none. Spellings of one phone number give
 * the same value.
 * @throws LeftOutError when the field was left out of the run's input.
 */
export function limitValueOf(event: CanonicalEvent, field: string): string | null {
  const value = fieldNamed(field)?.read(guardLeftOut(event, event.left_out)) ?? null;
  if (value === null) {
    return null;
  }
  const text = typeof value === 'string' ? value : toJsonText(value);
  return toE164(text, null) ?? text;
}
