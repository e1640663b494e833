import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import { startProviders, type Providers } from './providers';
import { RunningBridge } from './running-bridge';

jest.setTimeout(300_000);

const CALLER = '+15551234567';
const OURS = '+15559876543';
const tel = (target: string) => ({ type: 'tel', target });

const RULES = `version: 1
defaults: { country: US }
rules:
  - name: call-back
    on: queuecall_abandoned
    when: { peer.number: { exists: true } }
    do:
      - hubspot.create_task: { subject: "Call back {{ peer.number }}", unknown_contact: create }
  - name: other-line
    on: queuecall_abandoned
    when: { ours.number: "+15550000000" }
    do:
      - slack.post_message: { channel: "#a", text: not this }
  - name: voicemail
    on: recording_finished
    do:
      - slack.post_message:
          channel: "#voicemail"
          text: "Voicemail from {{ call.peer.number | default: 'somebody' }} for {{ call.ours.number | default: '-' }}"
`;

const shown = z.object({
  became: z.string(),
  report: z
    .object({
      rules: z.array(z.object({ rule: z.string(), outcome: z.string(), reason: z.string().optional() })),
    })
    .nullable(),
});

describe('events that only name a call', () => {
  let providers: Providers;
  let bridge: RunningBridge;

  beforeAll(async () => {
    providers = await startProviders();
    bridge = await RunningBridge.ready({ env: { ...providers.env, BRIDGE_BACKFILL: 'false' }, rules: RULES });
  }, 120_000);

  afterAll(async () => {
    await bridge.remove();
    await providers.stop();
  }, 120_000);

  function addCall(): string {
    const id = randomUUID();
    providers.voipbin.addCall({
      id,
      source: tel(CALLER),
      destination: tel(OURS),
      direction: 'incoming',
      status: 'hangup',
      tm_hangup: '2026-08-22T06:11:35Z',
    });
    return id;
  }

  async function closed(type: string, data: Record<string, unknown>) {
    const id = randomUUID();
    const { status } = await bridge.post({ type, data: { id, ...data } });
    expect(status).toBe(200);
    return bridge.eventually(`${type} is closed`, async () => {
      const { stdout } = await bridge.run('events', 'show', `${type}/${id}`, '--json');
      const { became, report } = shown.parse(JSON.parse(stdout));
      return report === null ? null : { became, rules: report.rules };
    });
  }

  const callsAsked = (): number =>
    providers.voipbin.requests.filter(({ path }) => path.startsWith('/v1.0/calls/')).length;

  it('have its parties in conditions and texts, after one look-up', async () => {
    const run = await closed('queuecall_abandoned', { reference_type: 'call', reference_id: addCall() });
    expect(run).toEqual({
      became: 'done',
      rules: [
        expect.objectContaining({ rule: 'call-back', outcome: 'done' }),
        expect.objectContaining({
          rule: 'other-line',
          outcome: 'skipped',
          reason: 'not met by the call: ours.number',
        }),
      ],
    });
    expect(providers.hubspot.tasks.map(({ properties }) => properties['hs_task_subject'])).toEqual([
      `Call back ${CALLER}`,
    ]);
    expect(callsAsked()).toBe(1);
  });

  it('wait while VoIPBIN does not answer', async () => {
    providers.voipbin.failNext({ path: '/calls/', how: { status: 503 }, times: 2 });
    await closed('recording_finished', { reference_type: 'call', reference_id: addCall(), status: 'ended' });
    expect(providers.slack.messages.at(-1)).toMatchObject({ text: `Voicemail from ${CALLER} for ${OURS}` });
  });

  it('fail with what to do when VoIPBIN refuses for good', async () => {
    providers.voipbin.failNext({ path: '/calls/', how: { status: 400 } });
    const run = await closed('queuecall_abandoned', { reference_type: 'call', reference_id: addCall() });
    expect([run.became, run.rules.map(({ outcome }) => outcome)]).toEqual(['failed', ['failed', 'failed']]);
  });

  it('of a call that VoIPBIN no longer has are handled without it', async () => {
    await closed('recording_finished', { reference_type: 'call', reference_id: randomUUID(), status: 'ended' });
    expect(providers.slack.messages.at(-1)).toMatchObject({ text: 'Voicemail from somebody for -' });
  });
});
