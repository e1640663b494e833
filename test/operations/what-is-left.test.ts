import { leftToRerun, leftToRetry, type Choice, type EarlierRun } from '../../src/operations/what-is-left';
import type { Plan, PlannedStep } from '../../src/rules/plan';
import type { StepReport } from '../../src/runs/run-contract';

const moments = { receivedAt: new Date('2026-03-02T08:00:00Z'), now: new Date('2026-03-02T09:00:00Z') };
const all: Choice = { ambiguous: new Set(), late: false };

function step(id: string, changes: Partial<PlannedStep> = {}): PlannedStep {
  return {
    id,
    action: `crm.${id}`,
    effect: 'repeatable',
    input: {},
    on_error: 'stop',
    retry: { for_ms: 60_000, every_ms: 1_000, max_every_ms: 5_000 },
    attempt_timeout_ms: 1_000,
    ...changes,
  };
}

function plan(...steps: PlannedStep[]): Plan {
  return { ruleset: 'r', rules: [{ name: 'rule', timezone: 'UTC', country: null, steps }] };
}

const done = (id: string): StepReport => ({ step: id, action: `crm.${id}`, outcome: 'done', result: { id } });
const skipped = (id: string): StepReport => ({ step: id, action: `crm.${id}`, outcome: 'skipped', reason: 'no' });
const failed = (id: string, changes: object = {}): StepReport => ({
  step: id,
  action: `crm.${id}`,
  outcome: 'failed',
  class: 'permanent',
  code: 'http_400',
  message: 'no',
  remedy: null,
  ...changes,
});
const earlier = (steps: StepReport[], changes: Partial<EarlierRun> = {}): EarlierRun => ({
  rules: steps.length === 0 ? [] : [{ rule: 'rule', outcome: 'failed', steps }],
  cutOff: [],
  isComplete: true,
  ...changes,
});
const ids = ({ steps }: { steps: { step: { id: string } }[] }): string[] => steps.map(({ step: { id } }) => id);

describe('a retry', () => {
  const retry = (of: Plan, run: EarlierRun, choice: Partial<Choice> = {}) =>
    leftToRetry(of, run, { ...all, ...choice }, moments);

  test('does the failed step and what follows it, with the results of what was done', () => {
    const attempts = { began_at: '2026-03-02T08:00:01Z', attempts: 3, saved: { at: 1 } };
    const left = retry(plan(step('a'), step('b'), step('c')), earlier([done('a'), failed('b', { earlier: attempts })]));
    expect(ids(left)).toEqual(['b', 'c']);
    expect(left.rules['rule']).toEqual({ steps: { a: done('a') }, attempts: { b: attempts }, passed: true });
  });

  test('leaves a rule alone of which nothing failed', () => {
    const left = retry(plan(step('a'), step('b')), earlier([done('a'), skipped('b')]));
    expect(ids(left)).toEqual([]);
    expect(left.rules['rule']).toMatchObject({ stands: { steps: [done('a'), skipped('b')] } });
  });

  test('does not do again what was done after a step that failed with on_error: continue', () => {
    const left = retry(plan(step('a', { on_error: 'continue' }), step('b')), earlier([failed('a'), done('b')]));
    expect(ids(left)).toEqual(['a']);
    expect(left.rules['rule']?.steps).toEqual({ b: done('b') });
  });

  test('leaves out what may have happened, and what follows it', () => {
    const run = earlier([failed('a', { class: 'ambiguous', code: 'no_answer' })]);
    expect(retry(plan(step('a'), step('b')), run)).toMatchObject({ steps: [], leftOut: ['ambiguous'] });
    for (const named of ['rule/a', '*']) {
      const left = retry(plan(step('a'), step('b')), run, { ambiguous: new Set([named]) });
      expect([ids(left), left.doubtful]).toEqual([['a', 'b'], 1]);
    }
  });

  test('begins afresh with what may have happened, when somebody looked and says that it did not', () => {
    const attempts = { began_at: '2026-03-02T08:00:01Z', attempts: 2, saved: { attempt: 2, done: ['ann'] } };
    const run = earlier([failed('a', { class: 'ambiguous', code: 'answer_lost', earlier: attempts })]);
    const left = retry(plan(step('a', { effect: 'once' })), run, { ambiguous: new Set(['rule/a']) });
    // Who has the mail has it all the same.
    expect(left.rules['rule']?.attempts).toEqual({ a: { ...attempts, attempts: 0, saved: { done: ['ann'] } } });
  });

  test('continues with the action keys that the run before had', () => {
    const run = {
      ...earlier([]),
      rules: [{ rule: 'rule', outcome: 'failed' as const, key: 'X#2', steps: [failed('a')] }],
    };
    expect(retry(plan(step('a')), run).rules['rule']).toMatchObject({ key: 'X#2', passed: true });
    const lookUp = failed('voipbin.look_up_call', { action: 'voipbin.look_up_call' });
    const notBegun = { ...run, rules: run.rules.map((rule) => ({ ...rule, steps: [lookUp] })) };
    expect(retry(plan(step('a')), notBegun).rules['rule']).toEqual({
      steps: {},
      attempts: {},
      passed: false,
      key: 'X#2',
    });
  });

  test('keeps what earlier runs did of a rule whose look-up failed in a later one', () => {
    const attempts = { began_at: '2026-03-02T08:00:01Z', attempts: 2, saved: { at: 1 } };
    const lookUp = failed('voipbin.look_up_call', { action: 'voipbin.look_up_call' });
    const run = earlier([done('a'), failed('b', { earlier: attempts }), lookUp]);
    const left = retry(plan(step('a'), step('b'), step('c')), run);
    expect(ids(left)).toEqual(['b', 'c']);
    expect(left.rules['rule']).toEqual({ steps: { a: done('a') }, attempts: { b: attempts }, passed: true });
  });

  test('does not count the limits again of a rule that was cut off in its first step', () => {
    const cutOff = [{ rule: 'rule', step: 'a', began_at: '2026-03-02T08:00:05Z' }];
    const left = retry(plan(step('a')), earlier([], { cutOff, isComplete: false }));
    expect(left.rules['rule']).toMatchObject({ passed: true });
  });

  test('records an opt-out whose run was cut off before it did', () => {
    const records = {
      ...plan(),
      rules: [{ name: '(opt-out)', timezone: 'UTC', country: null, records: 'opt_out' as const, steps: [] }],
    };
    const left = retry(records, earlier([], { isComplete: false }));
    expect([left.steps.map(({ rule }) => rule), left.rules]).toEqual([['(opt-out)'], {}]);
  });

  test('leaves out what is too late, unless it is asked for', () => {
    const late = plan(step('a', { retry: { for_ms: 900_000, from: 'event', every_ms: 1, max_every_ms: 1 } }));
    expect(retry(late, earlier([failed('a')]))).toMatchObject({ steps: [], leftOut: ['too_late'] });
    expect(ids(retry(late, earlier([failed('a')]), { late: true }))).toEqual(['a']);
  });

  test.each([
    [{ rule: 'other' }, []],
    [{ step: 'b' }, []],
    [{ connection: 'slack' }, []],
    [{ class: 'transient' }, []],
    [{ rule: 'rule', step: 'a', connection: 'crm', class: 'permanent' }, ['a']],
  ])('is only for what was chosen: %j', (choice, expected) => {
    const left = retry(plan(step('a')), earlier([failed('a')]), choice);
    expect(ids(left)).toEqual(expected);
    expect(left.leftOut).toEqual([]);
  });

  test('of a run that was cut off does what had not ended, but not what may have happened', () => {
    const cutOff = [{ rule: 'rule', step: 'b', began_at: '2026-03-02T08:00:05Z' }];
    const run = earlier([done('a')], { cutOff, isComplete: false });
    const repeatable = retry(plan(step('a'), step('b'), step('c')), run);
    expect(ids(repeatable)).toEqual(['b', 'c']);
    expect(repeatable.rules['rule']?.attempts).toEqual({
      b: { began_at: '2026-03-02T08:00:05Z', attempts: 1, saved: null },
    });
    expect(retry(plan(step('a'), step('b', { effect: 'once' }), step('c')), run)).toMatchObject({
      steps: [],
      leftOut: ['ambiguous'],
    });
  });

  test.each([
    ['limits', 'rules.claim_limits'],
    ['voipbin.look_up_call', 'voipbin.look_up_call'],
  ])('does the whole rule when what comes before its first step failed: %s', (id, action) => {
    const before = failed(id, { action });
    const left = retry(plan(step('a'), step('b')), earlier([before]));
    expect([ids(left), left.rules]).toEqual([['a', 'b'], {}]);
    expect(ids(retry(plan(step('a')), earlier([before]), { step: 'a' }))).toEqual([]);
    expect(ids(retry(plan(step('a')), earlier([before]), { connection: action.split('.')[0] ?? '' }))).toEqual(['a']);
  });

  test('records an opt-out that could not be recorded', () => {
    const built: Plan = {
      ruleset: 'r',
      rules: [{ name: '(opt-out)', timezone: 'UTC', country: null, records: 'opt_out', steps: [] }],
    };
    const report = {
      rule: '(opt-out)',
      outcome: 'failed' as const,
      steps: [failed('opt-out', { action: 'opt_outs.record' })],
    };
    expect(retry(built, { rules: [report], cutOff: [], isComplete: true }).steps).toHaveLength(1);
    const recorded = { ...report, outcome: 'done' as const, steps: [done('opt-out')] };
    expect(retry(built, { rules: [recorded], cutOff: [], isComplete: true }).steps).toEqual([]);
  });
});

describe('a rerun', () => {
  const rerun = (of: Plan, runs: EarlierRun[], fired: string[] = []) =>
    leftToRerun(of, runs, all, new Set(fired), moments);

  test('does a rule that is new', () => {
    const left = rerun(plan(step('a'), step('b')), [earlier([])]);
    expect(ids(left)).toEqual(['a', 'b']);
    expect(left.rules).toEqual({});
  });

  test('does not do what a rule of that name has done', () => {
    expect(rerun(plan(step('a')), [earlier([done('a')])])).toMatchObject({ steps: [], leftOut: ['already_done'] });
  });

  test('does steps that are new, failed or were skipped, with the results of the others', () => {
    const left = rerun(plan(step('a'), step('b'), step('c'), step('d')), [
      earlier([done('a'), failed('b'), skipped('c')]),
    ]);
    expect(ids(left)).toEqual(['b', 'c', 'd']);
    expect(left.rules['rule']?.steps).toEqual({ a: done('a') });
  });

  test('takes a step of the same id and another action for a new one', () => {
    const left = rerun(plan(step('a', { action: 'slack.a' })), [earlier([done('a')])]);
    expect(ids(left)).toEqual(['a']);
  });

  test('of one rule leaves the others as they are, with what failed of them', () => {
    const both = {
      ...plan(),
      rules: ['rule', 'other'].map((name) => ({ name, timezone: 'UTC', country: null, steps: [step('a')] })),
    };
    const left = leftToRerun(both, [earlier([failed('a')])], { ...all, rule: 'other' }, new Set(), moments);
    expect(left.steps.map(({ rule }) => rule)).toEqual(['other']);
    expect(left.rules['rule']).toMatchObject({ stands: { outcome: 'failed', steps: [failed('a')] } });
    const cutOff = [{ rule: 'rule', step: 'a', began_at: '2026-03-02T08:00:05Z' }];
    const ended = earlier([], { cutOff, isComplete: false });
    expect(leftToRerun(both, [ended], { ...all, rule: 'other' }, new Set(), moments).rules['rule']).toMatchObject({
      stands: { outcome: 'failed', steps: [expect.objectContaining({ step: 'a', code: 'cut_off' })] },
    });
  });

  test.each(['rule/a', '*'])('does what may have happened only when somebody says so: %s', (named) => {
    const attempts = { began_at: '2026-03-02T08:00:01Z', attempts: 2, saved: { attempt: 2 } };
    const run = earlier([failed('a', { class: 'ambiguous', code: 'http_503', earlier: attempts })]);
    expect(rerun(plan(step('a')), [run])).toMatchObject({ steps: [], leftOut: ['ambiguous'], doubtful: 0 });
    const choice = { ...all, ambiguous: new Set([named]) };
    const left = leftToRerun(plan(step('a')), [run], choice, new Set(), moments);
    expect([ids(left), left.leftOut, left.doubtful]).toEqual([['a'], [], 1]);
    expect(left.rules['rule']?.attempts).toEqual({ a: { ...attempts, attempts: 0, saved: {} } });
  });

  test('that is to do everything again does what was done', () => {
    const left = leftToRerun(plan(step('a')), [earlier([done('a')])], { ...all, again: true }, new Set(), moments);
    expect([ids(left), left.rules]).toEqual([['a'], {}]);
  });

  test('leaves to the twin what the twin did', () => {
    expect(rerun(plan(step('a')), [], ['rule'])).toMatchObject({ steps: [], leftOut: ['by_twin'] });
  });

  test('knows the last of several runs', () => {
    expect(rerun(plan(step('a')), [earlier([failed('a')]), earlier([done('a')])]).leftOut).toEqual(['already_done']);
  });
});
