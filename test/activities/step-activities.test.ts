import { ApplicationFailure } from '@temporalio/common';
import { MockActivityEnvironment } from '@temporalio/testing';
import { DefaultLogger } from '@temporalio/worker';
import { z } from 'zod';
import { ConnectionGate } from '../../activities/connection-gate';
import type { Parking } from '../../activities/guarded-attempt';
import { attemptsByAction, type StepTools } from '../../activities/attempt';
import { createStepActivities } from '../../activities/step-activities';
import { ActionError } from '../../src/connectors/action-error';
import type { ActionContext } from '../../src/connectors/action-context';
import { defineAction, defineConnector, type Connector } from '../../src/connectors/connector';
import type { StepInput, StepResult } from '../../src/runs/run-contract';
import { eventOf } from '../events/event-of';
import { NONE_REMEMBERED } from './step-tools';

type Run = (context: ActionContext<null>) => Promise<StepResult>;

/** Queues that contain every step; guarded-attempt.test.ts tests their use. */
const parking: Parking = {
  checkQueueEveryMs: 600_000,
  park: async () => undefined,
  enqueue: async () => true,
  reportWorking: async () => undefined,
  reportProbeOver: async () => undefined,
};

const STEP = {
  id: 'step',
  action: 'crm.act',
  effect: 'repeatable',
  input: { note: 'a' },
  on_error: 'stop',
  retry: { for_ms: 60_000, every_ms: 50, max_every_ms: 200 },
  attempt_timeout_ms: 5_000,
} as const;

const SDK_LOG = new DefaultLogger('ERROR');

let run: Run;
let gate: ConnectionGate;
let logged: [string, Record<string, unknown>, string][];
let attempts: Parameters<StepTools['onAttempt']>[0][];
let waiting: string[];

beforeEach(() => {
  run = async () => ({ outcome: 'done', result: { ok: true } });
  gate = new ConnectionGate();
  logged = [];
  attempts = [];
  waiting = [];
});

function connectorNamed(name: string): Connector<{}, null> {
  return defineConnector<{}, null>({
    name,
    summary: 'For these tests.',
    connection: { settings: z.object({}), environment: {}, credentials: [], open: () => null },
    actions: {
      act: defineAction<null>()({
        summary: 'Does what the test says.',
        input: z.strictObject({ note: z.string() }),
        output: z.record(z.string(), z.json()),
        effect: 'repeatable',
        budget: '1h',
        attemptTimeout: '5s',
        run: (context) => run(context),
      }),
    },
  });
}

async function attempt(fields: Partial<StepInput> = {}, info: { attempt?: number } = {}): Promise<StepResult> {
  const log =
    (level: string) =>
    (entry: Record<string, unknown>, message: string): void =>
      void logged.push([level, entry, message]);
  const attemptsOf = attemptsByAction({
    connections: new Map([['crm', { connector: connectorNamed('crm'), client: null }]]),
    gates: new Map([['crm', { gate }]]),
    render: (input) => input,
    secrets: { lookUp: () => ({ ok: false, kind: 'missing', message: 'there is none', hint: 'make one' }) },
    evaluate: (condition) => condition === 'true',
    isOurs: () => false,
    cooldowns: { claim: async () => 'claimed', release: async () => undefined },
    optOuts: { since: async () => null, record: async () => null },
    parking,
    effects: NONE_REMEMBERED,
    log: { debug: log('debug'), info: log('info'), warn: log('warn') },
    onAttempt: (ended) => attempts.push(ended),
  });
  const activities = createStepActivities(attemptsOf, (workflowId) => waiting.push(workflowId));
  const activity = activities['crm.act'];
  if (activity === undefined) {
    throw new Error('the connector has no action');
  }
  const input: StepInput = {
    event: eventOf({ id: '1' }),
    rule: 'rule',
    timezone: 'UTC',
    country: null,
    step: STEP,
    steps: {},
    began_at: '2026-03-02T01:00:00.000Z',
    earlier_attempts: 0,
    ...fields,
  };
  return new MockActivityEnvironment(info, { logger: SDK_LOG }).run(activity, input);
}

async function failureOf(attempting: Promise<StepResult>): Promise<ApplicationFailure> {
  const error: unknown = await attempting.catch((reason: unknown) => reason);
  if (!(error instanceof ApplicationFailure)) {
    throw new Error('expected an ApplicationFailure', { cause: error });
  }
  return error;
}

test('an attempt gets the action key, and its result is counted', async () => {
  run = async ({ key, attempt: number, startedAt }) => ({
    outcome: 'done',
    result: { key, number, startedAt: startedAt.toISOString() },
  });
  expect(await attempt({ earlier_attempts: 2 })).toEqual({
    outcome: 'done',
    result: { key: 'call_hangup/1/rule/step', number: 3, startedAt: '2026-03-02T01:00:00.000Z' },
  });
  expect(attempts).toEqual([
    { action: 'crm.act', outcome: 'done', failure: null, seconds: expect.any(Number) as number },
  ]);
});

test.each<[string, Partial<StepInput>, string]>([
  ['a false condition', { step: { ...STEP, if: 'false' } }, 'its condition is not met'],
  ['a rule in shadow', { shadow: true }, 'shadow: it would have been done'],
])('%s skips the action', async (_, fields, reason) => {
  run = () => Promise.reject(new Error('the action ran'));
  expect(await attempt(fields)).toEqual({ outcome: 'skipped', reason });
});

test('a step that begins too late fails without the action, unless its condition is false', async () => {
  run = () => Promise.reject(new Error('the action ran'));
  const failure = await failureOf(attempt({ too_late: true }));
  expect([failure.type, failure.details?.[0]]).toMatchObject(['transient', { code: 'too_late', connection: 'crm' }]);
  expect(await attempt({ too_late: true, step: { ...STEP, if: 'false' } })).toMatchObject({ outcome: 'skipped' });
});

test('a transient failure is retried by Temporal, after the delay that the provider asks for', async () => {
  run = () =>
    Promise.reject(
      new ActionError('transient', 'try later', {
        connection: 'crm',
        code: 'http_503',
        retryAfterMs: 7_000,
        correlationId: 'c1',
      }),
    );
  const failure = await failureOf(attempt());
  expect(failure).toMatchObject({ type: 'transient', nonRetryable: false, nextRetryDelay: 7_000 });
  expect(failure.details).toEqual([
    {
      connection: 'crm',
      code: 'http_503',
      remedy: null,
      correlation_id: 'c1',
      retry_after_ms: 7_000,
      attempts: 1,
      saved: null,
    },
  ]);
  expect([waiting.length, attempts[0]?.failure?.class]).toEqual([1, 'transient']);
});

test('the first transient failure is logged for debugging, later ones as warnings', async () => {
  run = () => Promise.reject(new ActionError('transient', 'try later', { connection: 'crm', code: 'http_503' }));
  await failureOf(attempt());
  await failureOf(attempt({}, { attempt: 2 }));
  expect(logged.map(([level, , message]) => [level, message])).toEqual([
    ['debug', 'attempt failed: try later'],
    ['warn', 'attempt failed: try later'],
  ]);
});

test('a permanent failure is final', async () => {
  run = () => Promise.reject(new ActionError('permanent', 'no such contact', { connection: 'crm', code: 'http_404' }));
  expect(await failureOf(attempt())).toMatchObject({ type: 'permanent', nonRetryable: true });
  expect(waiting).toEqual([]);
});

test('a credential failure waits for a release, with what the action saved', async () => {
  run = ({ progress }) => {
    progress.save({ uploaded: 3 });
    return Promise.reject(new ActionError('credential', 'revoked', { connection: 'crm', code: 'http_401' }));
  };
  const failure = await failureOf(attempt());
  expect(failure).toMatchObject({ type: 'credential', nonRetryable: true });
  expect(failure.details?.[0]).toMatchObject({ attempts: 1, saved: { uploaded: 3 }, retry_after_ms: 600_000 });
  expect(waiting).toHaveLength(1);
});

test('an attempt that is held back does not count', async () => {
  gate.park({ code: 'http_401', message: 'revoked', remedy: null });
  run = () => Promise.reject(new Error('the action ran'));
  const failure = await failureOf(attempt({ earlier_attempts: 2 }));
  expect(failure.details?.[0]).toMatchObject({ code: 'http_401', attempts: 2 });
  expect(logged).toMatchObject([['debug', {}, 'attempt held back: revoked']]);
});

test('an action that reads a part of the event that was left out fails; one that does not is done', async () => {
  const event = { ...eventOf({ id: '1' }), left_out: ['data.targets'] };
  run = async (context) => ({ outcome: 'done', result: { target: context.event.data['targets'] ?? null } });
  const failure = await failureOf(attempt({ event }));
  expect(failure).toMatchObject({
    type: 'permanent',
    nonRetryable: true,
    message: 'the event is too large for Temporal; the step reads a part that was left out: data.targets',
  });
  expect(failure.details?.[0]).toMatchObject({ code: 'event_cut', connection: 'rules' });
  run = async (context) => ({ outcome: 'done', result: { id: context.event.data['id'] ?? null } });
  expect(await attempt({ event })).toEqual({ outcome: 'done', result: { id: '1' } });
});

test('an unclassified error is a bug, and its message is not logged', async () => {
  run = () => Promise.reject(new TypeError('a secret of +15551234567'));
  const failure = await failureOf(attempt());
  expect(failure).toMatchObject({ type: 'permanent', message: 'unexpected TypeError in the bridge' });
  expect(failure.details?.[0]).toMatchObject({ code: 'bug' });
  expect(JSON.stringify([logged, failure.message, failure.details])).not.toContain('secret');
});

test('a connector that is not open is a permanent failure', async () => {
  run = async (context) => ({ outcome: 'done', result: { client: context.clientOf(connectorNamed('mail')) } });
  expect((await failureOf(attempt())).details?.[0]).toMatchObject({ code: 'not_connected', connection: 'mail' });
});
