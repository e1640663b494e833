import { Client, WorkflowFailedError } from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';
import { NativeConnection } from '@temporalio/worker';
import pino from 'pino';
import type { PlannedStep } from '../../src/rules/plan';
import { awaitRun } from '../../src/runs/await-run';
import { startRun } from '../../src/runs/start-run';
import { installRuntime } from '../../src/worker/create-worker';
import { recordHistory } from '../histories/record';
import {
  bundleWorkflows,
  error,
  event,
  plan,
  probeConnector,
  startProbeWorker,
  step,
  type Probe,
  type ProbeWorker,
} from './probe';
import { newNamespace } from './temporal-server';

describe('a run', () => {
  const probe: Probe = { attempts: [], failures: new Map(), down: null };
  let connection: NativeConnection;
  let client: Client;
  let worker: ProbeWorker;

  beforeAll(async () => {
    installRuntime(pino({ level: 'silent' }));
    const temporal = await newNamespace();
    connection = await NativeConnection.connect({ address: temporal.address });
    client = new Client({ connection, namespace: temporal.namespace });
    worker = await startProbeWorker({
      temporal,
      workflowBundle: await bundleWorkflows(),
      connections: [{ connector: probeConnector('probe'), client: probe }],
    });
  }, 120_000);

  afterAll(async () => {
    await worker.stop();
    await connection.close();
  });

  beforeEach(() => {
    probe.attempts.length = 0;
    probe.failures.clear();
  });

  async function run(rules: Record<string, PlannedStep[]>, happened = event()) {
    await startRun(client, happened, plan(rules), {
      workflowId: happened.event_id,
      searchAttributes: true,
      eager: true,
    });
    return { happened, end: await awaitRun(client, happened.event_id) };
  }

  it('runs steps in order, gives results to later steps, and reports', async () => {
    const { happened, end } = await run({
      one: [step('first', 'a'), step('second', '{{first}}')],
      two: [step('x', 'b')],
    });
    expect(end.status).toBe('completed');
    const done = { action: 'probe.repeat', outcome: 'done', began_at: expect.any(String) };
    expect(end.report).toEqual({
      event_id: happened.event_id,
      ruleset: 'abcdef012345',
      outcome: 'done',
      rules: [
        {
          rule: 'one',
          outcome: 'done',
          steps: [
            { step: 'first', ...done, result: { note: 'a!' } },
            { step: 'second', ...done, result: { note: '{"note":"a!"}!' } },
          ],
        },
        {
          rule: 'two',
          outcome: 'done',
          steps: [{ step: 'x', ...done, result: { note: 'b!' } }],
        },
      ],
    });
    expect(probe.attempts.map(({ key }) => key)).toContain(`${happened.event_id}/one/first`);
    await recordHistory(client, happened.event_id, 'two-rules');
  });

  it('reports a rule that could not be judged as failed, and runs the others', async () => {
    const happened = event();
    const failure = {
      code: 'over_budget' as const,
      message: 'the condition takes too many steps',
      remedy: 'shorten it',
    };
    const { rules, ruleset } = plan({ good: [step('x', 'a')] });
    const slow = { name: 'slow', timezone: 'UTC', country: null, failure, steps: [] };
    await startRun(
      client,
      happened,
      { ruleset, rules: [slow, ...rules] },
      { workflowId: happened.event_id, searchAttributes: true, eager: true },
    );
    const end = await awaitRun(client, happened.event_id);
    expect(end.status).toBe('failed');
    expect(end.report?.outcome).toBe('partial');
    expect(end.report?.rules).toEqual([
      {
        rule: 'slow',
        outcome: 'failed',
        steps: [{ step: 'if', action: 'rules.if', outcome: 'failed', class: 'permanent', ...failure }],
      },
      expect.objectContaining({ rule: 'good', outcome: 'done' }),
    ]);
  });

  it('runs a repeatable step as a local activity, and as a regular activity after a transient failure', async () => {
    probe.failures.set('shaky', ({ attempt }) => (attempt < 3 ? error('transient') : null));
    const { happened, end } = await run({ one: [step('s', 'shaky')] });
    expect(end.status).toBe('completed');
    expect(probe.attempts.map(({ attempt }) => attempt)).toEqual([1, 2, 3]);
    const history = await client.workflow.getHandle(happened.event_id).fetchHistory();
    const scheduled = (history.events ?? []).flatMap(({ activityTaskScheduledEventAttributes: activity }) =>
      activity ? [activity.activityType?.name] : [],
    );
    expect(scheduled).toEqual(['probe.repeat']);
    await recordHistory(client, happened.event_id, 'local-then-regular');
  });

  it('never runs a step that is not repeatable as a local activity', async () => {
    const { happened } = await run({ one: [step('s', 'mail', { action: 'probe.once', effect: 'once' })] });
    const history = await client.workflow.getHandle(happened.event_id).fetchHistory();
    expect(
      (history.events ?? []).filter(({ activityTaskScheduledEventAttributes: activity }) => activity),
    ).toHaveLength(1);
  });

  it.each(['permanent', 'ambiguous'] as const)(
    'does not retry a %s failure, fails the run, and completes the other rules',
    async (errorClass) => {
      probe.failures.set('bad', () => error(errorClass));
      const { happened, end } = await run({
        bad: [step('s', 'bad', { action: 'probe.once', effect: 'once' }), step('never', 'c')],
        good: [step('s', 'fine')],
      });
      expect(end.status).toBe('failed');
      expect(end.report).toMatchObject({
        outcome: 'partial',
        rules: [
          {
            rule: 'bad',
            outcome: 'failed',
            steps: [{ step: 's', outcome: 'failed', class: errorClass, code: 'no', remedy: 'Say yes.' }],
          },
          { rule: 'good', outcome: 'done' },
        ],
      });
      expect(probe.attempts.filter(({ note }) => note === 'bad')).toHaveLength(1);
      expect(probe.attempts.filter(({ note }) => note === 'c')).toHaveLength(0);
      const failure: unknown = await client.workflow
        .getHandle(happened.event_id)
        .result()
        .catch((thrown: unknown) => thrown);
      expect(failure).toBeInstanceOf(WorkflowFailedError);
      const cause = failure instanceof WorkflowFailedError ? failure.cause : undefined;
      expect(cause).toBeInstanceOf(ApplicationFailure);
      expect(JSON.stringify(cause instanceof ApplicationFailure ? cause.details : null)).not.toContain('fine!');
      expect(cause?.message).toBe(
        `rule "bad", step "s" (probe.once): ${errorClass} no: the probe says no. What to do: Say yes.`,
      );
      const described = await client.workflow.getHandle(happened.event_id).describe();
      expect(described.searchAttributes).toMatchObject({
        BridgeOutcome: ['partial'],
        BridgeErrorClass: [errorClass],
        BridgeRules: ['bad', 'good'],
      });
      await expect(described.staticSummary()).resolves.toBe('call_hangup: bad, good');
      await recordHistory(client, happened.event_id, 'failed-permanently');
    },
  );

  it('continues after a failed step with on_error: continue', async () => {
    probe.failures.set('bad', () => error('permanent'));
    const { end } = await run({ one: [step('s', 'bad', { on_error: 'continue' }), step('t', 'next')] });
    expect(end.report).toMatchObject({
      outcome: 'partial',
      rules: [{ steps: [{ outcome: 'failed' }, { outcome: 'done' }] }],
    });
  });

  it('stops retrying when the retry budget is spent, with the class of the last failure', async () => {
    probe.failures.set('down', () => error('transient'));
    const { end } = await run({
      one: [step('s', 'down', { retry: { for_ms: 5_000, every_ms: 100, max_every_ms: 200 } })],
    });
    expect(end.report).toMatchObject({ outcome: 'failed', rules: [{ steps: [{ class: 'transient', code: 'no' }] }] });
    expect(probe.attempts.length).toBeGreaterThanOrEqual(2);
  });

  it('does not start a step whose retry budget, counted from the event, is spent', async () => {
    const reply = step('s', 'reply', { retry: { for_ms: 900_000, every_ms: 100, max_every_ms: 200, from: 'event' } });
    const late = await run(
      { one: [reply], two: [step('s', 'other')] },
      event({ received_at: new Date(Date.now() - 901_000).toISOString() }),
    );
    expect(late.end.report).toMatchObject({
      outcome: 'partial',
      rules: [
        { rule: 'one', steps: [{ outcome: 'failed', class: 'transient', code: 'too_late' }] },
        { rule: 'two', outcome: 'done' },
      ],
    });
    expect(probe.attempts.map(({ note }) => note)).toEqual(['other']);
    const idle = await run(
      { one: [{ ...reply, if: 'false' }] },
      event({ received_at: new Date(Date.now() - 901_000).toISOString() }),
    );
    expect(idle.end.report).toMatchObject({
      outcome: 'skipped',
      rules: [{ steps: [{ outcome: 'skipped', reason: 'its condition is not met' }] }],
    });
    const inTime = await run({ one: [reply] }, event({ received_at: new Date(Date.now() - 800_000).toISOString() }));
    expect(inTime.end.report?.outcome).toBe('done');
  });

  it('passes what an attempt saved to the next attempt', async () => {
    const seen: unknown[] = [];
    probe.failures.set('saves', ({ attempt, progress }) => {
      seen.push(progress.last);
      progress.save({ saved_at: attempt });
      return attempt < 3 ? error('transient') : null;
    });
    await run({ one: [step('s', 'saves', { action: 'probe.once', effect: 'once' })] });
    expect(seen).toEqual([null, { saved_at: 1 }, { saved_at: 2 }]);
  });

  it('runs a rule in shadow without its effects', async () => {
    const happened = event();
    const shadowed = plan({ one: [step('s', 'a')] });
    shadowed.rules.forEach((rule) => (rule.shadow = true));
    await startRun(client, happened, shadowed, { workflowId: happened.event_id, searchAttributes: true, eager: true });
    const end = await awaitRun(client, happened.event_id);
    expect(end.report).toMatchObject({
      outcome: 'skipped',
      rules: [
        { steps: [{ outcome: 'skipped', reason: 'shadow: it would have been done', began_at: expect.any(String) }] },
      ],
    });
    expect(probe.attempts).toHaveLength(0);
  });

  it('skips a step whose condition is not met', async () => {
    const { end } = await run({ one: [step('s', 'a', { if: 'false' })] });
    expect(end.report).toMatchObject({
      outcome: 'skipped',
      rules: [{ steps: [{ outcome: 'skipped', reason: 'its condition is not met' }] }],
    });
    expect(probe.attempts).toHaveLength(0);
  });

  it('is refused, not retried forever, when Temporal says that it is too large', async () => {
    const happened = event();
    const huge = plan({ one: [step('s', 'x'.repeat(3_000_000))] });
    const start = await startRun(client, happened, huge, {
      workflowId: happened.event_id,
      searchAttributes: true,
      eager: true,
    });
    expect(start).toMatchObject({ outcome: 'refused', reason: expect.stringContaining('too large') as string });
  });

  it('reports a run that somebody terminated, and a run that does not exist', async () => {
    probe.failures.set('down', () => error('transient', 60_000));
    const happened = event();
    await startRun(client, happened, plan({ one: [step('s', 'down')] }), {
      workflowId: happened.event_id,
      searchAttributes: true,
      eager: true,
    });
    await client.workflow.getHandle(happened.event_id).terminate('by hand');
    expect(await awaitRun(client, happened.event_id)).toEqual({ status: 'terminated', report: null });
    expect(await awaitRun(client, 'call_hangup/none')).toEqual({ status: 'unknown', report: null });
  });

  it('is never started twice, neither while it runs nor after it closed', async () => {
    const happened = event();
    const first = await startRun(client, happened, plan({ one: [step('s', 'a')] }), {
      workflowId: happened.event_id,
      searchAttributes: true,
      eager: true,
    });
    const second = await startRun(client, happened, plan({ one: [step('s', 'a')] }), {
      workflowId: happened.event_id,
      searchAttributes: true,
      eager: true,
    });
    await awaitRun(client, happened.event_id);
    const third = await startRun(client, happened, plan({ one: [step('s', 'a')] }), {
      workflowId: happened.event_id,
      searchAttributes: true,
      eager: true,
    });
    expect([first.outcome, second.outcome, third.outcome]).toEqual(['started', 'exists', 'exists']);
    expect(probe.attempts.filter(({ key }) => key.startsWith(happened.event_id))).toHaveLength(1);
  });
});
