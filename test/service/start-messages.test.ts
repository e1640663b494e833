import { webhookLine } from '../../src/service/start-messages';
import { loadSettings } from '../../src/settings/load';

function lineWith(env: Record<string, string>): string {
  const loaded = loadSettings({ env, connectors: [], directory: __dirname });
  if (!loaded.ok) {
    throw new Error(JSON.stringify(loaded.findings));
  }
  return webhookLine('http://127.0.0.1:5000/voipbin/webhook', loaded.settings);
}

test('the line of the webhook says who can send events while no secret is set', () => {
  expect(lineWith({})).toBe(
    'Webhook   http://127.0.0.1:5000/voipbin/webhook   (no VOIPBIN_WEBHOOK_SECRET is set: anyone who can reach it can send events)',
  );
  expect(lineWith({ BRIDGE_IP_ALLOW: '203.0.113.0/24' })).toContain(
    '(no VOIPBIN_WEBHOOK_SECRET is set: every program on the allowed addresses can send events)',
  );
});

test('and nothing more when one is', () => {
  expect(lineWith({ VOIPBIN_WEBHOOK_SECRET: 'a-secret-of-this-test' })).toBe(
    'Webhook   http://127.0.0.1:5000/voipbin/webhook',
  );
});
