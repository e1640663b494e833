import { createHmac, randomUUID } from 'node:crypto';
import { z } from 'zod';
import { keyValueOf } from '../../src/connectors/hubspot/create-once';
import { startProviders, type Providers } from './providers';
import { RunningBridge } from './running-bridge';

jest.setTimeout(300_000);

const SECRET = 'a webhook secret';
const CALLER = '+15551234567';
const OURS = '+15559876543';
const tel = (target: string) => ({ type: 'tel', target });
const shown = z.object({
  became: z.string(),
  report: z
    .object({
      outcome: z.string(),
      rules: z.array(
        z.object({
          rule: z.string(),
          outcome: z.string(),
          steps: z.array(z.looseObject({ action: z.string(), outcome: z.string() })),
        }),
      ),
    })
    .nullable(),
});

/** What the live sender sends when a call ends. */
function hangup(data: Record<string, unknown> = {}) {
  return {
    type: 'call_hangup',
    data: {
      id: randomUUID(),
      customer_id: '7c4d2f3a-1b8e-4f5c-9a6d-3e2f1a0b4c5d',
      source: tel(CALLER),
      destination: tel(OURS),
      status: 'hangup',
      direction: 'incoming',
      hangup_by: 'remote',
      hangup_reason: 'normal',
      tm_create: '2026-08-22T06:10:54.788Z',
      tm_progressing: '2026-08-22T06:10:55.765Z',
      tm_hangup: '2026-08-22T06:10:58.431201Z',
      ...data,
    },
  };
}

/** What the live sender sends for a text. */
function text(data: Record<string, unknown> = {}) {
  return {
    type: 'message_created',
    data: {
      id: randomUUID(),
      type: 'sms',
      source: tel(CALLER),
      targets: [{ destination: tel(OURS), status: 'received', parts: 1, tm_update: null }],
      text: 'Hello',
      direction: 'inbound',
      tm_create: new Date().toISOString(),
      tm_update: null,
      ...data,
    },
  };
}

describe('the documented use cases, on real SDKs', () => {
  let providers: Providers;
  let bridge: RunningBridge;

  beforeAll(async () => {
    providers = await startProviders();
    bridge = await RunningBridge.ready({
      env: { ...providers.env, VOIPBIN_WEBHOOK_SECRET: `the next secret,${SECRET}` },
    });
  }, 120_000);

  afterAll(async () => {
    await bridge.remove();
    await providers.stop();
  }, 120_000);

  /** Posts an event, signed. */
  async function send(event: unknown): Promise<{ status: string; id: string }> {
    const signature = createHmac('sha256', SECRET).update(JSON.stringify(event)).digest('hex');
    const { status, answer } = await bridge.post(event, { 'x-voipbin-signature': `sha256=${signature}` });
    expect(status).toBe(200);
    return z.object({ status: z.string(), id: z.string() }).parse(answer);
  }

  /** Waits until the event's run has closed, and gives its report. */
  function closed(eventId: string) {
    return bridge.eventually(`${eventId} is closed`, async () => {
      const { stdout } = await bridge.run('events', 'show', eventId, '--json');
      const found = shown.parse(JSON.parse(stdout));
      return found.report === null ? null : { ...found, report: found.report };
    });
  }

  it('does not show first steps when real credentials are set', () => {
    expect(bridge.output).not.toContain('First steps');
  });

  it('logs a call once, on the contact that has the number in another format', async () => {
    // The leg to an agent, who picked up at once: its events were lost, so that only VoIPBIN's API tells.
    const leg = { id: randomUUID(), destination: { type: 'agent', target: randomUUID() }, direction: 'outgoing' };
    providers.voipbin.addCall({ ...leg, tm_progressing: '2026-08-22T06:10:55.765Z', status: 'hangup' });
    const event = hangup({ chained_call_ids: [leg.id] });
    const answer = await send(event);
    const again = await send(event);
    const twice = await send({ ...event, data: { ...event.data, tm_update: '2026-08-22T06:11:00Z' } });
    expect([answer.status, again.status, twice.status]).toEqual(['received', 'duplicate', 'duplicate']);
    const run = await closed(answer.id);
    expect(run.became).toBe('done');
    const key = keyValueOf(`${answer.id}/log-calls/hubspot.log_call#2`);
    const calls = providers.hubspot.calls.filter((call) => call.properties['voipbin_action_key'] === key);
    expect(providers.hubspot.calls).toHaveLength(1);
    expect(calls).toHaveLength(1);
    expect(calls[0]?.properties).toMatchObject({
      hs_call_direction: 'INBOUND',
      hs_call_duration: '2666',
      hs_call_status: 'COMPLETED',
    });
    const contact = providers.hubspot.contacts.find(
      (candidate) => candidate.properties['phone'] === '+1 (555) 123-4567',
    );
    expect(contact?.properties).toMatchObject({ last_hangup_reason: 'normal' });
    expect(contact?.properties['last_call_date']).toContain('2026-08-22T06:10:58');
    expect(providers.slack.messages.at(-1)).toMatchObject({ postedTo: '#calls' });
  });

  it('answers a text once, although VoIPBIN reports it twice', async () => {
    const event = text();
    const answer = await send(event);
    const twin = {
      type: 'conversation_message_created',
      data: { ...event.data, direction: 'incoming', destination: tel(OURS), reference_type: 'message' },
    };
    const twinAnswer = await send(twin);
    const run = await closed(answer.id);
    expect(run.report.outcome).toBe('done');
    expect(twinAnswer.status).toBe('ignored');
    expect(providers.voipbin.sent).toEqual([expect.objectContaining({ from: OURS, to: CALLER })]);
  });

  it.each([
    [
      'our own reply, reported back to us',
      text({
        direction: 'outbound',
        source: tel(OURS),
        targets: [{ destination: tel(CALLER), status: 'queued', parts: 1 }],
      }),
    ],
    [
      'a text from one of our own numbers',
      text({ source: tel(OURS), targets: [{ destination: tel(OURS), status: 'received', parts: 1 }] }),
    ],
    ['a sender that is not a phone number', text({ source: { type: 'tel', target: 'ACME' } })],
    ['a second text within the cooldown', text()],
  ])('never answers %s', async (_what, event) => {
    const before = providers.voipbin.sent.length;
    const answer = await send(event);
    const outcome = answer.status === 'received' ? (await closed(answer.id)).report.outcome : answer.status;
    expect(['skipped', 'ignored']).toContain(outcome);
    expect(providers.voipbin.sent).toHaveLength(before);
  });

  it('does not text twice when the answer to the first is lost', async () => {
    const other = '+15557654321';
    providers.voipbin.failNext({ path: '/messages', method: 'POST', how: 'lose_answer' });
    const answer = await send(text({ source: tel(other) }));
    const run = await closed(answer.id);
    expect(run.report.outcome).toBe('done');
    expect(providers.voipbin.sent.filter((sent) => sent.to === other)).toHaveLength(1);
  });

  it('mails a recording, with its files, once VoIPBIN has stored them', async () => {
    const id = randomUUID();
    providers.voipbin.addRecording({ id, stored: false });
    const answer = await send({
      type: 'recording_finished',
      data: {
        id,
        reference_type: 'call',
        reference_id: randomUUID(),
        status: 'ended',
        format: 'wav',
        tm_end: '2026-08-22T06:10:58.5Z',
      },
    });
    await bridge.eventually('the step waits for the recording', async () => {
      const { stdout } = await bridge.run('events', 'show', answer.id);
      return stdout.includes('email.send: attempt') ? stdout : null;
    });
    expect(providers.email.messages).toHaveLength(0);
    providers.voipbin.store(id);
    await closed(answer.id);
    expect(providers.email.messages).toHaveLength(1);
    const [mail] = providers.email.messages;
    expect(mail).toMatchObject({ subject: 'Call Recording Available', to: ['recordings@example.com'] });
    expect(mail?.attachments.map(({ filename }) => filename).sort()).toEqual([`${id}_in.wav`, `${id}_out.wav`]);
    expect(mail?.source).not.toContain(providers.env['VOIPBIN_ACCESS_KEY']);
  });

  it('continues after a provider was unavailable, without delaying other providers', async () => {
    providers.slack.failNext({ times: 2, how: { status: 503 } });
    const answer = await send(hangup({ id: 'slack-away' }));
    const run = await closed(answer.id);
    expect(run.report.outcome).toBe('done');
    expect(providers.slack.messages.filter((message) => message.postedTo === '#calls').length).toBeGreaterThanOrEqual(
      2,
    );
  });

  it('fails a run and says what to do when a request is wrong', async () => {
    providers.slack.failNext({ how: { ok: false, error: 'channel_not_found' } });
    const answer = await send(hangup({ id: 'no-channel' }));
    const run = await closed(answer.id);
    expect(run.report.outcome).toBe('partial');
    const { stdout } = await bridge.run('events', 'show', answer.id);
    expect(stdout).toMatch(/slack\.post_message\) failed: permanent channel_not_found/);
    expect(stdout).toMatch(/what to do: /);
  });

  it('refuses an unsigned event and stores nothing of it', async () => {
    expect((await bridge.post(hangup({ id: 'forged' }))).status).toBe(401);
    expect((await bridge.run('events', 'show', 'call_hangup/forged')).code).toBe(1);
  });

  it('prints no phone numbers, texts or secrets', () => {
    expect(bridge.output).not.toContain('5551234567');
    expect(bridge.output).not.toContain('Hello');
    expect(bridge.output).not.toContain(SECRET);
    expect(bridge.output).not.toContain(providers.env['HUBSPOT_ACCESS_TOKEN']);
  });
});
