import type { CanonicalEvent } from '../../events/canonical-event';
import type { FieldDefinition } from '../language/field';
import { Findings, type Finding, type Position } from '../../yaml/finding';
import { listensTo } from '../compiled-rule';
import type { Condition, Rule } from '../rule';

/** With fewer events there are no warnings: they would prove nothing. */
const MIN_EVENTS = 20;

/** A field with a condition, and in how many events of the rule's types it had a value. */
interface RequiredField {
  field: FieldDefinition;
  at: Position;
  seen: number;
}

/**
 * Warns of rules whose event types were not received, and of conditions on fields that the received events never had.
 * Rules that are off are skipped. Below twenty events (for fields: events of the rule's types) there are no warnings.
 * @param period the period of the events, for the messages: `30d`.
 */
export async function lintTraffic(
  rules: readonly Rule[],
  events: Iterable<CanonicalEvent> | AsyncIterable<CanonicalEvent>,
  period: string,
): Promise<Finding[]> {
  const watched = rules
    .filter((rule) => rule.mode !== 'off')
    .map((rule) => ({ rule, received: 0, fields: requiredFields(rule.when) }));
  let count = 0;
  for await (const event of events) {
    count += 1;
    for (const one of watched) {
      if (listensTo(one.rule, event)) {
        one.received += 1;
        for (const required of one.fields) {
          required.seen += required.field.read(event) === null ? 0 : 1;
        }
      }
    }
  }
  const findings = new Findings();
  for (const { rule, received, fields } of watched) {
    if (count >= MIN_EVENTS && received === 0) {
      findings.warn(
        rule.on.at,
        'no-traffic',
        `the rule ${rule.name} listens to ${rule.on.written.join(', ')}, and no such event was received in the last ${period} (of ${eventCount(count)})`,
      );
    }
    for (const { field, at, seen } of received >= MIN_EVENTS ? fields : []) {
      if (seen === 0) {
        findings.warn(
          at,
          'field-not-seen',
          `no event had the field ${field.name} in the last ${period} (of ${eventCount(received)})`,
        );
      }
    }
  }
  return findings.all;
}

function eventCount(count: number): string {
  return `${count.toLocaleString('en-US')} ${count === 1 ? 'event' : 'events'}`;
}

/** Fields with a condition other than `exists: false`, each with the position of its first condition. */
function requiredFields(condition: Condition | null): RequiredField[] {
  const found = new Map<string, RequiredField>();
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
