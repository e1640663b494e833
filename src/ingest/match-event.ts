import type { CanonicalEvent } from '../events/canonical-event';
import { canonicalize } from '../events/canonicalize';
import { parseEnvelope } from '../events/envelope';
import type { KnownCalls } from '../events/known-calls';
import type { OwnNumbers } from '../events/own-numbers';
import { consentRule } from '../rules/consent-rule';
import type { Plan } from '../rules/plan';
import type { Arrival, TrustedBody } from './trusted-body';

/** The rules as ingest needs them. */
export interface EventRules {
  /** 12 hex characters. */
  readonly hash: string;
  /**
   * @returns what to do for an event; null when no rule matches. Pure and quick: the answer to VoIPBIN waits for it.
   */
  plan(event: CanonicalEvent, arrival: Arrival): Plan | null;
}

/** An event, and what the rules in force at its arrival want done; the bridge's own included (rules/consent-rule.ts). */
export interface MatchedEvent {
  event: CanonicalEvent;
  plan: Plan | null;
  /** Hash of these rules. */
  ruleset: string;
  body: Buffer;
  contentType: string | null;
}

/** Why a body is not an event. `bug`: the bridge's own code failed on it. */
export type InvalidEvent =
  | { reason: 'empty' | 'not_json' | 'too_deep' | 'too_many_values' | 'no_envelope'; message: string }
  | { reason: 'bug'; message: string; error: unknown };

/** Every {@link InvalidEvent.reason}. */
export const INVALID_REASONS: readonly InvalidEvent['reason'][] = [
  'empty',
  'not_json',
  'too_deep',
  'too_many_values',
  'no_envelope',
  'bug',
];

/**
 * Parses a body, makes the canonical event and matches the rules.
 *
 * Never throws. A failure of the bridge's own code is an invalid event with reason `bug`, so that the body can be kept.
 */
export function matchEvent(
  body: TrustedBody,
  ownNumbers: OwnNumbers,
  rules: EventRules,
  known?: KnownCalls,
): { ok: true; matched: MatchedEvent } | { ok: false; invalid: InvalidEvent } {
  try {
    const parsed = parseEnvelope(body.bytes);
    if (!parsed.ok) {
      return { ok: false, invalid: { reason: parsed.reason, message: parsed.message } };
    }
    const event = canonicalize(parsed.envelope, body.bytes, body.receivedAt, ownNumbers, known);
    const plan = withConsentRule(event, rules.plan(event, body.arrival), rules.hash);
    return {
      ok: true,
      matched: { event, plan, ruleset: rules.hash, body: body.bytes, contentType: body.contentType },
    };
  } catch (error) {
    return { ok: false, invalid: { reason: 'bug', message: 'the bridge failed to read the body', error } };
  }
}

function withConsentRule(event: CanonicalEvent, plan: Plan | null, ruleset: string): Plan | null {
  const rule = consentRule(event);
  return rule === null ? plan : { ruleset, rules: [...(plan?.rules ?? []), rule] };
}
