import type { LaterRunEntry } from '../../src/dispatch/later-runs';
import type { RunLogEntry } from '../../src/dispatch/run-log';
import { EVENT_STATUSES, eventStatus } from '../../src/status/event-status';
import type { Outcome } from '../../src/runs/run-contract';
import type { RunState } from '../../src/status/run-status';

const entry = (outcome: string | null): RunLogEntry => ({
  seq: 1,
  event_id: 'call_hangup/c1',
  run_id: 'r',
  state: outcome === null ? 'started' : 'closed',
  started_at: new Date(0),
  closed_at: outcome === null ? null : new Date(0),
  outcome,
  report: null,
  batch: null,
  own_run: false,
});
const run = (status: string, outcome: Outcome | null = null): RunState => ({
  status,
  report: outcome === null ? null : { event_id: 'call_hangup/c1', ruleset: 'r', outcome, rules: [] },
  pending: [],
  parked: [],
  soFar: null,
  workerMissing: false,
});

test.each([
  ['no rule matched', { isIgnored: true, isStarted: true, dispatched: null }, null, 'ignored'],
  ['its run has not started', { isIgnored: false, isStarted: false, dispatched: null }, null, 'waiting'],
  ['its run is open', { isIgnored: false, isStarted: true, dispatched: entry(null) }, run('running'), 'started'],
  ['Temporal does not answer', { isIgnored: false, isStarted: true, dispatched: entry(null) }, null, 'started'],
  ['Temporal knows first', { isIgnored: false, isStarted: true, dispatched: entry(null) }, run('failed'), 'failed'],
  [
    'Temporal knows first, with the report',
    { isIgnored: false, isStarted: true, dispatched: entry(null) },
    run('completed', 'skipped'),
    'skipped',
  ],
  ['the run log knows', { isIgnored: false, isStarted: true, dispatched: entry('done') }, run('completed'), 'done'],
  ['its record is lost', { isIgnored: false, isStarted: true, dispatched: null }, null, 'forgotten'],
  [
    'Temporal has what the log lost',
    { isIgnored: false, isStarted: true, dispatched: null },
    run('running'),
    'started',
  ],
])('%s', (_case, progress, state, expected) => {
  expect(eventStatus({ ...progress, later: null }, state)).toBe(expected);
  expect(EVENT_STATUSES).toContain(expected);
});

const later = (started_at: Date | null, outcome: string | null): LaterRunEntry => ({
  event_id: 'call_hangup/c1',
  number: 2,
  job: 'retry-1',
  kind: 'retry',
  plan: null,
  begun_at: new Date(0),
  started_at,
  closed_at: outcome === null ? null : new Date(0),
  outcome,
  report: null,
});

test.each([
  ['a retry that is done', later(new Date(0), 'done'), 'done'],
  ['a retry that is open', later(new Date(0), null), 'started'],
  ['a retry that could not be started', later(null, 'refused'), 'failed'],
])('%s decides the status of a failed event', (_case, run, expected) => {
  const progress = { isIgnored: false, isStarted: true, dispatched: entry('failed') };
  expect(eventStatus({ ...progress, later: run })).toBe(expected);
});

test('a rerun decides the status of an event that no rule matched at first', () => {
  const progress = { isIgnored: true, isStarted: true, dispatched: null };
  expect(eventStatus({ ...progress, later: later(new Date(0), 'done') })).toBe('done');
});
