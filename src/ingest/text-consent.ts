import type { CanonicalEvent } from '../events/canonical-event';
import { readInboundText } from '../events/inbound-text';
import type { Plan, PlannedRule } from '../rules/plan';

/** Rules of the bridge's own. No rule of a file can have such a name. */
export const BUILT_IN_RULES: Readonly<Record<'stop' | 'start', PlannedRule>> = {
  stop: { name: '(opt-out)', timezone: 'UTC', country: null, records: 'opt_out', steps: [] },
  start: { name: '(opt-in)', timezone: 'UTC', country: null, records: 'opt_in', steps: [] },
};

/**
 * Adds the bridge's own rule to the plan of a text that asks for no more texts, or for texts again, whether any rule
 * matches it or not.
 *
 * @param plan what the rules want done; null when none matches.
 * @param ruleset the hash of the rules in force.
 */
export function withTextConsent(event: CanonicalEvent, plan: Plan | null, ruleset: string): Plan | null {
  const kind = readInboundText(event)?.kind;
  return kind === 'stop' || kind === 'start'
    ? { ruleset, rules: [...(plan?.rules ?? []), BUILT_IN_RULES[kind]] }
    : plan;
}
