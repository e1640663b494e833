import { connectors } from '../../src/connectors/registry';
import { startVoipbinStandIn } from '../../src/connectors/voipbin/stand-in/server';
import { InboxReader } from '../../src/inbox/archive/reader';
import { Inbox } from '../../src/inbox/inbox';
import type { WebhookDesk } from '../../src/operations/webhook/desk';
import { receiverDesk } from '../../src/service/webhook-desk';
import { loadSettings } from '../../src/settings/load';
import { dataFolder, inboxOptions, removeDataFolders } from '../inbox/entries';

afterAll(removeDataFolders);

/** The desk of a receiver without an access key for VoIPBIN. */
async function deskWith(standIn: () => string | null | undefined): Promise<WebhookDesk> {
  const dataDir = dataFolder();
  await (await Inbox.open(inboxOptions(dataDir))).close();
  const loaded = loadSettings({ env: { BRIDGE_DATA_DIR: dataDir }, connectors, directory: dataDir });
  if (!loaded.ok) {
    throw new Error(JSON.stringify(loaded.findings));
  }
  return receiverDesk({
    settings: loaded.settings,
    rules: () => [],
    metrics: { totals: () => ({ since: new Date(0), accepted: 0, refused: {} }) },
    inbox: InboxReader.open(dataDir),
    record: () => undefined,
    standIn,
  });
}

test('before it is known whether a stand-in runs, the bridge says that it is starting', async () => {
  const standIn = await startVoipbinStandIn();
  try {
    let isRunning = false;
    const desk = await deskWith(() => (isRunning ? standIn.url : undefined));

    await expect(desk.status()).rejects.toMatchObject({
      code: 'starting',
      message: 'the bridge is still starting: try again in some seconds',
    });
    isRunning = true;
    expect(await desk.status()).toMatchObject({ api: 'customer' });
  } finally {
    await standIn.stop();
  }
});

test('where none runs, the access key is missing', async () => {
  const desk = await deskWith(() => null);

  await expect(desk.status()).rejects.toMatchObject({
    code: 'no_access_key',
    message: expect.stringContaining('set VOIPBIN_ACCESS_KEY'),
  });
});
