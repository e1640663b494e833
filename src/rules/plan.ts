import type { JsonObject } from '../events/json';
import type { Effect } from '../connectors/connector';

/**
 * What a run is to do, frozen when the event came: editing the rules later never disturbs a run (DESIGN "One way
 * through" 4). Plain JSON: it is part of the workflow's input.
 */
export interface Plan {
  /** Hash of the rule set that made this plan (12 hex characters). */
  ruleset: string;
  rules: PlannedRule[];
}

/** One matched rule. Rules of a plan run side by side. */
export interface PlannedRule {
  name: string;
  /** IANA zone for dates in templates. */
  timezone: string;
  /**
   * ISO 3166-1 alpha-2 country for reading phone numbers without a country code; null when the rule file names none.
   */
  country: string | null;
  /** True for a rule in shadow: its steps are rendered and reported, and nothing is done. Absent for a live one. */
  shadow?: true;
  /** How often the rule may act; absent when it may always. Counted before its first step. */
  limits?: PlannedLimits;
  steps: PlannedStep[];
}

/**
 * `cooldown: 10m per peer.number`, `max: 200 per day`. `per` is a field of the event; null counts all events of the
 * rule together.
 */
export interface PlannedLimits {
  cooldown: { window_ms: number; per: string | null } | null;
  max: { count: number; every: 'minute' | 'hour' | 'day'; per: string | null } | null;
}

/** One action of a rule. A rule's steps run in order. */
export interface PlannedStep {
  /** `id:` in the rule file, or `<action>#<n>` (1-based position) where it has none. */
  id: string;
  /** `hubspot.log_call`: also the Temporal activity type. */
  action: string;
  effect: Effect;
  /** The inputs as written: texts are Liquid templates, not rendered yet. */
  input: JsonObject;
  /** CEL condition on the event and earlier steps; absent when there is none. */
  if?: string;
  /** What a failed step does to the rest of its rule. */
  on_error: 'stop' | 'continue';
  retry: RetryBudget;
  /** How long one attempt may take. */
  attempt_timeout_ms: number;
}

/** How long, and how often, a step that fails in passing is tried again. Milliseconds. */
export interface RetryBudget {
  /** The whole budget, from when the step began, or from when the event came (`from`). */
  for_ms: number;
  /** `event` where the action says so; absent where the budget counts from the step's beginning. */
  from?: 'event';
  /** The first wait between two attempts; it doubles from there. */
  every_ms: number;
  /** The longest wait between two attempts. */
  max_every_ms: number;
}
