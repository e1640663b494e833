import { happensOnce } from '../../events/catalogue';
import type { Findings } from '../../yaml/finding';
import { fieldNamed, presenceFor } from '../language/fields';
import type { PlannedStep } from '../plan';
import type { ActionCatalogue, Condition, Rule } from '../rule';
import { conditionsOf } from './cel-conditions';
import { canBeMet } from './satisfiable';

/**
 * Whether a field is different for every event of a rule. An agent has the same `id` in each event, and a call in the events
 * of several types.
 */
function isUnique(name: string, { types, prefixes }: Rule['on']): boolean {
  const [type, ...others] = types;
  const isOfOneEvent = type !== undefined && others.length + prefixes.length === 0 && happensOnce(type);
  return name === 'event_id' || (name === 'id' && isOfOneEvent);
}

/**
 * Warns of parts of a rule that have no effect although the rule matches: steps that never run or have nobody to act on,
 * limits that limit nothing.
 * @param conditions what is met whenever the rule matches.
 * @param types live names of the rule's types; null when some are unknown.
 */
export function lintEffects(
  rule: Rule,
  conditions: readonly Condition[],
  types: readonly string[] | null,
  actions: ActionCatalogue,
  findings: Findings,
): void {
  const isNever = (name: string): boolean => {
    const field = fieldNamed(name);
    return field !== undefined && presenceFor(field, types) === 'never';
  };
  rule.steps.forEach((step, index) => {
    const at = rule.stepsAt[index] ?? rule.at;
    const own =
      step.if === undefined ? [] : conditionsOf({ expression: step.if, at, names: rule.names, country: rule.country });
    if (step.if !== undefined && !canBeMet([...conditions, ...own], types)) {
      findings.warn(
        at,
        'never-matches',
        `the step ${step.id} never runs: its if excludes itself or the rule's conditions`,
        {
          hint: 'correct its if, or remove the step',
        },
      );
    }
    const useless = whyUseless(step, at, conditions, types, actions);
    if (useless !== null) {
      const message = `${step.action} does nothing here: ${useless.why}`;
      // What the types exclude is a mistake; conditions that exclude a step may wait for a change of their own.
      if (useless.byType) {
        findings.error(at, 'never-acts', message, { hint: useless.hint });
      } else {
        findings.warn(at, 'never-acts', message, { hint: useless.hint });
      }
    }
  });
  lintReplies(rule, findings);
  lintTimelyReplies(rule, conditions, findings);
  for (const [name, limit] of Object.entries(rule.limits)) {
    const per = limit?.per ?? null;
    if (per !== null && isUnique(per, rule.on)) {
      findings.warn(
        rule.at,
        'limit',
        `limits.${name} of the rule ${rule.name} limits nothing: every event has its own ${per}`,
        {
          hint: 'write per peer.number, or leave it out',
        },
      );
    } else if (per !== null && isNever(per)) {
      const message = `limits.${name} of the rule ${rule.name} counts per ${per}, which is always absent for ${rule.on.written.join(', ')}`;
      findings.warn(rule.at, 'limit', message, { hint: 'name another field, or leave it out' });
    }
  }
}

/** Why a step would be skipped for every event that the rule matches; null when it may act, or that is not certain. */
function whyUseless(
  step: PlannedStep,
  at: Condition['at'],
  conditions: readonly Condition[],
  types: readonly string[] | null,
  actions: ActionCatalogue,
): { why: string; hint: string; byType: boolean } | null {
  const action = actions.find(step.action)?.action;
  if (action === undefined || types === null || types.length === 0) {
    return null;
  }
  // Types that the rule's own conditions exclude are not the step's fault.
  const needs = types
    .filter((type) => canBeMet(conditions, [type]))
    .map((type) => ({ type, fields: action.actsOn(type, step.input) }));
  const isPossible =
    needs.length === 0 ||
    needs.some(
      ({ type, fields }) =>
        fields !== null && canBeMet([...conditions, ...Object.entries(fields).flatMap(oneOf(at))], [type]),
    );
  if (isPossible) {
    return null;
  }
  const needed = needs.flatMap(({ fields }) => (fields === null ? [] : Object.entries(fields)));
  if (needed.length === 0) {
    return { why: `it acts on other events than ${types.join(', ')}`, hint: 'use an event of a call', byType: true };
  }
  const far = fieldNamed('peer.number');
  if (far !== undefined && presenceFor(far, types) === 'never') {
    return {
      why: `${types.join(', ')} names nobody at the far end`,
      hint: 'use an event of a call or message',
      byType: true,
    };
  }
  const words = [...new Set(needed.map(([name, values]) => `${name} ${values.join(' or ')}`))];
  return {
    why: `it acts on events with ${words.join(' and ')} only, which the conditions of the rule exclude`,
    hint: 'correct the conditions, or name somebody else in the step',
    byType: false,
  };
}

function oneOf(at: Condition['at']): (need: [string, readonly string[]]) => Condition[] {
  return ([name, values]) => {
    const field = fieldNamed(name);
    return field === undefined ? [] : [{ kind: 'field', field, test: { operator: 'one_of', values, list: null }, at }];
  };
}

/** A step that is given up sooner than this, and does not stop the rule, does not make a reply late. */
const SHORT_WAIT_MS = 5 * 60_000;

/** Warns of replies to people behind steps that may fail, or wait for a service for longer than a reply is of use. */
function lintReplies(rule: Rule, findings: Findings): void {
  const reply = rule.steps.findIndex(({ retry }) => retry.from === 'event');
  const before = rule.steps.slice(0, Math.max(reply, 0));
  const slow = before.find((step) => step.on_error === 'stop' || step.retry.for_ms > SHORT_WAIT_MS);
  const step = rule.steps[reply];
  if (slow !== undefined && step !== undefined) {
    findings.warn(
      rule.stepsAt[reply] ?? rule.at,
      'late-reply',
      `${step.action} of the rule ${rule.name} waits for ${slow.action} above it, and is not sent when that fails`,
      { hint: `move it up, or give ${slow.action} on_error: continue and retry: { for: 1m }` },
    );
  }
}

/** Warns of replies that say what is so now, and that an event which comes hours late would get too. */
function lintTimelyReplies(rule: Rule, conditions: readonly Condition[], findings: Findings): void {
  const during = conditions.find((condition) => condition.kind === 'during');
  const index = rule.steps.findIndex(
    ({ retry, input }) => retry.from === 'event' && (during !== undefined || /\bwindows\b/.test(JSON.stringify(input))),
  );
  const step = rule.steps[index];
  if (step !== undefined && rule.max_age_ms === null) {
    findings.warn(
      rule.stepsAt[index] ?? rule.at,
      'late-reply',
      `the reply of the rule ${rule.name} is about the time of day, and an event that arrives hours late gets it too`,
      {
        hint: 'add max_age: 15m to the rule; steps that are right later, too, go into a rule of their own',
      },
    );
  }
}
