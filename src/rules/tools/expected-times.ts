import { toJsonText } from '../../events/exact-number';
import type { JsonValue } from '../../events/json';
import { clockTime } from '../../timing/zone';
import { readTime } from '../language/moments';
import type { ActionCatalogue } from '../rule';
import type { RuleSet } from '../rule-set';

/** The zone in which a test writes an input that is a time, as its rule does; null for another input. */
export type ZonedInputs = (rule: string, action: string, input: string) => string | null;

/** The zones of the inputs of a rule set. */
export function zonedInputs(ruleSet: RuleSet, actions: ActionCatalogue): ZonedInputs {
  return (name, action, input) =>
    actions.find(action)?.action.isMoment(input) === true
      ? (ruleSet.rules.find((rule) => rule.name === name)?.timezone ?? null)
      : null;
}

/** A time as a test writes it, `2026-03-02 09:00`, in the form in which steps have it; other values as they are. */
export function inUtc(value: JsonValue, zone: string | null): JsonValue {
  const ms = zone === null || typeof value !== 'string' ? null : readTime(value, zone);
  return ms === null ? value : new Date(ms).toISOString();
}

/** A rendered time as clocks in the zone show it, with the zone; other values as JSON. */
export function inZone(value: JsonValue, zone: string | null): string {
  const ms = zone === null || typeof value !== 'string' ? null : readTime(value, zone);
  return ms === null || zone === null
    ? toJsonText(value)
    : `${toJsonText(clockTime(new Date(ms), zone).replace(/:00$/, ''))} (${zone})`;
}
