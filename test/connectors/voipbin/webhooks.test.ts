import { VoipbinClient } from '../../../src/connectors/voipbin/client';
import {
  startVoipbinStandIn,
  type VoipbinStandIn,
  type VoipbinStandInOptions,
} from '../../../src/connectors/voipbin/stand-in/server';
import { HostList } from '../../../src/net/host-list';
import { Secret } from '../../../src/settings/secret';

const { signal } = new AbortController();
const WEBHOOK = {
  name: 'Bridge',
  detail: 'made by a test',
  uri: 'https://bridge.example.com/voipbin/webhook',
  method: 'POST',
  event_types: ['call_hungup', 'call_hangup'],
};
let standIn: VoipbinStandIn;
let client: VoipbinClient;

async function open(options: VoipbinStandInOptions): Promise<void> {
  standIn = await startVoipbinStandIn(options);
  client = new VoipbinClient({
    apiUrl: standIn.url,
    accessKey: new Secret('vb_stand-in'),
    downloadAllow: HostList.EMPTY,
  });
}

afterEach(async () => {
  await client.close();
  await standIn.stop();
});

test('a webhook is created, listed, changed in part and deleted', async () => {
  await open({ webhookApi: 'subscriptions' });
  expect(await client.webhooks.findApi(signal)).toBe('subscriptions');
  expect(await client.webhooks.list(signal)).toEqual([]);

  const { id, ...created } = await client.webhooks.create(WEBHOOK, signal);
  expect(created).toEqual({ ...WEBHOOK, status: 'active' });

  await client.webhooks.update(id, { event_types: ['message_created'] }, signal);
  expect(await client.webhooks.list(signal)).toEqual([
    { id, ...WEBHOOK, event_types: ['message_created'], status: 'active' },
  ]);

  expect(await client.webhooks.delete(id, signal)).toBe(true);
  expect(await client.webhooks.delete(id, signal)).toBe(false);
});

test('an account without the API for several webhooks has one in its customer record', async () => {
  await open({});

  expect(await client.webhooks.findApi(signal)).toBe('customer');
});

test('a key that VoIPBIN refuses says nothing of the API', async () => {
  await open({});
  standIn.failNext({ path: '/webhooks', how: { status: 401 } });

  await expect(client.webhooks.findApi(signal)).rejects.toMatchObject({ errorClass: 'credential' });
});

test('setting the address leaves everything else in the customer record as it is', async () => {
  await open({ webhookSecret: 'the secret of the account' });
  const before = { ...standIn.customer };

  const result = await client.webhooks.setCustomerWebhook({ uri: WEBHOOK.uri, method: 'PUT' }, signal);

  expect(result).toEqual({ isSet: true, alsoChanged: [] });
  expect(standIn.customer).toEqual({ ...before, webhook_uri: WEBHOOK.uri, webhook_method: 'PUT' });
  const record = await client.webhooks.customer(signal);
  expect(record).toMatchObject({ uri: WEBHOOK.uri, method: 'PUT' });
  expect(record.secret?.reveal()).toBe('the secret of the account');
  expect(JSON.stringify(record)).not.toContain('the secret');
});

test('a member of the customer record that changed at the same time is named', async () => {
  await open({});
  standIn.failNext({ path: '/customer', method: 'GET', after: 1, how: { status: 200, body: { id: 'x', name: '' } } });

  const { isSet, alsoChanged } = await client.webhooks.setCustomerWebhook({ uri: WEBHOOK.uri, method: 'POST' }, signal);

  expect(isSet).toBe(false);
  expect(alsoChanged).toContain('name');
});
