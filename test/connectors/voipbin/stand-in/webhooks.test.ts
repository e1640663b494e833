import { createServer, type Server } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { VoipbinClient } from '../../../../src/connectors/voipbin/client';
import {
  startVoipbinStandIn,
  type VoipbinStandIn,
  type VoipbinStandInOptions,
} from '../../../../src/connectors/voipbin/stand-in/server';
import { HostList } from '../../../../src/net/host-list';
import { webhookSignature } from '../../../../src/net/webhook-signature';
import { Secret } from '../../../../src/settings/secret';

const { signal } = new AbortController();
const EVENT = { type: 'call_hangup', data: { id: 'c-1' } };
let received: { method: string; signature: string; body: string }[];
/** What the receiver answers, one after the other; then 200. A 0 breaks the connection. */
let answers: number[];
let receiver: Server;
let uri: string;
let standIn: VoipbinStandIn;
let client: VoipbinClient;

beforeEach(async () => {
  received = [];
  answers = [];
  receiver = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString()));
    request.on('end', () => {
      const signature = request.headers['x-voipbin-signature'];
      received.push({ method: request.method ?? '', signature: String(signature), body });
      const status = answers.shift() ?? 200;
      if (status === 0) {
        request.socket.destroy();
      } else {
        response.writeHead(status).end();
      }
    });
  }).listen(0, '127.0.0.1');
  await once(receiver, 'listening');
  uri = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/voipbin/webhook`;
});

afterEach(async () => {
  await client.close();
  await standIn.stop();
  receiver.closeAllConnections();
  receiver.close();
});

async function open(options: VoipbinStandInOptions): Promise<void> {
  standIn = await startVoipbinStandIn({ webhookRetryAfterMs: 1, webhookSecret: 'of the account', ...options });
  client = new VoipbinClient({
    apiUrl: standIn.url,
    accessKey: new Secret('vb_stand-in'),
    downloadAllow: HostList.EMPTY,
  });
}

test('nothing is sent while nothing is registered', async () => {
  await open({});

  expect(await standIn.emit(EVENT)).toEqual([]);
  expect(received).toEqual([]);
});

test('an event goes to the address in the customer record, with its method and signed', async () => {
  await open({});
  await client.webhooks.setCustomerWebhook({ uri, method: 'PUT' }, signal);

  expect(await standIn.emit(EVENT)).toEqual([{ type: 'call_hangup', uri, attempts: [200], delivered: true }]);
  const body = JSON.stringify(EVENT);
  expect(received).toEqual([{ method: 'PUT', signature: webhookSignature(body, 'of the account'), body }]);
});

test('an event goes to the webhooks that are subscribed to it', async () => {
  await open({ webhookApi: 'subscriptions' });
  const webhook = { name: '', detail: '', uri, method: 'POST' };
  await client.webhooks.create({ ...webhook, event_types: ['call_hangup'] }, signal);
  await client.webhooks.create({ ...webhook, event_types: ['message_created'] }, signal);

  expect(await standIn.emit(EVENT)).toHaveLength(1);
  expect(received).toHaveLength(1);
});

test.each([
  ['taken with 400', [400], [400], true],
  ['unknown with 404', [404], [404], true],
  ['refused with 401', [401], [401], true],
  ['late with 503', [503, 200], [503, 200], true],
  ['cut off', [0, 503, 200], [null, 503, 200], true],
  ['failing each time', [500, 500, 500, 200], [500, 500, 500], false],
])('an event that is %s is sent %j', async (_how, given, attempts, delivered) => {
  await open({});
  await client.webhooks.setCustomerWebhook({ uri, method: 'POST' }, signal);
  answers = [...given];

  expect(await standIn.emit(EVENT)).toEqual([{ type: 'call_hangup', uri, attempts, delivered }]);
  expect(received).toHaveLength(attempts.length);
});

test('an account that knows only the names of one list refuses others', async () => {
  await open({ webhookApi: 'subscriptions', eventNames: 'listed' });
  const webhook = { name: '', detail: '', uri, method: 'POST' };

  await expect(client.webhooks.create({ ...webhook, event_types: ['call_hangup'] }, signal)).rejects.toMatchObject({
    errorClass: 'permanent',
  });
  expect(await client.webhooks.create({ ...webhook, event_types: ['call_hungup'] }, signal)).toBeDefined();
});
