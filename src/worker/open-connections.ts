import { ConnectionGate } from '../../activities/connection-gate';
import type { OpenConnection } from '../../activities/step-activities';
import type { Logger } from 'pino';
import { ActionError } from '../connectors/action-error';
import type { Connector, RunningStandIn } from '../connectors/connector';
import type { Settings } from '../settings/settings';

const PREPARE_WITHIN_MS = 20_000;

/** The connections of a worker, all open. */
export interface OpenConnections {
  byName: Map<string, OpenConnection>;
  /** Names of the connections that a stand-in answers, for want of credentials. */
  standIns: string[];
  close(): Promise<void>;
}

/**
 * Opens every connector's connection. One without credentials gets its stand-in, on loopback.
 * Providers are asked to make ready what they keep for the bridge; nobody waits for that.
 */
export async function openConnections(
  connectors: readonly Connector[],
  settings: Settings,
  log: Logger,
): Promise<OpenConnections> {
  const closing = new AbortController();
  const byName = new Map<string, OpenConnection>();
  const running: RunningStandIn[] = [];
  const standIns: string[] = [];
  for (const connector of connectors) {
    const configured = settings.connections[connector.name]?.settings ?? null;
    let connectionSettings: unknown = configured;
    if (connectionSettings === null && connector.connection.standIn !== undefined) {
      const standIn = await connector.connection.standIn();
      running.push(standIn);
      standIns.push(connector.name);
      connectionSettings = connector.connection.settings.parse(standIn.settings);
    }
    const client = connector.connection.open(connectionSettings);
    byName.set(connector.name, { connector, client, gate: new ConnectionGate() });
    if (configured !== null) {
      void prepare(connector, client, AbortSignal.any([closing.signal, AbortSignal.timeout(PREPARE_WITHIN_MS)]), log);
    }
  }
  return {
    byName,
    standIns,
    close: async () => {
      closing.abort();
      for (const { connector, client } of byName.values()) {
        await connector.connection.close?.(client);
      }
      await Promise.all(running.map((standIn) => standIn.stop()));
    },
  };
}

async function prepare(
  { name, connection }: Connector,
  client: unknown,
  signal: AbortSignal,
  log: Logger,
): Promise<void> {
  try {
    await connection.prepare?.(client, signal, log);
  } catch (error) {
    // The first step meets the same trouble, and is what is told of.
    log.debug(
      { connection: name, code: error instanceof ActionError ? error.detail.code : 'unknown' },
      'a connection could not be made ready at the start',
    );
  }
}
