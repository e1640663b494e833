import { randomUUID } from 'node:crypto';
import { EventEmitter, once } from 'node:events';
import { Client } from '@temporalio/client';
import { NativeConnection, Worker, type WorkflowBundleWithSourceMap } from '@temporalio/worker';
import pino from 'pino';
import type { CanonicalEvent } from '../../src/events/canonical-event';
import type { Plan } from '../../src/rules/plan';
import { askReport } from '../../src/runs/ask-report';
import { awaitRun } from '../../src/runs/await-run';
import type { BatchReport } from '../../src/runs/batch-contract';
import { BATCH_ATTEMPT, batchWorkflowId, parkWorkflowId, TASK_QUEUE } from '../../src/runs/names';
import { startBatch } from '../../src/runs/start-batch';
import { startRun } from '../../src/runs/start-run';
import { installRuntime } from '../../src/worker/create-worker';
import { recordHistory } from '../histories/record';
import { until } from './parking';
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
import { newNamespace, type TestNamespace } from './temporal-server';

type Batch = () => Promise<BatchReport>;

interface Member {
  event: CanonicalEvent;
  plan: Plan;
}

let workflowBundle: WorkflowBundleWithSourceMap;
let temporal: TestNamespace;
let connection: NativeConnection;
let client: Client;

beforeAll(async () => {
  installRuntime(pino({ level: 'silent' }));
  workflowBundle = await bundleWorkflows();
  temporal = await newNamespace();
  connection = await NativeConnection.connect({ address: temporal.address });
  client = new Client({ connection, namespace: temporal.namespace });
}, 120_000);

afterAll(async () => {
  await connection.close();
});

/** An event whose only rule has one step, with this note. */
function member(note: string): Member {
  return { event: event(), plan: plan({ one: [step('s', note)] }) };
}

async function start(events: Member[]): Promise<string> {
  const id = batchWorkflowId({
    firstSeq: 1,
    eventIds: events.map(({ event: { event_id } }) => event_id),
    receiver: randomUUID(),
  });
  await startBatch(client, { id, events }, { eager: false, searchAttributes: true });
  return id;
}

async function handle(events: Member[]): Promise<{ id: string; report: BatchReport }> {
  const id = await start(events);
  return { id, report: await client.workflow.getHandle<Batch>(id).result() };
}

const endsOf = ({ events }: BatchReport): string[] => events.map(({ end }) => end);

describe('a batch', () => {
  const probe: Probe = { attempts: [], failures: new Map(), down: null };
  let worker: ProbeWorker;

  beforeAll(async () => {
    worker = await startProbeWorker({
      temporal,
      workflowBundle,
      connections: [{ connector: probeConnector('probe'), client: probe }],
    });
  });

  afterAll(async () => {
    await worker.stop();
  });

  beforeEach(() => {
    probe.attempts.length = 0;
    probe.failures.clear();
    probe.down = null;
  });

  const attemptsAt = (note: string): number[] =>
    probe.attempts.filter((attempt) => attempt.note === note).map(({ attempt }) => attempt);

  it('handles its events, and each can be asked for its report', async () => {
    const members = [
      member('a'),
      { event: event(), plan: plan({ one: [step('first', 'b'), step('second', '{{first}}')] }) },
    ];
    const { id, report } = await handle(members);
    expect(report.events).toEqual([
      {
        event_id: members[0]?.event.event_id,
        end: 'over',
        report: {
          event_id: members[0]?.event.event_id,
          ruleset: 'abcdef012345',
          outcome: 'done',
          rules: [
            {
              rule: 'one',
              outcome: 'done',
              steps: [
                {
                  step: 's',
                  action: 'probe.repeat',
                  outcome: 'done',
                  result: { note: 'a!' },
                  began_at: expect.any(String),
                },
              ],
            },
          ],
        },
      },
      expect.objectContaining({ end: 'over' }),
    ]);
    const second = members[1]?.event.event_id ?? '';
    expect(await askReport(client, id, second)).toMatchObject({
      report: { event_id: second, rules: [{ steps: [{}, { result: { note: '{"note":"b!"}!' } }] }] },
      under_way: [],
    });
    expect(await askReport(client, id, 'call_hangup/other')).toBeNull();
    expect(probe.attempts.map(({ key }) => key)).toContain(`${second}/one/first`);
    const described = await client.workflow.getHandle(id).describe();
    expect(described.searchAttributes).toMatchObject({
      BridgeEventIds: members.map(({ event: { event_id } }) => event_id),
      BridgeEventType: ['call_hangup'],
      BridgeRules: ['one'],
      BridgeOutcome: ['done'],
    });
    await expect(described.staticSummary()).resolves.toBe('batch of 2: call_hangup');
  });

  it('leaves an event whose first attempt fails to its own run, which goes on from there', async () => {
    probe.failures.set('shaky', ({ attempt }) => (attempt < 3 ? error('transient') : null));
    const shaky = { event: event(), plan: plan({ one: [step('first', 'a'), step('second', 'shaky')] }) };
    const { id, report } = await handle([member('b'), shaky]);
    expect(endsOf(report)).toEqual(['over', 'own_run']);
    const { event_id } = shaky.event;
    const end = await awaitRun(client, event_id);
    expect(end).toMatchObject({ status: 'completed', report: { outcome: 'done' } });
    expect([attemptsAt('a'), attemptsAt('shaky')]).toEqual([[1], [1, 2, 3]]);
    expect(await askReport(client, id, event_id)).toBeNull();
    const described = await client.workflow.getHandle(event_id).describe();
    expect(described.searchAttributes).toMatchObject({
      BridgeEventType: ['call_hangup'],
      BridgeResourceId: [shaky.event.id],
      BridgeRules: ['one'],
      BridgeOutcome: ['done'],
    });
    expect(described.searchAttributes).not.toHaveProperty('BridgeRetryOf');
    await expect(described.staticSummary()).resolves.toBe('call_hangup: one');
    await recordHistory(client, id, 'batch');
    await recordHistory(client, event_id, 'own-run-after-batch');
  });

  it('leaves a refused event to its own run, which fails without another request', async () => {
    probe.failures.set('bad', () => error('permanent'));
    const bad = member('bad');
    const { report } = await handle([bad, member('a')]);
    expect(endsOf(report)).toEqual(['own_run', 'over']);
    const end = await awaitRun(client, bad.event.event_id);
    expect(end).toMatchObject({
      status: 'failed',
      report: {
        rules: [{ steps: [{ class: 'permanent', code: 'no', remedy: 'Say yes.', earlier: { attempts: 1 } }] }],
      },
    });
    expect(attemptsAt('bad')).toEqual([1]);
  });

  it('goes on after a refused step with on_error: continue, in the own run', async () => {
    probe.failures.set('bad', () => error('permanent'));
    const bad = {
      event: event(),
      plan: plan({ one: [step('s', 'bad', { on_error: 'continue' }), step('t', 'next')] }),
    };
    await handle([bad]);
    expect((await awaitRun(client, bad.event.event_id)).report).toMatchObject({
      outcome: 'partial',
      rules: [{ steps: [{ outcome: 'failed' }, { outcome: 'done' }] }],
    });
    expect([attemptsAt('bad'), attemptsAt('next')]).toEqual([[1], [1]]);
  });

  it('spends one budget in the batch and the own run', async () => {
    probe.failures.set('down', () => error('transient', 60_000));
    const down = {
      event: event(),
      plan: plan({ one: [step('s', 'down', { retry: { for_ms: 30_000, every_ms: 1, max_every_ms: 1 } })] }),
    };
    await handle([down]);
    expect((await awaitRun(client, down.event.event_id)).report).toMatchObject({
      rules: [{ steps: [{ outcome: 'failed', class: 'transient', code: 'no' }] }],
    });
    expect(attemptsAt('down')).toEqual([1]);
  });

  it('leaves events of a parked connection to their own runs, which wait in its queue', async () => {
    probe.down = error('credential');
    const members = [member('p1'), member('p2'), member('p3')];
    const { report } = await handle(members);
    expect(endsOf(report)).toEqual(['own_run', 'own_run', 'own_run']);
    const queue = client.workflow.getHandle(parkWorkflowId('probe'));
    await until('all wait', async () =>
      queue.query<{ waiting: number }>('lineState').then(
        ({ waiting }) => (waiting === 3 ? true : null),
        () => null,
      ),
    );
    probe.down = null;
    await queue.signal('resume');
    for (const {
      event: { event_id },
    } of members) {
      expect(await awaitRun(client, event_id)).toMatchObject({ status: 'completed', report: { outcome: 'done' } });
    }
  });

  it('leaves an event alone that has a run already, and does its steps under the same keys', async () => {
    probe.failures.set('a', ({ attempt }) => (attempt === 1 ? error('transient') : null));
    const twice = member('a');
    await startRun(client, twice.event, twice.plan, {
      workflowId: twice.event.event_id,
      searchAttributes: true,
      eager: false,
    });
    const { report } = await handle([twice, member('b')]);
    expect(endsOf(report)).toEqual(['own_run', 'over']);
    expect(await awaitRun(client, twice.event.event_id)).toMatchObject({ status: 'completed' });
    expect(new Set(probe.attempts.filter(({ note }) => note === 'a').map(({ key }) => key))).toEqual(
      new Set([`${twice.event.event_id}/one/s`]),
    );
  });

  it('is not started twice', async () => {
    const events = [member('a')];
    const id = await start(events);
    const again = await startBatch(client, { id, events }, { eager: false, searchAttributes: true });
    expect(again).toEqual({ outcome: 'exists' });
  });
});

it('is done by the next worker when one stops in the middle, and what had ended is not done again', async () => {
  const there = await newNamespace();
  const own = await NativeConnection.connect({ address: there.address });
  const probe: Probe = { attempts: [], failures: new Map(), down: null };
  const events = [member('a'), member('stuck')];
  const isUnderWay = new EventEmitter();
  const hanging = probeConnector('probe');
  const { repeat } = hanging.actions;
  if (repeat === undefined) {
    throw new Error('the probe has no such action');
  }
  const connector = {
    ...hanging,
    actions: {
      ...hanging.actions,
      repeat: {
        ...repeat,
        run: async (...[context, input]: Parameters<typeof repeat.run>) => {
          const outcome = await repeat.run(context, input);
          if (JSON.stringify(input).includes('stuck') && context.attempt === 1) {
            setImmediate(() => isUnderWay.emit('stuck'));
            // As of a worker that is killed: no word comes of it.
            await new Promise(() => undefined);
          }
          return outcome;
        },
      },
    },
  };
  const options = { temporal: there, workflowBundle, connections: [{ connector, client: probe }] };
  const first = await startProbeWorker(options);
  const stuck = once(isUnderWay, 'stuck');
  const client = new Client({ connection: own, namespace: there.namespace });
  await startBatch(client, { id: 'batch/1-2/abcd', events }, { eager: false, searchAttributes: true });
  await stuck;
  await first.stop();
  const second = await startProbeWorker(options);
  expect(endsOf(await client.workflow.getHandle<Batch>('batch/1-2/abcd').result())).toEqual(['over', 'over']);
  expect(probe.attempts.map(({ note, attempt }) => [note, attempt])).toEqual([
    ['a', 1],
    ['stuck', 1],
    ['stuck', 2],
  ]);
  await second.stop();
  await own.close();
}, 120_000);

it('gives every event its own run when the activity cannot be run', async () => {
  const lost = await newNamespace();
  const own = await NativeConnection.connect({ address: lost.address });
  const probe: Probe = { attempts: [], failures: new Map(), down: null };
  const there = new Client({ connection: own, namespace: lost.namespace });
  const activities = {
    [BATCH_ATTEMPT]: async () => {
      throw new Error('the worker cannot');
    },
    'probe.repeat': async ({
      step: { input },
      earlier_attempts,
    }: {
      step: { input: { note: string } };
      earlier_attempts: number;
    }) => {
      probe.attempts.push({ key: '', attempt: earlier_attempts + 1, note: input.note, saved: null });
      return { outcome: 'done', result: {} };
    },
  };
  const worker = await Worker.create({
    connection: own,
    namespace: lost.namespace,
    taskQueue: TASK_QUEUE,
    workflowBundle,
    activities,
  });
  const working = worker.run();
  const events = [member('a'), member('b')];
  await startBatch(there, { id: 'batch/1-2/abcd', events }, { eager: false, searchAttributes: true });
  const report = await there.workflow.getHandle<Batch>('batch/1-2/abcd').result();
  expect(endsOf(report)).toEqual(['own_run', 'own_run']);
  for (const {
    event: { event_id },
  } of events) {
    expect(await awaitRun(there, event_id)).toMatchObject({ status: 'completed', report: { outcome: 'done' } });
  }
  // Each step may have been attempted in every attempt of the batch.
  expect(probe.attempts.map(({ attempt }) => attempt)).toEqual([4, 4]);
  worker.shutdown();
  await working;
  await own.close();
}, 120_000);
