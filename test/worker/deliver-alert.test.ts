import pino from 'pino';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Order } from '../../src/alerts/teller';
import { HttpClient } from '../../src/connectors/http/client';
import { http } from '../../src/connectors/http/connector';
import { HostList } from '../../src/net/host-list';
import { RuleSecrets } from '../../src/settings/rule-secrets';
import { deliverAlert } from '../../src/worker/deliver-alert';
import { ruleSetOf } from '../rules/load-text';

const NO_SECRETS = new RuleSecrets({
  allowed: [],
  environment: 'production',
  own: { variables: new Set(), files: [] },
  env: {},
  folder: '/',
});
let server: Server;
let url: string;
let status: number;
let bodies: string[];
const clients: HttpClient[] = [];
let keys: unknown[];

beforeAll(async () => {
  server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString()));
    request.on('end', () => {
      bodies.push(body);
      keys.push(request.headers['idempotency-key']);
      response.statusCode = request.url === '/page' ? status : 200;
      response.end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/page`;
});
afterEach(async () => {
  await Promise.all(clients.splice(0).map((client) => client.close()));
});
afterAll(() => server.close());
beforeEach(() => {
  [status, bodies, keys] = [200, [], []];
});

function tell(
  what = '{{ alert.summary }}',
  more = '',
  { standIns = [] as string[], first = '', second = '' } = {},
): ReturnType<typeof deliverAlert> {
  const { alerts } = ruleSetOf(`
version: 1
${more}
rules: []
alerts:
  - name: ops
    on: [disk]
    do:
${first}      - http.request: { url: '${url}', body: { what: "${what}" } }
${second}`);
  const [route] = alerts;
  if (route === undefined) {
    throw new Error('there is no alert');
  }
  const order: Order = {
    key: 'alert/1/ops/began',
    route: 'ops',
    timezone: 'UTC',
    country: null,
    steps: route.steps,
    names: route.names,
    alert: { kind: 'disk', summary: 'the disk is full', count: 1, since: '2026-03-02T01:00:00Z', ended: false },
  };
  const client = new HttpClient(HostList.parse(['127.0.0.1']).list);
  clients.push(client);
  return deliverAlert(
    {
      connections: new Map([['http', { connector: http, client }]]),
      standIns,
      settings: { ruleSecrets: NO_SECRETS },
      ownNumbers: { has: () => false },
      log: pino({ level: 'silent' }),
    },
    order,
  );
}

test('an alert is told by a POST, which cannot be looked up before it is sent again', async () => {
  expect(await tell()).toEqual({
    key: 'alert/1/ops/began',
    problem: null,
    by: 'http.request',
    stand_in: false,
    failed: [],
  });
  expect(bodies).toEqual(['{"what":"the disk is full"}']);
});

test('and after an answer that leaves open whether it was told, with the same key', async () => {
  status = 500;
  expect(await tell()).toMatchObject({
    problem: 'http_500',
    by: null,
    failed: [{ action: 'http.request', code: 'http_500' }],
  });
  status = 200;
  expect(await tell()).toMatchObject({ problem: null });
  expect(bodies).toHaveLength(2);
  expect(keys[0]).toEqual(keys[1]);
});

test('an alert uses maps, lists and windows of the rule file', async () => {
  const names = `
maps: { owners: { disk: anna@example.com } }
lists: { team: [Bob, Eve] }
windows: { always: { days: [mon, tue, wed, thu, fri, sat, sun] } }`;
  const what =
    "{{ alert.kind | lookup: 'owners' | default: '-' }} {{ lists.team | join: '+' }} {{ windows.always.open }}";
  expect(await tell(what, names)).toMatchObject({ problem: null });
  expect(bodies).toEqual(['{"what":"anna@example.com Bob+Eve true"}']);
});

test('the condition of a way to tell uses them, too', async () => {
  const names = `
lists: { urgent: [disk] }
maps: { owners: { disk: anna@example.com } }
windows: { always: {} }`;
  const way = (condition: string): string => `      - if: '${condition}'
        http.request: { url: '${url}/first', body: { what: first } }\n`;
  await tell(undefined, names, { first: way('alert.kind in lists.urgent && maps.owners[alert.kind] != null') });
  await tell(undefined, names, { first: way('!windows.always.open') });
  expect(bodies).toEqual(['{"what":"first"}', '{"what":"the disk is full"}']);
});

test('the ways that failed before the one that told it are named', async () => {
  status = 500;
  const second = `      - http.request: { url: '${url}/second', body: { what: second } }\n`;
  expect(await tell(undefined, undefined, { second })).toMatchObject({
    problem: null,
    by: 'http.request',
    failed: [{ action: 'http.request', code: 'http_500' }],
  });
  expect(bodies.at(-1)).toBe('{"what":"second"}');
});

test('that only a stand-in took it is said', async () => {
  expect(await tell(undefined, undefined, { standIns: ['http'] })).toMatchObject({ problem: null, stand_in: true });
});

test('a stand-in does not keep the alert from a way that somebody sees', async () => {
  const first = `      - slack.post_message: { channel: '#ops', text: '{{ alert.summary }}' }\n`;
  expect(await tell(undefined, undefined, { standIns: ['slack'], first })).toMatchObject({
    by: 'http.request',
    stand_in: false,
    failed: [],
  });
  expect(bodies).toEqual(['{"what":"the disk is full"}']);
});
