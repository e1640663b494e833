import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import { startProviders, type Providers } from './providers';
import { RunningBridge } from './running-bridge';

jest.setTimeout(120_000);

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
  let bridge: RunningBridge;

  beforeAll(async () => {
    providers = await startProviders();
    bridge = await RunningBridge.ready({ env: { ...providers.env, BRIDGE_BACKFILL: 'false' }, rules: RULES });
  });
  afterAll(async () => {
    await bridge.remove();
    await providers.stop();
  });

  const posted = (): unknown[] => providers.slack.messages.map(({ text }) => text);
  const lastTask = (): unknown => providers.hubspot.tasks.at(-1)?.properties['hs_task_subject'];
  const refusePost = (): void => providers.slack.failNext({ how: { ok: false, error: 'msg_too_long' } });

  async function show(eventId: string): Promise<z.infer<typeof shown>> {
    return bridge.eventually('its run has ended', async () => {
      const { stdout } = await bridge.run('events', 'show', eventId, '--json');
      const details = shown.parse(JSON.parse(stdout));
      return details.report === null ? null : details;
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

  it('are those of an open run so far', async () => {
    const id = randomUUID();
    providers.voipbin.addCall({ id, ...CALL, tm_hangup: '2026-08-22T06:11:35Z' });
    providers.hubspot.failNext({ times: 1_000_000, how: { status: 401 } });
    const eventId = await send('recording_finished', { reference_type: 'call', reference_id: id, status: 'ended' });
    const open = await bridge.eventually('a step waits', async () => {
      const { stdout } = await bridge.run('events', 'show', eventId);
      return stdout.includes('waits because hubspot is parked') ? stdout : null;
    });
    expect(open).toMatch(/looked-up: under way\n +first \(slack\.post_message\) done\n +sent channel: #calls\n/);
    expect(open).toContain(`sent text: ${String(posted().at(-1))}\n`);
    providers.hubspot.heal();
    await bridge.run('connections', 'resume', 'hubspot');
    expect((await show(eventId)).inputs[1]).toMatchObject({ outcome: 'done', input: { subject: lastTask() } });
  });
});
