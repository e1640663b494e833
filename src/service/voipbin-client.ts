import type { Connector } from '../connectors/connector';
import { VoipbinClient } from '../connectors/voipbin/client';
import { voipbin } from '../connectors/voipbin/connector';
import type { Settings } from '../settings/settings';

/** Makes a client of the VoIPBIN account in the settings; null without an access key. The caller closes it. */
export async function openVoipbinClient(settings: Pick<Settings, 'connections'>): Promise<VoipbinClient | null> {
  const configured = settings.connections[voipbin.name]?.settings ?? null;
  if (configured === null) {
    return null;
  }
  const connector: Connector = voipbin;
  const client = await connector.connection.open(configured);
  if (!(client instanceof VoipbinClient)) {
    throw new TypeError('the voipbin connector made a client of another class');
  }
  return client;
}
