import type { Position } from '../yaml/finding';
import type { PlannedStep } from './plan';
import type { NamedValues } from './language/named-values';
import type { Window } from './language/windows';

/** Kinds of alerts, with what each means. */
export const ALERT_KINDS = {
  run_failed: 'A step failed for good: the event needs a person, then `bridge events retry`.',
  connection_parked: 'The credential or the account of a connection does not work; its steps wait.',
  connection_failing:
    'A service does not answer, or fails every attempt, for longer than `failing.after`; steps are retried.',
  rules_refused: 'The rule files changed and have errors; the rules before stay in force.',
  backlog: 'Events wait for more than five minutes to be started.',
  disk: 'Events cannot be kept, or the disk of the data folder is almost full.',
  temporal_away: 'Temporal does not answer; events and runs wait.',
  worker_down: 'The process that does the runs is not there.',
  webhooks_missing: 'Backfill found events that no webhook delivered.',
  quarantine: 'Requests came that are no events.',
  signature_refused: 'Requests came without a valid signature.',
  certificate_expiring: 'The certificate of the webhook ends within 14 days.',
  credential_expiring: 'The access key for VoIPBIN ends within 14 days.',
  silence: 'No event has come for longer than `silence.after`.',
} as const;
export type AlertKind = keyof typeof ALERT_KINDS;

/** An entry of `alerts`: which alerts are sent to whom. */
export interface AlertRoute {
  name: string;
  at: Position;
  on: readonly AlertKind[];
  /**
   * An alert of things that happen (failures, refused requests) is over when nothing more has happened for so long.
   * Milliseconds.
   */
  quiet_ms: number;
  /** For `silence`: how long no event may come, and when that counts; null without it. */
  silence: { after_ms: number; window: Window | null } | null;
  /** For `connection_failing`: how long every attempt must have failed. Milliseconds. */
  failing_after_ms: number;
  /** Channels, in their order: the next one is used when those before it fail. */
  steps: readonly PlannedStep[];
  /** What the texts of the steps use of lists, maps and windows; absent when they use nothing. */
  names?: NamedValues;
  timezone: string;
  country: string | null;
}

/** A call that says "the bridge runs" to somebody who notices when it does not come. */
export interface Heartbeat {
  url: string;
  every_ms: number;
}
