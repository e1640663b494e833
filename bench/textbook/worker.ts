/** Anchor: the textbook program's worker, with the SDK's own defaults. */
import { DefaultLogger, NativeConnection, Runtime, Worker } from '@temporalio/worker';
import { z } from 'zod';
import { argument, ready } from '../child';
import { createActivities } from './activities';
import { TEXTBOOK_QUEUE } from './call';

async function main(): Promise<void> {
  const { address, crm } = z.object({ address: z.string(), crm: z.string() }).parse(argument());
  Runtime.install({ logger: new DefaultLogger('WARN'), shutdownSignals: [] });
  const connection = await NativeConnection.connect({ address });
  const worker = await Worker.create({
    connection,
    taskQueue: TEXTBOOK_QUEUE,
    workflowsPath: require.resolve('./workflow'),
    activities: createActivities(crm),
  });
  const ended = worker.run();
  ready(address, async () => {
    worker.shutdown();
    await ended;
    await connection.close();
  });
}

void main();
