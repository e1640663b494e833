import { randomUUID } from 'node:crypto';
import { Connection } from '@temporalio/client';
import { msToTs } from '@temporalio/common/lib/time';
import { registerSearchAttributes } from '../../src/temporal/search-attributes';

/** Where global-setup.ts leaves the address of the Temporal server that all end-to-end tests share. */
export const ADDRESS_VARIABLE = 'BRIDGE_TEST_TEMPORAL_ADDRESS';

/** A namespace on the shared server, and what points a bridge at it. */
export interface TestNamespace {
  /** `host:port` of the server. */
  address: string;
  namespace: string;
  /** Environment of a bridge that uses it. */
  env: { TEMPORAL_ADDRESS: string; TEMPORAL_NAMESPACE: string };
}

/**
 * Creates a namespace on the shared server, with the bridge's search attributes. Task queues, workflow ids and workers
 * belong to a namespace, so test files that each create one run side by side.
 *
 * @throws when the end-to-end project's global set-up did not run.
 */
export async function newNamespace(): Promise<TestNamespace> {
  const address = process.env[ADDRESS_VARIABLE];
  if (address === undefined) {
    throw new Error(`${ADDRESS_VARIABLE} is not set: run these tests as jest's project e2e`);
  }
  const namespace = `test-${randomUUID()}`;
  const connection = await Connection.connect({ address });
  try {
    await registerNamespace(connection, namespace);
    const { available, problem } = await registerSearchAttributes(connection, namespace);
    if (!available) {
      throw new Error(problem);
    }
  } finally {
    await connection.close();
  }
  return { address, namespace, env: { TEMPORAL_ADDRESS: address, TEMPORAL_NAMESPACE: namespace } };
}

/** Registers a namespace, as an operator does with `temporal operator namespace create`. */
export async function registerNamespace(connection: Connection, namespace: string): Promise<void> {
  await connection.workflowService.registerNamespace({
    namespace,
    workflowExecutionRetentionPeriod: msToTs('1 day'),
  });
}
