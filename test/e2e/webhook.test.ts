import { z } from 'zod';
import { startVoipbinStandIn, type VoipbinStandIn } from '../../src/connectors/voipbin/stand-in/server';
import { RunningBridge } from './running-bridge';

jest.setTimeout(300_000);

const RULES = `
version: 1
rules:
  - name: log
    on: call_hungup
    do:
      - slack.post_message: { channel: "#ops", text: "a call ended" }
`;
const SECRET = 'the-secret-of-the-account';
const listed = z.array(z.looseObject({ event_id: z.string(), became: z.string() }));

describe.each([
  ['customer', 'call_hangup'],
  ['subscriptions', 'call_hungup'],
] as const)('an account with the API %s', (webhookApi, type) => {
  let voipbin: VoipbinStandIn;
  let bridge: RunningBridge;

  beforeAll(async () => {
    voipbin = await startVoipbinStandIn({ webhookApi, webhookSecret: SECRET });
    bridge = await RunningBridge.ready({
      rules: RULES,
      env: {
        VOIPBIN_API_URL: voipbin.url,
        VOIPBIN_ACCESS_KEY: 'vb_stand-in',
        VOIPBIN_WEBHOOK_SECRET: SECRET,
        BRIDGE_BACKFILL: 'false',
      },
    });
  });

  afterAll(async () => {
    await bridge.remove();
    await voipbin.stop();
  });

  it('is connected by a command, and its events run the rules', async () => {
    const before = await bridge.run('webhook', 'status');
    expect([before.code, before.stdout]).toEqual([1, expect.stringContaining('no webhook is registered')]);
    const dry = await bridge.run('webhook', 'connect', bridge.webhook, '--dry-run');
    expect(dry).toMatchObject({ code: 0, stderr: '' });
    expect(await voipbin.emit({ type, data: { id: 'too-early' } })).toEqual([]);
    expect((await bridge.run('webhook', 'connect', bridge.webhook)).stderr).toContain('nobody can be asked here');

    const connected = await bridge.run('webhook', 'connect', bridge.webhook, '--yes');
    expect(connected).toMatchObject({ code: 0, stdout: expect.stringContaining('✓ sent a signed test event') });

    expect(await voipbin.emit({ type, data: { id: 'ended' } })).toMatchObject([{ attempts: [200], delivered: true }]);
    await bridge.eventually('the rule has run', async () => {
      const events = listed.parse(JSON.parse((await bridge.run('events', 'list', '--json')).stdout));
      return events.some(({ event_id, became }) => event_id === 'call_hangup/ended' && became === 'done') ? true : null;
    });
    const after = await bridge.run('webhook', 'status');
    expect([after.code, after.stdout]).toEqual([0, expect.stringContaining('last event less than a minute ago')]);

    const audit = await bridge.run('audit', '--json');
    expect(JSON.parse(audit.stdout)).toMatchObject([{ operation: 'webhook.connect' }]);
    expect(audit.stdout + connected.stdout + bridge.output).not.toContain(SECRET);
  });
});
