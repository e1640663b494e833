import { Context } from '@temporalio/activity';
import type { StepInput, StepResult } from '../src/runs/run-contract';
import type { Attempt, AttemptHost } from './attempt';
import { asApplicationFailure } from './step-error';

/**
 * Makes one activity per action, by the action's full name (`slack.post_message`).
 *
 * @param onWaiting called when an attempt failed and another will follow: the run with this workflow id waits, and no
 *   longer counts as in flight.
 */
export function createStepActivities(
  attempts: ReadonlyMap<string, Attempt>,
  onWaiting: (workflowId: string) => void,
): Record<string, (input: StepInput) => Promise<StepResult>> {
  return Object.fromEntries(
    [...attempts].map(([action, attempt]) => [
      action,
      async (input: StepInput): Promise<StepResult> => {
        const host = hostOf(Context.current());
        const end = await attempt(input, host);
        if (end.ok) {
          return end.result;
        }
        if (end.error.errorClass === 'transient' || end.error.errorClass === 'credential') {
          onWaiting(host.run);
        }
        throw asApplicationFailure(end.error, end);
      },
    ]),
  );
}

function hostOf(context: Context): AttemptHost {
  const { info, cancellationSignal: signal } = context;
  return {
    run: info.workflowExecution?.workflowId ?? '',
    attempt: info.attempt,
    heartbeatDetails: info.heartbeatDetails,
    heartbeat: (details) => context.heartbeat(details),
    signal,
    mayQueue: true,
  };
}
