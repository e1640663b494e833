import type { Client } from '@temporalio/client';
import type { Connector } from '../connectors/connector';
import { parkableNames } from '../runs/names';
import { ParkedConnections, resumeAll, type ParkedConnection } from '../runs/parked-connections';
import { describeTemporalError } from '../runs/temporal-error';
import type { Settings } from '../settings/settings';
import { askTemporal } from './temporal-client';

/** The state of a connection, or of a part of one. The names are the JSON keys of `connections list --json`. */
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

/**
 * The state of every connection, in the order given, each followed by its parts that are parked (`hubspot/owners`).
 * @throws StatusUnavailable.
 */
export function connectionStatuses(connectors: readonly Connector[], settings: Settings): Promise<ConnectionStatus[]> {
  return asked(settings, async (client) => {
    const parkedConnections = new ParkedConnections(client);
    const statuses: ConnectionStatus[] = [];
    // One after the other: when Temporal does not answer, the first call fails and no other is under way.
    for (const { name, connection } of connectors) {
      const hasCredentials = (settings.connections[name]?.settings ?? null) !== null;
      const uses = connection.credentials.length === 0 ? 'none needed' : hasCredentials ? 'credentials' : 'stand-in';
      for (const parkable of parkableNames({ name, connection })) {
        const parked = await parkedConnections.describe(parkable);
        if (parkable === name || parked !== null) {
          statuses.push({ connection: parkable, uses, state: parked === null ? 'not_parked' : 'parked', parked });
        }
      }
    }
    return statuses;
  });
}

/**
 * Lets the oldest step that waits for each of these connections try at once, where no receiver runs that could.
 * @returns those that were parked. @throws StatusUnavailable.
 */
export function resumeConnections(settings: Settings, names: readonly string[]): Promise<string[]> {
  return asked(settings, (client) => resumeAll(client, names));
}

async function asked<Answer>(settings: Settings, ask: (client: Client) => Promise<Answer>): Promise<Answer> {
  try {
    return await askTemporal(settings, ask);
  } catch (error) {
    const reason = describeTemporalError(error);
    const message = reason.startsWith('Temporal ') ? reason : `Temporal does not answer: ${reason}`;
    throw new StatusUnavailable(`${message}. Is the bridge running?`, { cause: error });
  }
}
