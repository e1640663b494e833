import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { readProcess } from '../../src/temporal/dev-server/process-info';
import { startProviders, type Providers } from './providers';
import { RunningBridge } from './running-bridge';
import { newNamespace } from './temporal-server';

jest.setTimeout(300_000);

const RULES = `version: 1
rules:
  - name: post
    on: call_hangup
    do:
      - slack.post_message: { channel: "#calls", text: "{{ id }}" }
`;

function hangup(id: string) {
  return {
    type: 'call_hangup',
    data: {
      id,
      direction: 'incoming',
      source: { type: 'tel', target: '+15551234567' },
      destination: { type: 'tel', target: '+15559876543' },
    },
  };
}

describe('separate receivers and workers on one Temporal', () => {
  let providers: Providers;
  let receivers: RunningBridge[];
  let workers: RunningBridge[];

  beforeAll(async () => {
    providers = await startProviders();
    const env = { ...providers.env, ...(await newNamespace()).env };
    const start = (mode: string): RunningBridge => RunningBridge.start({ env, rules: RULES, args: ['--mode', mode] });
    receivers = [start('receiver'), start('receiver')];
    workers = [start('worker'), start('worker')];
    await Promise.all([...receivers, ...workers].map((bridge) => bridge.printed(/^Temporal/m)));
  });

  afterAll(async () => {
    await Promise.all([...receivers, ...workers].map((bridge) => bridge.remove()));
    await providers.stop();
  });

  const posted = (id: string): number => providers.slack.messages.filter((message) => message.text === id).length;
  const at = (list: RunningBridge[], index: number): RunningBridge => {
    const bridge = list[index];
    if (bridge === undefined) {
      throw new Error('no such bridge');
    }
    return bridge;
  };

  it('create the HubSpot property that identifies records before the first event', async () => {
    const property = await at(workers, 0).eventually(
      'the property is there',
      () => providers.hubspot.account.property('calls', 'voipbin_action_key') ?? null,
    );
    expect(property.hasUniqueValue).toBe(true);
    expect(providers.hubspot.calls).toHaveLength(0);
  });

  it('handle an event that reaches both receivers once', async () => {
    const ids = Array.from({ length: 10 }, () => randomUUID());
    await Promise.all(ids.flatMap((id) => receivers.map((receiver) => receiver.post(hangup(id)))));
    await at(receivers, 0).eventually('all are posted', () => (ids.every((id) => posted(id) > 0) ? ids : null));
    for (const receiver of receivers) {
      await receiver.eventually('all runs are known to be closed', async () => {
        const listed = z
          .array(z.object({ became: z.string() }))
          .parse(JSON.parse((await receiver.run('events', 'list', '--json')).stdout));
        return listed.length === ids.length && listed.every(({ became }) => became === 'done') ? listed : null;
      });
    }
    expect(ids.map(posted)).toEqual(ids.map(() => 1));
  });

  it('continue when one worker and one receiver are killed', async () => {
    await at(workers, 0).kill();
    await at(receivers, 0).kill();
    const id = randomUUID();
    expect((await at(receivers, 1).post(hangup(id))).status).toBe(200);
    await at(receivers, 1).eventually('it is posted', () => (posted(id) === 1 ? id : null));
  });
});

describe('a receiver without any worker', () => {
  it('says for each event that no worker runs, until one does', async () => {
    const providers = await startProviders();
    // A new namespace, because Temporal remembers a namespace's workers for some minutes.
    const env = { ...providers.env, ...(await newNamespace()).env };
    const receiver = RunningBridge.start({ env, rules: RULES, args: ['--mode', 'receiver'] });
    await receiver.printed(/^Temporal/m);
    const id = randomUUID();
    await receiver.post(hangup(id));
    const show = async (): Promise<string> => (await receiver.run('events', 'show', `call_hangup/${id}`)).stdout;
    const started = await receiver.eventually(
      'its run is started',
      async () => [await show()].find((text) => text.startsWith(`call_hangup/${id}: started`)) ?? null,
    );
    expect(started).toMatch(/^ {2}no worker has polled Temporal/m);
    expect((await receiver.run('events', 'list', '--became', 'started')).stdout).toContain(id);
    const worker = RunningBridge.start({ env, rules: RULES, args: ['--mode', 'worker'] });
    const done = await receiver.eventually(
      'it is done',
      async () => [await show()].find((text) => text.startsWith(`call_hangup/${id}: done`)) ?? null,
    );
    expect(done).not.toContain('no worker');
    await Promise.all([receiver.remove(), worker.remove()]);
    await providers.stop();
  });
});

describe('a bridge that is killed while its worker starts', () => {
  it('leaves no worker behind', async () => {
    const providers = await startProviders();
    const bridge = RunningBridge.start({ env: providers.env });
    await bridge.printed(/^Temporal/m);
    const child = await bridge.eventually('the worker process is there', () =>
      childOf(bridge.process.pid ?? 0, 'worker-main'),
    );
    await bridge.kill();
    while (readProcess(child) !== null) {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    // The next start takes over the Temporal server that it left running, and ends it.
    const next = await RunningBridge.ready({ env: providers.env, dataDir: bridge.dataDir });
    expect(await next.stop()).toBe(0);
    await next.remove();
    await bridge.remove();
    await providers.stop();
  });
});

/**
 * A child of a process whose command says `part`; null while there is none. Linux only, as the machines that run these
 * tests.
 */
function childOf(parent: number, part: string): number | null {
  const children = readFileSync(join('/proc', String(parent), 'task', String(parent), 'children'), 'utf8')
    .trim()
    .split(' ')
    .filter(Boolean)
    .map(Number);
  return children.find((pid) => readProcess(pid)?.command.includes(part)) ?? null;
}
