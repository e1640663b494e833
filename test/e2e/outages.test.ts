import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startProviders, type Providers } from './providers';
import { RunningBridge } from './running-bridge';

jest.setTimeout(300_000);

const RULES = `
version: 1
rules:
  - name: note
    on: call_hangup
    do:
      - hubspot.update_contact: { properties: { jobtitle: caller }, unknown_contact: create }
  - name: post
    on: call_ringing
    do:
      - slack.post_message: { channel: '#calls', text: '{{ id }}' }
  - name: mail
    on: call_progressing
    do:
      - email.send: { to: office@example.com, subject: Call, text: '{{ id }}' }
alerts:
  - name: ops
    on: [connection_failing, connection_parked, run_failed]
    failing: { after: 10s }
    quiet: 10s
    do:
      - http.request: { method: POST, url: 'TOLD/', body: { kind: '{{ alert.kind }}', connection: '{{ alert.connection }}', ended: '{{ alert.ended }}' } }
`;

/** What is told of one connection: begin and end. */
function toldOnce(connection: string): object[] {
  return [false, true].map((ended) => ({ kind: 'connection_failing', connection, ended }));
}

describe('when HubSpot, Slack and the mail server are away, one after another', () => {
  let providers: Providers;
  let bridge: RunningBridge;
  let folder: string;
  const told: unknown[] = [];
  const listener = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString()));
    request.on('end', () => {
      told.push(JSON.parse(body));
      response.end('{}');
    });
  });

  beforeAll(async () => {
    providers = await startProviders();
    folder = mkdtempSync(join(tmpdir(), 'bridge-e2e-outages-'));
    await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
    const { port } = listener.address() as AddressInfo;
    const file = join(folder, 'rules.yaml');
    writeFileSync(file, RULES.replace('TOLD', `http://127.0.0.1:${port}`));
    bridge = await RunningBridge.ready({ env: { ...providers.env, BRIDGE_RULES: file } });
  });
  afterAll(async () => {
    await bridge.remove();
    await providers.stop();
    listener.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const outages: [connection: string, type: string, begin: () => void, end: () => void, effects: () => number][] = [
    [
      'hubspot',
      'call_hangup',
      () => providers.hubspot.failNext({ how: { status: 503 }, times: 1_000_000 }),
      () => providers.hubspot.heal(),
      () => providers.hubspot.contacts.filter(({ properties }) => properties['jobtitle'] === 'caller').length,
    ],
    [
      'slack',
      'call_ringing',
      () => providers.slack.failNext({ how: { status: 503 }, times: 1_000_000 }),
      () => providers.slack.heal(),
      () => providers.slack.messages.length,
    ],
    [
      'email',
      'call_progressing',
      () =>
        providers.email.failNext({
          stage: 'greeting',
          code: 421,
          text: '4.3.2 Service not available',
          times: 1_000,
        }),
      () => providers.email.heal(),
      () => providers.email.messages.length,
    ],
  ];

  test.each(outages)('%s: told once, told once when it is over, and nothing is lost', async (...outage) => {
    const [connection, type, begin, end, effects] = outage;
    begin();
    const before = effects();
    for (let index = 0; index < 5; index += 1) {
      await bridge.post(call(type, `${connection}-${index}`, index));
    }
    await bridge.eventually(
      `the outage of ${connection} is told`,
      () => (told.some((one) => isAbout(one, connection)) ? true : null),
      90_000,
    );
    expect((await bridge.run('alerts', 'list')).stdout).toContain(`${connection} has failed at every attempt since`);
    end();
    await bridge.eventually(
      `the end of the outage of ${connection} is told`,
      () => (told.filter((one) => isAbout(one, connection)).length > 1 ? true : null),
      90_000,
    );
    await bridge.eventually('everything is done', () => (effects() - before >= 5 ? true : null), 90_000);
    expect(effects() - before).toBe(5);
    expect(told.filter((one) => isAbout(one, connection))).toEqual(toldOnce(connection));
  });

  it('tells nothing else', () => {
    expect(told).toEqual(outages.flatMap(([connection]) => toldOnce(connection)));
  });
});

function isAbout(told: unknown, connection: string): boolean {
  return typeof told === 'object' && told !== null && 'connection' in told && told.connection === connection;
}

function call(type: string, id: string, index: number): object {
  return {
    type,
    data: {
      id,
      direction: 'incoming',
      source: { type: 'tel', target: `+1555123456${index}` },
      destination: { type: 'tel', target: '+15559876543' },
      status: type.slice('call_'.length),
      tm_create: '2026-08-22T06:10:54.788Z',
      tm_progressing: '2026-08-22T06:10:55.765Z',
      tm_hangup: type === 'call_hangup' ? '2026-08-22T06:10:58.431201Z' : null,
    },
  };
}
