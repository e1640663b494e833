import type { LaterRunEntry } from '../dispatch/later-runs';
import type { RunLogEntry } from '../dispatch/run-log';
import type { RunState } from './run-status';

/** Every status that an event can have, with its meaning. */
export const EVENT_STATUSES = [
  /** No rule matched. */
  'ignored',
  /** Its run has not started yet. */
  'waiting',
  /** Its run has started and not ended. */
  'started',
  /** How its run ended: every rule done, some, none, or all skipped. */
  'done',
  'partial',
  'failed',
  'skipped',
  /** Temporal refused to start the run. */
  'refused',
  /** How Temporal closed a run that left no report. */
  'completed',
  'cancelled',
  'terminated',
  'timed_out',
  /** Temporal had deleted the run before the bridge asked how it ended. */
  'unknown',
  /** It had a run, but the run log has lost the record. */
  'forgotten',
] as const;
export type EventStatus = (typeof EVENT_STATUSES)[number];

/** What the data folder knows of an event's run. */
export interface EventProgress {
  /** Whether no rule matched. */
  isIgnored: boolean;
  /** Whether its run was started, also where the run log has lost the record. */
  isStarted: boolean;
  /** The run log's record; null for none. */
  dispatched: RunLogEntry | null;
  /** Its last retry or rerun; null for none. */
  later: LaterRunEntry | null;
}

/**
 * The status of an event.
 * @param run Temporal's state of its run; null when Temporal was not asked or does not know the run.
 */
export function eventStatus(
  { isIgnored, isStarted, dispatched, later }: EventProgress,
  run: RunState | null = null,
): string {
  const closedAs = run === null || run.status === 'running' ? null : (run.report?.outcome ?? run.status);
  // A later run that Temporal never had changed nothing.
  if (later !== null && later.started_at !== null) {
    return later.outcome ?? closedAs ?? 'started';
  }
  if (isIgnored) {
    return 'ignored';
  }
  if (dispatched === null && !isStarted) {
    return 'waiting';
  }
  return dispatched?.outcome ?? closedAs ?? (dispatched === null && run === null ? 'forgotten' : 'started');
}
