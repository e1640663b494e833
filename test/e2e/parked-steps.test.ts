import { randomUUID } from 'node:crypto';
import { voipbin } from '../../src/connectors/voipbin/connector';
import { startVoipbinStandIn } from '../../src/connectors/voipbin/stand-in/server';
import { parkWorkflowId } from '../../src/runs/names';
import { awaitRun } from '../../src/runs/await-run';
import { BY_COMMAND_ONLY, Parking, until } from './parking';
import { error, event, step } from './probe';

jest.setTimeout(300_000);

describe('a step of a parked connection', () => {
  let parking: Parking;

  beforeAll(async () => {
    parking = await Parking.open();
  });
  afterEach(() => parking.reset());
  afterAll(() => parking.close());

  it('fails a step whose retry budget is spent, with its error class', async () => {
    await parking.startWorker();
    parking.probe.down = error('credential');
    const workflowId = await parking.run([
      step('s', 'a', { retry: { for_ms: 2_000, every_ms: 100, max_every_ms: 200 } }),
    ]);
    expect((await awaitRun(parking.client, workflowId)).report).toMatchObject({
      outcome: 'failed',
      rules: [{ steps: [{ outcome: 'failed', class: 'credential', code: 'no', remedy: 'Say yes.' }] }],
    });
    expect(parking.notesTried()).toEqual(['a']);
  });

  it('ends its workflow when no step waits any more, and logs it', async () => {
    await parking.startWorker({ pace: { ...BY_COMMAND_ONLY, first_ms: 5_000 } });
    parking.probe.down = error('credential');
    await awaitRun(
      parking.client,
      await parking.run([step('s', 'a', { retry: { for_ms: 1_200, every_ms: 100, max_every_ms: 200 } })]),
    );
    await until('its workflow has ended', async () =>
      (await parking.status(parkWorkflowId('probe'))) === 'COMPLETED' ? true : null,
    );
    expect([
      parking.logged('error', 'connection parked'),
      parking.logged('info', 'works again'),
      parking.logged('info', 'no step waits'),
    ]).toEqual([1, 0, 1]);
    parking.probe.down = null;
    expect((await awaitRun(parking.client, await parking.run([step('s', 'b')]))).status).toBe('completed');
  });

  it('counts only the attempts that reached the provider, and passes on what each saved', async () => {
    const worker = await parking.startWorker();
    parking.probe.down = error('credential');
    const [blocker = ''] = await parking.runsThatWait(['blocker']);
    const heldBack = await parking.runsThatWait(['held back'], { action: 'probe.once', effect: 'once' });
    parking.probe.down = null;
    parking.probe.failures.set('held back', ({ attempt, progress }) => {
      progress.save({ saved_at: attempt });
      return attempt === 1 ? error('transient') : attempt < 4 ? error('credential') : null;
    });
    for (const attempts of [2, 3]) {
      await worker.parking.resume('probe');
      await until(`${attempts} attempts`, async () =>
        parking.notesTried().filter((note) => note === 'held back').length === attempts &&
        (await parking.parkedStepsOf(heldBack[0] ?? '')).length === 1
          ? true
          : null,
      );
    }
    await worker.parking.resume('probe');
    await Promise.all([blocker, ...heldBack].map((workflowId) => awaitRun(parking.client, workflowId)));
    const tried = parking.probe.attempts.filter(({ note }) => note === 'held back');
    expect(tried.map(({ attempt }) => attempt)).toEqual([1, 2, 3, 4]);
    expect(tried.map(({ saved }) => saved)).toEqual([null, { saved_at: 1 }, { saved_at: 2 }, { saved_at: 3 }]);
  });

  it('does not send a text twice when the first answer was lost and the account then had no credit', async () => {
    const standIn = await startVoipbinStandIn();
    const worker = await parking.startWorker({
      also: {
        connector: voipbin,
        client: await voipbin.connection.open(voipbin.connection.settings.parse(standIn.settings)),
      },
    });
    standIn.failNext({ path: '/messages', method: 'POST', how: 'lose_answer' });
    // The first look, before the text is sent, succeeds.
    standIn.failNext({ path: '/messages', method: 'GET', after: 1, how: { status: 503 } });
    standIn.failNext({ path: '/messages', method: 'GET', how: { status: 402 } });
    const number = (target: string) => ({ type: 'tel', number: target, name: null });
    const happened = event({
      type: 'message_created',
      event_id: `message_created/${randomUUID()}`,
      peer: number('+15551234567'),
      ours: number('+15559876543'),
    });
    await parking.run(
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
    await until('it waits', async () => ((await parking.parkedStepsOf(happened.event_id)).length === 1 ? true : null));
    expect(standIn.sent).toHaveLength(1);
    await worker.parking.resume('voipbin');
    expect((await awaitRun(parking.client, happened.event_id)).report).toMatchObject({ outcome: 'done' });
    expect(standIn.sent).toHaveLength(1);
    expect(standIn.requests.filter(({ method }) => method === 'POST')).toHaveLength(1);
    await standIn.stop();
  });

  it('keeps its queue when its workflow continues as new', async () => {
    const worker = await parking.startWorker({ pace: { ...BY_COMMAND_ONLY, history_events: 25 } });
    parking.probe.down = error('credential');
    const [first = ''] = await parking.runsThatWait(['a']);
    const began = (await parking.client.workflow.getHandle(parkWorkflowId('probe')).describe()).runId;
    const notes = Array.from({ length: 11 }, (_, index) => `b${index}`);
    const runs = [first, ...(await parking.runsThatWait(notes))];
    expect((await parking.client.workflow.getHandle(parkWorkflowId('probe')).describe()).runId).not.toBe(began);
    expect(await parking.waiting()).toBe(12);
    parking.probe.down = null;
    await worker.parking.resume('probe');
    await Promise.all(runs.map((workflowId) => awaitRun(parking.client, workflowId)));
    // Those that are released within one second are runs of their own: they may overtake each other.
    expect(parking.notesTried().slice(0, 2)).toEqual(['a', 'a']);
    expect(parking.notesTried().slice(2).sort()).toEqual([...notes].sort());
    await until('it has said that it works', () => (parking.logged('info', 'works again') > 0 ? true : null));
    expect([parking.logged('error', 'connection parked'), parking.logged('info', 'works again')]).toEqual([1, 1]);
  });

  it("parks each of a run's concurrent steps", async () => {
    const worker = await parking.startWorker();
    parking.probe.down = error('credential');
    const workflowId = await parking.run({
      one: [step('s', 'a')],
      two: [step('s', 'b')],
      three: [step('s', 'fine', { action: 'other.repeat' })],
    });
    await parking.untilWaiting(2);
    expect((await parking.parkedStepsOf(workflowId)).map(({ rule }) => rule).sort()).toEqual(['one', 'two']);
    parking.probe.down = null;
    await worker.parking.resume('probe');
    expect((await awaitRun(parking.client, workflowId)).report).toMatchObject({
      outcome: 'done',
      rules: [{ outcome: 'done' }, { outcome: 'done' }, { outcome: 'done' }],
    });
  });
});
