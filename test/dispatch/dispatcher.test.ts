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

/** A Temporal that the test plays: what it was asked, and when it answers. */
class PlayedTemporal implements RunStarter {
  readonly started: string[] = [];
  readonly ends = new Map<string, (ending: RunEnding) => void>();
  away = false;
  refuse = new Set<string>();
  /** Starts of these fail. */
  failing = new Set<string>();
  /** Starts that are answered only when told. */
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
  let record: RunLog;
  let temporal: PlayedTemporal;
  let events: PendingEvent[];
  let dispatcher: Dispatcher;
  let unreadable: Set<number>;
  let closed: string[];

  function dispatch(maxInFlight = 20, isTold = false): void {
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
      record,
      starter: temporal,
      maxInFlight,
      isTold,
      forgetAfterMs: 60_000,
      log: pino({ level: 'silent' }),
    });
    dispatcher.start();
  }

  beforeEach(() => {
    dataDir = mkdtempSync(join(tmpdir(), 'dispatcher-'));
    record = RunLog.open(dataDir);
    temporal = new PlayedTemporal();
    events = [];
    unreadable = new Set();
    closed = [];
  });

  afterEach(async () => {
    await dispatcher.stop();
    record.close();
    rmSync(dataDir, { recursive: true, force: true });
  });

  it('starts what waits, oldest first, and goes on with what comes', async () => {
    events = [pending(1), pending(2)];
    dispatch();
    await temporal.startedAtLeast(2);
    events.push(pending(3));
    dispatcher.wake();
    await temporal.startedAtLeast(3);
    expect(temporal.started).toEqual(['call_hangup/c1', 'call_hangup/c2', 'call_hangup/c3']);
    await untilTrue(() => record.watermark() === 3);
  });

  it('does not start again what an earlier life started', async () => {
    events = [pending(1), pending(2)];
    dispatch();
    await temporal.startedAtLeast(2);
    await dispatcher.stop();
    events.push(pending(3));
    dispatch();
    await temporal.startedAtLeast(3);
    expect(temporal.started).toEqual(['call_hangup/c1', 'call_hangup/c2', 'call_hangup/c3']);
  });

  it('keeps no more runs in flight than allowed; one that ends or waits makes room', async () => {
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

  it('waits while Temporal is away, says so, and starts everything afterwards', async () => {
    temporal.away = true;
    events = [pending(1), pending(2)];
    dispatch();
    await untilTrue(() => dispatcher.problem() !== null);
    expect(dispatcher.problem()).toContain('UNAVAILABLE');
    expect(record.watermark()).toBe(0);
    temporal.away = false;
    await temporal.startedAtLeast(2);
    await untilTrue(() => dispatcher.problem() === null);
  });

  it('keeps what Temporal refuses, and goes on with the rest', async () => {
    temporal.refuse.add('call_hangup/c1');
    events = [pending(1), pending(2)];
    dispatch();
    await temporal.startedAtLeast(1);
    expect(temporal.started).toEqual(['call_hangup/c2']);
    await untilTrue(() => record.get('call_hangup/c1')?.state === 'closed');
    expect(record.get('call_hangup/c1')).toMatchObject({
      state: 'closed',
      outcome: 'refused',
      report: '{"reason":"too large"}',
    });
  });

  it('asks after runs that ended while nobody watched', async () => {
    events = [pending(1)];
    dispatch();
    await temporal.startedAtLeast(1);
    await dispatcher.stop();
    temporal.ends.clear();
    dispatch();
    await untilTrue(() => temporal.ends.size === 1);
    temporal.end('call_hangup/c1');
    await untilTrue(() => record.get('call_hangup/c1')?.state === 'closed');
    expect(temporal.started).toHaveLength(1);
  });

  it('begins a few starts at a time, no more, and passes over none that fails among them', async () => {
    events = Array.from({ length: 12 }, (_, n) => pending(n + 1));
    temporal.hold = true;
    temporal.failing.add('call_hangup/c2');
    dispatch();
    await untilTrue(() => temporal.held.size === 8);
    temporal.hold = false;
    temporal.held.forEach((answer) => answer());
    await untilTrue(() => dispatcher.problem() !== null);
    expect(temporal.started).toEqual([1, 3, 4, 5, 6, 7, 8].map((n) => `call_hangup/c${n}`));
    await untilTrue(() => record.watermark() === 1);
    temporal.failing.clear();
    await temporal.startedAtLeast(12);
    expect(temporal.started).toEqual([1, 3, 4, 5, 6, 7, 8, 2, 9, 10, 11, 12].map((n) => `call_hangup/c${n}`));
    await untilTrue(() => record.watermark() === 12);
    expect([temporal.mostAtOnce, dispatcher.problem()]).toEqual([8, null]);
  });

  it('starts nothing twice however often an earlier start fails', async () => {
    events = Array.from({ length: 5 }, (_, n) => pending(n + 1));
    temporal.failing.add('call_hangup/c1');
    dispatch();
    await untilTrue(() => temporal.failures >= 3);
    temporal.failing.clear();
    await untilTrue(() => record.watermark() === 5);
    expect([...temporal.started].sort()).toEqual([1, 2, 3, 4, 5].map((n) => `call_hangup/c${n}`));
  });

  it('notes an end that is told before the start is answered, and the last one that is told', async () => {
    record.markStarted([{ seq: 1, event_id: 'call_hangup/earlier', run_id: 'r', started_at: new Date() }], 1);
    events = [{ ...pending(1), seq: 2 }];
    temporal.hold = true;
    dispatch(20, true);
    await untilTrue(() => temporal.held.size === 1);
    for (const id of ['c1', 'earlier']) {
      dispatcher.runEnded(`call_hangup/${id}`, { status: 'completed', report: { outcome: 'done', rules: [] } });
    }
    // Notes are written together: that of the other run shows that this one's could have been.
    await untilTrue(() => record.get('call_hangup/earlier')?.state === 'closed');
    temporal.held.forEach((answer) => answer());
    await untilTrue(() => record.get('call_hangup/c1')?.state === 'closed');
    expect(record.get('call_hangup/c1')?.outcome).toBe('done');
    dispatcher.runEnded('call_hangup/c1', { status: 'failed', report: { outcome: 'failed', rules: [] } });
    await untilTrue(() => record.get('call_hangup/c1')?.outcome === 'failed');
    expect(closed.filter((id) => id === 'call_hangup/c1')).toHaveLength(1);
  });

  it('says that the dispatch log cannot be written, and that it can again, though nothing waits to be started', async () => {
    events = [pending(1)];
    dispatch(1, true);
    await untilTrue(() => record.watermark() === 1);
    const markClosed = jest.spyOn(record, 'markClosed').mockImplementationOnce(() => {
      throw new Error('full');
    });
    dispatcher.runEnded('call_hangup/c1', { status: 'completed', report: { outcome: 'done', rules: [] } });
    await untilTrue(() => dispatcher.problem() !== null);
    expect(dispatcher.problem()).toContain('full');
    await untilTrue(() => dispatcher.problem() === null);
    expect([markClosed.mock.calls.length, record.get('call_hangup/c1')?.outcome]).toEqual([2, 'done']);
  });

  it('passes over an event that cannot be read, says so, and goes on', async () => {
    events = [pending(1), pending(2), pending(3)];
    unreadable.add(2);
    dispatch();
    await temporal.startedAtLeast(2);
    await untilTrue(() => record.get('call_hangup/c2')?.state === 'closed');
    expect(record.get('call_hangup/c2')).toMatchObject({
      outcome: 'refused',
      report: expect.stringContaining('cannot be read') as string,
    });
    expect(temporal.started).toEqual(['call_hangup/c1', 'call_hangup/c3']);
  });

  it('asks Temporal about no run whose end it is told', async () => {
    events = [1, 2, 3].map(pending);
    dispatch(1, true);
    for (const n of [1, 2, 3]) {
      await temporal.startedAtLeast(n);
      dispatcher.runEnded(`call_hangup/c${n}`, { status: 'completed', report: { outcome: 'done', rules: [] } });
    }
    await untilTrue(() => record.get('call_hangup/c3')?.state === 'closed');
    expect(temporal.ends.size).toBe(0);
    dispatcher.runEnded('call_hangup/of-another', { status: 'completed', report: null });
    expect(dispatcher.runs()).toEqual({ inFlight: 0, open: 0 });
  });

  it('asks about a run whose end nobody told of', async () => {
    events = [pending(1)];
    dispatch(1, true);
    await untilTrue(() => temporal.ends.size === 1);
    expect(record.get('call_hangup/c1')?.state).toBe('started');
    temporal.end('call_hangup/c1');
    await untilTrue(() => record.get('call_hangup/c1')?.state === 'closed');
  });

  it('notes how a run ended', async () => {
    events = [pending(1)];
    dispatch();
    await temporal.startedAtLeast(1);
    await untilTrue(() => temporal.ends.size === 1);
    temporal.end('call_hangup/c1');
    await untilTrue(() => record.get('call_hangup/c1')?.state === 'closed');
    expect(record.get('call_hangup/c1')).toMatchObject({ outcome: 'done', run_id: 'run-c1' });
  });
});

/** Looks again on every turn of the event loop; jest's own time-out bounds it. */
async function untilTrue(condition: () => boolean): Promise<void> {
  while (!condition()) {
    await new Promise((resolve) => setImmediate(resolve));
  }
}
