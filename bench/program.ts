import { startPart } from './child';

/** A program under measurement, the bridge or an anchor, as the load generator and the watches see it. */
export interface Program {
  name: 'bridge' | 'textbook';
  /** Where events are sent. */
  webhook: string;
  /** Its processes by name, the Temporal server among them. */
  pids(): Record<string, number>;
}

/**
 * Starts the textbook program: a webhook and a worker, each in its own process, on a Temporal server that runs already.
 *
 * @param temporal its address and process.
 * @param crm the address of the CRM.
 */
export async function startTextbook(
  temporal: { address: string; pid: number },
  crm: string,
): Promise<Program & { stop(): Promise<void> }> {
  const worker = await startPart('textbook/worker', { address: temporal.address, crm });
  const receiver = await startPart('textbook/receiver', { address: temporal.address });
  return {
    name: 'textbook',
    webhook: receiver.url,
    pids: () => ({ receiver: receiver.pid, worker: worker.pid, temporal: temporal.pid }),
    stop: async () => {
      await receiver.stop();
      await worker.stop();
    },
  };
}
