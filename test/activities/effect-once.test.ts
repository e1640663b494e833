import { MockActivityEnvironment } from '@temporalio/testing';
import { DefaultLogger } from '@temporalio/worker';
import { z } from 'zod';
import type { AttemptProgress, RememberedEffects } from '../../activities/effect-once';
import { attemptsByAction } from '../../activities/attempt';
import { createStepActivities } from '../../activities/step-activities';
import { ActionError } from '../../src/connectors/action-error';
import { defineAction, defineConnector, type Effect } from '../../src/connectors/connector';
import type { JsonObject, JsonValue } from '../../src/events/json';
import type { StepInput, StepResult } from '../../src/runs/run-contract';
import { eventOf } from '../events/event-of';
import { NONE_REMEMBERED, stepTools } from './step-tools';

/** The effects that were made. */
let made: string[];
let act: () => Promise<StepResult>;
let kept: Map<string, JsonObject>;
let progress: Map<string, AttemptProgress>;
let remembered: RememberedEffects;
let activity: (input: StepInput) => Promise<StepResult>;
let logged: string[];
let heartbeats: unknown[];
/** The number of each attempt, and the progress that it found. */
let seen: [number, JsonValue][];

beforeEach(() => {
  made = [];
  logged = [];
  heartbeats = [];
  seen = [];
  kept = new Map();
  progress = new Map();
  remembered = {
    recall: (key) => kept.get(key) ?? null,
    remember: async (key, result) => void kept.set(key, result),
    recallProgress: (key) => progress.get(key) ?? null,
    rememberProgress: async (key, left) => void progress.set(key, left),
  };
  act = async () => ({ outcome: 'done', result: { id: `mail ${made.length}` } });
  startWorker();
});

const crm = defineConnector<{}, null>({
  name: 'crm',
  summary: 'For these tests.',
  connection: { settings: z.object({}), environment: {}, credentials: [], open: () => null },
  actions: {
    act: defineAction<null>()({
      summary: 'Does what the test says.',
      input: z.strictObject({ note: z.string().optional() }),
      output: z.record(z.string(), z.json()),
      effect: 'once',
      budget: '1h',
      attemptTimeout: '5s',
      run: ({ key, attempt: number, progress: own }) => {
        made.push(key);
        seen.push([number, own.last]);
        own.save(`begun by ${number}`);
        return act();
      },
    }),
  },
});

/** A worker's activities; what it has in memory is new, what is remembered stays. */
function startWorker(): void {
  const quiet = (): void => undefined;
  const tools = stepTools({
    connections: new Map([['crm', { connector: crm, client: null }]]),
    effects: remembered,
    log: { debug: quiet, info: (_fields, message) => void logged.push(message), warn: quiet },
  });
  activity =
    createStepActivities(attemptsByAction(tools), quiet)['crm.act'] ?? (() => Promise.reject(new Error('no activity')));
}

function attempt(
  number: number,
  fields: Partial<StepInput> = {},
  effect: Effect = 'once',
  workflowId = 'call_hangup/1',
): Promise<StepResult> {
  const input: StepInput = {
    event: eventOf({ id: '1' }),
    rule: 'rule',
    timezone: 'UTC',
    country: null,
    step: {
      id: 'step',
      action: 'crm.act',
      effect,
      input: {},
      on_error: 'stop',
      retry: { for_ms: 60_000, every_ms: 50, max_every_ms: 200 },
      attempt_timeout_ms: 5_000,
    },
    steps: {},
    began_at: '2026-03-02T01:00:00.000Z',
    earlier_attempts: 0,
    ...fields,
  };
  const environment = new MockActivityEnvironment(
    { attempt: number, heartbeatDetails: heartbeats.at(-1), workflowExecution: { workflowId, runId: 'run' } },
    { logger: new DefaultLogger('ERROR') },
  );
  environment.on('heartbeat', (details: unknown) => heartbeats.push(details));
  return environment.run(activity, input);
}

test.each<Effect>(['once', 'verifiable'])(
  'an effect that was done (%s) is not made again by a later attempt',
  async (effect) => {
    const first = await attempt(1, {}, effect);
    startWorker();
    // Temporal can lose an attempt altogether, and then counts from 1 again.
    for (const number of [1, 2, 3]) {
      expect(await attempt(number, {}, effect)).toEqual(first);
    }
    expect(made).toEqual(['call_hangup/1/rule/step']);
    expect(logged).toEqual(Array(3).fill(expect.stringContaining('an earlier attempt did it')));
  },
);

test('a step that came too late has the result of the attempt that was in time', async () => {
  const first = await attempt(1);
  expect(await attempt(2, { too_late: true })).toEqual(first);
});

test('what a rerun does anew, another step does, and what may be repeated, is done', async () => {
  await attempt(1);
  await attempt(1, { key: 'call_hangup/1#2' });
  await attempt(1, { rule: 'other' });
  expect(made).toHaveLength(3);
  await attempt(1, { rule: 'repeats' }, 'repeatable');
  await attempt(2, { rule: 'repeats' }, 'repeatable');
  expect(made).toHaveLength(5);
});

test('a failed, a skipped and a shadowed attempt are not remembered', async () => {
  act = () => Promise.reject(new ActionError('transient', 'later', { connection: 'crm', code: 'http_503' }));
  await expect(attempt(1)).rejects.toThrow('later');
  act = async () => ({ outcome: 'skipped', reason: 'cooldown' });
  await attempt(2);
  await attempt(3, { shadow: true });
  expect(kept.size).toBe(0);
  expect(made).toHaveLength(2);
});

test('a result is remembered before Temporal gets it', async () => {
  let isKept = (): void => undefined;
  remembered = { ...NONE_REMEMBERED, remember: () => new Promise((resolve) => (isKept = resolve)) };
  startWorker();
  let isTold = false;
  const telling = attempt(1).then(() => (isTold = true));
  await new Promise((resolve) => setImmediate(resolve));
  expect([made.length, isTold]).toEqual([1, false]);
  isKept();
  await telling;
});

test('an effect that could not be remembered is done all the same', async () => {
  remembered = NONE_REMEMBERED;
  startWorker();
  expect(await attempt(1)).toMatchObject({ outcome: 'done' });
});

describe('after an attempt that failed and whose report Temporal did not get', () => {
  beforeEach(async () => {
    act = () => Promise.reject(new ActionError('transient', 'later', { connection: 'crm', code: 'http_503' }));
    await attempt(1).catch(() => undefined);
    heartbeats = [];
    startWorker();
  });

  test.each([
    ['the next one finds what it left', 2, [2, 'begun by 1']],
    ['one that Temporal takes for the first is the second', 1, [2, 'begun by 1']],
    ['one after an attempt elsewhere does not take it for the last', 3, [3, null]],
  ])('%s', async (_case, number, expected) => {
    await expect(attempt(number)).rejects.toThrow('later');
    expect(seen[1]).toEqual(expected);
  });

  test('one of a later run, which a person has started, begins with what the plan of that run says', async () => {
    await expect(attempt(1, {}, 'once', 'call_hangup/1#2')).rejects.toThrow('later');
    expect(seen[1]).toEqual([1, null]);
  });
});

describe('an attempt while an earlier one is still under way', () => {
  let finish: (result: StepResult) => void;
  let fail: (error: Error) => void;

  beforeEach(() => {
    act = () =>
      new Promise((resolve, reject) => {
        finish = resolve;
        fail = reject;
      });
  });

  test('waits for it and has its result', async () => {
    const both = [attempt(1), attempt(2)];
    await new Promise((resolve) => setImmediate(resolve));
    finish({ outcome: 'done', result: { id: 'mail' } });
    expect(await Promise.all(both)).toEqual(Array(2).fill({ outcome: 'done', result: { id: 'mail' } }));
    expect(made).toHaveLength(1);
  });

  test('fails as it does, and counts as an attempt', async () => {
    const both = [attempt(1), attempt(2)].map((attempting) => attempting.catch((error: unknown) => error));
    await new Promise((resolve) => setImmediate(resolve));
    fail(new ActionError('transient', 'later', { connection: 'crm', code: 'http_503' }));
    expect(await Promise.all(both)).toMatchObject([{ details: [{ attempts: 1 }] }, { details: [{ attempts: 2 }] }]);
    act = async () => ({ outcome: 'done', result: {} });
    await attempt(3);
    expect(made).toHaveLength(2);
  });
});

describe('an attempt whose worker died', () => {
  const withNote = (note: string, effect: Effect = 'once'): Partial<StepInput> => ({
    step: {
      id: 'step',
      action: 'crm.act',
      effect,
      input: { note },
      on_error: 'stop',
      retry: { for_ms: 60_000, every_ms: 50, max_every_ms: 200 },
      attempt_timeout_ms: 5_000,
    },
  });

  beforeEach(() => {
    remembered = NONE_REMEMBERED;
    startWorker();
  });

  test.each<[string, Effect]>([
    ['of an effect that cannot be looked up', 'once'],
    ['of an effect that is looked up by comparing', 'verifiable'],
  ])('%s is not followed by one that renders another input', async (_case, effect) => {
    await attempt(1, withNote('at 10:00', effect));
    await expect(attempt(2, withNote('at 10:01', effect))).rejects.toMatchObject({
      type: 'ambiguous',
      details: [{ code: 'input_changed' }],
    });
    expect(made).toHaveLength(1);
    await attempt(3, withNote('at 10:00', effect));
    expect(made).toHaveLength(2);
  });

  test('of an effect that may be repeated is followed by what is rendered now', async () => {
    await attempt(1, withNote('at 10:00', 'repeatable'));
    await attempt(2, withNote('at 10:01', 'repeatable'));
    expect(made).toHaveLength(2);
  });

  test('leaves its progress to the action that it ran, in the same heartbeat', async () => {
    await attempt(1, withNote('at 10:00'));
    expect(heartbeats).toEqual([{ held_back: 0, saved: 'begun by 1', rendered: expect.stringMatching(/^[\w-]{43}$/) }]);
  });
});
