import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import { startProviders, type Providers } from './providers';
import { RunningBridge } from './running-bridge';

jest.setTimeout(300_000);

const RULES = `version: 1
rules:
  - name: log
    on: call_hangup
    do:
      - hubspot.log_call: { outcome: no_answer, unknown_contact: create }
  - name: post
    on: call_hangup
    do:
      - slack.post_message: { channel: "#calls", text: "{{ id }}" }
`;

const readiness = z.object({
  parts: z.object({ connections: z.object({ ok: z.boolean(), detail: z.string() }).optional() }),
});
/** Longer than a command takes on a busy machine; the first probe comes after 30 s. */
const PROBE_NOT_BEFORE_MS = 12_000;

const listed = z.array(
  z.object({
    connection: z.string(),
    uses: z.string(),
    state: z.enum(['not_parked', 'parked']),
    parked: z
      .object({
        problem: z.object({ code: z.string() }),
        line: z.object({ waiting: z.number(), next_probe_at: z.string().nullable() }),
      })
      .nullable(),
  }),
);
const shown = z.object({ became: z.string(), parked: z.array(z.object({ rule: z.string(), connection: z.string() })) });

const PART_RULES = `version: 1
rules:
  - name: update
    on: call_hangup
    do:
      - hubspot.update_contact: { properties: { last_hangup_reason: normal }, unknown_contact: create }
  - name: call-back
    on: call_hangup
    do:
      - hubspot.create_task: { subject: Call back, owner: jane.owner@example.com, unknown_contact: create }
`;

describe('a HubSpot token without the scope that one rule needs', () => {
  let providers: Providers;
  let bridge: RunningBridge;

  beforeAll(async () => {
    providers = await startProviders();
    bridge = await RunningBridge.ready({ env: providers.env, rules: PART_RULES });
  });

  afterAll(async () => {
    await bridge.remove();
    await providers.stop();
  });

  it('stops what it refuses, names the scope, and all other HubSpot work goes on', async () => {
    const context = { requiredGranularScopes: ['crm.objects.owners.read'] };
    const body = JSON.stringify({ category: 'MISSING_SCOPES', errors: [{ context }] });
    providers.hubspot.failNext({ path: '/owners', times: 1_000_000, how: { status: 403, body } });
    const ids: string[] = [];
    for (let index = 0; index < 4; index += 1) {
      const data = {
        id: randomUUID(),
        direction: 'incoming',
        source: { type: 'tel', target: `+1555123000${index}` },
        destination: { type: 'tel', target: '+15559876543' },
      };
      ids.push((await bridge.post({ type: 'call_hangup', data })).answer.id ?? '');
    }
    await bridge.eventually('all contacts are updated', () =>
      providers.hubspot.contacts.filter(({ properties }) => properties['last_hangup_reason'] === 'normal').length === 4
        ? true
        : null,
    );
    await bridge.eventually('the refused steps wait', async () => {
      const { stdout } = await bridge.run('connections', 'list');
      return /^hubspot\/owners .*PARKED .*\n +4 steps wait.*\n.*crm\.objects\.owners\.read/m.test(stdout) &&
        /^hubspot +credentials +not parked  \(environment HUBSPOT_ACCESS_TOKEN\)$/m.test(stdout)
        ? true
        : null;
    });
    expect(providers.hubspot.tasks).toEqual([]);
    providers.hubspot.heal();
    expect((await bridge.run('connections', 'resume', 'hubspot')).code).toBe(0);
    for (const id of ids) {
      await bridge.eventually(`${id} is done`, async () =>
        shown.parse(JSON.parse((await bridge.run('events', 'show', id, '--json')).stdout)).became === 'done'
          ? true
          : null,
      );
    }
    expect(providers.hubspot.tasks).toHaveLength(4);
  });
});

describe('a HubSpot token that is revoked', () => {
  let providers: Providers;
  let bridge: RunningBridge;

  beforeAll(async () => {
    providers = await startProviders();
    bridge = await RunningBridge.ready({ env: providers.env, rules: RULES });
  });

  afterAll(async () => {
    await bridge.remove();
    await providers.stop();
  });

  /** A call that ends, from a number of its own. */
  async function call(index: number): Promise<string> {
    const data = {
      id: randomUUID(),
      direction: 'incoming',
      source: { type: 'tel', target: `+1555123000${index}` },
      destination: { type: 'tel', target: '+15559876543' },
    };
    return (await bridge.post({ type: 'call_hangup', data })).answer.id ?? '';
  }
  const show = async (id: string) => shown.parse(JSON.parse((await bridge.run('events', 'show', id, '--json')).stdout));
  const hubspotState = async (): Promise<z.infer<typeof listed>[number]> => {
    const { stdout } = await bridge.run('connections', 'list', '--json');
    const state = listed.parse(JSON.parse(stdout)).find(({ connection }) => connection === 'hubspot');
    if (state === undefined) {
      throw new Error('hubspot is not listed');
    }
    return state;
  };
  const ready = async () => readiness.parse(await (await fetch(`${bridge.admin}/readyz`)).json()).parts.connections;
  const gauge = async (): Promise<string | null> =>
    /^bridge_connection_parked\{connection="hubspot"\} 1$/m.exec(
      await (await fetch(`${bridge.admin}/metrics`)).text(),
    )?.[0] ?? null;

  it('parks HubSpot and nothing else, is logged once and shown everywhere, and is released by a command', async () => {
    expect((await bridge.run('connections', 'list')).code).toBe(0);
    providers.hubspot.failNext({ how: { status: 401 }, times: 1_000_000 });
    const first = await call(0);
    const waits = await bridge.eventually('the first waits', async () => {
      const { parked } = await show(first);
      return parked.length === 1 ? parked : null;
    });
    expect(waits).toEqual([{ rule: 'log', connection: 'hubspot' }]);
    const asked = providers.hubspot.requests.length;
    const later: string[] = [];
    for (const index of [1, 2, 3]) {
      later.push(await call(index));
    }
    await bridge.eventually('all wait', async () => ((await hubspotState()).parked?.line.waiting === 4 ? true : null));
    // Fewer than one for each of the three: no more than the probes of the first, which come every 30 s at most.
    expect(providers.hubspot.requests.length - asked).toBeLessThan(3);
    await bridge.eventually('Slack has all four messages', () => (providers.slack.messages.length === 4 ? true : null));

    // During a probe, its step does not wait.
    const list = await bridge.eventually('the list shows it, and no probe is under way', async () => {
      const listing = await bridge.run('connections', 'list');
      return /\n +4 steps wait/.test(listing.stdout) ? listing : null;
    });
    expect(list.code).toBe(1);
    expect(list.stdout).toMatch(
      /^hubspot +credentials +PARKED since \S+Z: .*401.*\n +4 steps wait, next probe \S+Z\n +what to do: .*\n +then: .*bridge connections resume hubspot$/m,
    );
    expect(list.stdout).toMatch(/^slack +credentials +not parked  \(environment SLACK_BOT_TOKEN\)$/m);
    await bridge.eventually('the event shows it', async () =>
      /log, hubspot.log_call#1: waits because hubspot is parked \(\S+\)/.test(
        (await bridge.run('events', 'show', first)).stdout,
      )
        ? true
        : null,
    );
    await bridge.eventually('/readyz names the parked connection', async () =>
      (await ready())?.detail.startsWith('hubspot parked') === true ? true : null,
    );
    await bridge.eventually('the gauge is 1', gauge);

    // Else the connection is probed, and released, between the next two lines.
    await bridge.eventually('the next probe is some time away', async () => {
      const next = (await hubspotState()).parked?.line.next_probe_at ?? '';
      return Date.parse(next) - Date.now() > PROBE_NOT_BEFORE_MS ? true : null;
    });
    providers.hubspot.heal();
    expect(await bridge.run('connections', 'resume', 'hubspot', '--json')).toMatchObject({
      code: 0,
      stdout: '{\n  "connection": "hubspot",\n  "resumed": true\n}\n',
    });
    for (const id of [first, ...later]) {
      await bridge.eventually(`${id} is done`, async () => ((await show(id)).became === 'done' ? true : null));
    }
    expect(providers.hubspot.calls).toHaveLength(4);
    await bridge.eventually('it is not parked any more', async () =>
      (await ready())?.ok === true && (await gauge()) === null ? true : null,
    );
    await bridge.printed(/connection works again/);
    expect(bridge.output.match(/connection parked/g)).toHaveLength(1);
    expect(bridge.output).toMatch(
      /"level":"error".*"connection":"hubspot".*"code":"[^"]+".*"remedy":"[^"]+".*connection parked/,
    );
  });

  it('says when there is nothing to resume, and suggests the name that was meant', async () => {
    expect(await bridge.run('connections', 'resume', 'slack')).toMatchObject({
      code: 1,
      stdout: 'slack is not parked; no step waits for it\n',
    });
    expect(await bridge.run('connections', 'resume', 'hubspott')).toMatchObject({
      code: 2,
      stderr: 'unknown connection "hubspott"; did you mean "hubspot"?\n',
    });
    expect(await bridge.run('connections', 'resume', 'hubspot', '--json')).toMatchObject({
      code: 1,
      stdout: '{\n  "connection": "hubspot",\n  "resumed": false\n}\n',
    });
    expect((await bridge.run('connections', 'resume', 'nothing-like-it')).stderr).toBe(
      'unknown connection "nothing-like-it"; there are email, http, hubspot, slack, voipbin\n',
    );
  });
});
