import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { Client } from '@temporalio/client';
import { NativeConnection, type WorkflowBundleWithSourceMap } from '@temporalio/worker';
import pino from 'pino';
import { refreshGates } from '../../src/worker/refresh-gates';
import type { Connector } from '../../src/connectors/connector';
import { voipbin } from '../../src/connectors/voipbin/connector';
import { startVoipbinStandIn } from '../../src/connectors/voipbin/stand-in/server';
import type { CanonicalEvent } from '../../src/events/canonical-event';
import type { PlannedStep } from '../../src/rules/plan';
import { parkWorkflowId } from '../../src/runs/names';
import type { ParkingPace, ParkedStep } from '../../src/runs/parking-contract';
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
import { newNamespace, type TestNamespace } from './temporal-server';

jest.setTimeout(60_000);

/** No probe comes by itself within a test. */
const BY_WORD_ONLY: ParkingPace = {
  first_ms: 60_000,
  longest_ms: 120_000,
  let_go_per_second: 10,
  history_events: 2_000,
};
const WITHIN_MS = 30_000;

describe('a parked connection', () => {
  const quiet = pino({ level: 'silent' });
  let temporal: TestNamespace;
  let connection: NativeConnection;
  let client: Client;
  let workflowBundle: WorkflowBundleWithSourceMap;
  let probe: Probe;
  let other: Probe;
  let workers: ProbeWorker[];

  beforeAll(async () => {
    installRuntime(quiet);
    temporal = await newNamespace();
    connection = await NativeConnection.connect({ address: temporal.address });
    client = new Client({ connection, namespace: temporal.namespace });
    workflowBundle = await bundleWorkflows();
  });

  afterAll(() => connection.close());

  beforeEach(() => {
    probe = { attempts: [], failures: new Map(), down: null };
    other = { attempts: [], failures: new Map(), down: null };
    workers = [];
  });

  afterEach(async () => {
    await ended('probe');
    await Promise.all(workers.map((worker) => worker.stop()));
  });

  async function start(
    options: { pace?: ParkingPace; checkQueueEveryMs?: number; also?: { connector: Connector; client: unknown } } = {},
  ): Promise<ProbeWorker> {
    const connections = [
      { connector: probeConnector('probe'), client: probe },
      { connector: probeConnector('other'), client: other },
      ...(options.also === undefined ? [] : [options.also]),
    ];
    const worker = await startProbeWorker({
      temporal,
      workflowBundle,
      connections,
      pace: options.pace ?? BY_WORD_ONLY,
      ...(options.checkQueueEveryMs === undefined ? {} : { checkQueueEveryMs: options.checkQueueEveryMs }),
    });
    workers.push(worker);
    return worker;
  }

  async function run(
    steps: PlannedStep[] | Record<string, PlannedStep[]>,
    happened: CanonicalEvent = event(),
  ): Promise<string> {
    await startRun(client, happened, plan(Array.isArray(steps) ? { rule: steps } : steps), {
      workflowId: happened.event_id,
      searchAttributes: true,
      eager: false,
    });
    return happened.event_id;
  }

  async function until<Value>(what: string, look: () => Promise<Value | null> | Value | null): Promise<Value> {
    const deadline = Date.now() + WITHIN_MS;
    for (;;) {
      const found = await look();
      if (found !== null) {
        return found;
      }
      if (Date.now() > deadline) {
        throw new Error(`it never came that ${what}`);
      }
      await delay(20);
    }
  }

  const waitingIn = (name: string): Promise<number> =>
    client.workflow
      .getHandle(parkWorkflowId(name))
      .query<{ waiting: number }>('lineState')
      .then(({ waiting }) => waiting);
  const wait = (count: number): Promise<true> =>
    until(`${count} wait`, async () => ((await waitingIn('probe')) === count ? true : null));

  /** Starts runs one after the other, each once the one before waits. */
  async function runsThatWait(notes: string[], more: Partial<PlannedStep> = {}): Promise<string[]> {
    const runs: string[] = [];
    for (const note of notes) {
      runs.push(await run([step('s', note, more)]));
      await until(`${note} waits`, async () => ((await parkedStepsOf(runs.at(-1) ?? '')).length === 1 ? true : null));
    }
    return runs;
  }

  async function parkedStepsOf(workflowId: string): Promise<ParkedStep[]> {
    return client.workflow.getHandle(workflowId).query<ParkedStep[]>('parkedSteps');
  }

  async function status(workflowId: string): Promise<string> {
    return (await client.workflow.getHandle(workflowId).describe()).status.name;
  }

  async function ended(name: string): Promise<void> {
    await client.workflow
      .getHandle(parkWorkflowId(name))
      .terminate('the test is over')
      .catch(() => undefined);
  }

  const notesTried = (): string[] => probe.attempts.map(({ note }) => note);
  const logged = (level: string, text: string): number =>
    workers.flatMap(({ log }) => log.filter((line) => line.level === level && line.msg.includes(text))).length;

  it('gets no requests from new events and probes from the oldest step only; then releases all steps, oldest first; other connections keep working', async () => {
    const worker = await start();
    probe.down = error('credential');
    const runs = await runsThatWait(['a', 'b', 'c', 'd']);
    expect(notesTried()).toEqual(['a']);
    const elsewhere = await run([step('s', 'fine', { action: 'other.repeat' })]);
    expect((await awaitRun(client, elsewhere)).status).toBe('completed');

    await worker.parking.resume('probe');
    await until('the oldest has tried and waits again', async () =>
      notesTried().length === 2 && (await waitingIn('probe')) === 4 ? true : null,
    );
    expect(notesTried()).toEqual(['a', 'a']);

    probe.down = null;
    expect(await worker.parking.resume('probe')).toBe(true);
    for (const workflowId of runs) {
      expect((await awaitRun(client, workflowId)).report).toMatchObject({ outcome: 'done' });
    }
    expect(notesTried()).toEqual(['a', 'a', 'a', 'b', 'c', 'd']);
    await until('the line has ended', async () =>
      (await status(parkWorkflowId('probe'))) === 'COMPLETED' ? true : null,
    );
    expect([logged('error', 'connection parked'), logged('info', 'connection works again')]).toEqual([1, 1]);
    expect(worker.log.find((line) => line.level === 'error')).toMatchObject({
      connection: 'probe',
      code: 'no',
      remedy: 'Say yes.',
    });
    expect(worker.gates.get('probe')?.gate.problem).toBeNull();
    expect(await worker.parking.resume('probe')).toBe(false);
    await recordHistory(client, runs[0] ?? '', 'waited-for-connection');
    await recordHistory(client, parkWorkflowId('probe'), 'parked-connection');
  });

  it('orders the queue by when steps began, not by when they joined it', async () => {
    const worker = await start();
    probe.failures.set('slow', ({ attempt }) => (attempt === 1 ? error('transient', 700) : (probe.down ?? null)));
    const slow = await run([step('s', 'slow')]);
    await until('slow was tried', () => (notesTried().length > 0 ? true : null));
    probe.down = error('credential');
    const runs = await runsThatWait(['later']);
    await wait(2);
    probe.down = null;
    await worker.parking.resume('probe');
    for (const workflowId of [slow, ...runs]) {
      expect((await awaitRun(client, workflowId)).status).toBe('completed');
    }
    expect(notesTried()).toEqual(['slow', 'later', 'slow', 'later']);
    expect(probe.attempts.filter(({ note }) => note === 'slow').map(({ attempt }) => attempt)).toEqual([1, 2]);
  });

  it('is probed automatically, with a growing interval', async () => {
    const times: number[] = [];
    await start({ pace: { ...BY_WORD_ONLY, first_ms: 300, longest_ms: 600 } });
    probe.failures.set('p', () => {
      times.push(Date.now());
      return times.length < 5 ? error('credential') : null;
    });
    expect((await awaitRun(client, await run([step('s', 'p')]))).status).toBe('completed');
    const gaps = times.slice(1).map((time, index) => time - (times[index] ?? 0));
    expect(gaps).toHaveLength(4);
    expect(gaps[0]).toBeGreaterThanOrEqual(290);
    expect(gaps.slice(1).every((gap) => gap >= 590)).toBe(true);
    expect(probe.attempts.map(({ attempt }) => attempt)).toEqual([1, 2, 3, 4, 5]);
    expect(logged('error', 'connection parked')).toBe(1);
  });

  it('shows in the run and in the queue which steps wait, and why', async () => {
    const worker = await start();
    probe.down = error('credential');
    const [workflowId = ''] = await runsThatWait(['a']);
    expect(await parkedStepsOf(workflowId)).toEqual([{ rule: 'rule', step: 's', connection: 'probe', code: 'no' }]);
    const details = async (id: string): Promise<string> =>
      (await client.workflow.getHandle(id).query<{ currentDetails: string }>('__temporal_workflow_metadata'))
        .currentDetails;
    expect(await details(workflowId)).toContain('| rule | s | waits: probe is parked (no) |');
    expect(await details(parkWorkflowId('probe'))).toMatch(/\| code \| no \|[^]*Say yes\.[^]*\| waiting steps \| 1 \|/);
    const parked = await worker.parking.describe('probe');
    expect(parked).toMatchObject({
      problem: { code: 'no', message: 'the probe says no', remedy: 'Say yes.' },
      line: { waiting: 1 },
    });
    expect(Date.parse(parked?.line?.next_probe_at ?? '') - Date.parse(parked?.since ?? '')).toBe(60_000);
    expect(worker.waits).toContain(workflowId);
    await client.workflow.getHandle(workflowId).terminate();
  });

  it('parks again when a released step fails with a credential error', async () => {
    const worker = await start({ pace: { ...BY_WORD_ONLY, let_go_per_second: 1 } });
    probe.down = error('credential');
    const runs = await runsThatWait(['a', 'b', 'c', 'd']);
    probe.down = null;
    probe.failures.set('b', () => {
      probe.down ??= error('credential');
      return probe.down;
    });
    await worker.parking.resume('probe');
    await until('b is back', async () =>
      (await parkedStepsOf(runs[1] ?? '')).length === 1 && notesTried().includes('b') ? true : null,
    );
    await wait(3);
    expect((await worker.parking.describe('probe'))?.line?.next_probe_at).not.toBeNull();
    expect(notesTried()).toEqual(['a', 'a', 'b']);
    expect(logged('info', 'connection works again')).toBe(0);
    probe.down = null;
    probe.failures.clear();
    await worker.parking.resume('probe');
    await Promise.all(runs.map((workflowId) => awaitRun(client, workflowId)));
    expect(notesTried()).toEqual(['a', 'a', 'b', 'b', 'c', 'd']);
    expect(logged('error', 'connection parked')).toBe(1);
  });

  it('queues a probe again after a transient failure, without a retry of its own', async () => {
    const worker = await start();
    probe.down = error('credential');
    const [workflowId = ''] = await runsThatWait(['a']);
    probe.down = error('transient');
    await worker.parking.resume('probe');
    await until('it waits again', async () =>
      notesTried().length === 2 && (await waitingIn('probe')) === 1 && (await parkedStepsOf(workflowId)).length === 1
        ? true
        : null,
    );
    probe.down = null;
    await worker.parking.resume('probe');
    expect((await awaitRun(client, workflowId)).status).toBe('completed');
    expect(probe.attempts.map(({ attempt }) => attempt)).toEqual([1, 2, 3]);
  });

  it('skips runs that were terminated', async () => {
    const worker = await start();
    probe.down = error('credential');
    const [first = '', second = ''] = await runsThatWait(['a', 'b']);
    await client.workflow.getHandle(first).terminate();
    probe.down = null;
    await worker.parking.resume('probe');
    expect((await awaitRun(client, second)).status).toBe('completed');
    expect(notesTried()).toEqual(['a', 'b']);
  });

  it('is shared by two workers: one alert, and a worker that saw no failure holds steps back, too', async () => {
    const seeing = await start();
    probe.down = error('credential');
    const runs = await runsThatWait(['a']);
    await seeing.stop();
    workers = workers.filter((worker) => worker !== seeing);
    const [blind, another] = [await start(), await start()];
    const stops = [blind, another].map(({ gates, parking }) => refreshGates(gates, parking, quiet, 50));
    await until('both know', () =>
      [blind, another].every(({ gates }) => gates.get('probe')?.gate.problem?.code === 'no') ? true : null,
    );
    // A worker that starts may have come with a new credential: the oldest has tried.
    await until('the oldest has tried', async () =>
      notesTried().length > 1 && (await waitingIn('probe')) === 1 ? true : null,
    );
    const before = probe.attempts.length;
    runs.push(...(await runsThatWait(['b', 'c', 'd', 'e', 'f'])));
    expect(probe.attempts).toHaveLength(before);
    probe.down = null;
    await blind.parking.resume('probe');
    await Promise.all(runs.map((workflowId) => awaitRun(client, workflowId)));
    expect(notesTried().slice(before)).toEqual(['a', 'b', 'c', 'd', 'e', 'f']);
    await until('both know that it works', () =>
      [blind, another].every(({ gates }) => gates.get('probe')?.gate.problem === null) ? true : null,
    );
    workers.push(seeing);
    expect([logged('error', 'connection parked'), logged('info', 'connection works again')]).toEqual([1, 1]);
    workers = workers.filter((worker) => worker !== seeing);
    await Promise.all(stops.map((stop) => stop()));
  });

  it('recovers when somebody terminated its workflow', async () => {
    await start({ checkQueueEveryMs: 400 });
    probe.down = error('credential');
    const [workflowId = ''] = await runsThatWait(['a']);
    await client.workflow.getHandle(parkWorkflowId('probe')).terminate('by hand');
    await until('there is a line again', async () =>
      (await status(parkWorkflowId('probe'))) === 'RUNNING' ? true : null,
    );
    await until('it has tried', () => (notesTried().length === 2 ? true : null));
    await client.workflow.getHandle(parkWorkflowId('probe')).terminate('by hand');
    probe.down = null;
    expect((await awaitRun(client, workflowId)).status).toBe('completed');
    expect(probe.attempts.map(({ attempt }) => attempt)).toEqual([1, 2, 3]);
  });

  it('fails a step whose retry budget is spent, with its error class', async () => {
    await start();
    probe.down = error('credential');
    const workflowId = await run([step('s', 'a', { retry: { for_ms: 2_000, every_ms: 100, max_every_ms: 200 } })]);
    expect((await awaitRun(client, workflowId)).report).toMatchObject({
      outcome: 'failed',
      rules: [{ steps: [{ outcome: 'failed', class: 'credential', code: 'no', remedy: 'Say yes.' }] }],
    });
    expect(notesTried()).toEqual(['a']);
  });

  it('ends its workflow when no step waits any more, and logs it', async () => {
    await start({ pace: { ...BY_WORD_ONLY, first_ms: 1_500 } });
    probe.down = error('credential');
    await awaitRun(client, await run([step('s', 'a', { retry: { for_ms: 1_200, every_ms: 100, max_every_ms: 200 } })]));
    await until('the line has ended', async () =>
      (await status(parkWorkflowId('probe'))) === 'COMPLETED' ? true : null,
    );
    expect([
      logged('error', 'connection parked'),
      logged('info', 'works again'),
      logged('info', 'no step waits'),
    ]).toEqual([1, 0, 1]);
    probe.down = null;
    expect((await awaitRun(client, await run([step('s', 'b')]))).status).toBe('completed');
  });

  it('counts only the attempts that reached the provider, and passes on what each saved', async () => {
    const worker = await start();
    probe.down = error('credential');
    const [blocker = ''] = await runsThatWait(['blocker']);
    const heldBack = await runsThatWait(['held back'], { action: 'probe.once', effect: 'once' });
    probe.down = null;
    probe.failures.set('held back', ({ attempt, progress }) => {
      progress.save({ saved_at: attempt });
      return attempt === 1 ? error('transient') : attempt < 4 ? error('credential') : null;
    });
    for (const attempts of [2, 3]) {
      await worker.parking.resume('probe');
      await until(`${attempts} attempts`, async () =>
        notesTried().filter((note) => note === 'held back').length === attempts &&
        (await parkedStepsOf(heldBack[0] ?? '')).length === 1
          ? true
          : null,
      );
    }
    await worker.parking.resume('probe');
    await Promise.all([blocker, ...heldBack].map((workflowId) => awaitRun(client, workflowId)));
    const tried = probe.attempts.filter(({ note }) => note === 'held back');
    expect(tried.map(({ attempt }) => attempt)).toEqual([1, 2, 3, 4]);
    expect(tried.map(({ saved }) => saved)).toEqual([null, { saved_at: 1 }, { saved_at: 2 }, { saved_at: 3 }]);
  });

  it('does not send a text twice when the first answer was lost and the account then had no credit', async () => {
    const standIn = await startVoipbinStandIn();
    const worker = await start({
      also: {
        connector: voipbin,
        client: voipbin.connection.open(voipbin.connection.settings.parse(standIn.settings)),
      },
    });
    standIn.failNext({ path: '/messages', method: 'POST', how: 'lose_answer' });
    standIn.failNext({ path: '/messages', method: 'GET', how: { status: 503 } });
    standIn.failNext({ path: '/messages', method: 'GET', how: { status: 402 } });
    const number = (target: string) => ({ type: 'tel', number: target, name: null });
    const happened = event({
      type: 'message_created',
      event_id: `message_created/${randomUUID()}`,
      peer: number('+15551234567'),
      ours: number('+15559876543'),
    });
    await run(
      [
        step('s', '', {
          action: 'voipbin.send_message',
          effect: 'verifiable',
          input: { text: 'Hello' },
          attempt_timeout_ms: 25_000,
        }),
      ],
      happened,
    );
    await until('it waits', async () => ((await parkedStepsOf(happened.event_id)).length === 1 ? true : null));
    expect(standIn.sent).toHaveLength(1);
    await worker.parking.resume('voipbin');
    expect((await awaitRun(client, happened.event_id)).report).toMatchObject({ outcome: 'done' });
    expect(standIn.sent).toHaveLength(1);
    expect(standIn.requests.filter(({ method }) => method === 'POST')).toHaveLength(1);
    await standIn.stop();
  });

  it('keeps its queue when its workflow continues as new', async () => {
    const worker = await start({ pace: { ...BY_WORD_ONLY, history_events: 25 } });
    probe.down = error('credential');
    const [first = ''] = await runsThatWait(['a']);
    const began = (await client.workflow.getHandle(parkWorkflowId('probe')).describe()).runId;
    const notes = Array.from({ length: 11 }, (_, index) => `b${index}`);
    const runs = [first, ...(await runsThatWait(notes))];
    expect((await client.workflow.getHandle(parkWorkflowId('probe')).describe()).runId).not.toBe(began);
    expect(await waitingIn('probe')).toBe(12);
    probe.down = null;
    await worker.parking.resume('probe');
    await Promise.all(runs.map((workflowId) => awaitRun(client, workflowId)));
    expect(notesTried()).toEqual(['a', 'a', ...notes]);
    await until('it has said that it works', () => (logged('info', 'works again') > 0 ? true : null));
    expect([logged('error', 'connection parked'), logged('info', 'works again')]).toEqual([1, 1]);
  });

  it("parks each of a run's concurrent steps", async () => {
    const worker = await start();
    probe.down = error('credential');
    const workflowId = await run({
      one: [step('s', 'a')],
      two: [step('s', 'b')],
      three: [step('s', 'fine', { action: 'other.repeat' })],
    });
    await wait(2);
    expect((await parkedStepsOf(workflowId)).map(({ rule }) => rule).sort()).toEqual(['one', 'two']);
    probe.down = null;
    await worker.parking.resume('probe');
    expect((await awaitRun(client, workflowId)).report).toMatchObject({
      outcome: 'done',
      rules: [{ outcome: 'done' }, { outcome: 'done' }, { outcome: 'done' }],
    });
  });
});
