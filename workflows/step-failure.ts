import { DefaultFailureConverter, defaultPayloadConverter } from '@temporalio/common';
import { ApplicationFailure, isCancellation, TemporalFailure, TimeoutFailure } from '@temporalio/workflow';
import type { ErrorClass } from '../src/errors/step-errors';
import type { JsonValue } from '../src/events/json';
import type { StepFailureDetail } from '../src/runs/run-contract';

const failureConverter = new DefaultFailureConverter();
const MAX_CAUSES = 5;

/** Why an action's activity failed. */
export interface StepFailure {
  class: ErrorClass;
  /** The connection that failed; empty when no attempt ended. */
  connection: string;
  code: string;
  message: string;
  remedy: string | null;
  retryAfterMs: number | null;
  /** Null when the attempt did not report it. */
  attempts: number | null;
  saved: JsonValue;
}

/** Reads the class and details of an activity's failure. Rethrows cancellations, and errors of other origins. */
export function parseStepFailure(error: unknown): StepFailure {
  if (isCancellation(error) || !(error instanceof TemporalFailure)) {
    throw error;
  }
  const cause = applicationFailureIn(error);
  if (cause === undefined) {
    const code = error instanceof TimeoutFailure || error.cause instanceof TimeoutFailure ? 'timeout' : 'unknown';
    return { ...parseDetail(undefined), class: 'transient', code, message: 'the step did not finish in time' };
  }
  return { ...parseDetail(cause.details?.[0]), class: parseErrorClass(cause.type), message: cause.message };
}

/**
 * The failure that the action threw. A regular activity wraps it, a local one does not. An activity that ran out of
 * time between two attempts fails with a timeout; its cause is the last attempt's failure, which the SDK keeps only
 * undecoded.
 */
function applicationFailureIn(error: TemporalFailure): ApplicationFailure | undefined {
  for (let cause: unknown = error, depth = 0; cause instanceof TemporalFailure && depth < MAX_CAUSES; depth += 1) {
    if (cause instanceof ApplicationFailure) {
      return cause;
    }
    const undecoded = cause.failure?.cause;
    cause =
      cause.cause ?? (undecoded ? failureConverter.failureToError(undecoded, defaultPayloadConverter) : undefined);
  }
  return undefined;
}

function parseDetail(detail: unknown): Omit<StepFailure, 'class' | 'message'> {
  const found: Partial<Record<keyof StepFailureDetail, JsonValue>> =
    typeof detail === 'object' && detail !== null ? detail : {};
  return {
    connection: typeof found.connection === 'string' ? found.connection : '',
    code: typeof found.code === 'string' ? found.code : 'unknown',
    remedy: typeof found.remedy === 'string' ? found.remedy : null,
    retryAfterMs: typeof found.retry_after_ms === 'number' ? found.retry_after_ms : null,
    attempts: typeof found.attempts === 'number' ? found.attempts : null,
    saved: found.saved ?? null,
  };
}

function parseErrorClass(type: string | undefined | null): ErrorClass {
  return type === 'permanent' || type === 'credential' || type === 'ambiguous' ? type : 'transient';
}
