import { randomUUID } from 'node:crypto';
import { Client, Connection } from '@temporalio/client';
import { z } from 'zod';
import { startProviders, type Providers } from './providers';
import { RunningBridge } from './running-bridge';
import { newNamespace, type TestNamespace } from './temporal-server';

jest.setTimeout(300_000);

const RULES = `version: 1
defaults: { country: US, timezone: Europe/Berlin }
rules:
  - name: clock
    on: call_hangup
    when: { peer.number: { exists: true } }
    do:
      - slack.post_message: { channel: "#clock", text: "{{ peer.number }} {{ 'now' | date: '%Y-%m-%d %H:%M:%S' }}" }
  - name: looked-up
    on: recording_finished
    when: { call.peer.number: { exists: true } }
    do:
      - slack.post_message: { channel: "#calls", text: "Voicemail of {{ call.peer.number }}" }
        id: first
      - hubspot.create_task:
          subject: "{{ call.ours.number | default: '-' }}, post {{ steps.first.ts | default: '-' }}"
          unknown_contact: create
`;

const shown = z.object({
  report: z.object({ rules: z.unknown() }).nullable(),
  inputs: z.array(z.object({ outcome: z.string(), input: z.record(z.string(), z.unknown()) })),
  inputs_not_shown: z.array(z.object({ reason: z.string() })),
});

const tel = (target: string) => ({ type: 'tel', target });
const CALL = {
  direction: 'incoming',
  status: 'hangup',
  source: tel('+15551234567'),
  destination: tel('+15559876543'),
};

describe('the inputs that events show has', () => {
  let providers: Providers;
  let temporal: TestNamespace;
  let connection: Connection;
  let bridge: RunningBridge;

  beforeAll(async () => {
    providers = await startProviders();
    temporal = await newNamespace();
    connection = await Connection.connect({ address: temporal.address });
    const env = { ...providers.env, ...temporal.env, BRIDGE_BACKFILL: 'false' };
    bridge = await RunningBridge.ready({ env, rules: RULES });
  });
  afterAll(async () => {
    await bridge.remove();
    await connection.close();
    await providers.stop();
  });

  const posted = (): unknown[] => providers.slack.messages.map(({ text }) => text);
  const lastTask = (): unknown => providers.hubspot.tasks.at(-1)?.properties['hs_task_subject'];
  const refusePost = (): void => providers.slack.failNext({ how: { ok: false, error: 'msg_too_long' } });

  /** When its run has ended, and the bridge has answered what it was asked: on a busy machine not at the first time. */
  async function show(eventId: string): Promise<z.infer<typeof shown>> {
    return bridge.eventually('its run has ended', async () => {
      const { stdout } = await bridge.run('events', 'show', eventId, '--json');
      const details = shown.parse(JSON.parse(stdout));
      const isAnswered = details.inputs_not_shown.every(({ reason }) => !reason.includes('does not answer'));
      return details.report !== null && isAnswered ? details : null;
    });
  }

  async function send(type: string, data: object): Promise<string> {
    const id = randomUUID();
    expect((await bridge.post({ type, data: { ...data, id } })).status).toBe(200);
    return `${type}/${id}`;
  }

  it('are those that were sent, also when they have the time', async () => {
    const { inputs, inputs_not_shown } = await show(await send('call_hangup', CALL));
    expect([inputs.map(({ input }) => input['text']), inputs_not_shown]).toEqual([posted(), []]);
  });

  it('are those that a refused step tried to send, and that its retry sent', async () => {
    const before = posted().length;
    refusePost();
    const eventId = await send('call_hangup', CALL);
    const tried = await show(eventId);
    expect(tried.inputs.map(({ outcome }) => outcome)).toEqual(['failed']);
    await bridge.run('events', 'retry', eventId, '--yes');
    const { inputs } = await show(eventId);
    expect(inputs).toEqual([{ outcome: 'done', input: expect.objectContaining({ text: posted().at(-1) }) }]);
    expect([inputs[0]?.input, posted().length]).toEqual([tried.inputs[0]?.input, before + 1]);
  });

  it('are those of a call that was looked up, and of a run that failed after its first step', async () => {
    const id = randomUUID();
    providers.voipbin.addCall({ id, ...CALL, tm_hangup: '2026-08-22T06:11:35Z' });
    const recording = { reference_type: 'call', reference_id: id, status: 'ended' };
    const sent = await show(await send('recording_finished', recording));
    expect(sent.inputs.map(({ input }) => input['text'] ?? input['subject'])).toEqual([posted().at(-1), lastTask()]);
    providers.hubspot.failNext({ method: 'POST', path: '/tasks', times: 2, how: { status: 400 } });
    const eventId = await send('recording_finished', recording);
    const tried = await show(eventId);
    expect(tried.inputs).toMatchObject([
      { outcome: 'done', input: { text: posted().at(-1) } },
      { outcome: 'failed', input: { subject: expect.stringContaining('+15559876543, post 1') } },
    ]);
    providers.hubspot.heal();
    await bridge.run('events', 'retry', eventId, '--yes');
    const retried = await show(eventId);
    expect(retried.inputs[1]).toMatchObject({ outcome: 'done', input: { subject: lastTask() } });
    expect([retried.inputs[1]?.input, retried.inputs_not_shown]).toEqual([tried.inputs[1]?.input, []]);
  });

  it('are those of an open run so far, and of one that was cut off', async () => {
    const id = randomUUID();
    providers.voipbin.addCall({ id, ...CALL, tm_hangup: '2026-08-22T06:11:35Z' });
    providers.hubspot.failNext({ times: 1_000_000, how: { status: 401 } });
    const eventId = await send('recording_finished', { reference_type: 'call', reference_id: id, status: 'ended' });
    const shownAs = (became: string) =>
      bridge.eventually(`it shows ${became}`, async () => {
        const { stdout } = await bridge.run('events', 'show', eventId);
        const rule = 'first \\(slack\\.post_message\\) done\\n +sent channel: #calls\\n +sent text: (.*)\\n[^]*?';
        return new RegExp(`${became}[^]*${rule}hubspot\\.create_task#2(.*)`).exec(stdout)?.slice(1, 3) ?? null;
      });
    const [text, open] = await shownAs('started[^]*looked-up: under way');
    expect([text, open]).toEqual([posted().at(-1), ' under way']);
    await new Client({ connection, namespace: temporal.namespace }).workflow.getHandle(eventId).terminate('by hand');
    expect(await shownAs('terminated[^]*looked-up: cut off')).toEqual([text, ' cut off: it may have happened']);
    providers.hubspot.heal();
    await bridge.run('connections', 'resume', 'hubspot');
  });
});
