import type { Action } from '../connectors/connector';
import type { FieldDefinition } from './language/field';
import type { Position } from '../yaml/finding';
import type { Test } from './language/operators';
import type { PlannedStep } from './plan';
import type { Window } from './language/windows';

/** The actions that rules may use: the registry, or a few of them in a test. */
export interface ActionCatalogue {
  /** By full name: `slack.post_message`. */
  find(name: string): { action: Action; connectorName: string } | undefined;
  names(): readonly string[];
}

/** A condition of `when`, read and found right. `at` is where it stands in the file. */
export type Condition =
  | { kind: 'field'; field: FieldDefinition; test: Test; at: Position }
  | { kind: 'during'; name: string; window: Window; wanted: boolean; at: Position }
  | { kind: 'all' | 'any'; of: readonly Condition[]; at: Position }
  | { kind: 'not'; of: Condition; at: Position };

/** A CEL expression with where it stands. */
export interface CelCondition {
  expression: string;
  at: Position;
}

/** The event types of a rule. */
export interface EventTypes {
  /** Live names. */
  types: ReadonlySet<string>;
  /** Beginnings of `call_*`; `''` for `*`. */
  prefixes: readonly string[];
  /** What stands in the file. */
  written: readonly string[];
  at: Position;
}

/** `cooldown: 10m per peer.number` and `max: 200 per day`. Counted at the effect, in the rule's zone. */
export interface Limits {
  cooldown: { window_ms: number; per: string | null } | null;
  max: { count: number; every: 'minute' | 'hour' | 'day'; per: string | null } | null;
}

export type RuleMode = 'live' | 'shadow' | 'off';

/** A rule that is right as far as can be told without an event. */
export interface Rule {
  name: string;
  at: Position;
  description: string | null;
  owner: string | null;
  on: EventTypes;
  when: Condition | null;
  if: CelCondition | null;
  limits: Limits;
  /** Older events are left alone; null for no limit. */
  max_age_ms: number | null;
  mode: RuleMode;
  /** When it matches, the rules after it are not looked at. */
  stop: boolean;
  timezone: string;
  country: string | null;
  steps: readonly PlannedStep[];
  /** Where the steps stand, in the same order. */
  stepsAt: readonly Position[];
}
