import { ActivityFailure, ApplicationFailure, CancelledFailure, RetryState, TimeoutFailure } from '@temporalio/common';
import type { StepFailureDetail } from '../../src/runs/run-contract';
import { parseStepFailure } from '../../workflows/step-failure';

const DETAIL: StepFailureDetail = {
  connection: 'crm',
  code: 'http_401',
  remedy: 'Make a new token.',
  correlation_id: null,
  retry_after_ms: 600_000,
  attempts: 2,
  saved: { uploaded: 3 },
};

function thrownByAction(type: string, detail: unknown = DETAIL): ApplicationFailure {
  return ApplicationFailure.create({ type, message: 'the token was revoked', details: [detail] });
}

function activityFailure(cause: Error): ActivityFailure {
  return new ActivityFailure('activity failed', 'crm.log', 'id', RetryState.NON_RETRYABLE_FAILURE, 'worker', cause);
}

const PARSED = {
  class: 'credential',
  message: 'the token was revoked',
  connection: 'crm',
  code: 'http_401',
  remedy: 'Make a new token.',
  retryAfterMs: 600_000,
  attempts: 2,
  saved: { uploaded: 3 },
};

it.each([
  ['a local activity', thrownByAction('credential')],
  ['a regular activity', activityFailure(thrownByAction('credential'))],
])('reads the failure of %s', (_, error) => {
  expect(parseStepFailure(error)).toEqual(PARSED);
});

it.each([
  ['permanent', 'permanent'],
  ['ambiguous', 'ambiguous'],
  ['transient', 'transient'],
  ['SomethingElse', 'transient'],
])('takes type %s for class %s', (type, expected) => {
  expect(parseStepFailure(thrownByAction(type)).class).toBe(expected);
});

it('reads a failure without details', () => {
  expect(parseStepFailure(thrownByAction('permanent', null))).toEqual({
    class: 'permanent',
    message: 'the token was revoked',
    connection: '',
    code: 'unknown',
    remedy: null,
    retryAfterMs: null,
    attempts: null,
    saved: null,
  });
});

it('reports an attempt without an answer as a timeout', () => {
  const timeout = new TimeoutFailure('no answer', undefined, 'START_TO_CLOSE');
  for (const error of [timeout, activityFailure(timeout)]) {
    expect(parseStepFailure(error)).toMatchObject({ class: 'transient', code: 'timeout', attempts: null });
  }
});

it('prefers the last attempt\u2019s failure to the timeout that ended the retries', () => {
  const timeout = new TimeoutFailure('out of time', undefined, 'SCHEDULE_TO_CLOSE');
  timeout.failure = {
    cause: {
      message: 'try later',
      applicationFailureInfo: { type: 'transient' },
    },
  };
  expect(parseStepFailure(activityFailure(timeout))).toMatchObject({ class: 'transient', message: 'try later' });
});

it('rethrows a cancellation, and errors that are not of an activity', () => {
  const cancelled = new CancelledFailure('cancelled');
  expect(() => parseStepFailure(cancelled)).toThrow(cancelled);
  expect(() => parseStepFailure(activityFailure(cancelled))).toThrow('activity failed');
  const bug = new TypeError('a bug');
  expect(() => parseStepFailure(bug)).toThrow(bug);
});
