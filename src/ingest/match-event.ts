import { isBackfilled } from './arrival';
import type { CanonicalEvent } from '../events/canonical-event';
import { canonicalize } from '../events/canonicalize';
import { parseEnvelope } from '../events/envelope';
import type { OwnNumbers } from '../events/own-numbers';
import type { Plan } from '../rules/plan';
import type { VerifiedRequest } from '../receiver/verified-request';

/** The rules as the receiver needs them. */
export interface EventRules {
  /** 12 hex characters. */
  readonly hash: string;
  /**
   * What is to be done for an event; null when no rule wants it. Pure and quick: it stands between request and answer.
   * @param arrival `backfill` for an event that no webhook brought and that may be hours old.
   */
  plan(event: CanonicalEvent, arrival: 'webhook' | 'backfill'): Plan | null;
}

/** An event and what the rules in force when it came want done. */
export interface MatchedEvent {
  event: CanonicalEvent;
  plan: Plan | null;
  /** Hash of those rules. */
  ruleset: string;
  body: Buffer;
  contentType: string | null;
}

/** Why a verified request gives no event: its body is none, or our own code failed on it (`bug`). */
export type NotAnEvent =
  | { ok: false; fault: 'empty' | 'not_json' | 'too_deep' | 'no_envelope'; message: string }
  | { ok: false; fault: 'bug'; message: string; error: unknown };

/**
 * From a verified request to a matched event: parses, makes it canonical, asks the rules. Never throws: what fails in
 * our own code is a `bug`, so that the body can be kept.
 */
export function takeEvent(
  request: VerifiedRequest,
  ours: OwnNumbers,
  rules: EventRules,
): { ok: true; matched: MatchedEvent } | NotAnEvent {
  try {
    const parsed = parseEnvelope(request.body);
    if (!parsed.ok) {
      return { ok: false, fault: parsed.reason, message: parsed.message };
    }
    const event = canonicalize(parsed.envelope, request.body, request.receivedAt, ours);
    return {
      ok: true,
      matched: {
        event,
        plan: rules.plan(event, isBackfilled(request.contentType) ? 'backfill' : 'webhook'),
        ruleset: rules.hash,
        body: request.body,
        contentType: request.contentType,
      },
    };
  } catch (error) {
    return { ok: false, fault: 'bug', message: 'the bridge could not make an event of the body', error };
  }
}
