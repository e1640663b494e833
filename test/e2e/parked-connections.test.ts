import pino from 'pino';
import { ActionError } from '../../src/connectors/action-error';
import { parkWorkflowId } from '../../src/runs/names';
import { awaitRun } from '../../src/runs/await-run';
import { refreshGates } from '../../src/worker/refresh-gates';
import { recordHistory } from '../histories/record';
import { BY_COMMAND_ONLY, Parking, until } from './parking';
import { error, step } from './probe';

jest.setTimeout(300_000);

describe('a parked connection', () => {
  let parking: Parking;

  beforeAll(async () => {
    parking = await Parking.open();
  });
  afterEach(() => parking.reset());
  afterAll(() => parking.close());

  it('gets no requests from new events and probes from the oldest step only; then releases all steps, oldest first; other connections keep working', async () => {
    // Runs are in order only when they are released some time apart.
    const worker = await parking.startWorker({ pace: { ...BY_COMMAND_ONLY, let_go_per_second: 1 } });
    parking.probe.down = error('credential');
    const runs = await parking.runsThatWait(['a', 'b', 'c', 'd']);
    expect(parking.notesTried()).toEqual(['a']);
    const elsewhere = await parking.run([step('s', 'fine', { action: 'other.repeat' })]);
    expect((await awaitRun(parking.client, elsewhere)).status).toBe('completed');

    await worker.parking.resume('probe');
    await until('the oldest has tried and waits again', async () =>
      parking.notesTried().length === 2 && (await parking.waiting()) === 4 ? true : null,
    );
    expect(parking.notesTried()).toEqual(['a', 'a']);

    parking.probe.down = null;
    expect(await worker.parking.resume('probe')).toBe(true);
    for (const workflowId of runs) {
      expect((await awaitRun(parking.client, workflowId)).report).toMatchObject({ outcome: 'done' });
    }
    expect(parking.notesTried()).toEqual(['a', 'a', 'a', 'b', 'c', 'd']);
    await until('its workflow has ended', async () =>
      (await parking.status(parkWorkflowId('probe'))) === 'COMPLETED' ? true : null,
    );
    expect([parking.logged('error', 'connection parked'), parking.logged('info', 'connection works again')]).toEqual([
      1, 1,
    ]);
    expect(worker.log.find((line) => line.level === 'error')).toMatchObject({
      connection: 'probe',
      code: 'no',
      remedy: 'Say yes.',
    });
    expect(worker.gates.get('probe')?.gate.problem).toBeNull();
    expect(await worker.parking.resume('probe')).toBe(false);
    await recordHistory(parking.client, runs[0] ?? '', 'waited-for-connection');
    await recordHistory(parking.client, parkWorkflowId('probe'), 'parked-connection');
  });

  it('orders the queue by when steps began, not by when they joined it', async () => {
    const worker = await parking.startWorker();
    parking.probe.failures.set('slow', ({ attempt }) =>
      attempt === 1 ? error('transient', 4_000) : (parking.probe.down ?? null),
    );
    const slow = await parking.run([step('s', 'slow')]);
    await until('slow was tried', () => (parking.notesTried().length > 0 ? true : null));
    parking.probe.down = error('credential');
    const runs = await parking.runsThatWait(['later']);
    await parking.untilWaiting(2);
    parking.probe.down = null;
    await worker.parking.resume('probe');
    for (const workflowId of [slow, ...runs]) {
      expect((await awaitRun(parking.client, workflowId)).status).toBe('completed');
    }
    expect(parking.notesTried()).toEqual(['slow', 'later', 'slow', 'later']);
    expect(parking.probe.attempts.filter(({ note }) => note === 'slow').map(({ attempt }) => attempt)).toEqual([1, 2]);
  });

  it('is probed automatically, with a growing interval', async () => {
    const times: number[] = [];
    await parking.startWorker({ pace: { ...BY_COMMAND_ONLY, first_ms: 300, longest_ms: 600 } });
    parking.probe.failures.set('p', () => {
      times.push(Date.now());
      return times.length < 5 ? error('credential') : null;
    });
    expect((await awaitRun(parking.client, await parking.run([step('s', 'p')]))).status).toBe('completed');
    const gaps = times.slice(1).map((time, index) => time - (times[index] ?? 0));
    expect(gaps).toHaveLength(4);
    expect(gaps[0]).toBeGreaterThanOrEqual(290);
    expect(gaps.slice(1).every((gap) => gap >= 590)).toBe(true);
    expect(parking.probe.attempts.map(({ attempt }) => attempt)).toEqual([1, 2, 3, 4, 5]);
    expect(parking.logged('error', 'connection parked')).toBe(1);
  });

  it('is probed by the waiting steps in turn: one that cannot succeed does not keep the others waiting', async () => {
    await parking.startWorker({ pace: { ...BY_COMMAND_ONLY, first_ms: 200, longest_ms: 400 } });
    parking.probe.down = error('credential');
    parking.probe.failures.set('a', () => error('credential'));
    const [bad = '', good = ''] = await parking.runsThatWait(['a', 'b']);
    parking.probe.down = null;
    expect((await awaitRun(parking.client, good)).report).toMatchObject({ outcome: 'done' });
    parking.probe.failures.delete('a');
    expect((await awaitRun(parking.client, bad)).report).toMatchObject({ outcome: 'done' });
  });

  it('lets the next step try at once when a probe fails for a reason of its own', async () => {
    const worker = await parking.startWorker();
    parking.probe.down = error('credential');
    const runs = await parking.runsThatWait(['bad', 'worse', 'good']);
    parking.probe.down = null;
    parking.probe.failures.set('bad', () => error('permanent'));
    parking.probe.failures.set('worse', () => error('permanent'));
    await worker.parking.resume('probe');
    const ended = await Promise.all(runs.map((workflowId) => awaitRun(parking.client, workflowId)));
    expect(ended.map(({ report }) => report)).toMatchObject([
      { outcome: 'failed' },
      { outcome: 'failed' },
      { outcome: 'done' },
    ]);
    expect(parking.notesTried()).toEqual(['bad', 'bad', 'worse', 'good']);
    await until('its workflow has ended', async () =>
      (await parking.status(parkWorkflowId('probe'))) === 'COMPLETED' ? true : null,
    );
    await recordHistory(parking.client, parkWorkflowId('probe'), 'probe-over');
  });

  it('parks only the part that refuses: new steps go on, and those that it refused continue', async () => {
    const worker = await parking.startWorker();
    const { errorClass, message, detail } = error('credential');
    const refusal = new ActionError(errorClass, message, { ...detail, part: 'owners' });
    parking.probe.failures.set('refused', () => refusal);
    const [refused = ''] = await parking.runsThatWait(['refused']);
    expect(await parking.parkedStepsOf(refused)).toMatchObject([{ connection: 'probe/owners' }]);
    const fine = await parking.run([step('s', 'fine')]);
    expect((await awaitRun(parking.client, fine)).status).toBe('completed');
    expect([
      await worker.parking.find('probe'),
      (await worker.parking.find('probe/owners'))?.problem.code,
      worker.gates.get('probe/owners')?.gate.problem?.code,
    ]).toEqual([null, 'no', 'no']);
    parking.probe.failures.delete('refused');
    await worker.parking.resume('probe/owners');
    expect((await awaitRun(parking.client, refused)).status).toBe('completed');
    await until('its queue has ended', async () =>
      (await parking.status(parkWorkflowId('probe/owners'))) === 'COMPLETED' ? true : null,
    );
    expect(worker.gates.get('probe/owners')?.gate.problem).toBeNull();
  });

  it('shows in the run and in the queue which steps wait, and why', async () => {
    const worker = await parking.startWorker();
    parking.probe.down = error('credential');
    const [workflowId = ''] = await parking.runsThatWait(['a']);
    expect(await parking.parkedStepsOf(workflowId)).toEqual([
      { rule: 'rule', step: 's', connection: 'probe', code: 'no' },
    ]);
    const details = async (id: string): Promise<string> =>
      (await parking.client.workflow.getHandle(id).query<{ currentDetails: string }>('__temporal_workflow_metadata'))
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
    await parking.client.workflow.getHandle(workflowId).terminate();
  });

  it('parks again when a released step fails with a credential error', async () => {
    const worker = await parking.startWorker({ pace: { ...BY_COMMAND_ONLY, let_go_per_second: 1 } });
    parking.probe.down = error('credential');
    const runs = await parking.runsThatWait(['a', 'b', 'c', 'd']);
    parking.probe.down = null;
    parking.probe.failures.set('b', () => {
      parking.probe.down ??= error('credential');
      return parking.probe.down;
    });
    await worker.parking.resume('probe');
    await until('b is back', async () =>
      (await parking.parkedStepsOf(runs[1] ?? '')).length === 1 && parking.notesTried().includes('b') ? true : null,
    );
    await parking.untilWaiting(3);
    expect((await worker.parking.describe('probe'))?.line?.next_probe_at).not.toBeNull();
    // c may have been released before the queue knew of the failure, which comes within a second at most times.
    expect(parking.notesTried().slice(0, 3)).toEqual(['a', 'a', 'b']);
    expect(parking.notesTried()).not.toContain('d');
    expect(parking.logged('info', 'connection works again')).toBe(0);
    parking.probe.down = null;
    parking.probe.failures.clear();
    await worker.parking.resume('probe');
    await Promise.all(runs.map((workflowId) => awaitRun(parking.client, workflowId)));
    expect(parking.notesTried().slice(-3)).toEqual(['b', 'c', 'd']);
    expect(parking.logged('error', 'connection parked')).toBe(1);
  });

  it('queues a probe again after a transient failure, without a retry of its own', async () => {
    const worker = await parking.startWorker();
    parking.probe.down = error('credential');
    const [workflowId = ''] = await parking.runsThatWait(['a']);
    parking.probe.down = error('transient');
    await worker.parking.resume('probe');
    await until('it waits again', async () =>
      parking.notesTried().length === 2 &&
      (await parking.waiting()) === 1 &&
      (await parking.parkedStepsOf(workflowId)).length === 1
        ? true
        : null,
    );
    parking.probe.down = null;
    await worker.parking.resume('probe');
    expect((await awaitRun(parking.client, workflowId)).status).toBe('completed');
    expect(parking.probe.attempts.map(({ attempt }) => attempt)).toEqual([1, 2, 3]);
  });

  it('skips runs that were terminated', async () => {
    const worker = await parking.startWorker();
    parking.probe.down = error('credential');
    const [first = '', second = ''] = await parking.runsThatWait(['a', 'b']);
    await parking.client.workflow.getHandle(first).terminate();
    parking.probe.down = null;
    await worker.parking.resume('probe');
    expect((await awaitRun(parking.client, second)).status).toBe('completed');
    expect(parking.notesTried()).toEqual(['a', 'b']);
  });

  it('is shared by two workers: one alert, and a worker that saw no failure holds steps back, too', async () => {
    // Steps that two workers run are in order only when they are released some time apart.
    const pace = { ...BY_COMMAND_ONLY, let_go_per_second: 1 };
    const seeing = await parking.startWorker({ pace });
    parking.probe.down = error('credential');
    const runs = await parking.runsThatWait(['a']);
    await seeing.stop();
    parking.workers.splice(parking.workers.indexOf(seeing), 1);
    const [blind, another] = [await parking.startWorker({ pace }), await parking.startWorker({ pace })];
    const stops = [blind, another].map(({ gates, parking }) =>
      refreshGates(gates, parking, pino({ level: 'silent' }), 50),
    );
    await until('both know', () =>
      [blind, another].every(({ gates }) => gates.get('probe')?.gate.problem?.code === 'no') ? true : null,
    );
    // A worker that starts may have come with a new credential: the oldest has tried.
    await until('the oldest has tried', async () =>
      parking.notesTried().length > 1 && (await parking.waiting()) === 1 ? true : null,
    );
    const before = parking.probe.attempts.length;
    runs.push(...(await parking.runsThatWait(['b', 'c', 'd', 'e', 'f'])));
    expect(parking.probe.attempts).toHaveLength(before);
    parking.probe.down = null;
    await blind.parking.resume('probe');
    await Promise.all(runs.map((workflowId) => awaitRun(parking.client, workflowId)));
    expect(parking.notesTried().slice(before)).toEqual(['a', 'b', 'c', 'd', 'e', 'f']);
    await until('both know that it works', () =>
      [blind, another].every(({ gates }) => gates.get('probe')?.gate.problem === null) ? true : null,
    );
    parking.workers.push(seeing);
    expect([parking.logged('error', 'connection parked'), parking.logged('info', 'connection works again')]).toEqual([
      1, 1,
    ]);
    parking.workers.splice(parking.workers.indexOf(seeing), 1);
    await Promise.all(stops.map((stop) => stop()));
  });

  it('recovers when somebody terminated its workflow', async () => {
    await parking.startWorker({ checkQueueEveryMs: 400 });
    parking.probe.down = error('credential');
    const [workflowId = ''] = await parking.runsThatWait(['a']);
    await parking.client.workflow.getHandle(parkWorkflowId('probe')).terminate('by hand');
    await until('its workflow runs again', async () =>
      (await parking.status(parkWorkflowId('probe'))) === 'RUNNING' ? true : null,
    );
    await until('it has tried', () => (parking.notesTried().length === 2 ? true : null));
    await parking.client.workflow.getHandle(parkWorkflowId('probe')).terminate('by hand');
    parking.probe.down = null;
    expect((await awaitRun(parking.client, workflowId)).status).toBe('completed');
    expect(parking.probe.attempts.map(({ attempt }) => attempt)).toEqual([1, 2, 3]);
  });
});
