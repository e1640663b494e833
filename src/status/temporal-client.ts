import { Client } from '@temporalio/client';
import type { Settings } from '../settings/settings';
import { connectClient, resolveTemporal } from '../temporal/connection';
import { embeddedAddressOf } from '../temporal/dev-server/dev-server';

const ANSWER_WITHIN_MS = 3_000;

/**
 * Connects to the Temporal that the bridge uses, also the embedded one, and closes the connection afterwards. Every call
 * ends within three seconds.
 * @throws what `ask` throws.
 */
export async function askTemporal<Answer>(
  settings: Settings,
  ask: (client: Client) => Promise<Answer>,
): Promise<Answer> {
  const embeddedAddress = embeddedAddressOf(settings.dataDir);
  const temporal = resolveTemporal({ settings: settings.temporal, env: process.env, embeddedAddress });
  const connection = connectClient(temporal, ANSWER_WITHIN_MS);
  try {
    return await ask(new Client({ connection, namespace: temporal.namespace }));
  } finally {
    await connection.close();
  }
}
