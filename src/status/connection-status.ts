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
  /** `unknown`: workers on other machines use it, with settings of their own. */
  uses: 'credentials' | 'stand-in' | 'none needed' | 'unknown';
  /** Where the credentials that are set were read: `environment SLACK_BOT_TOKEN`, `/etc/bridge.yaml:12`. */
  read_from: readonly string[];
  /** The credentials that are not set, by their variable. Empty also where that is not known. */
  missing: readonly string[];
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
  return asked(settings, (client) => describeConnections(client, connectors, settings));
}

/**
 * As {@link connectionStatuses}, over a connection to Temporal that is open.
 * @param settings what the worker was started with; null when that is not known. @throws what the client throws.
 */
export async function describeConnections(
  client: Client,
  connectors: readonly Connector[],
  settings: Pick<Settings, 'connections'> | null,
): Promise<ConnectionStatus[]> {
  const parkedConnections = new ParkedConnections(client);
  const statuses: ConnectionStatus[] = [];
  // One after the other: when Temporal does not answer, the first call fails and no other is under way.
  for (const connector of connectors) {
    const use = useOf(connector, settings);
    for (const parkable of parkableNames(connector)) {
      const parked = await parkedConnections.describe(parkable);
      if (parkable === connector.name || parked !== null) {
        statuses.push({ connection: parkable, ...use, state: parked === null ? 'not_parked' : 'parked', parked });
      }
    }
  }
  return statuses;
}

function useOf(
  { name, connection }: Connector,
  settings: Pick<Settings, 'connections'> | null,
): Pick<ConnectionStatus, 'uses' | 'read_from' | 'missing'> {
  if (connection.credentials.length === 0) {
    return { uses: 'none needed', read_from: [], missing: [] };
  }
  if (settings === null) {
    return { uses: 'unknown', read_from: [], missing: [] };
  }
  const found = settings.connections[name];
  return {
    uses: (found?.settings ?? null) === null ? 'stand-in' : 'credentials',
    read_from: Object.values(found?.readFrom ?? {}),
    missing: (found?.missing ?? []).map((key) => connection.environment[key] ?? `connections.${name}.${key}`),
  };
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
