import { ConnectionGate } from '../../activities/connection-gate';
import type { OpenConnection } from '../../activities/step-activities';
import type { Connector, RunningStandIn } from '../connectors/connector';
import type { Settings } from '../settings/settings';

/** The connections of a worker, all open. */
export interface OpenConnections {
  byName: Map<string, OpenConnection>;
  /** Names of the connections that a stand-in answers, for want of credentials. */
  standIns: string[];
  close(): Promise<void>;
}

/**
 * Opens every connector's connection. One without credentials gets its stand-in, on loopback.
 * No provider is asked anything yet.
 */
export async function openConnections(connectors: readonly Connector[], settings: Settings): Promise<OpenConnections> {
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
    byName.set(connector.name, { connector, client: connector.connection.open(connectionSettings), gate: new ConnectionGate() });
  }
  return {
    byName,
    standIns,
    close: async () => {
      for (const { connector, client } of byName.values()) {
        await connector.connection.close?.(client);
      }
      await Promise.all(running.map((standIn) => standIn.stop()));
    },
  };
}
