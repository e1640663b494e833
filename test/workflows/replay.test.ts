import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { historyFromJSON } from '@temporalio/common/lib/proto-utils';
import { DeterminismViolationError } from '@temporalio/workflow';
import {
  bundleWorkflowCode,
  DefaultLogger,
  Runtime,
  Worker,
  type WorkflowBundleWithSourceMap,
} from '@temporalio/worker';

const FOLDER = join(__dirname, '..', 'histories');
const names = readdirSync(FOLDER)
  .filter((file) => file.endsWith('.json'))
  .map((file) => file.slice(0, -'.json'.length));

function read(name: string): unknown {
  return JSON.parse(readFileSync(join(FOLDER, `${name}.json`), 'utf8'));
}

describe('runs that began under earlier code', () => {
  let workflowBundle: WorkflowBundleWithSourceMap;

  beforeAll(async () => {
    const logger = new DefaultLogger('ERROR');
    Runtime.install({ logger });
    workflowBundle = await bundleWorkflowCode({ workflowsPath: require.resolve('../../workflows/workflows'), logger });
  }, 120_000);

  it('are there', () => {
    expect(names).toEqual(
      expect.arrayContaining([
        'batch',
        'claims',
        'claims-continued',
        'counted-limit',
        'failed-permanently',
        'held-cooldown',
        'local-then-regular',
        'opt-outs',
        'own-run-after-batch',
        'parked-connection',
        'probe-over',
        'two-rules',
        'waited-for-connection',
      ]),
    );
  });

  it.each(names)('%s replays', async (name) => {
    await expect(Worker.runReplayHistory({ workflowBundle }, historyFromJSON(read(name)))).resolves.toBeUndefined();
  });

  it('would be noticed when they no longer fit', async () => {
    const history = JSON.stringify(read('local-then-regular')).replaceAll(
      '"activityType":{"name":"probe.repeat"}',
      '"activityType":{"name":"probe.renamed"}',
    );
    expect(history).toContain('probe.renamed');
    await expect(
      Worker.runReplayHistory({ workflowBundle }, historyFromJSON(JSON.parse(history))),
    ).rejects.toBeInstanceOf(DeterminismViolationError);
  });
});
