import { randomUUID } from 'node:crypto';
import { Client } from '@temporalio/client';
import { NativeConnection } from '@temporalio/worker';
import pino from 'pino';
import { z } from 'zod';
import { defineAction, defineConnector } from '../../src/connectors/connector';
import { awaitRun } from '../../src/runs/await-run';
import { askReport } from '../../src/runs/ask-report';
import type { EarlierRuns } from '../../src/runs/run-contract';
import { startRun } from '../../src/runs/start-run';
import { installRuntime } from '../../src/worker/create-worker';
import { bundleWorkflows, error, event, plan, probeConnector, startProbeWorker, step, type Probe } from './probe';
import { startProviders, type Providers } from './providers';
import { RunningBridge } from './running-bridge';
import { newNamespace } from './temporal-server';

jest.setTimeout(300_000);

describe('a run that continues from an earlier one', () => {
  const probe: Probe = { attempts: [], failures: new Map(), down: null };
  let lookUps = 0;
  const voipbin = defineConnector<{}, null>({
    name: 'voipbin',
    summary: 'For these tests.',
    connection: { settings: z.object({}), environment: {}, credentials: [], open: () => null },
    actions: {
      look_up_call: defineAction<null>()({
        summary: 'Refuses.',
        input: z.strictObject({}),
        output: z.object({}),
        effect: 'repeatable',
        budget: '1h',
        attemptTimeout: '5s',
        run: () => {
          lookUps += 1;
          return Promise.reject(error('permanent'));
        },
      }),
    },
  });
  let connection: NativeConnection;
  let client: Client;
  let worker: { stop(): Promise<void> };

  beforeAll(async () => {
    installRuntime(pino({ level: 'silent' }));
    const temporal = await newNamespace();
    connection = await NativeConnection.connect({ address: temporal.address });
    client = new Client({ connection, namespace: temporal.namespace });
    worker = await startProbeWorker({
      temporal,
      workflowBundle: await bundleWorkflows(),
      connections: [
        { connector: probeConnector('probe'), client: probe },
        { connector: voipbin, client: null },
      ],
    });
  }, 120_000);
  afterAll(async () => {
    await worker.stop();
    await connection.close();
  });
  beforeEach(() => {
    probe.attempts.length = 0;
    lookUps = 0;
  });

  const done = { step: 'a', action: 'probe.repeat', outcome: 'done' as const, result: { note: 'a!' } };
  const attempts = { began_at: '2026-08-22T06:11:35Z', attempts: 2, saved: { sent: true } };

  async function run(earlier: Partial<EarlierRuns>) {
    const happened = event();
    const { ruleset, rules } = plan({ one: [step('a', 'a'), step('b', 'b')] });
    const workflowId = `${happened.event_id}#2`;
    const needsCall = { ruleset, rules: rules.map((rule) => ({ ...rule, look_up: ['call' as const] })) };
    const outcome = await startRun(client, happened, needsCall, {
      workflowId,
      searchAttributes: true,
      eager: true,
      later: {
        earlier: {
          run: happened.event_id,
          rules: { one: { steps: { a: done }, attempts: { b: attempts }, passed: true, key: 'X#7' } },
          ...earlier,
        },
        late: false,
        details: '',
      },
    });
    expect(outcome.outcome).toBe('started');
    return { workflowId, end: await awaitRun(client, workflowId) };
  }

  it('still knows what was done when it cannot look up the call', async () => {
    const { end } = await run({});
    expect(end.report?.rules).toEqual([
      {
        rule: 'one',
        key: 'X#7',
        outcome: 'partial',
        steps: [
          { ...done, result: {} },
          expect.objectContaining({ step: 'b', action: 'probe.repeat', outcome: 'failed', earlier: attempts }),
          expect.objectContaining({ step: 'voipbin.look_up_call', outcome: 'failed' }),
        ],
      },
    ]);
    expect(probe.attempts).toEqual([]);
  });

  it('uses the call as the earlier run found it, and its action keys', async () => {
    const calls = { calls: {}, references: {}, agents: {} };
    const { workflowId, end } = await run({ calls });
    expect([end.status, lookUps]).toEqual(['completed', 0]);
    expect(probe.attempts).toEqual([{ key: 'X#7/one/b', attempt: 3, note: 'b', saved: { sent: true } }]);
    expect(await askReport(client, workflowId)).toMatchObject({ calls, report: { rules: [{ key: 'X#7' }] } });
  });
});

const RULES = `version: 1
rules:
  - name: tell
    on: call_hangup
    do:
      - slack.post_message: { channel: "#sales", text: "Call from {{ peer.number | default: 'somebody' }}" }
  - name: log
    on: call_hangup
    do:
      - hubspot.log_call: { unknown_contact: create }
`;

describe('an event that is done again by hand', () => {
  let providers: Providers;
  let bridge: RunningBridge;

  beforeAll(async () => {
    providers = await startProviders();
    bridge = await RunningBridge.ready({ env: { ...providers.env, BRIDGE_BACKFILL: 'false' }, rules: RULES });
  });
  afterAll(async () => {
    await bridge.remove();
    await providers.stop();
  });

  const refusePost = (): void => providers.slack.failNext({ how: { ok: false, error: 'msg_too_long' } });

  async function posted(): Promise<string> {
    const id = randomUUID();
    const tel = (target: string) => ({ type: 'tel', target });
    const data = {
      id,
      direction: 'incoming',
      status: 'hangup',
      source: tel('+15551234567'),
      destination: tel('+15559876543'),
    };
    expect((await bridge.post({ type: 'call_hangup', data })).status).toBe(200);
    const eventId = `call_hangup/${id}`;
    await bridge.eventually('its run has ended', async () =>
      (await bridge.run('events', 'show', eventId, '--json')).stdout.includes('"report": null') ? null : true,
    );
    return eventId;
  }

  async function job(...args: string[]): Promise<unknown> {
    const { stdout } = await bridge.run('events', ...args, '--yes', '--json');
    return z.object({ progress: z.object({ ended: z.unknown() }) }).parse(JSON.parse(stdout)).progress.ended;
  }

  it('a second time, and whose post is refused, is posted by a retry', async () => {
    const eventId = await posted();
    const before = [providers.slack.messages.length, providers.hubspot.calls.length];
    refusePost();
    expect(await job('rerun', eventId, '--again')).toEqual({ partial: 1 });
    expect(await job('retry', eventId)).toEqual({ done: 1 });
    expect([providers.slack.messages.length, providers.hubspot.calls.length]).toEqual(before.map((n) => n + 1));
  });

  it('by one rule keeps what failed of the others for a retry', async () => {
    refusePost();
    const eventId = await posted();
    const before = providers.slack.messages.length;
    expect(await job('rerun', eventId, '--rule', 'log', '--again')).toEqual({ partial: 1 });
    expect(await job('retry', eventId)).toEqual({ done: 1 });
    expect(providers.slack.messages.length).toBe(before + 1);
  });
});
