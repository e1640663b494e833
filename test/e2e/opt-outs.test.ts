import { randomInt, randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Client } from '@temporalio/client';
import { z } from 'zod';
import { FIND_OPT_OUT, KEEP_OPT_OUTS, TASK_QUEUE } from '../../src/runs/names';
import type { KeepOptOutsInput } from '../../src/runs/run-contract';
import { TemporalOptOuts } from '../../src/runs/opt-outs';
import { recordHistory } from '../histories/record';
import { startProviders, type Providers } from './providers';
import { RunningBridge } from './running-bridge';
import { startWorkflowWorker, type WorkflowWorker } from './workflow-worker';

jest.setTimeout(300_000);

const OURS = '+15559876543';
const OTHER_OF_OURS = '+15559876544';

/** A phone that no other test has. */
function newPhone(): string {
  return `+1555${randomInt(1_000_000, 9_999_999)}`;
}

describe('opt-outs, kept in Temporal', () => {
  const monday = new Date('2026-03-02T09:00:00.000Z');
  const tuesday = new Date('2026-03-03T09:00:00.000Z');
  const wednesday = new Date('2026-03-04T09:00:00.000Z');
  let worker: WorkflowWorker;
  let client: Client;
  let pair: { ours: string; peer: string };

  beforeAll(async () => {
    worker = await startWorkflowWorker();
    ({ client } = worker);
  }, 120_000);

  afterAll(() => worker.stop());

  beforeEach(() => {
    pair = { ours: OURS, peer: newPhone() };
  });

  /** A worker's view of its own, as on another machine. */
  const optOuts = (): TemporalOptOuts => new TemporalOptOuts(client);

  it('tells every worker since when a person is out, until it asks for texts again', async () => {
    expect(await optOuts().since(pair)).toBeNull();
    expect(await optOuts().record(pair, 'out', monday)).toEqual(monday);
    expect(await optOuts().record(pair, 'out', tuesday)).toEqual(monday);
    expect(await optOuts().since(pair)).toEqual(monday);
    expect(await optOuts().record(pair, 'in', wednesday)).toBeNull();
    expect(await optOuts().since(pair)).toBeNull();
  });

  it('lets the later wish count, in whichever order they arrive', async () => {
    await optOuts().record(pair, 'out', tuesday);

    expect(await optOuts().record(pair, 'in', monday)).toEqual(tuesday);
    expect(await optOuts().record(pair, 'in', wednesday)).toBeNull();
    expect(await optOuts().record(pair, 'out', tuesday)).toBeNull();
  });

  it('keeps a person out who asked for it again, when a wish from between arrives last', async () => {
    await optOuts().record(pair, 'out', monday);
    await optOuts().record(pair, 'out', wednesday);
    expect(await optOuts().record(pair, 'in', tuesday)).toEqual(monday);
    expect(await optOuts().record(pair, 'in', new Date('2026-03-05T00:00:00Z'))).toBeNull();
  });

  it('counts for the number that the person wrote to, or for all of ours where that is not known', async () => {
    await optOuts().record(pair, 'out', monday);
    expect(await optOuts().since({ ...pair, ours: OTHER_OF_OURS })).toBeNull();

    await optOuts().record({ ...pair, ours: null }, 'out', monday);
    expect(await optOuts().since({ ...pair, ours: OTHER_OF_OURS })).toEqual(monday);
    expect(await optOuts().record(pair, 'in', tuesday)).toBeNull();
  });

  it('leaves no number in Temporal', async () => {
    await optOuts().record(pair, 'out', monday);
    await optOuts().record(pair, 'in', tuesday);
    const histories: unknown[] = [];
    for await (const { workflowId } of client.workflow.list({ query: `WorkflowType = '${KEEP_OPT_OUTS}'` })) {
      histories.push(await client.workflow.getHandle(workflowId).fetchHistory());
      await recordHistory(client, workflowId, 'opt-outs');
    }

    expect(histories).not.toHaveLength(0);
    expect(JSON.stringify(histories)).not.toMatch(/15559876543|5559876543/);
    expect(JSON.stringify(histories)).not.toContain(pair.peer.slice(1));
  });

  it('goes on from what an earlier run remembered', async () => {
    const input: KeepOptOutsInput = { entries: [['0123456789abcdef', monday.getTime(), 'out']] };
    const handle = await client.workflow.start(KEEP_OPT_OUTS, {
      workflowId: `opt-outs/${randomUUID()}`,
      taskQueue: TASK_QUEUE,
      args: [input],
    });

    expect(await handle.query(FIND_OPT_OUT, ['fedcba9876543210', '0123456789abcdef'])).toBe(monday.getTime());
  });
});

const shown = z.object({
  report: z
    .object({
      rules: z.array(
        z.object({
          rule: z.string(),
          outcome: z.string(),
          steps: z.array(z.looseObject({ outcome: z.string(), reason: z.string().optional() })),
        }),
      ),
    })
    .nullable(),
});

describe('a person who texts STOP', () => {
  let providers: Providers;
  let dataDir: string;
  let bridge: RunningBridge;

  beforeAll(async () => {
    providers = await startProviders();
    dataDir = join(mkdtempSync(join(tmpdir(), 'bridge-e2e-')), 'data');
    bridge = await RunningBridge.ready({ env: providers.env, dataDir });
  }, 120_000);

  afterAll(async () => {
    await bridge.remove();
    await providers.stop();
    rmSync(dataDir, { recursive: true, force: true });
  }, 120_000);

  /** Posts a text and waits for its run. @returns outcome and reason by rule. */
  async function send(from: string, text: string): Promise<Record<string, string>> {
    const { answer } = await bridge.post({
      type: 'message_created',
      data: {
        id: randomUUID(),
        source: { type: 'tel', target: from },
        targets: [{ destination: { type: 'tel', target: OURS }, status: 'received' }],
        text,
        direction: 'inbound',
        tm_create: new Date().toISOString(),
      },
    });
    expect(answer.status).toBe('received');
    const { rules } = await bridge.eventually(`${answer.id} is closed`, async () => {
      const { stdout } = await bridge.run('events', 'show', answer.id ?? '', '--json');
      return shown.parse(JSON.parse(stdout)).report;
    });
    return Object.fromEntries(
      rules.map(({ rule, outcome, steps }) => [rule, steps[0]?.reason ?? steps[0]?.outcome ?? outcome]),
    );
  }

  it('is not answered, nor later, also after a restart, until it texts START', async () => {
    const phone = newPhone();
    expect(await send(phone, 'Stop. Thank you')).toEqual({ 'auto-reply': 'opted_out', '(opt-out)': 'done' });
    expect(await send(phone, 'Hello?')).toEqual({ 'auto-reply': 'opted_out' });

    await bridge.stop();
    bridge = await RunningBridge.ready({ env: providers.env, dataDir });
    expect(await send(phone, 'Still there?')).toEqual({ 'auto-reply': 'opted_out' });
    expect(providers.voipbin.sent).toEqual([]);

    expect(await send(phone, 'START')).toEqual({ 'auto-reply': 'done', '(opt-in)': 'done' });
    expect(providers.voipbin.sent).toMatchObject([{ to: phone }]);
  });

  it('is somebody else than a person who says yes', async () => {
    expect(await send(newPhone(), 'yes')).toMatchObject({ '(opt-in)': 'not_opted_out', 'auto-reply': 'done' });
  });
});
