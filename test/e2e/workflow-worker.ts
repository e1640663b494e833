import { Client } from '@temporalio/client';
import { bundleWorkflowCode, DefaultLogger, NativeConnection, Worker } from '@temporalio/worker';
import pino from 'pino';
import { TASK_QUEUE } from '../../src/runs/names';
import { installRuntime } from '../../src/worker/create-worker';
import { newNamespace } from './temporal-server';

/** A worker that runs the bridge's workflows and no activities, in a namespace of its own. */
export interface WorkflowWorker {
  client: Client;
  stop(): Promise<void>;
}

/** Starts it. @param options.maxCachedWorkflows 0: every task replays its workflow's history. */
export async function startWorkflowWorker(options: { maxCachedWorkflows?: number } = {}): Promise<WorkflowWorker> {
  installRuntime(pino({ level: 'silent' }));
  const { address, namespace } = await newNamespace();
  const connection = await NativeConnection.connect({ address });
  const worker = await Worker.create({
    connection,
    namespace,
    taskQueue: TASK_QUEUE,
    workflowBundle: await bundleWorkflowCode({
      workflowsPath: require.resolve('../../workflows/workflows'),
      logger: new DefaultLogger('ERROR'),
    }),
    ...options,
  });
  const working = worker.run();
  return {
    client: new Client({ connection, namespace }),
    stop: async () => {
      worker.shutdown();
      await working;
      await connection.close();
    },
  };
}

const MAX_ATTEMPTS = 10;

/** Repeats a call that failed, as Temporal repeats an activity: on a busy machine, an answer may come too late. */
export async function repeated<Result>(call: () => Promise<Result>): Promise<Result> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await call();
    } catch (error) {
      if (attempt === MAX_ATTEMPTS) {
        throw error;
      }
    }
  }
}
