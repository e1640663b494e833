import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pino from 'pino';
import { Dispatcher } from '../../src/dispatch/dispatcher';
import type { PendingEvent } from '../../src/dispatch/pending-events';
import { RunLog } from '../../src/dispatch/run-log';
import { eventOf } from '../events/event-of';
import { planOf } from '../inbox/entries';
import { ControlledTemporal } from './controlled-temporal';
import { ListedEvents } from './listed-events';

/** Runs that may be in flight. */
const SLOTS = 20;

const batchable = (seq: number, id = `c${seq}`): PendingEvent => ({ seq, event: eventOf({ id }), plan: planOf('log') });
const notBatchable = (seq: number): PendingEvent => ({
  seq,
  event: eventOf({ id: `c${seq}` }),
  plan: { ruleset: 'abc', rules: [] },
});
const range = (from: number, to: number): number[] => Array.from({ length: to - from + 1 }, (_, n) => from + n);
const idsOf = (seqs: readonly number[]): string[] => seqs.map((seq) => `call_hangup/c${seq}`);

let dataDir: string;
let runLog: RunLog;
let temporal: ControlledTemporal;
let dispatcher: Dispatcher;
let inbox: ListedEvents;

/** Starts a dispatcher. The clock stands still unless a test moves it. */
async function dispatch(maxInFlight = SLOTS): Promise<void> {
  dispatcher = new Dispatcher({
    events: inbox,
    runLog,
    starter: temporal,
    maxInFlight,
    batches: true,
    endsArePushed: true,
    forgetAfterMs: 60_000,
    log: pino({ level: 'silent' }),
  });
  dispatcher.start();
  await settled();
}

/** Lets everything happen that waits for neither the clock nor Temporal. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 50; turn += 1) {
    await new Promise((resolve) => setImmediate(resolve));
  }
}

async function arrive(...arrived: readonly PendingEvent[]): Promise<void> {
  inbox.events.push(...arrived);
  dispatcher.wake();
  await settled();
}

async function pass(ms: number): Promise<void> {
  jest.advanceTimersByTime(ms);
  await settled();
}

/** The batch that was started as the n-th ends; all its events are over. */
async function endBatch(n: number): Promise<void> {
  const { id, events: members } = temporal.batches[n - 1] ?? { id: '', events: [] };
  const ends = members.map((event_id) => ({
    event_id,
    end: 'over',
    report: { event_id, outcome: 'done', rules: [] },
  }));
  dispatcher.batchEnded(id, { status: 'completed', report: { events: ends } });
  await settled();
}

const batched = (): string[][] => temporal.batches.map((batch) => batch.events);
const alone = (): string[] => temporal.started.filter((id) => !batched().flat().includes(id));

beforeEach(() => {
  jest.useFakeTimers({ doNotFake: ['setImmediate', 'nextTick', 'queueMicrotask'] });
  dataDir = mkdtempSync(join(tmpdir(), 'batch-pace-'));
  runLog = RunLog.open(dataDir);
  temporal = new ControlledTemporal();
  inbox = new ListedEvents();
});

afterEach(async () => {
  await dispatcher.stop();
  runLog.close();
  rmSync(dataDir, { recursive: true, force: true });
  jest.useRealTimers();
});

/** A first batch of 30 events is in flight, and makes progress; all slots of single runs are free. */
async function withFirstBatch(maxInFlight = SLOTS): Promise<void> {
  inbox.events = range(1, 30).map((seq) => batchable(seq));
  await dispatch(maxInFlight);
  expect(batched()).toEqual([idsOf(range(1, 30))]);
}

describe('while batches end one after another', () => {
  it('what waits goes into the next batch, although it could be started alone', async () => {
    await withFirstBatch();
    await arrive(batchable(31), batchable(32));
    await arrive(...range(33, 36).map((seq) => batchable(seq)));
    expect(temporal.started).toHaveLength(30);
    await endBatch(1);
    expect([batched().at(-1), alone()]).toEqual([idsOf(range(31, 36)), []]);
    await arrive(batchable(37));
    await endBatch(2);
    await arrive(...range(38, 42).map((seq) => batchable(seq)));
    expect([batched().slice(2), alone()]).toEqual([[idsOf(range(38, 42))], idsOf([37])]);
  });

  it('a few events are started alone when no batch is in flight any more', async () => {
    await withFirstBatch();
    await arrive(...range(31, 33).map((seq) => batchable(seq)));
    expect(alone()).toEqual([]);
    await endBatch(1);
    await arrive(batchable(34), batchable(35));
    expect([batched().length, alone()]).toEqual([1, idsOf(range(31, 35))]);
  });

  it('a batch that can grow waits for one in flight, and takes in what came meanwhile', async () => {
    await withFirstBatch();
    await arrive(...range(31, 79).map((seq) => batchable(seq)));
    expect(batched()).toHaveLength(1);
    await arrive(...range(80, 90).map((seq) => batchable(seq)));
    await endBatch(1);
    expect(batched().slice(1)).toEqual([idsOf(range(31, 80))]);
    await endBatch(2);
    expect(batched().slice(2)).toEqual([idsOf(range(81, 90))]);
  });

  it('a batch that is full is started at once, three at a time', async () => {
    await withFirstBatch();
    await arrive(...range(31, 80).map((seq) => batchable(seq)));
    await arrive(...range(81, 130).map((seq) => batchable(seq)));
    expect(batched().slice(1)).toEqual([idsOf(range(31, 80)), idsOf(range(81, 130))]);
    await arrive(...range(131, 180).map((seq) => batchable(seq)));
    expect([batched().length, alone()]).toEqual([3, []]);
    await endBatch(2);
    expect([batched().slice(3), alone()]).toEqual([[idsOf(range(131, 180))], []]);
  });

  it('a batch is full when no other event id fits into it', async () => {
    await withFirstBatch();
    await arrive(...range(31, 70).map((seq) => batchable(seq, `${'0'.repeat(34)}${seq}`)));
    expect(batched().slice(1)).toEqual([
      expect.arrayContaining([`call_hangup/${'0'.repeat(34)}31`, `call_hangup/${'0'.repeat(34)}67`]),
    ]);
    expect([batched()[1]?.length, alone()]).toEqual([37, []]);
  });

  it('the inbox is not read again for every event that comes, but when a batch ends', async () => {
    await withFirstBatch();
    await arrive(batchable(31));
    const before = inbox.reads;
    for (const seq of range(32, 60)) {
      await arrive(batchable(seq));
    }
    expect(inbox.reads).toBe(before);
    await endBatch(1);
    expect(batched().slice(1)).toEqual([idsOf(range(31, 60))]);
    expect(inbox.reads).toBeLessThan(before + 5);
  });

  it('an event that may not be in a batch is started past those that are held, when a run may be started', async () => {
    await withFirstBatch(1);
    await arrive(batchable(31), notBatchable(32), batchable(33), notBatchable(34));
    expect(alone()).toEqual(idsOf([32]));
    dispatcher.runEnded('call_hangup/c32', { status: 'completed', report: { outcome: 'done', rules: [] } });
    await settled();
    expect(alone()).toEqual(idsOf([32, 34]));
    dispatcher.runEnded('call_hangup/c34', { status: 'completed', report: { outcome: 'done', rules: [] } });
    await arrive(batchable(35), batchable(36));
    await endBatch(1);
    await pass(10);
    expect([batched().slice(1), alone(), runLog.watermark()]).toEqual([[idsOf([31, 33, 35, 36])], idsOf([32, 34]), 36]);
  });

  it('events that cannot be read are recorded once those before them are started', async () => {
    await withFirstBatch();
    inbox.unreadable = new Set([31, 33]);
    await arrive(...range(31, 33).map((seq) => batchable(seq)));
    await pass(10);
    expect([alone(), runLog.get('call_hangup/c33')]).toEqual([[], null]);
    await endBatch(1);
    await pass(10);
    expect(alone()).toEqual(idsOf([32]));
    expect(idsOf([31, 33]).map((id) => runLog.get(id)?.outcome)).toEqual(['refused', 'refused']);
    expect(runLog.watermark()).toBe(32);
  });

  it('nothing that is held is lost when a start fails meanwhile', async () => {
    await withFirstBatch();
    temporal.failing.add('call_hangup/c32');
    await arrive(batchable(31), notBatchable(32), batchable(33));
    expect([dispatcher.problem() !== null, alone()]).toEqual([true, []]);
    temporal.failing.clear();
    await pass(250);
    await endBatch(1);
    await pass(1_000);
    expect([...alone()].sort()).toEqual(idsOf([31, 32, 33]));
    expect(runLog.watermark()).toBe(33);
  });
});

describe('when batches make no progress', () => {
  it('events that are held are started alone within a second', async () => {
    await withFirstBatch();
    await arrive(...range(31, 38).map((seq) => batchable(seq)));
    await pass(999);
    expect(temporal.started).toHaveLength(30);
    await pass(1);
    expect([batched().length, alone()]).toEqual([1, idsOf(range(31, 38))]);
  });

  it('the end of an unknown batch, or of one that has ended, changes nothing', async () => {
    await withFirstBatch();
    await pass(1_000);
    dispatcher.batchEnded('batch/9-9/00', { status: 'completed', report: null });
    await arrive(batchable(31));
    expect(alone()).toEqual(idsOf([31]));
    await endBatch(1);
    await pass(1_000);
    await endBatch(1);
    await arrive(...range(32, 36).map((seq) => batchable(seq)));
    expect([batched().length, alone()]).toEqual([1, idsOf(range(31, 36))]);
  });

  it('events are started in batches only when more wait than may be started alone', async () => {
    await withFirstBatch();
    await pass(1_000);
    await arrive(...range(31, 38).map((seq) => batchable(seq)));
    await arrive(...range(39, 60).map((seq) => batchable(seq)));
    expect([batched().slice(1), alone()]).toEqual([[idsOf(range(39, 60))], idsOf(range(31, 38))]);
  });

  it('events are started alone while all batches hang, and in batches again when one ends', async () => {
    inbox.events = range(1, 150).map((seq) => batchable(seq));
    await dispatch();
    expect(batched()).toHaveLength(3);
    await pass(1_000);
    await arrive(...range(151, 180).map((seq) => batchable(seq)));
    expect([batched().length, alone()]).toEqual([3, idsOf(range(151, 170))]);
    await endBatch(3);
    expect([batched().length, alone()]).toEqual([3, idsOf(range(151, 170))]);
    await endBatch(2);
    await endBatch(1);
    expect([batched().slice(3), alone()]).toEqual([[idsOf(range(171, 180))], idsOf(range(151, 170))]);
  });
});
