import { StartError } from '../errors/start-errors';
import { chmodSync, existsSync, lstatSync, mkdirSync, readdirSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';

/** Another user can read the data folder, can change it, or has put something into it. */
export class DataFolderUnsafe extends StartError {
  override readonly name = 'DataFolderUnsafe';
  readonly code = 'data_folder_unsafe';
}

/** Names of the files that the bridge and its Temporal make, with SQLite's and partial ones: `inbox.db-wal`. */
const OUR_FILES = /^(?:inbox|dispatch|effects|operations|alerts|admin-api|webhook|journal|temporal|backfill)\./;
/** Made by the file system itself in the root folder of a volume. */
const FILE_SYSTEMS_OWN = 'lost+found';
/** The permission bits of group and others. */
const OTHERS = 0o077;

/**
 * Creates the data folder when it is missing, and makes it and the bridge's files in it accessible to this user alone:
 * they contain numbers and texts. PostgreSQL has the same rules for its data directory.
 *
 * Guarantees: afterwards the folder and each of the bridge's files in it belong to this user, with mode 0700 and 0600, and
 * none of the files is a link. No other user can change that, as the folder is closed before the files are checked.
 *
 * Not guaranteed: anything against root or against whoever can rename the folders above. On Windows nothing is checked.
 *
 * @returns whether the folder was open to other users before.
 * @throws DataFolderUnsafe when that cannot be had; nothing in the folder was read or written then.
 */
export function openDataFolder(dataDir: string): boolean {
  const folder = resolve(dataDir);
  makeFolder(folder);
  const uid = process.getuid?.();
  if (uid === undefined) {
    return false;
  }
  const wasFolderOpen = closeFolder(folder, uid);
  for (const name of readdirSync(folder).filter((entry) => OUR_FILES.test(entry))) {
    closeFile(join(folder, name), uid);
  }
  return wasFolderOpen;
}

function makeFolder(path: string): void {
  // One folder at a time: Node's `recursive` never ends where a folder cannot be created (/proc).
  const missing: string[] = [];
  for (let folder = path; !existsSync(folder); folder = dirname(folder)) {
    missing.unshift(folder);
  }
  for (const folder of missing) {
    mkdirSync(folder, { mode: 0o700 });
  }
}

function closeFolder(folder: string, uid: number): boolean {
  const { uid: owner, mode } = statSync(folder);
  if (owner !== uid) {
    throw new DataFolderUnsafe(
      `The data folder ${folder} belongs to user ${owner}, and the bridge runs as user ${uid}. Run the bridge as user ${owner}, change the owner of the folder and of what it contains (chown -R ${uid} ${folder}), or set BRIDGE_DATA_DIR to a folder that the bridge can create, such as ${join(folder, 'bridge')}.`,
    );
  }
  if ((mode & OTHERS) === 0) {
    return false;
  }
  const other = readdirSync(folder).find((name) => !OUR_FILES.test(name) && name !== FILE_SYSTEMS_OWN);
  if (other !== undefined) {
    // It may be /tmp or a home folder, which others need.
    throw new DataFolderUnsafe(
      `The data folder ${folder} is open to other users (mode ${octal(mode)}), and contains more than the bridge's files: ${other}. Set BRIDGE_DATA_DIR to a folder that only the bridge uses, or close this one (chmod 700 ${folder}).`,
    );
  }
  chmodSync(folder, 0o700);
  const now = statSync(folder).mode;
  if ((now & OTHERS) !== 0) {
    throw new DataFolderUnsafe(
      `The data folder ${folder} is open to other users (mode ${octal(now)}), and its file system cannot change that. Set BRIDGE_DATA_DIR to a folder on another file system, or mount this one with umask=077.`,
    );
  }
  return true;
}

function closeFile(path: string, uid: number): void {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found === undefined) {
    return;
  }
  if (found.isSymbolicLink() || (found.isFile() && found.nlink > 1)) {
    throw new DataFolderUnsafe(
      `${path} is a link to another file. Find out who made it, and remove it. To keep the data elsewhere, set BRIDGE_DATA_DIR.`,
    );
  }
  if (!found.isFile()) {
    throw new DataFolderUnsafe(`${path} is not a file. Find out who made it, and remove it.`);
  }
  if (found.uid !== uid) {
    throw new DataFolderUnsafe(
      `${path} belongs to user ${found.uid}, and the bridge runs as user ${uid}. If it is the bridge's, change its owner (chown ${uid} ${path}); else remove it.`,
    );
  }
  if ((found.mode & OTHERS) !== 0) {
    chmodSync(path, 0o600);
  }
}

function octal(mode: number): string {
  return (mode & 0o7777).toString(8).padStart(4, '0');
}
