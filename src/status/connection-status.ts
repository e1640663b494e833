import type { Connector } from '../connectors/connector';
import { ParkedConnections, type ParkedConnection } from '../runs/parked-connections';
import { describeTemporalError } from '../runs/temporal-error';
import type { Settings } from '../settings/settings';
import { askTemporal } from './temporal-client';

/** The state of a connection. The names are the JSON keys of `connections list --json`. */
export interface ConnectionStatus {
  connection: string;
  uses: 'credentials' | 'stand-in' | 'none needed';
  state: 'not_parked' | 'parked';
  parked: ParkedConnection | null;
}

/** Temporal, which knows the parked connections, did not answer. The message says why. */
export class StatusUnavailable extends Error {
  override readonly name = 'StatusUnavailable';
}

/** The state of every connection, in the order given. @throws StatusUnavailable. */
export function connectionStatuses(connectors: readonly Connector[], settings: Settings): Promise<ConnectionStatus[]> {
  return withParkedConnections(settings, async (parkedConnections) => {
    const statuses: ConnectionStatus[] = [];
    // One after the other: when Temporal does not answer, the first call fails and no other is under way.
    for (const { name, connection } of connectors) {
      const parked = await parkedConnections.describe(name);
      const hasCredentials = (settings.connections[name]?.settings ?? null) !== null;
      statuses.push({
        connection: name,
        uses: connection.credentials.length === 0 ? 'none needed' : hasCredentials ? 'credentials' : 'stand-in',
        state: parked === null ? 'not_parked' : 'parked',
        parked,
      });
    }
    return statuses;
  });
}

/**
 * Lets the oldest step that waits for a parked connection try at once.
 * @returns false when the connection is not parked.
 * @throws StatusUnavailable.
 */
export function resumeConnection(settings: Settings, name: string): Promise<boolean> {
  return withParkedConnections(settings, (parkedConnections) => parkedConnections.resume(name));
}

async function withParkedConnections<Answer>(
  settings: Settings,
  ask: (parkedConnections: ParkedConnections) => Promise<Answer>,
): Promise<Answer> {
  try {
    return await askTemporal(settings, (client) => ask(new ParkedConnections(client)));
  } catch (error) {
    throw new StatusUnavailable(`Temporal does not answer: ${describeTemporalError(error)}. Is the bridge running?`, {
      cause: error,
    });
  }
}
