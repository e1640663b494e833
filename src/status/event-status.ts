import type { RunLogEntry } from '../dispatch/run-log';
import type { RunState } from './run-status';

/** What is known of an event, without its run. */
export interface Whereabouts {
  /** Whether no rule wanted it. */
  isIgnored: boolean;
  /** Whether it had a run, whatever the dispatch log remembers. */
  isStarted: boolean;
  dispatched: RunLogEntry | null;
}

/**
 * Every word for what became of an event: no rule wanted it, its run is not started yet, is under way, or how it ended;
 * `refused` when Temporal would not take it, `forgotten` when it had a run of which the record is lost, `unknown` when
 * Temporal had forgotten the run before it was asked how that ended.
 */
export const BECAME: readonly string[] = [
  'ignored',
  'waiting',
  'started',
  'done',
  'partial',
  'failed',
  'skipped',
  'refused',
  'completed',
  'cancelled',
  'terminated',
  'timed_out',
  'unknown',
  'forgotten',
];

/**
 * One word for what became of an event, of {@link BECAME}. @param run what Temporal says of its run now; null where it
 * was not asked, or could not be.
 */
export function became({ isIgnored, isStarted, dispatched }: Whereabouts, run: RunState | null = null): string {
  if (isIgnored) {
    return 'ignored';
  }
  const now = run === null || run.status === 'running' ? null : run.status;
  if (dispatched === null && !isStarted) {
    return 'waiting';
  }
  return dispatched?.outcome ?? now ?? (dispatched === null && run === null ? 'forgotten' : 'started');
}
