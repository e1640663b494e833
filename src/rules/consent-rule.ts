import type { CanonicalEvent } from '../events/canonical-event';
import { readInboundText } from '../events/inbound-text';
import type { PlannedRule } from './plan';

/** Rules of the bridge's own. No rule of a file can have such a name. */
const CONSENT_RULES: Readonly<Record<'stop' | 'start', PlannedRule>> = {
  stop: { name: '(opt-out)', timezone: 'UTC', country: null, records: 'opt_out', steps: [] },
  start: { name: '(opt-in)', timezone: 'UTC', country: null, records: 'opt_in', steps: [] },
};

/**
 * The bridge's own rule for a text that asks for no more texts, or for texts again; null for any other event. It belongs
 * into the plan of the event whether a rule of the files matches it or not.
 */
export function consentRule(event: CanonicalEvent): PlannedRule | null {
  const kind = readInboundText(event)?.kind;
  return kind === 'stop' || kind === 'start' ? CONSENT_RULES[kind] : null;
}
