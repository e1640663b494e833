import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pino from 'pino';
import type { CanonicalEvent } from '../../src/events/canonical-event';
import { RunLog } from '../../src/dispatch/run-log';
import { Dispatcher, type PendingEvent, type RunStarter } from '../../src/dispatch/dispatcher';
import type { RunEnding } from '../../src/dispatch/run-tracker';
import { eventOf } from '../events/event-of';

function pending(seq: number): PendingEvent {
  return { seq, event: eventOf({ id: `c${seq}` }), plan: { ruleset: 'abc', rules: [] } };
}

/** A Temporal that the test controls: what it was asked, and when it answers. */
class ControlledTemporal implements RunStarter {
  readonly started: string[] = [];
  readonly ends = new Map<string, (ending: RunEnding) => void>();
  away = false;
  refuse = new Set<string>();
  /** Starts of these fail. */
  failing = new Set<string>();
  /** Starts that are answered when the test calls their function. */
  held = new Map<string, () => void>();
  hold = false;
  asked = 0;
  failures = 0;
  mostAtOnce = 0;
  #changed = (): void => undefined;

  async start(event: CanonicalEvent): ReturnType<RunStarter['start']> {
    this.asked += 1;
    this.mostAtOnce = Math.max(this.mostAtOnce, this.asked);
    try {
      if (this.hold) {
        await new Promise<void>((resolve) => this.held.set(event.event_id, resolve));
      }
      return this.#answer(event);
    } finally {
      this.asked -= 1;
    }
  }

  #answer(event: CanonicalEvent): Awaited<ReturnType<RunStarter['start']>> {
    if (this.away || this.failing.has(event.event_id)) {
      this.failures += 1;
      throw new Error('UNAVAILABLE');
    }
    if (this.refuse.has(event.event_id)) {
      return { outcome: 'refused', reason: 'too large' };
    }
    this.started.push(event.event_id);
    this.#changed();
    return { outcome: 'started', runId: `run-${event.id}` };
  }

  ended(eventId: string): Promise<RunEnding> {
    return new Promise((resolve) => this.ends.set(eventId, resolve));
  }

  async startedAtLeast(count: number): Promise<void> {
    while (this.started.length < count) {
      await new Promise<void>((resolve) => {
        this.#changed = resolve;
      });
    }
  }

  end(eventId: string): void {
    this.ends.get(eventId)?.({ status: 'completed', report: { outcome: 'done', rules: [] } });
  }
}

describe('Dispatcher', () => {
  let dataDir: string;
  let runLog: RunLog;
  let temporal: ControlledTemporal;
  let events: PendingEvent[];
  let dispatcher: Dispatcher;
  let unreadable: Set<number>;
  let closed: string[];

  function dispatch(maxInFlight = 20, endsArePushed = false): void {
    dispatcher = new Dispatcher({
      events: {
        pendingAfter: (seq, limit, onUnreadable) => {
          const page = events.filter((event) => event.seq > seq).slice(0, limit);
          page
            .filter((event) => unreadable.has(event.seq))
            .forEach((event) => onUnreadable({ seq: event.seq, event_id: event.event.event_id }));
          return page.filter((event) => !unreadable.has(event.seq));
        },
        dispatchedThrough: () => 0,
      },
      onClosed: (eventId) => closed.push(eventId),
      runLog,
      starter: temporal,
      maxInFlight,
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
    events = [];
    unreadable = new Set();
    closed = [];
  });

  afterEach(async () => {
    await dispatcher.stop();
    runLog.close();
    rmSync(dataDir, { recursive: true, force: true });
  });

  it('starts pending events, oldest first, and those that arrive later', async () => {
    events = [pending(1), pending(2)];
    dispatch();
    await temporal.startedAtLeast(2);
    events.push(pending(3));
    dispatcher.wake();
    await temporal.startedAtLeast(3);
    expect(temporal.started).toEqual(['call_hangup/c1', 'call_hangup/c2', 'call_hangup/c3']);
    await untilTrue(() => runLog.watermark() === 3);
  });

  it('does not start again what was started before a restart', async () => {
    events = [pending(1), pending(2)];
    dispatch();
    await temporal.startedAtLeast(2);
    await dispatcher.stop();
    events.push(pending(3));
    dispatch();
    await temporal.startedAtLeast(3);
    expect(temporal.started).toEqual(['call_hangup/c1', 'call_hangup/c2', 'call_hangup/c3']);
  });

  it('keeps no more runs in flight than allowed; a run that ends or waits releases its slot', async () => {
    events = [1, 2, 3, 4].map(pending);
    dispatch(2);
    await temporal.startedAtLeast(2);
    expect(temporal.started).toHaveLength(2);
    temporal.end('call_hangup/c1');
    await temporal.startedAtLeast(3);
    expect(temporal.started).toHaveLength(3);
    dispatcher.runWaits('call_hangup/c2');
    await temporal.startedAtLeast(4);
  });

  it('waits while Temporal is not reachable, reports it, and starts everything afterwards', async () => {
    temporal.away = true;
    events = [pending(1), pending(2)];
    dispatch();
    await untilTrue(() => dispatcher.problem() !== null);
    expect(dispatcher.problem()).toContain('UNAVAILABLE');
    expect(runLog.watermark()).toBe(0);
    temporal.away = false;
    await temporal.startedAtLeast(2);
    await untilTrue(() => dispatcher.problem() === null);
  });

  it('records a run that Temporal refuses, and starts the others', async () => {
    temporal.refuse.add('call_hangup/c1');
    events = [pending(1), pending(2)];
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
    events = [pending(1)];
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
    events = Array.from({ length: 12 }, (_, n) => pending(n + 1));
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
    events = Array.from({ length: 5 }, (_, n) => pending(n + 1));
    temporal.failing.add('call_hangup/c1');
    dispatch();
    await untilTrue(() => temporal.failures >= 3);
    temporal.failing.clear();
    await untilTrue(() => runLog.watermark() === 5);
    expect([...temporal.started].sort()).toEqual([1, 2, 3, 4, 5].map((n) => `call_hangup/c${n}`));
  });

  it('records an end that is reported before the start is answered, and the last end that is reported', async () => {
    runLog.markStarted([{ seq: 1, event_id: 'call_hangup/earlier', run_id: 'r', started_at: new Date() }], 1);
    events = [{ ...pending(1), seq: 2 }];
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
    events = [pending(1)];
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
    events = [pending(1), pending(2), pending(3)];
    unreadable.add(2);
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
    events = [1, 2, 3].map(pending);
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
    events = [pending(1)];
    dispatch(1, true);
    await untilTrue(() => temporal.ends.size === 1);
    expect(runLog.get('call_hangup/c1')?.state).toBe('started');
    temporal.end('call_hangup/c1');
    await untilTrue(() => runLog.get('call_hangup/c1')?.state === 'closed');
  });

  it('records how a run ended', async () => {
    events = [pending(1)];
    dispatch();
    await temporal.startedAtLeast(1);
    await untilTrue(() => temporal.ends.size === 1);
    temporal.end('call_hangup/c1');
    await untilTrue(() => runLog.get('call_hangup/c1')?.state === 'closed');
    expect(runLog.get('call_hangup/c1')).toMatchObject({ outcome: 'done', run_id: 'run-c1' });
  });
});

/** Checks a condition on every turn of the event loop; jest's own timeout bounds it. */
async function untilTrue(condition: () => boolean): Promise<void> {
  while (!condition()) {
    await new Promise((resolve) => setImmediate(resolve));
  }
}
