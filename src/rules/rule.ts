import type { Action } from '../connectors/connector';
import type { FieldDefinition } from './language/field';
import type { Position } from '../yaml/finding';
import type { Test } from './language/operators';
import type { NamedValues } from './language/named-values';
import type { PlannedStep } from './plan';
import type { Window } from './language/windows';

/** The actions that rules can use: those of all connectors, or a few in a test. */
export interface ActionCatalogue {
  /** Finds an action by its full name: `slack.post_message`. */
  find(name: string): { action: Action; connectorName: string } | undefined;
  names(): readonly string[];
}

/** A valid condition of `when`. `at` is its position in the file. */
export type Condition =
  | { kind: 'field'; field: FieldDefinition; test: Test; at: Position }
  | { kind: 'during'; name: string; window: Window; wanted: boolean; at: Position }
  | { kind: 'all' | 'any'; of: readonly Condition[]; at: Position }
  | { kind: 'not'; of: Condition; at: Position };

/** A CEL expression with its position. */
export interface CelCondition {
  expression: string;
  /** What it uses of lists, maps and windows; absent when it uses nothing. */
  names?: NamedValues;
  at: Position;
}

/** The event types of a rule. */
export interface EventTypes {
  /** Live names. */
  types: ReadonlySet<string>;
  /** Prefixes of families: `call_` for `call_*`, `''` for `*`. */
  prefixes: readonly string[];
  /** The types as written in the file. */
  written: readonly string[];
  at: Position;
}

/** `cooldown: 10m per peer.number` and `max: 200 per day`. Counted when the rule runs, in the rule's time zone. */
export interface Limits {
  cooldown: { window_ms: number; per: string | null } | null;
  max: { count: number; every: 'minute' | 'hour' | 'day'; per: string | null } | null;
}

export type RuleMode = 'live' | 'shadow' | 'off';

/** A valid rule. */
export interface Rule {
  name: string;
  at: Position;
  description: string | null;
  owner: string | null;
  on: EventTypes;
  when: Condition | null;
  if: CelCondition | null;
  limits: Limits;
  /** The rule ignores older events; null for no limit. */
  max_age_ms: number | null;
  mode: RuleMode;
  /** When the rule matches, the rules after it are skipped. */
  stop: boolean;
  timezone: string;
  country: string | null;
  steps: readonly PlannedStep[];
  /** What the texts and conditions of its steps use of lists, maps and windows; absent when they use nothing. */
  names?: NamedValues;
  /** Fields and groups of fields that the actions read of the event by themselves: `peer`, `answered`. */
  actionReads: readonly string[];
  /** The positions of the steps, in the same order. */
  stepsAt: readonly Position[];
}
