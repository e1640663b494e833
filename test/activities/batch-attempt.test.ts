import { EventEmitter, once } from 'node:events';
import { ApplicationFailure } from '@temporalio/common';
import { attemptsByAction, type Attempt, type AttemptEnd } from '../../activities/attempt';
import { AttemptSlots } from '../../activities/attempt-slots';
import { attemptBatch, type BatchHost } from '../../activities/batch-attempt';
import { ConnectionGate } from '../../activities/connection-gate';
import { ActionError, providerCode } from '../../src/connectors/action-error';
import type { ErrorClass } from '../../src/errors/step-errors';
import type { Plan, PlannedStep } from '../../src/rules/plan';
import type { AttemptedEvent, BatchAttemptInput, BatchAttemptResult } from '../../src/runs/batch-contract';
import type { StepInput } from '../../src/runs/run-contract';
import { event, plan, probeConnector, step, type Probe } from '../e2e/probe';
import { stepTools } from './step-tools';

const BEGAN_AT = '2026-03-02T01:00:00.000Z';
const DONE: AttemptEnd = { ok: true, result: { outcome: 'done', result: { ok: true } } };

/** By the note of the step: how its attempt ends. The others are done. */
let ends: Map<string, (input: StepInput) => Promise<AttemptEnd>>;
let attempted: { note: string; run: string; attempt: number; input: StepInput }[];
let logged: Record<string, unknown>[];

beforeEach(() => {
  ends = new Map();
  attempted = [];
  logged = [];
});

const noteOf = ({ step: { input } }: StepInput): string => (typeof input['note'] === 'string' ? input['note'] : '');

const attempts = new Map<string, Attempt>([
  [
    'probe.repeat',
    async (input, { run, attempt }) => {
      attempted.push({ note: noteOf(input), run, attempt, input });
      return (await ends.get(noteOf(input))?.(input)) ?? DONE;
    },
  ],
]);

function failing(
  errorClass: ErrorClass,
  more: { attempts?: number; retryAfterMs?: number } = {},
): () => Promise<AttemptEnd> {
  const { attempts: made = 1, retryAfterMs } = more;
  const error = new ActionError(errorClass, 'the probe says no', {
    connection: 'probe',
    code: providerCode('no'),
    remedy: 'Say yes.',
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  });
  return async () => ({ ok: false, error, attempts: made, saved: null });
}

/** One event for each plan. */
function inputOf(...plans: Plan[]): BatchAttemptInput {
  return {
    plans,
    events: plans.map((_plan, index) => ({ event: event(), plan: index, age_ms: 0 })),
    began_at: BEGAN_AT,
  };
}

async function run(
  input: BatchAttemptInput,
  host: Partial<BatchHost> = {},
  by: ReadonlyMap<string, Attempt> = attempts,
  slotCount = 200,
): Promise<Record<number, AttemptedEvent>> {
  const log = { info: () => undefined, warn: (fields: Record<string, unknown>) => void logged.push(fields) };
  const { signal } = new AbortController();
  const slots = new AttemptSlots(slotCount);
  const { events } = await attemptBatch({ attempts: by, slots, log, stragglersWithinMs: 5 }, input, {
    attempt: 1,
    heartbeatDetails: null,
    heartbeat: () => undefined,
    signal,
    delayedMs: 0,
    ...host,
  });
  return events;
}

const done = (id: string) => ({
  step: id,
  action: 'probe.repeat',
  outcome: 'done',
  result: { ok: true },
  began_at: BEGAN_AT,
});

describe('the attempt of a batch', () => {
  it('runs the steps of a rule in order, with the results of the earlier ones, as of one moment', async () => {
    const input = inputOf(plan({ one: [step('first', 'a'), step('second', 'b')], two: [step('x', 'c')] }));
    expect(await run(input)).toEqual({
      0: {
        end: 'over',
        rules: {
          one: { steps: { first: done('first'), second: done('second') }, attempts: {}, passed: true },
          two: { steps: { x: done('x') }, attempts: {}, passed: true },
        },
      },
    });
    const second = attempted.find(({ note }) => note === 'b');
    expect(second?.input).toMatchObject({ steps: { first: { ok: true } }, began_at: BEGAN_AT, earlier_attempts: 0 });
    expect(second?.run).toBe(input.events[0]?.event.event_id);
  });

  it('says when a step was skipped only of rules in mode shadow', async () => {
    const skipped = { outcome: 'skipped', reason: 'why' } as const;
    ends.set('a', () => Promise.resolve({ ok: true, result: skipped }));
    const { ruleset, rules } = plan({ live: [step('s', 'a')], trial: [step('s', 'a')] });
    const ended = await run(
      inputOf({ ruleset, rules: rules.map((rule) => (rule.name === 'trial' ? { ...rule, shadow: true } : rule)) }),
    );
    const report = { step: 's', action: 'probe.repeat', ...skipped };
    expect([ended[0]?.rules['live']?.steps, ended[0]?.rules['trial']?.steps]).toEqual([
      { s: report },
      { s: { ...report, began_at: BEGAN_AT } },
    ]);
  });

  it('runs events side by side', async () => {
    const begun = new EventEmitter();
    ends.set('a', async () => {
      await once(begun, 'b');
      return DONE;
    });
    ends.set('b', async () => {
      begun.emit('b');
      return DONE;
    });
    const ended = await run(inputOf(plan({ one: [step('s', 'a')] }), plan({ one: [step('s', 'b')] })));
    expect(Object.values(ended).map(({ end }) => end)).toEqual(['over', 'over']);
  });

  it('has only so many attempts under way as there are slots, and ends them all', async () => {
    let underWay = 0;
    let most = 0;
    ends.set('a', async () => {
      most = Math.max(most, (underWay += 1));
      await new Promise(setImmediate);
      underWay -= 1;
      return DONE;
    });
    const input = inputOf(...Array.from({ length: 7 }, () => plan({ one: [step('s', 'a'), step('t', 'a')] })));
    const ended = await run(input, {}, attempts, 3);
    expect(Object.values(ended).map(({ end }) => end)).toEqual(Array.from({ length: 7 }, () => 'over'));
    expect(most).toBe(3);
  });

  it('counts a skipped step as ended', async () => {
    ends.set('a', async () => ({ ok: true, result: { outcome: 'skipped', reason: 'its condition is not met' } }));
    expect((await run(inputOf(plan({ one: [step('s', 'a'), step('t', 'b')] }))))[0]?.end).toBe('over');
  });

  it.each<ErrorClass>(['transient', 'permanent', 'ambiguous'])(
    'leaves an event with a %s failure to its own run, with the failure and with what was done',
    async (errorClass) => {
      ends.set('bad', failing(errorClass, { retryAfterMs: 7_000 }));
      const bad = plan({
        one: [step('first', 'a'), step('second', 'bad'), step('third', 'never')],
        two: [step('x', 'b')],
      });
      expect(await run(inputOf(bad, plan({ one: [step('s', 'c')] })))).toEqual({
        0: {
          end: 'own_run',
          rules: {
            one: {
              steps: { first: done('first') },
              attempts: {
                second: {
                  began_at: BEGAN_AT,
                  attempts: 1,
                  saved: null,
                  failed: {
                    class: errorClass,
                    code: 'no',
                    message: 'the probe says no',
                    remedy: 'Say yes.',
                    retry_after_ms: 7_000,
                  },
                },
              },
              passed: true,
            },
            two: { steps: { x: done('x') }, attempts: {}, passed: true },
          },
        },
        1: expect.objectContaining({ end: 'over' }),
      });
      expect(attempted.map(({ note }) => note)).not.toContain('never');
    },
  );

  it('leaves a step whose credential is refused to the own run, which asks for itself and waits', async () => {
    ends.set('a', failing('credential'));
    expect((await run(inputOf(plan({ one: [step('s', 'a')] }))))[0]?.rules['one']?.attempts).toEqual({
      s: { began_at: BEGAN_AT, attempts: 1, saved: null },
    });
  });

  it('gives up a step that does not end in time, as timed out', async () => {
    ends.set('slow', () => new Promise(() => undefined));
    const slow = plan({ one: [step('s', 'slow', { attempt_timeout_ms: 10 })] });
    expect((await run(inputOf(slow)))[0]).toMatchObject({
      end: 'own_run',
      rules: { one: { attempts: { s: { attempts: 1, failed: { class: 'transient', code: 'timeout' } } } } },
    });
  });

  it('keeps what a step says when it is cut off: how long to wait, and what it saved', async () => {
    const said = new ActionError('transient', 'the request was cancelled', {
      connection: 'probe',
      code: 'cancelled',
      retryAfterMs: 15_000,
    });
    const cutOff: Attempt = async (_input, { signal }) => {
      await once(signal, 'abort');
      return { ok: false, error: said, attempts: 1, saved: { rounds: 1 } };
    };
    const slow = { ...step('s', 'slow'), attempt_timeout_ms: 10 };
    const events = await run(inputOf(plan({ one: [slow] })), {}, new Map([['probe.repeat', cutOff]]));
    expect(events[0]?.rules['one']?.attempts).toMatchObject({
      s: { attempts: 1, saved: { rounds: 1 }, failed: { code: 'cancelled', retry_after_ms: 15_000 } },
    });
  });

  it('lets few slow events not hold up most of the others', async () => {
    ends.set('slow', () => new Promise(() => undefined));
    const slow = plan({ one: [step('s', 'slow', { attempt_timeout_ms: 600_000 })] });
    const others = Array.from({ length: 9 }, () => plan({ one: [step('s', 'a')] }));
    const ended = await run(inputOf(slow, ...others));
    expect(ended[0]).toMatchObject({
      end: 'own_run',
      rules: { one: { attempts: { s: { attempts: 1, failed: { class: 'transient', code: 'timeout' } } } } },
    });
    expect(Object.values(ended).filter(({ end }) => end === 'over')).toHaveLength(9);
  });

  it('does not begin a step whose budget, counted from the event, is over', async () => {
    const retry = { for_ms: 60_000, every_ms: 1, max_every_ms: 1, from: 'event' } as const;
    const input = inputOf(plan({ one: [step('s', 'a', { retry })] }));
    const late = { ...input, events: input.events.map((batched) => ({ ...batched, age_ms: 59_500 })) };
    expect((await run(late))[0]).toEqual({ end: 'own_run', rules: { one: { steps: {}, attempts: {}, passed: true } } });
    expect(attempted).toEqual([]);
    expect((await run(input))[0]?.end).toBe('over');
    expect((await run(input, { delayedMs: 59_500 }))[0]?.end).toBe('own_run');
  });

  it('leaves an action that the worker does not have to the own run', async () => {
    expect((await run(inputOf(plan({ one: [step('s', 'a', { action: 'other.act' })] }))))[0]?.end).toBe('own_run');
  });

  it('leaves an event at which the bridge itself fails to its own run, and no other', async () => {
    ends.set('bug', () => Promise.reject(new TypeError('of +4912345')));
    const ended = await run(inputOf(plan({ one: [step('s', 'bug')] }), plan({ one: [step('s', 'a')] })));
    expect(ended[0]).toEqual({
      end: 'own_run',
      rules: { one: { steps: {}, attempts: { s: { began_at: BEGAN_AT, attempts: 1, saved: null } }, passed: true } },
    });
    expect(ended[1]?.end).toBe('over');
    expect(logged).toEqual([{ event_id: expect.any(String), error: 'TypeError' }]);
  });

  it('keeps results below a megabyte: the other events go on in their own runs', async () => {
    const result = { text: 'x'.repeat(60_000) };
    for (const note of ['a', 'b']) {
      ends.set(note, async () => ({ ok: true, result: { outcome: 'done', result } }));
    }
    const large = plan({ one: [step('s', 'a')] });
    const ended = await run(inputOf(...Array.from({ length: 30 }, () => large)));
    const byEnd = Object.values(ended).map(({ end }) => end);
    expect(byEnd).toContain('over');
    expect(byEnd).toContain('own_run');
    expect(byEnd).toHaveLength(30);
    expect(JSON.stringify(ended).length).toBeLessThan(1024 * 1024);
    const left = Object.values(ended).find(({ end }) => end === 'own_run');
    expect(left?.rules).toEqual({
      one: { steps: {}, attempts: { s: { began_at: BEGAN_AT, attempts: 1, saved: null } }, passed: true },
    });
  });
});

describe('the attempt after a worker ended in the middle', () => {
  const input = inputOf(plan({ one: [step('s', 'a')] }), plan({ one: [step('s', 'b')] }));

  it('takes the events that had ended from the heartbeat, and attempts the others for the second time', async () => {
    const sent: BatchAttemptResult[] = [];
    const stop = new AbortController();
    ends.set('b', () => {
      // By then, event a has ended.
      setImmediate(() => stop.abort());
      return new Promise(() => undefined);
    });
    await expect(
      run(input, { signal: stop.signal, heartbeat: (details) => sent.push(structuredClone(details)) }),
    ).rejects.toThrow(ApplicationFailure);
    const [last] = sent.slice(-1);
    expect(Object.keys(last?.events ?? {})).toEqual(['0']);
    attempted = [];
    ends.clear();
    const ended = await run(input, { attempt: 2, heartbeatDetails: last });
    expect(Object.values(ended).map(({ end }) => end)).toEqual(['over', 'over']);
    expect(attempted.map(({ note, attempt }) => [note, attempt])).toEqual([['b', 2]]);
  });

  it('is made anew when the heartbeat has nothing that it knows', async () => {
    await run(input, { attempt: 2, heartbeatDetails: 'of another version' });
    expect(attempted).toHaveLength(2);
  });
});

describe('a parked connection', () => {
  const gate = new ConnectionGate();
  const queued: unknown[] = [];
  const client: Probe = { attempts: [], failures: new Map(), down: null };
  const by = attemptsByAction(
    stepTools({
      connections: new Map([['probe', { connector: probeConnector('probe'), client }]]),
      gates: new Map([['probe', { gate }]]),
      parking: {
        checkQueueEveryMs: 1,
        park: async (...park) => void queued.push(park),
        enqueue: async (...waits) => queued.push(waits) > 0,
        reportWorking: async () => undefined,
        reportProbeOver: async () => undefined,
      },
    }),
  );
  const input = inputOf(plan({ one: [step('s', 'a')] } satisfies Record<string, PlannedStep[]>));

  it('is not asked, and the batch joins no queue: the own run does', async () => {
    gate.park({ code: providerCode('http_401'), message: 'the token was revoked', remedy: null });
    expect((await run(input, {}, by))[0]).toEqual({
      end: 'own_run',
      rules: { one: { steps: {}, attempts: { s: { began_at: BEGAN_AT, attempts: 0, saved: null } }, passed: true } },
    });
    expect([client.attempts, queued]).toEqual([[], []]);
  });

  it('is not parked by a batch that it refuses: the own run does it', async () => {
    gate.open();
    client.down = new ActionError('credential', 'no', { connection: 'probe', code: providerCode('http_401') });
    expect((await run(input, {}, by))[0]?.end).toBe('own_run');
    expect([client.attempts.length, queued, gate.problem]).toEqual([1, [], null]);
  });
});
