import { ConnectionGate } from '../../activities/connection-gate';
import type { OpenConnection } from '../../activities/attempt';
import type { Logger } from 'pino';
import { ActionError } from '../connectors/action-error';
import type { Connector, RunningStandIn } from '../connectors/connector';
import type { TakenItem } from '../connectors/mailbox';
import { voipbin } from '../connectors/voipbin/connector';
import type { JsonObject } from '../events/json';
import { parkableNames } from '../runs/names';
import type { Settings } from '../settings/settings';

const PREPARE_WITHIN_MS = 20_000;

/** The open connections of a worker. */
export interface OpenConnections {
  byName: Map<string, OpenConnection>;
  /** The gates of the connections, and of their parts by `partName`. */
  gates: Map<string, { readonly gate: ConnectionGate }>;
  /** Names of the connections without credentials: a stand-in answers them. */
  standIns: string[];
  /** The settings that lead to each of them: other processes of the bridge use the same ones. */
  standInSettings: Record<string, JsonObject>;
  /** What each stand-in took, by connection; of those that were started here. */
  mailboxes: ReadonlyMap<string, () => TakenItem[]>;
  /** Where VoIPBIN's stand-in is, when it is one. */
  voipbinStandIn: string | null;
  close(): Promise<void>;
}

/**
 * Opens every connector's connection. A connection without credentials gets its stand-in, on loopback. Then prepares
 * each connection in the background: providers create what they store for the bridge.
 *
 * @param elsewhere settings of stand-ins that run in another process, by connection: no other is started for these.
 */
export async function openConnections(
  connectors: readonly Connector[],
  settings: Pick<Settings, 'connections'>,
  log: Logger,
  elsewhere: Readonly<Record<string, JsonObject>> = {},
): Promise<OpenConnections> {
  const closing = new AbortController();
  const byName = new Map<string, OpenConnection>();
  const gates = new Map<string, { readonly gate: ConnectionGate }>();
  const running: RunningStandIn[] = [];
  const standIns: string[] = [];
  const standInSettings: Record<string, JsonObject> = {};
  const mailboxes = new Map<string, () => TakenItem[]>();
  let voipbinStandIn: string | null = null;
  for (const connector of connectors) {
    const configured = settings.connections[connector.name]?.settings ?? null;
    let connectionSettings: unknown = configured;
    if (connectionSettings === null && connector.connection.standIn !== undefined) {
      let found = elsewhere[connector.name];
      if (found === undefined) {
        const standIn = await connector.connection.standIn();
        running.push(standIn);
        mailboxes.set(connector.name, () => standIn.taken?.() ?? []);
        found = standIn.settings;
      }
      standIns.push(connector.name);
      standInSettings[connector.name] = found;
      voipbinStandIn = connector.name === voipbin.name ? voipbinUrl(found) : voipbinStandIn;
      connectionSettings = connector.connection.settings.parse(found);
    }
    const client = await connector.connection.open(connectionSettings);
    byName.set(connector.name, { connector, client });
    for (const name of parkableNames(connector)) {
      gates.set(name, { gate: new ConnectionGate() });
    }
    if (configured !== null) {
      void prepare(connector, client, AbortSignal.any([closing.signal, AbortSignal.timeout(PREPARE_WITHIN_MS)]), log);
    }
  }
  return {
    byName,
    gates,
    standIns,
    standInSettings,
    mailboxes,
    voipbinStandIn,
    close: async () => {
      closing.abort();
      for (const { connector, client } of byName.values()) {
        await connector.connection.close?.(client);
      }
      await Promise.all(running.map((standIn) => standIn.stop()));
    },
  };
}

function voipbinUrl(settings: JsonObject): string | null {
  const url = settings['api_url'];
  return typeof url === 'string' ? url : null;
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
    // The first step fails in the same way, and is reported.
    log.debug(
      { connection: name, code: error instanceof ActionError ? error.detail.code : 'unknown' },
      'a connection could not be prepared at the start',
    );
  }
}
