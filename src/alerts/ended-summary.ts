import type { AlertKind } from '../rules/alert-route';
import { formatDuration } from '../yaml/duration';
import { LASTING, type Alert } from './alert';

/** What is left of things that happened when no more of them happen: nothing of it mends by itself. */
const LEFT: Partial<Record<AlertKind, string>> = {
  run_failed: 'What nobody has retried since is still failed: bridge events list --status failed,partial.',
  quarantine: 'What nobody has accepted since is still there: bridge events list --quarantine.',
  signature_refused: 'Events among them were not taken. To fetch them from VoIPBIN: bridge backfill.',
};

/**
 * The text of the notification when an alert ends. What lasts is over; of what happens, only that no more of it came.
 * @param quietMs how long nothing more has happened.
 */
export function endedSummary({ kind, rule, summary, count }: Alert, quietMs: number): string {
  const times = count > 1 ? ` (it happened ${count} times)` : '';
  if (LASTING.has(kind)) {
    return `This has ended${times}. The alert was: ${summary}`;
  }
  // A run that left no report names its own status.
  const left = kind === 'run_failed' && rule === null ? undefined : LEFT[kind];
  return [`No more for ${formatDuration(quietMs)}${times}.`, ...(left === undefined ? [] : [left]), summary].join(' ');
}
