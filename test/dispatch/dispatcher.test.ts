import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pino from 'pino';
import { RunLog } from '../../src/dispatch/run-log';
import { Dispatcher } from '../../src/dispatch/dispatcher';
import type { PendingEvent } from '../../src/dispatch/pending-events';
import { eventOf } from '../events/event-of';
import { planOf } from '../inbox/entries';
import { ControlledTemporal } from './controlled-temporal';
import { ListedEvents } from './listed-events';

function pending(seq: number): PendingEvent {
  return { seq, event: eventOf({ id: `c${seq}` }), plan: { ruleset: 'abc', rules: [] } };
}

describe('Dispatcher', () => {
  let dataDir: string;
  let runLog: RunLog;
  let temporal: ControlledTemporal;
  let dispatcher: Dispatcher;
  let inbox: ListedEvents;
  let closed: string[];

  function dispatch(maxInFlight = 20, endsArePushed = false, batches = false): void {
    dispatcher = new Dispatcher({
      events: inbox,
      onClosed: (eventId) => closed.push(eventId),
      runLog,
      starter: temporal,
      maxInFlight,
      batches,
      endsArePushed,
      forgetAfterMs: 60_000,
      log: pino({ level: 'silent' }),
    });
    dispatcher.start();
  }

  beforeEach(() => {
    dataDir = mkdtempSync(join(tmpdir(), 'dispatcher-'));
    runLog = RunLog.open(dataDir);
    temporal = new ControlledTemporal();
    inbox = new ListedEvents();
    closed = [];
  });

  afterEach(async () => {
    await dispatcher.stop();
    runLog.close();
    rmSync(dataDir, { recursive: true, force: true });
  });

  it('starts pending events, oldest first, and those that arrive later', async () => {
    inbox.events = [pending(1), pending(2)];
    dispatch();
    await temporal.startedAtLeast(2);
    inbox.events.push(pending(3));
    dispatcher.wake();
    await temporal.startedAtLeast(3);
    expect(temporal.started).toEqual(['call_hangup/c1', 'call_hangup/c2', 'call_hangup/c3']);
    await untilTrue(() => runLog.watermark() === 3);
  });

  it('does not start again what was started before a restart', async () => {
    inbox.events = [pending(1), pending(2)];
    dispatch();
    await temporal.startedAtLeast(2);
    await dispatcher.stop();
    inbox.events.push(pending(3));
    dispatch();
    await temporal.startedAtLeast(3);
    expect(temporal.started).toEqual(['call_hangup/c1', 'call_hangup/c2', 'call_hangup/c3']);
  });

  it('keeps no more runs in flight than allowed; a run that ends or waits releases its slot', async () => {
    inbox.events = [1, 2, 3, 4].map(pending);
    dispatch(2, true);
    await temporal.startedAtLeast(2);
    expect(temporal.started).toHaveLength(2);
    dispatcher.runEnded('call_hangup/c1', { status: 'completed', report: { outcome: 'done', rules: [] } });
    await temporal.startedAtLeast(3);
    expect(temporal.started).toHaveLength(3);
    dispatcher.runWaits('call_hangup/c2');
    await temporal.startedAtLeast(4);
  });

  it('waits while Temporal is not reachable, reports it, and starts everything afterwards', async () => {
    temporal.away = true;
    inbox.events = [pending(1), pending(2)];
    dispatch();
    await untilTrue(() => dispatcher.problem() !== null);
    expect(dispatcher.problem()).toContain('UNAVAILABLE');
    expect(runLog.watermark()).toBe(0);
    temporal.away = false;
    await temporal.startedAtLeast(2);
    await untilTrue(() => dispatcher.problem() === null);
  });

  it('reports the problem until a start succeeds, also while a start has no answer', async () => {
    temporal.away = true;
    inbox.events = [pending(1)];
    dispatch();
    await untilTrue(() => dispatcher.problem() !== null);
    temporal.hold = true;
    await untilTrue(() => temporal.held.size === 1);
    const before = inbox.reads;
    await untilTrue(() => {
      dispatcher.wake();
      return inbox.reads >= before + 2;
    });
    expect(dispatcher.problem()).toContain('UNAVAILABLE');
    temporal.away = false;
    temporal.held.forEach((answer) => answer());
    await untilTrue(() => dispatcher.problem() === null);
    expect(temporal.started).toEqual(['call_hangup/c1']);
  });

  it('records a run that Temporal refuses, and starts the others', async () => {
    temporal.refuse.add('call_hangup/c1');
    inbox.events = [pending(1), pending(2)];
    dispatch();
    await temporal.startedAtLeast(1);
    expect(temporal.started).toEqual(['call_hangup/c2']);
    await untilTrue(() => runLog.get('call_hangup/c1')?.state === 'closed');
    expect(runLog.get('call_hangup/c1')).toMatchObject({
      state: 'closed',
      outcome: 'refused',
      report: '{"reason":"too large"}',
    });
  });

  it('asks about runs that ended while nobody tracked them', async () => {
    inbox.events = [pending(1)];
    dispatch();
    await temporal.startedAtLeast(1);
    await dispatcher.stop();
    temporal.ends.clear();
    dispatch();
    await untilTrue(() => temporal.ends.size === 1);
    temporal.end('call_hangup/c1');
    await untilTrue(() => runLog.get('call_hangup/c1')?.state === 'closed');
    expect(temporal.started).toHaveLength(1);
  });

  it('has a few starts in progress at a time, and skips none that fails among them', async () => {
    inbox.events = Array.from({ length: 12 }, (_, n) => pending(n + 1));
    temporal.hold = true;
    temporal.failing.add('call_hangup/c2');
    dispatch();
    await untilTrue(() => temporal.held.size === 8);
    temporal.hold = false;
    temporal.held.forEach((answer) => answer());
    await untilTrue(() => dispatcher.problem() !== null);
    expect(temporal.started).toEqual([1, 3, 4, 5, 6, 7, 8].map((n) => `call_hangup/c${n}`));
    await untilTrue(() => runLog.watermark() === 1);
    temporal.failing.clear();
    await temporal.startedAtLeast(12);
    expect(temporal.started).toEqual([1, 3, 4, 5, 6, 7, 8, 2, 9, 10, 11, 12].map((n) => `call_hangup/c${n}`));
    await untilTrue(() => runLog.watermark() === 12);
    expect([temporal.mostAtOnce, dispatcher.problem()]).toEqual([8, null]);
  });

  it('starts nothing twice however often an earlier start fails', async () => {
    inbox.events = Array.from({ length: 5 }, (_, n) => pending(n + 1));
    temporal.failing.add('call_hangup/c1');
    dispatch();
    await untilTrue(() => temporal.failures >= 3);
    temporal.failing.clear();
    await untilTrue(() => runLog.watermark() === 5);
    expect([...temporal.started].sort()).toEqual([1, 2, 3, 4, 5].map((n) => `call_hangup/c${n}`));
  });

  it('records an end that is reported before the start is answered, and the last end that is reported', async () => {
    runLog.markStarted([{ seq: 1, event_id: 'call_hangup/earlier', run_id: 'r', started_at: new Date() }], 1);
    inbox.events = [{ ...pending(1), seq: 2 }];
    temporal.hold = true;
    dispatch(20, true);
    await untilTrue(() => temporal.held.size === 1);
    for (const id of ['c1', 'earlier']) {
      dispatcher.runEnded(`call_hangup/${id}`, { status: 'completed', report: { outcome: 'done', rules: [] } });
    }
    // Ends are recorded together: the other run's end shows that this one's could have been.
    await untilTrue(() => runLog.get('call_hangup/earlier')?.state === 'closed');
    temporal.held.forEach((answer) => answer());
    await untilTrue(() => runLog.get('call_hangup/c1')?.state === 'closed');
    expect(runLog.get('call_hangup/c1')?.outcome).toBe('done');
    dispatcher.runEnded('call_hangup/c1', { status: 'failed', report: { outcome: 'failed', rules: [] } });
    await untilTrue(() => runLog.get('call_hangup/c1')?.outcome === 'failed');
    expect(closed.filter((id) => id === 'call_hangup/c1')).toHaveLength(1);
  });

  it('reports that the run log cannot be written, and recovers even when nothing is pending', async () => {
    inbox.events = [pending(1)];
    dispatch(1, true);
    await untilTrue(() => runLog.watermark() === 1);
    const markClosed = jest.spyOn(runLog, 'markClosed').mockImplementationOnce(() => {
      throw new Error('full');
    });
    dispatcher.runEnded('call_hangup/c1', { status: 'completed', report: { outcome: 'done', rules: [] } });
    await untilTrue(() => dispatcher.problem() !== null);
    expect(dispatcher.problem()).toContain('full');
    await untilTrue(() => dispatcher.problem() === null);
    expect([markClosed.mock.calls.length, runLog.get('call_hangup/c1')?.outcome]).toEqual([2, 'done']);
  });

  it('skips an event that cannot be read, reports it, and starts the others', async () => {
    inbox.events = [pending(1), pending(2), pending(3)];
    inbox.unreadable.add(2);
    dispatch();
    await temporal.startedAtLeast(2);
    await untilTrue(() => runLog.get('call_hangup/c2')?.state === 'closed');
    expect(runLog.get('call_hangup/c2')).toMatchObject({
      outcome: 'refused',
      report: expect.stringContaining('cannot be read') as string,
    });
    expect(temporal.started).toEqual(['call_hangup/c1', 'call_hangup/c3']);
  });

  it('does not ask Temporal about a run whose end is reported', async () => {
    inbox.events = [1, 2, 3].map(pending);
    dispatch(1, true);
    for (const n of [1, 2, 3]) {
      await temporal.startedAtLeast(n);
      dispatcher.runEnded(`call_hangup/c${n}`, { status: 'completed', report: { outcome: 'done', rules: [] } });
    }
    await untilTrue(() => runLog.get('call_hangup/c3')?.state === 'closed');
    expect(temporal.ends.size).toBe(0);
    dispatcher.runEnded('call_hangup/of-another', { status: 'completed', report: null });
    expect(dispatcher.runs()).toEqual({ inFlight: 0, open: 0 });
  });

  it('asks about a run whose end is not reported', async () => {
    inbox.events = [pending(1)];
    dispatch(1, true);
    await untilTrue(() => temporal.ends.size === 1);
    expect(runLog.get('call_hangup/c1')?.state).toBe('started');
    temporal.end('call_hangup/c1');
    await untilTrue(() => runLog.get('call_hangup/c1')?.state === 'closed');
  });

  it('records how a run ended', async () => {
    inbox.events = [pending(1)];
    dispatch();
    await temporal.startedAtLeast(1);
    await untilTrue(() => temporal.ends.size === 1);
    temporal.end('call_hangup/c1');
    await untilTrue(() => runLog.get('call_hangup/c1')?.state === 'closed');
    expect(runLog.get('call_hangup/c1')).toMatchObject({ outcome: 'done', run_id: 'run-c1' });
  });

  /** An event that may be in a batch. */
  const batchable = (seq: number): PendingEvent => ({ ...pending(seq), plan: planOf('log') });
  const idsOf = (seqs: number[]) => seqs.map((seq) => `call_hangup/c${seq}`);
  const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, n) => from + n);
  const over = (event_id: string) => ({ event_id, end: 'over', report: { event_id, outcome: 'done', rules: [] } });

  it('starts events in batches while more wait than may be started, and alone otherwise', async () => {
    inbox.events = range(1, 3).map(batchable);
    dispatch(3, true, true);
    await temporal.startedAtLeast(3);
    inbox.events.push(...range(4, 130).map(batchable));
    dispatcher.wake();
    await untilTrue(() => runLog.watermark() === 103);
    // The others are held while batches end.
    for (const { id, events: members } of temporal.batches.slice(0, 2)) {
      dispatcher.batchEnded(id, { status: 'completed', report: { events: members.map(over) } });
    }
    await untilTrue(() => runLog.watermark() === 130);
    expect(temporal.batches.map((batch) => batch.events)).toEqual([
      idsOf(range(4, 53)),
      idsOf(range(54, 103)),
      idsOf(range(104, 130)),
    ]);
    expect(runLog.get('call_hangup/c60')).toMatchObject({
      batch: temporal.batches[1]?.id,
      run_id: `run-${temporal.batches[1]?.id ?? ''}`,
      own_run: false,
    });
    expect(runLog.begunBatches()).toEqual([]);
    expect(dispatcher.runs()).toEqual({ inFlight: 30, open: 30 });
  });

  it('starts nothing in batches when that is switched off', async () => {
    inbox.events = range(1, 30).map(batchable);
    dispatch(20, true);
    await temporal.startedAtLeast(20);
    expect(temporal.batches).toEqual([]);
  });

  it('keeps a bounded number of batches in flight; one that ends makes room for the next', async () => {
    inbox.events = range(1, 200).map(batchable);
    dispatch(1, true, true);
    await untilTrue(() => runLog.watermark() === 150);
    expect(temporal.batches).toHaveLength(3);
    dispatcher.batchEnded(temporal.batches[1]?.id ?? '', {
      status: 'completed',
      report: { events: idsOf(range(51, 100)).map(over) },
    });
    await untilTrue(() => temporal.batches.length === 4);
    await untilTrue(() => runLog.get('call_hangup/c51')?.state === 'closed');
    expect(closed).toEqual(idsOf(range(51, 100)));
  });

  it('an event that may not be in a batch keeps its turn behind those that overtake it', async () => {
    inbox.events = range(1, 12).map((seq) => (seq === 3 || seq === 7 ? pending(seq) : batchable(seq)));
    dispatch(2, true, true);
    await untilTrue(() => runLog.watermark() === 12);
    expect(temporal.batches.map((batch) => batch.events)).toEqual([idsOf([1, 2, 4, 5, 6, 8, 9, 10, 11, 12])]);
    expect(temporal.started.slice(-2)).toEqual(idsOf([3, 7]));
  });

  it('takes in what a batch reports: events that are over, and events that go on alone', async () => {
    inbox.events = range(1, 5).map(batchable);
    dispatch(1, true, true);
    await untilTrue(() => runLog.watermark() === 5);
    const [batch] = temporal.batches;
    const report = {
      events: [...idsOf([1, 2, 3, 5]).map(over), { event_id: 'call_hangup/c4', end: 'own_run' }],
    };
    dispatcher.batchEnded('batch/9-9/00', { status: 'completed', report });
    expect(closed).toEqual([]);
    dispatcher.batchEnded(batch?.id ?? '', { status: 'completed', report });
    dispatcher.batchEnded(batch?.id ?? '', { status: 'completed', report });
    await untilTrue(() => runLog.get('call_hangup/c4')?.own_run === true);
    expect(closed).toEqual(idsOf([1, 2, 3, 5]));
    expect(runLog.get('call_hangup/c1')).toMatchObject({
      outcome: 'done',
      own_run: false,
      report: expect.any(String) as string,
    });
    expect([runLog.get('call_hangup/c4')?.state, dispatcher.runs()]).toEqual(['started', { inFlight: 0, open: 1 }]);
    dispatcher.runEnded('call_hangup/c4', { status: 'failed', report: { outcome: 'failed', rules: [] } });
    await untilTrue(() => runLog.get('call_hangup/c4')?.outcome === 'failed');
    expect(closed).toHaveLength(5);
  });

  it('asks the batch how its events ended when nobody reports it, and their own runs after that', async () => {
    inbox.events = range(1, 5).map(batchable);
    dispatch(1, false, true);
    await untilTrue(() => temporal.ends.size === 1);
    const [batch] = temporal.batches;
    temporal.ends.get(batch?.id ?? '')?.({
      status: 'completed',
      report: { events: [...idsOf([1, 2, 3, 4]).map(over), { event_id: 'call_hangup/c5', end: 'own_run' }] },
    });
    await untilTrue(() => temporal.ends.has('call_hangup/c5'));
    temporal.end('call_hangup/c5');
    await untilTrue(() => runLog.get('call_hangup/c5')?.state === 'closed');
    expect(runLog.get('call_hangup/c5')).toMatchObject({ outcome: 'done', own_run: true });
  });

  it('events of a batch that was terminated ended so, except those that have a run of their own', async () => {
    inbox.events = range(1, 4).map(batchable);
    dispatch(1, false, true);
    await untilTrue(() => temporal.ends.size === 1);
    temporal.ends.get(temporal.batches[0]?.id ?? '')?.({ status: 'terminated', report: null });
    await untilTrue(() => temporal.ends.size === 5);
    temporal.end('call_hangup/c2');
    idsOf([1, 3, 4]).forEach((id) => temporal.ends.get(id)?.({ status: 'unknown', report: null }));
    await untilTrue(() => idsOf(range(1, 4)).every((id) => runLog.get(id)?.state === 'closed'));
    expect(idsOf([1, 2, 3]).map((id) => [runLog.get(id)?.outcome, runLog.get(id)?.own_run])).toEqual([
      ['terminated', false],
      ['done', true],
      ['terminated', false],
    ]);
  });

  it('starts a batch again as it was when its start was not answered before a restart', async () => {
    inbox.events = range(1, 6).map(batchable);
    temporal.hold = true;
    dispatch(1, true, true);
    await untilTrue(() => temporal.held.size === 1);
    temporal.hold = false;
    temporal.away = true;
    temporal.held.forEach((answer) => answer());
    await untilTrue(() => dispatcher.problem() !== null);
    await dispatcher.stop();
    const [first] = temporal.batches;
    // Temporal had accepted it; the answer was lost.
    temporal.known.add(first?.id ?? '');
    temporal.away = false;
    temporal.ends.clear();
    inbox.events.push(...range(7, 40).map(batchable));
    dispatch(1, false, true);
    await untilTrue(() => temporal.ends.has(first?.id ?? ''));
    expect(temporal.batches.at(-1)).toEqual(first);
    temporal.ends.get(first?.id ?? '')?.({ status: 'completed', report: { events: idsOf(range(1, 6)).map(over) } });
    await untilTrue(() => runLog.watermark() === 40);
    expect(temporal.batches.at(-1)?.events).toEqual(idsOf(range(7, 40)));
    expect(runLog.get('call_hangup/c6')).toMatchObject({ batch: first?.id, run_id: '' });
    expect(runLog.begunBatches()).toEqual([]);
  });

  it('starts events one by one when Temporal refuses their batch', async () => {
    temporal.refuseBatches = true;
    inbox.events = range(1, 6).map(batchable);
    dispatch(1, true, true);
    await untilTrue(() => runLog.watermark() === 6);
    expect(temporal.started).toEqual(idsOf(range(1, 6)));
    expect([runLog.begunBatches(), runLog.get('call_hangup/c3')?.batch]).toEqual([[], null]);
    dispatcher.runEnded('call_hangup/c3', { status: 'completed', report: { outcome: 'done', rules: [] } });
    await untilTrue(() => runLog.get('call_hangup/c3')?.outcome === 'done');
  });

  it('records the end of a batch that is reported before its start is answered', async () => {
    inbox.events = range(1, 4).map(batchable);
    temporal.hold = true;
    dispatch(1, true, true);
    await untilTrue(() => temporal.held.size === 1);
    dispatcher.batchEnded(temporal.batches[0]?.id ?? '', {
      status: 'completed',
      report: { events: idsOf(range(1, 4)).map(over) },
    });
    temporal.held.forEach((answer) => answer());
    await untilTrue(() => runLog.get('call_hangup/c4')?.state === 'closed');
    expect([closed, runLog.openCount()]).toEqual([idsOf(range(1, 4)), 0]);
  });
});

/** Checks a condition on every turn of the event loop; jest's own timeout bounds it. */
async function untilTrue(condition: () => boolean): Promise<void> {
  while (!condition()) {
    await new Promise((resolve) => setImmediate(resolve));
  }
}
