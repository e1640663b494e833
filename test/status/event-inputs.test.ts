import type { CanonicalEvent } from '../../src/events/canonical-event';
import type { RunOfEvent } from '../../src/operations/event-history';
import type { Plan, PlannedRule, PlannedStep } from '../../src/rules/plan';
import { SHADOWED } from '../../src/runs/names';
import type { ReportSoFar, StepReport } from '../../src/runs/run-contract';
import { inputsOf, type AskRun, type EventInputs } from '../../src/status/event-inputs';
import { eventOf } from '../events/event-of';

const TEXT = 'voipbin.send_message';
const TASK = 'hubspot.create_task';
const AT = '2026-03-02T14:05:11.000Z';
const LATER = '2026-03-02T15:30:00.000Z';
const OURS = { has: (): boolean => false };

function step(id: string, text: string): PlannedStep {
  return {
    id,
    action: id === 'task' ? TASK : TEXT,
    effect: 'verifiable',
    input: id === 'task' ? { subject: text } : { text },
    on_error: 'stop',
    retry: { for_ms: 1_000, every_ms: 1_000, max_every_ms: 1_000 },
    attempt_timeout_ms: 1_000,
  };
}

function planOf(steps: PlannedStep[], more: Partial<PlannedRule> = {}): Plan {
  return {
    ruleset: 'abcdef012345',
    rules: [{ name: 'answer', timezone: 'Europe/Berlin', country: null, steps, ...more }],
  };
}

const done = (id: string, more: Partial<Extract<StepReport, { outcome: 'done' }>> = {}): StepReport => ({
  step: id,
  action: id === 'task' ? TASK : TEXT,
  outcome: 'done',
  result: {},
  began_at: AT,
  ...more,
});

const failed = (id: string, code = 'http_400', attempts = 1): StepReport => ({
  step: id,
  action: id === 'task' ? TASK : TEXT,
  outcome: 'failed',
  class: 'permanent',
  code,
  message: 'no',
  remedy: null,
  earlier: { began_at: AT, attempts, saved: null },
});

function run(plan: Plan, steps: StepReport[] | null, more: Partial<RunOfEvent> = {}): RunOfEvent {
  return {
    eventId: 'message_created/m1',
    kind: 'first',
    workflowId: 'message_created/m1',
    number: 1,
    startedAt: new Date('2026-03-02T14:05:10Z'),
    closedAt: new Date('2026-03-02T14:05:12Z'),
    outcome: 'done',
    plan,
    rules: steps === null ? null : [{ rule: 'answer', outcome: 'done', steps }],
    calls: undefined,
    ...more,
  };
}

const retry = { kind: 'retry', workflowId: 'message_created/m1#2', number: 2 } as const;
const rerun = { ...retry, kind: 'rerun' } as const;
const nobody: AskRun = () => Promise.reject(new Error('nobody is asked'));
const answer = (steps: StepReport[], more: Partial<ReportSoFar> = {}): AskRun => {
  const rules = [{ rule: 'answer', outcome: 'done' as const, steps }];
  const report = { event_id: 'message_created/m1', ruleset: 'abcdef012345', outcome: 'done' as const, rules };
  return () => Promise.resolve({ report, under_way: [], ...more });
};

function find(runs: RunOfEvent[], ask: AskRun | null = nobody, event?: Partial<CanonicalEvent>): Promise<EventInputs> {
  const peer = { type: 'tel', number: '+15551234567', name: 'Ada' };
  return inputsOf(eventOf({ type: 'message_created', id: 'm1', peer, ...event }), OURS, runs, ask);
}

const shown = (id: string, input: object, outcome = 'done') => ({ rule: 'answer', step: id, outcome, input });
const hidden = (id: string, reason: string) => ({
  inputs: [],
  inputs_not_shown: [{ rule: 'answer', step: id, reason: expect.stringContaining(reason) }],
});
const NOW = "Hello {{ peer.name }}, it is {{ 'now' | date: '%H:%M' }}";

test('a text that reads the clock is rendered as of the moment when the step began', async () => {
  const inputs = [shown('text', { text: 'Hello Ada, it is 15:05' })];
  expect(await find([run(planOf([step('text', NOW)]), [done('text')])])).toEqual({ inputs, inputs_not_shown: [] });
});

test('of a report without that moment, the run is asked for it', async () => {
  const old = done('text');
  delete (old as { began_at?: string }).began_at;
  const runs = [run(planOf([step('text', NOW)]), [old])];
  expect(await find(runs, answer([done('text')]))).toMatchObject({
    inputs: [{ input: { text: 'Hello Ada, it is 15:05' } }],
  });
  expect(await find(runs, answer([old]))).toEqual(hidden('text', 'not known when the step began'));
  const fixed = [run(planOf([step('text', 'Hello {{ peer.name }}')]), [old])];
  expect(await find(fixed)).toMatchObject({ inputs: [{ input: { text: 'Hello Ada' } }] });
});

describe('of a run that failed, whose report has no results', () => {
  const plan = planOf([step('text', 'Hello'), step('task', 'Text {{ steps.text.id }}')]);
  const runs = [run(plan, [done('text'), failed('task')])];

  it('the run is asked for them; what the failed step tried to send is marked', async () => {
    expect(await find(runs, answer([done('text', { result: { id: 'T1' } }), failed('task')]))).toEqual({
      inputs: [shown('text', { text: 'Hello' }), shown('task', { subject: 'Text T1' }, 'failed')],
      inputs_not_shown: [],
    });
  });

  it.each([
    ['Temporal no longer keeps this run', () => Promise.resolve(null)],
    ['Temporal or a worker does not answer', nobody],
    ['bridge events show asks it', null],
  ])('the rest is shown, and why some is not: %s', async (reason, ask) => {
    const found = await find(runs, ask);
    expect(found.inputs).toEqual([shown('text', { text: 'Hello' })]);
    expect(found.inputs_not_shown).toEqual(hidden('task', reason).inputs_not_shown);
  });
});

test.each([
  ['was held back to the end', failed('text', 'http_401', 0)],
  ['failed because its template did', failed('text', 'template')],
  ['reads a part of the event that was left out', failed('text', 'event_cut')],
])('nothing is said of a step that %s', async (_case, report) => {
  const runs = [run(planOf([step('text', NOW)]), [report])];
  expect(await find(runs)).toEqual({ inputs: [], inputs_not_shown: [] });
});

describe('of an event whose call was looked up', () => {
  const plan = planOf([step('text', 'Call of {{ peer.number }}')], { look_up: ['call'] });
  const event = {
    type: 'queuecall_abandoned',
    peer: null,
    pending: ['call' as const],
    call_id: 'c1',
    data: { id: 'm1', reference_type: 'call', reference_id: 'c1' },
  };
  const tel = (target: string) => ({ type: 'tel', target });
  const call = { id: 'c1', direction: 'incoming', source: tel('+15550002222'), destination: tel('+15559876543') };
  const calls = { calls: { c1: call }, references: {}, agents: {} };

  it('texts have what the report says of it', async () => {
    expect(await find([run(plan, [done('text')], { calls })], nobody, event)).toEqual({
      inputs: [shown('text', { text: 'Call of +15550002222' })],
      inputs_not_shown: [],
    });
  });

  it('the run is asked when the report does not say it', async () => {
    const runs = [run(plan, [done('text')])];
    expect(await find(runs, answer([done('text')], { calls }), event)).toMatchObject({
      inputs: [{ input: { text: 'Call of +15550002222' } }],
    });
    expect(await find(runs, answer([done('text')]), event)).toEqual(hidden('text', 'looked up of the call'));
    expect(await find(runs, nobody, event)).toEqual(hidden('text', 'does not answer'));
  });
});

describe('of an event with several runs', () => {
  it('a retry shows what the runs before it sent, too', async () => {
    const plan = planOf([step('text', NOW), step('task', 'Text {{ steps.text.id }}')]);
    const both = [done('text', { result: { id: 'T1' } }), done('task', { began_at: LATER })];
    expect(await find([run(plan, [done('text'), failed('task')]), run(plan, both, retry)])).toEqual({
      inputs: [shown('text', { text: 'Hello Ada, it is 15:05' }), shown('task', { subject: 'Text T1' })],
      inputs_not_shown: [],
    });
  });

  it('a rerun shows its own steps by its rules, and those of the runs before by theirs', async () => {
    const before = planOf([step('text', 'Hello {{ peer.name }}'), step('task', 'Old')]);
    const after = planOf([step('text', 'Good day {{ peer.name }}'), step('task', 'New')]);
    const last = run(after, [done('text'), done('task', { began_at: LATER })], rerun);
    expect((await find([run(before, [done('text'), failed('task')]), last])).inputs).toEqual([
      shown('text', { text: 'Hello Ada' }),
      shown('task', { subject: 'New' }),
    ]);
    const again = run(after, [done('text', { began_at: LATER })], rerun);
    expect((await find([run(before, [done('text')]), again])).inputs).toEqual([
      shown('text', { text: 'Good day Ada' }),
    ]);
  });

  it('a step is not shown that a run of an unknown report may have done, by other rules', async () => {
    const cutOff = run(planOf([step('text', 'Hello')]), null, { outcome: 'terminated' });
    expect(await find([cutOff, run(planOf([step('text', 'Good day')]), [done('text')], rerun)])).toEqual(
      hidden('text', 'an earlier run did the step'),
    );
  });
});

test('of a rule in mode shadow, it is shown what would have been sent', async () => {
  const skipped = { step: 'text', action: TEXT, outcome: 'skipped', reason: SHADOWED, began_at: AT } as const;
  const runs = (report: StepReport) => [run(planOf([step('text', NOW)], { shadow: true }), [report])];
  expect((await find(runs(skipped))).inputs).toEqual([shown('text', { text: 'Hello Ada, it is 15:05' }, 'skipped')]);
  const conditional = { ...skipped, reason: 'its condition is not met' };
  expect(await find(runs(conditional))).toEqual({ inputs: [], inputs_not_shown: [] });
});

test('a step that the bridge makes of itself has no inputs', async () => {
  const record: StepReport = { step: 'record', action: 'opt_outs.record', outcome: 'done', result: {} };
  expect(await find([run(planOf([], { records: 'opt_out' }), [record])])).toEqual({ inputs: [], inputs_not_shown: [] });
});

test('a number in another form is given as it was sent, too', async () => {
  const text = step('text', 'Hello');
  const plan = planOf([{ ...text, input: { ...text.input, to: '010-5000-6000' } }], { country: 'KR' });
  expect((await find([run(plan, [done('text')])])).inputs).toEqual([
    { ...shown('text', { text: 'Hello', to: '010-5000-6000' }), read_as: { to: '+821050006000' } },
  ]);
});
