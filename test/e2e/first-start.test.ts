import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { readProcess } from '../../src/temporal/dev-server/process-info';
import { RunningBridge } from './running-bridge';

const CREDENTIALS = [
  'VOIPBIN_ACCESS_KEY',
  'VOIPBIN_WEBHOOK_SECRET',
  'HUBSPOT_ACCESS_TOKEN',
  'SLACK_BOT_TOKEN',
  'SMTP_URL',
  'MAIL_FROM',
  'TEMPORAL_ADDRESS',
  'TEMPORAL_PROFILE',
];
const events = z.array(z.object({ event_id: z.string(), became: z.string() }));

function temporalPid(bridge: RunningBridge): number {
  return z.object({ pid: z.number() }).parse(JSON.parse(readFileSync(join(bridge.dataDir, 'temporal.pid'), 'utf8')))
    .pid;
}

jest.setTimeout(300_000);

describe('a first start, with nothing configured', () => {
  let bridge: RunningBridge;

  beforeAll(async () => {
    for (const name of CREDENTIALS) {
      delete process.env[name];
    }
    bridge = await RunningBridge.ready();
  }, 120_000);

  afterAll(() => bridge.remove(), 60_000);

  it('shows what the three documented samples did, with links to the Temporal UI', async () => {
    const shown = bridge.output;
    expect(shown).toMatch(/Stand-ins .*hubspot/);
    for (const [sample, eventId, ...actions] of [
      [
        'call_hungup_curl',
        'call_hangup/test-call-id',
        'hubspot.update_contact',
        'hubspot.log_call',
        'slack.post_message',
      ],
      ['message_created_page', 'message_created/a5d2114a-8e84-48cd-8bb2-c406eeb08cd1', 'voipbin.send_message'],
      ['recording_updated_done', 'recording_finished/e5f6a7b8-c9d0-1234-5678-90abcdef0123', 'email.send'],
    ] as const) {
      expect(shown).toContain(`${sample} → ${eventId}`);
      for (const action of actions) {
        expect(shown).toContain(`✓ ${action}`);
      }
      const link = new RegExp(`look: (\\S*${encodeURIComponent(eventId)}\\S*)`).exec(shown)?.[1] ?? '';
      expect((await fetch(link)).status).toBe(200);
    }
    expect(shown).not.toContain('✗');
  });

  it('registered the webhook with the stand-in of VoIPBIN, which sent the samples', async () => {
    const { code, stdout } = await bridge.run('webhook', 'show');
    expect([code, stdout.trim()]).toEqual([0, `${bridge.webhook}  POST  every event`]);
  });

  it('shows what the stand-ins took, and that it is stand-ins which the connections use', async () => {
    const { code, stdout } = await bridge.run('stand-ins', 'show');
    expect(code).toBe(0);
    expect(stdout).toMatch(/^voipbin: the last 1\n.*  text to \+/m);
    expect(stdout).toMatch(/^slack: the last 1\n.*  post to #/m);
    expect(stdout).toMatch(/^email: the last 1\n.*  mail to /m);
    expect(stdout).toMatch(/^hubspot: the last \d+\n(?:.*\n)*.*  call$/m);
    const list = await bridge.run('connections', 'list');
    expect([list.code, list.stderr]).toEqual([0, '']);
    expect(list.stdout).toMatch(/^slack +stand-in +not parked {2}\(not set: SLACK_BOT_TOKEN\)$/m);
  });

  it("answers that the documentation's curl sample is a duplicate: its id is in the inbox", async () => {
    const sample: unknown = JSON.parse(
      readFileSync(join(__dirname, '..', '..', 'config', 'samples', 'call_hungup_curl.json'), 'utf8'),
    );
    await expect(bridge.post(sample)).resolves.toEqual({
      status: 200,
      answer: { status: 'duplicate', id: 'call_hangup/test-call-id' },
    });
  });

  it('sends samples again and shows their status', async () => {
    const sent = await bridge.run('send', 'call_hangup', '--set', 'data.id=call-2');
    expect(sent).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('200 received call_hangup/call-2') as string,
    });
    await bridge.eventually('the run is listed as done', async () => {
      const listed = events.parse(JSON.parse((await bridge.run('events', 'list', '--json')).stdout));
      return listed.find((event) => event.event_id === 'call_hangup/call-2' && event.became === 'done') ?? null;
    });
    const { stdout } = await bridge.run('events', 'show', 'call_hangup/call-2');
    expect(stdout).toMatch(/^call_hangup\/call-2: done/);
    expect(stdout).toMatch(/hubspot\.log_call\) done/);
  });

  it('exits with an error code for an unknown event or sample', async () => {
    expect((await bridge.run('events', 'show', 'call_hangup/unknown')).code).toBe(1);
    expect((await bridge.run('send', 'call_hungupp')).stderr).toContain('did you mean "call_hungup"');
    expect((await bridge.run('send', 'no-such-file.json')).code).toBe(2);
  });

  it('quarantines a body that is not an event and lists it', async () => {
    expect((await bridge.post(['no', 'event'])).status).toBe(400);
    const { stdout } = await bridge.run('events', 'list', '--quarantine');
    expect(stdout).toMatch(/no_envelope/);
  });

  it('reports its state at /readyz and /metrics', async () => {
    const readiness = await bridge.eventually('all parts are fine', async () => {
      const state = z
        .object({ ready: z.boolean(), parts: z.record(z.string(), z.object({ ok: z.boolean(), detail: z.string() })) })
        .parse(await (await fetch(`${bridge.admin}/readyz`)).json());
      return Object.values(state.parts).every((part) => part.ok) ? state : null;
    });
    expect(Object.keys(readiness.parts).sort()).toEqual([
      'backfill',
      'connections',
      'inbox',
      'rules',
      'temporal',
      'worker',
    ]);
    const wanted = [
      /bridge_events_received_total\{type="call_hangup",outcome="received"\} 2/,
      /bridge_step_attempts_total\{action="hubspot.log_call",outcome="done",class=""\} 2/,
    ];
    await bridge.eventually('the metrics count both processes', async () => {
      const metrics = await (await fetch(`${bridge.admin}/metrics`)).text();
      return wanted.every((pattern) => pattern.test(metrics)) ? metrics : null;
    });
  });

  it('refuses a second bridge on the same data folder and names the first', async () => {
    const second = RunningBridge.start({ dataDir: bridge.dataDir });
    expect(await second.ended()).toBe(1);
    expect(second.output).toMatch(
      new RegExp(`another bridge \\(process ${bridge.process.pid}\\) already uses the data folder`),
    );
    await second.remove();
  });

  it('survives kill -9: the next start takes over the Temporal server and does not show the first steps again', async () => {
    const temporal = temporalPid(bridge);
    await bridge.kill();
    expect(readProcess(temporal)).not.toBeNull();
    const next = await RunningBridge.ready({ dataDir: bridge.dataDir });
    try {
      expect(next.output).not.toContain('First steps');
      const { stdout } = await next.run('events', 'show', 'call_hangup/call-2');
      expect(stdout).toMatch(/^call_hangup\/call-2: done/);
      const temporalNow = temporalPid(next);
      expect(await next.stop()).toBe(0);
      expect([readProcess(temporal), readProcess(temporalNow)]).toEqual([null, null]);
      expect(existsSync(join(next.dataDir, 'temporal.pid'))).toBe(false);
    } finally {
      await next.remove();
    }
  }, 120_000);
});
