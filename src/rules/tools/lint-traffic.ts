import type { CanonicalEvent } from '../../events/canonical-event';
import type { FieldDefinition } from '../language/field';
import { Findings, type Finding, type Position } from '../../yaml/finding';
import { listensTo } from '../compiled-rule';
import type { Condition, Rule } from '../rule';

/** Fewer events than this prove nothing. */
const FEWEST_EVENTS = 20;

/** A field that a rule asks for a value of, and in how many events that the rule listens to it had one. */
interface AskedField {
  field: FieldDefinition;
  at: Position;
  seen: number;
}

/**
 * Warnings from the events that really came: rules whose events never come, and conditions on fields that those events
 * never have. Rules that are off are left out. With fewer than twenty events (of a rule's types, for its fields)
 * nothing is said.
 *
 * @param period how long the events reach back, in words: `30 days`.
 */
export async function lintTraffic(
  rules: readonly Rule[],
  events: Iterable<CanonicalEvent> | AsyncIterable<CanonicalEvent>,
  period: string,
): Promise<Finding[]> {
  const watched = rules
    .filter((rule) => rule.mode !== 'off')
    .map((rule) => ({ rule, heard: 0, fields: askedFields(rule.when) }));
  let count = 0;
  for await (const event of events) {
    count += 1;
    for (const one of watched) {
      if (listensTo(one.rule, event)) {
        one.heard += 1;
        for (const asked of one.fields) {
          asked.seen += asked.field.read(event) === null ? 0 : 1;
        }
      }
    }
  }
  const findings = new Findings();
  for (const { rule, heard, fields } of watched) {
    if (count >= FEWEST_EVENTS && heard === 0) {
      findings.warn(
        rule.on.at,
        'no-traffic',
        `the rule ${rule.name} listens to ${rule.on.written.join(', ')}, and no such event was received in the last ${period} (of ${eventCount(count)})`,
      );
    }
    for (const { field, at, seen } of heard >= FEWEST_EVENTS ? fields : []) {
      if (seen === 0) {
        findings.warn(
          at,
          'field-not-seen',
          `no event had the field ${field.name} in the last ${period} (of ${eventCount(heard)})`,
        );
      }
    }
  }
  return findings.all;
}

function eventCount(count: number): string {
  return `${count.toLocaleString('en-US')} ${count === 1 ? 'event' : 'events'}`;
}

/** Fields with a condition other than "absent", each at its first place. */
function askedFields(condition: Condition | null): AskedField[] {
  const found = new Map<string, AskedField>();
  const collect = (one: Condition): void => {
    switch (one.kind) {
      case 'field':
        if (!(one.test.operator === 'exists' && !one.test.wanted) && !found.has(one.field.name)) {
          found.set(one.field.name, { field: one.field, at: one.at, seen: 0 });
        }
        return;
      case 'all':
      case 'any':
        one.of.forEach(collect);
        return;
      case 'not':
        collect(one.of);
        return;
      case 'during':
        return;
    }
  };
  if (condition !== null) {
    collect(condition);
  }
  return [...found.values()];
}
