import { writeFileSync, mkdtempSync, rmSync } from 'node:fs';
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
  - name: score
    on: call_hangup
    do:
      - hubspot.update_contact: { properties: { no_such_property: '1' }, unknown_contact: create }
  - name: task
    on: call_progressing
    do:
      - hubspot.create_task: { subject: 'Call back', unknown_contact: create }
alerts:
  - name: ops
    on: [run_failed, connection_parked, rules_refused, quarantine]
    quiet: 12s
    do:
      - slack.post_message: { channel: '#ops', text: '{{ alert.kind }}/{{ alert.ended }}/{{ alert.count }}: {{ alert.summary }}' }
      - email.send: { to: ops@example.com, subject: 'Alert {{ alert.kind }}', text: '{{ alert.summary }}' }
heartbeat: { url: 'HEART/ping', every: 10s }
`;
const FAILURES = 20;

function call(type: string, id: string): object {
  return {
    type,
    data: {
      id,
      direction: 'incoming',
      source: { type: 'tel', target: '+15551234567' },
      destination: { type: 'tel', target: '+15559876543' },
      status: type === 'call_hangup' ? 'hangup' : 'progressing',
      tm_create: '2026-08-22T06:10:54.788Z',
      tm_progressing: '2026-08-22T06:10:55.765Z',
      tm_hangup: type === 'call_hangup' ? '2026-08-22T06:10:58.431201Z' : null,
    },
  };
}

describe('alerts', () => {
  let providers: Providers;
  let bridge: RunningBridge | undefined;
  let folder: string;
  const beats: string[] = [];
  const heart = createServer((request, response) => {
    beats.push(request.url ?? '');
    response.end();
  });

  beforeAll(async () => {
    providers = await startProviders();
    folder = mkdtempSync(join(tmpdir(), 'bridge-e2e-alerts-'));
    await new Promise<void>((resolve) => heart.listen(0, '127.0.0.1', resolve));
  });
  afterAll(async () => {
    await bridge?.remove();
    await providers.stop();
    heart.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const posts = (kind: string): string[] =>
    providers.slack.messages.map(({ text }) => text).filter((text) => text.startsWith(kind));

  it('are told once, counted, told to be over, by mail when Slack does not work, and never about themselves', async () => {
    const { port } = heart.address() as AddressInfo;
    const rules = RULES.replace('HEART', `http://127.0.0.1:${port}`);
    const file = join(folder, 'rules.yaml');
    writeFileSync(file, rules);
    bridge = await RunningBridge.ready({ env: { ...providers.env, BRIDGE_RULES: file } });
    const running = bridge;

    // A rule that fails for every event.
    for (let index = 0; index < FAILURES; index += 1) {
      await running.post(call('call_hangup', `call-${index}`));
    }
    await running.eventually(
      'the failures are over',
      () => (posts('run_failed/true').length > 0 ? true : null),
      60_000,
    );
    expect(posts('run_failed/false')).toEqual([
      expect.stringContaining('Rule score, step hubspot.update_contact#1 (hubspot.update_contact) failed'),
    ]);
    expect(posts('run_failed/true')).toEqual([
      expect.stringContaining(
        `/${FAILURES}: No more for 12s (it happened 20 times). What nobody has retried since is still failed`,
      ),
    ]);

    // A connection that is parked, and works again.
    providers.hubspot.failNext({ how: { status: 401 }, times: 1_000_000 });
    await running.post(call('call_progressing', 'parked'));
    await running.eventually('hubspot is parked', () => (posts('connection_parked/false').length > 0 ? true : null));
    expect((await running.run('alerts', 'list')).stdout).toContain('connection_parked  lasts');
    providers.hubspot.heal();
    expect((await running.run('connections', 'resume', 'hubspot')).stdout).toContain(
      'the oldest waiting step tries now',
    );
    expect((await running.run('audit')).stdout).toMatch(/connections\.resume +1 +\{"connections":\["hubspot"\]\}/);
    await running.eventually('it works', () => (posts('connection_parked/true').length > 0 ? true : null), 90_000);
    expect(posts('connection_parked')).toHaveLength(2);

    // Slack refuses: the next way is used, and its failure raises nothing.
    providers.slack.failNext({ times: 1_000, how: { ok: false, error: 'invalid_auth' } });
    writeFileSync(file, `${rules}\nnonsense: 1\n`);
    await running.eventually('the mail came', () => (providers.email.messages.length > 0 ? true : null));
    expect(providers.email.messages.map(({ subject }) => subject)).toEqual(['Alert rules_refused']);
    const listed = await running.run('alerts', 'list', '--json');
    expect((JSON.parse(listed.stdout) as { alerts: { kind: string }[] }).alerts.map(({ kind }) => kind)).toEqual([
      'rules_refused',
      'connection_parked',
      'run_failed',
    ]);
    expect(await running.run('alerts', 'test', 'ops')).toMatchObject({
      code: 0,
      stdout: 'ops: sent by email.send (slack.post_message: invalid_auth)\n',
    });
    expect((await running.run('alerts', 'test', 'nobody')).stderr).toContain('there are ops');
    expect((await running.run('alerts', 'ack', '3')).stdout).toContain('is not sent any more');
    await running.eventually('the heart beats', () => (beats.length > 2 ? true : null));
    expect(new Set(beats)).toEqual(new Set(['/ping']));
    const audit = await running.run('audit', '--json');
    expect((JSON.parse(audit.stdout) as { operation: string }[]).map(({ operation }) => operation)).toEqual(
      expect.arrayContaining(['alerts.ack', 'alerts.test']),
    );
  });
});
