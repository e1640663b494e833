import { ApplicationFailure } from '@temporalio/activity';
import { ActionError } from '../src/connectors/action-error';
import type { ActionLog } from '../src/connectors/action-log';
import { LeftOutError } from '../src/events/left-out';
import type { StepFailureDetail } from '../src/runs/run-contract';

/**
 * The error as an ActionError. Any other error is a bug of the bridge: only its type and stack are logged, because its
 * message may contain personal data.
 */
export function asActionError(thrown: unknown, connection: string, log: ActionLog, action: string): ActionError {
  if (thrown instanceof ActionError) {
    return thrown;
  }
  if (thrown instanceof LeftOutError) {
    return leftOutFailure(thrown);
  }
  const name = thrown instanceof Error ? thrown.name : typeof thrown;
  const stack =
    thrown instanceof Error ? (thrown.stack ?? '').split('\n').filter((line) => line.startsWith('    at ')) : [];
  log.warn({ action, error: name, stack: stack.slice(0, 8) }, 'an action threw an unclassified error');
  return new ActionError('permanent', `unexpected ${name} in the bridge`, {
    connection,
    code: 'bug',
    remedy: 'This is a bug: report it with the stack from the worker log, then retry the run.',
  });
}

/** The failure of a step or limit that reads a part of the event that is not in the run's input. */
export function leftOutFailure(error: LeftOutError): ActionError {
  return new ActionError('permanent', error.message, {
    connection: 'rules',
    code: 'event_cut',
    remedy: 'Use another field of the event. `bridge events show ID` lists what was left out.',
  });
}

/** The failure that Temporal records, with the error class as its type. */
export function asApplicationFailure(
  error: ActionError,
  progress: Pick<StepFailureDetail, 'attempts' | 'saved'>,
): ApplicationFailure {
  const { connection, code, remedy, correlationId, retryAfterMs } = error.detail;
  const detail: StepFailureDetail = {
    connection,
    code,
    remedy: remedy ?? null,
    correlation_id: correlationId ?? null,
    retry_after_ms: retryAfterMs ?? null,
    attempts: progress.attempts,
    saved: error.errorClass === 'credential' ? progress.saved : null,
  };
  return ApplicationFailure.create({
    type: error.errorClass,
    message: error.message,
    // A step whose connection is parked waits for a signal, not a timer: so Temporal must not retry it.
    nonRetryable: error.errorClass !== 'transient',
    details: [detail],
    ...(retryAfterMs === undefined ? {} : { nextRetryDelay: retryAfterMs }),
  });
}
