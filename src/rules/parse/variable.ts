/** What is known about a variable without an event. */
export type Variable =
  | { state: 'always' | 'maybe' }
  /** Absent for all event types of the rule. */
  | { state: 'never' }
  /** A group of fields, not a value. */
  | { state: 'group'; example: string }
  | { state: 'unknown'; message: string; hint?: string };
