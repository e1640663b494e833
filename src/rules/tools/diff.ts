import { isDeepStrictEqual } from 'node:util';
import type { CanonicalEvent } from '../../events/canonical-event';
import { printableLines, type PrintableText } from '../../text/printable';
import type { RuleSet } from '../rule-set';
import type { Plan, PlannedRule } from '../plan';

/** The differences of one rule over all events. */
export interface RuleDifference {
  rule: string;
  /** Events for which the rule runs only in the new set. */
  added: number;
  /** Events for which the rule ran only in the old set. */
  removed: number;
  /** Events for which it runs in both sets, with different steps, inputs or time zone. */
  changed: number;
  /** How often it runs with the old and with the new set. */
  before: number;
  after: number;
  /** Ids of the first events with a difference. */
  examples: readonly string[];
}

export interface RuleSetDifference {
  before: string;
  after: string;
  events: number;
  /** Events with a difference. */
  different: number;
  /** Rules with a difference, the most differences first. */
  rules: readonly RuleDifference[];
  /** Numbers of steps by action. Only actions with a difference. */
  actions: readonly { action: string; before: number; after: number }[];
  /** Live rules of the new set that run for none of the events. */
  neverFire: readonly string[];
}

const MAX_EXAMPLES = 3;

/**
 * Compares what two rule sets would do with the same events. It runs no steps and renders nothing: two steps with the
 * same written inputs do the same for one event. Limits are not applied, because they are counted when a rule runs. The
 * result contains counts and a few ids, no data of events.
 */
export async function diffRuleSets(
  before: RuleSet,
  after: RuleSet,
  events: Iterable<CanonicalEvent> | AsyncIterable<CanonicalEvent>,
): Promise<RuleSetDifference> {
  const rules = new Map<string, RuleDifference & { examples: string[] }>();
  const actions = new Map<string, { before: number; after: number }>();
  let count = 0;
  let different = 0;
  for await (const event of events) {
    count += 1;
    const plans = { before: livePart(before.plan(event)), after: livePart(after.plan(event)) };
    countActions(actions, plans);
    if (countRules(rules, event, plans)) {
      different += 1;
    }
  }
  const fired = new Set([...rules.values()].filter((rule) => rule.after > 0).map(({ rule }) => rule));
  return {
    before: before.hash,
    after: after.hash,
    events: count,
    different,
    rules: [...rules.values()]
      .filter((rule) => differences(rule) > 0)
      .sort((one, other) => differences(other) - differences(one) || (one.rule < other.rule ? -1 : 1)),
    actions: [...actions]
      .flatMap(([action, counts]) => (counts.before === counts.after ? [] : [{ action, ...counts }]))
      .sort((one, other) => (one.action < other.action ? -1 : 1)),
    neverFire: after.rules.filter((rule) => rule.mode === 'live' && !fired.has(rule.name)).map((rule) => rule.name),
  };
}

/** The live rules of a plan: a rule in shadow mode runs no steps. */
function livePart(plan: Plan | null): Plan | null {
  const rules = plan?.rules.filter((rule) => rule.shadow === undefined) ?? [];
  return plan === null || rules.length === 0 ? null : { ...plan, rules };
}

interface Plans {
  before: Plan | null;
  after: Plan | null;
}

function differences(rule: RuleDifference): number {
  return rule.added + rule.removed + rule.changed;
}

function countActions(actions: Map<string, { before: number; after: number }>, plans: Plans): void {
  for (const side of ['before', 'after'] as const) {
    for (const step of plans[side]?.rules.flatMap((rule) => rule.steps) ?? []) {
      const counts = actions.get(step.action) ?? { before: 0, after: 0 };
      counts[side] += 1;
      actions.set(step.action, counts);
    }
  }
}

/** @returns whether anything differs for the event. */
function countRules(
  rules: Map<string, RuleDifference & { examples: string[] }>,
  event: CanonicalEvent,
  plans: Plans,
): boolean {
  const byName = (plan: Plan | null): Map<string, PlannedRule> => new Map(plan?.rules.map((rule) => [rule.name, rule]));
  const [before, after] = [byName(plans.before), byName(plans.after)];
  let different = false;
  for (const name of new Set([...before.keys(), ...after.keys()])) {
    const counts = rules.get(name) ?? {
      rule: name,
      added: 0,
      removed: 0,
      changed: 0,
      before: 0,
      after: 0,
      examples: [],
    };
    rules.set(name, counts);
    const [one, other] = [before.get(name), after.get(name)];
    counts.before += one === undefined ? 0 : 1;
    counts.after += other === undefined ? 0 : 1;
    if (one !== undefined && other !== undefined && isDeepStrictEqual(one, other)) {
      continue;
    }
    different = true;
    counts[one === undefined ? 'added' : other === undefined ? 'removed' : 'changed'] += 1;
    if (counts.examples.length < MAX_EXAMPLES) {
      counts.examples.push(event.event_id);
    }
  }
  return different;
}

/** Formats a difference for people, for example as a comment on a pull request. */
export function formatDifference(difference: RuleSetDifference): PrintableText {
  const { before, after, events, different } = difference;
  const lines = [`rule set ${before} -> ${after}, over ${counted(events, 'event')}`];
  if (different === 0) {
    lines.push('no event would be handled differently');
  } else {
    const actions = difference.actions.map(({ action, before: old, after: now }) => `${signed(now - old)} ${action}`);
    lines.push(
      `${counted(different, 'event')} would be handled differently${actions.length === 0 ? '' : `: ${actions.join(', ')}`}`,
      '',
    );
    for (const rule of difference.rules) {
      const parts = [
        rule.added > 0 ? `runs for ${rule.added} more` : '',
        rule.removed > 0 ? `no longer runs for ${rule.removed}` : '',
        rule.changed > 0 ? `runs differently for ${rule.changed}` : '',
      ];
      lines.push(
        `  ${rule.rule}: ${parts.filter((part) => part !== '').join(', ')}  (${rule.before} -> ${rule.after}; for example ${rule.examples.join(', ')})`,
      );
    }
  }
  if (difference.neverFire.length > 0) {
    lines.push(
      '',
      `${counted(difference.neverFire.length, 'rule')} would never run: ${difference.neverFire.join(', ')}`,
    );
  }
  return printableLines(lines);
}

function counted(count: number, what: string): string {
  return `${count.toLocaleString('en-US')} ${count === 1 ? what : `${what}s`}`;
}

function signed(count: number): string {
  return count > 0 ? `+${count.toLocaleString('en-US')}` : `−${Math.abs(count).toLocaleString('en-US')}`;
}
