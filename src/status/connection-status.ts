import type { Connector } from '../connectors/connector';
import { parkableNames } from '../runs/names';
import { ParkedConnections, type ParkedConnection } from '../runs/parked-connections';
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
  return withParkedConnections(settings, async (parkedConnections) => {
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
 * Lets the oldest step that waits for a parked connection, and for each of its parked parts, try at once.
 * @param name of a connection, or of a part of one.
 * @returns false when none of them is parked.
 * @throws StatusUnavailable.
 */
export function resumeConnection(settings: Settings, connectors: readonly Connector[], name: string): Promise<boolean> {
  const connector = connectors.find((candidate) => candidate.name === name);
  const names = connector === undefined ? [name] : parkableNames(connector);
  return withParkedConnections(settings, async (parkedConnections) => {
    const resumed = [];
    for (const each of names) {
      resumed.push(await parkedConnections.resume(each));
    }
    return resumed.includes(true);
  });
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
