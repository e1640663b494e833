import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Client } from '@temporalio/client';
import { historyToJSON } from '@temporalio/common/lib/proto-utils';

/** Set to 1 to write the histories anew, after a change of the workflows that is meant to break replay of old runs. */
const RECORD = process.env['RECORD_HISTORIES'] === '1';

/** Fields that name the machine that recorded, and say nothing to a replay. */
const OF_THE_MACHINE = new Set(['stackTrace', 'identity', 'binaryChecksum', 'workerInstanceKey', 'workerControlTaskQueue']);

/** Keeps a run's history as `test/histories/<name>.json`, when asked to. */
export async function recordHistory(client: Client, workflowId: string, name: string): Promise<void> {
  if (!RECORD) {
    return;
  }
  const history: unknown = JSON.parse(historyToJSON(await client.workflow.getHandle(workflowId).fetchHistory()));
  writeFileSync(join(__dirname, `${name}.json`), `${JSON.stringify(history, withoutMachine, 1)}\n`);
}

/** A worker's own task queue is named after its process and host: `<pid>@<host>-<id>`. */
function withoutMachine(key: string, value: unknown): unknown {
  if (OF_THE_MACHINE.has(key)) {
    return undefined;
  }
  return key === 'name' && typeof value === 'string' && /^\d+@/.test(value) ? 'sticky' : value;
}
