import { randomUUID } from 'node:crypto';
import type { Client } from '@temporalio/client';
import { TemporalClaims, type Claim } from '../../src/runs/claims';
import { CHANGE_CLAIMS, KEEP_CLAIMS, TASK_QUEUE } from '../../src/runs/names';
import type { ClaimAnswer, ClaimChange, KeepClaimsInput } from '../../src/runs/run-contract';
import { recordHistory } from '../histories/record';
import { repeated, startWorkflowWorker, type WorkflowWorker } from './workflow-worker';

jest.setTimeout(300_000);

const HOUR_MS = 3_600_000;
const OPEN_RUNS = `WorkflowType = '${KEEP_CLAIMS}' AND ExecutionStatus = 'Running'`;

describe('claims, kept in Temporal', () => {
  let worker: WorkflowWorker;
  let client: Client;
  let key: string;

  beforeAll(async () => {
    worker = await startWorkflowWorker();
    ({ client } = worker);
  }, 120_000);

  afterAll(() => worker.stop());

  beforeEach(() => {
    key = `+1555${randomUUID()}`;
  });

  /** Claims as a worker does, with a connection of its own. */
  const claims = (): TemporalClaims => new TemporalClaims(client, 'key');
  const claim = (wanted: Claim, by = claims()): Promise<string> => repeated(() => by.claim(wanted));

  it('are admitted by whichever worker asks first, and by many at the same moment', async () => {
    const owners = Array.from({ length: 60 }, (_, index) => `call_hangup/${index}/rule`);
    const workers = Array.from({ length: 6 }, claims);
    const claimAll = (): Promise<string[]> =>
      Promise.all(owners.map((owner, index) => claim({ key, owner, max: 7, keepMs: HOUR_MS }, workers[index % 6])));
    const answers = await claimAll();
    const admitted = owners.filter((_, index) => answers[index] === 'claimed');
    expect(admitted).toHaveLength(7);
    // Whoever claims again, with a lost answer or in a retry, is told the same.
    const again = await claimAll();
    expect(owners.filter((_, index) => again[index] === 'claimed')).toEqual(admitted);
  });

  it('leave neither keys nor owners in Temporal', async () => {
    await claim({ key, owner: 'call_hangup/1/rule', max: 1, keepMs: HOUR_MS });
    await repeated(() => claims().release(key, 'call_hangup/1/rule'));
    const histories: unknown[] = [];
    for await (const { workflowId } of client.workflow.list({ query: OPEN_RUNS })) {
      histories.push(await client.workflow.getHandle(workflowId).fetchHistory());
      await recordHistory(client, workflowId, 'claims');
    }
    expect(histories).not.toHaveLength(0);
    expect(JSON.stringify(histories)).not.toContain(key.slice(1));
    expect(JSON.stringify(histories)).not.toContain('call_hangup');
  });

  it('go on from what an earlier run of their workflow counted', async () => {
    const workflowId = `claims/${randomUUID()}`;
    const input: KeepClaimsInput = {
      entries: [
        ['held', Date.now() + HOUR_MS, ['a']],
        ['many', Date.now() + HOUR_MS, ['b'], 2],
        ['over', Date.now() - 1, ['a']],
      ],
    };
    const handle = await client.workflow.start(KEEP_CLAIMS, { workflowId, taskQueue: TASK_QUEUE, args: [input] });
    const change = (id: string, max: number): ClaimChange => ({ do: 'claim', id, owner: 'z', max, keep_ms: HOUR_MS });
    const changes = [change('held', 1), change('many', 3), change('many', 4), change('over', 1)];
    expect(await handle.executeUpdate<ClaimAnswer[], [ClaimChange[]]>(CHANGE_CLAIMS, { args: [changes] })).toEqual([
      'held',
      'held',
      'claimed',
      'claimed',
    ]);
    await recordHistory(client, workflowId, 'claims-continued');
  });

  it('are counted on while their workflow continues as new, over and over', async () => {
    const runOf = async (): Promise<string[]> => {
      const runs: string[] = [];
      for await (const { runId } of client.workflow.list({ query: OPEN_RUNS })) {
        runs.push(runId);
      }
      return runs.sort();
    };
    const workers = Array.from({ length: 8 }, claims);
    let owners = 0;
    const wave = (): Promise<string[]> =>
      Promise.all(workers.map((by) => claim({ key, owner: `owner-${owners++}`, max: 10_000, keepMs: HOUR_MS }, by)));
    await wave();
    const runs = await runOf();
    while ((await runOf()).join() === runs.join()) {
      expect(new Set(await wave())).toEqual(new Set(['claimed']));
    }
    const last = { key, max: owners, keepMs: HOUR_MS };
    expect(await claim({ ...last, owner: 'owner-0' })).toBe('claimed');
    expect(await claim({ ...last, owner: 'one too many' })).toBe('held');
  }, 200_000);
});
