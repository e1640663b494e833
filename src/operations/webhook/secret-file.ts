import { chmodSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Secret } from '../../settings/secret';
import type { ReceiverSettings } from '../../settings/settings';
import { readTextFile } from '../../yaml/text-file';

/** In the data folder, when the settings file names none. */
const FILE = 'webhook.secret';
const MAX_CHARS = 65_536;

/** Where the account's secret is, seen from the bridge. */
export type SecretState =
  /** The bridge has it. */
  | 'held'
  /** The bridge has others only: it refuses the account's events. */
  | 'other'
  /** The bridge has none: it takes events from everyone. */
  | 'not_held'
  /** VoIPBIN shows none, so events are not signed. */
  | 'none';

/** Compares the account's secret with those in the settings. */
export function secretState(
  ofAccount: Secret | null,
  { webhookSecrets }: Pick<ReceiverSettings, 'webhookSecrets'>,
): SecretState {
  if (ofAccount === null) {
    return 'none';
  }
  if (webhookSecrets.length === 0) {
    return 'not_held';
  }
  return webhookSecrets.some((known) => known.reveal() === ofAccount.reveal()) ? 'held' : 'other';
}

/** Where the account's secret is to be written: to the file that the settings refer to, or to one in the data folder. */
export function secretFile(
  dataDir: string,
  { webhookSecretSource }: Pick<ReceiverSettings, 'webhookSecretSource'>,
): string {
  return webhookSecretSource?.kind === 'file' ? webhookSecretSource.path : join(dataDir, FILE);
}

/** Whether the account's secret is in its file already, so that the settings or a restart are all that is missing. */
export function isWritten(path: string, ofAccount: Secret): boolean {
  const file = readTextFile(path, MAX_CHARS);
  return file.ok && file.text.trim() === ofAccount.reveal().trim();
}

/** What the operator does with the file after it was written. */
export function howToUse(path: string, { webhookSecretSource }: Pick<ReceiverSettings, 'webhookSecretSource'>): string {
  switch (webhookSecretSource?.kind) {
    case 'file':
      return 'Restart the bridge: it reads the secret when it starts.';
    case 'variable':
      return `Set ${webhookSecretSource.name} to the content of ${path} (export ${webhookSecretSource.name}="$(cat ${path})"), and restart the bridge.`;
    case undefined:
      return `Put this line below receiver: in bridge.yaml, unless it is there (it wins over VOIPBIN_WEBHOOK_SECRET), and restart the bridge:  webhook_secrets: ["\${file:${path}}"]`;
  }
}

/**
 * Writes the secret into a file that only its owner can read; one that exists is replaced as a whole.
 * @throws the error of the file system.
 */
export function writeSecret(path: string, secret: Secret): void {
  const partial = `${path}.${process.pid}.new`;
  // A new file: one that exists could be open to others, or be a link.
  rmSync(partial, { force: true });
  try {
    writeFileSync(partial, `${secret.reveal()}\n`, { mode: 0o600, flag: 'wx' });
    if (process.platform !== 'win32') {
      chmodSync(partial, 0o600);
    }
    renameSync(partial, path);
  } finally {
    rmSync(partial, { force: true });
  }
}
