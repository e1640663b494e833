import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { fetchFile, megabytes } from './fetch-file';
import { PINNED_CLI, platformOf, type Archive } from './pinned-cli';

const run = promisify(execFile);

/** Where Temporal publishes the archives of {@link PINNED_CLI}. */
export const RELEASE = `https://github.com/temporalio/cli/releases/download/v${PINNED_CLI}`;

const UNPACK_WITHIN_MS = 5 * 60_000;
const MAX_ARCHIVE_BYTES = 1e9;

/** The address of the latest CLI for this machine, for people (docs.temporal.io, "Run a development server"). */
export function latestCliUrl(): string {
  const machine = platformOf();
  const query = machine === null ? '' : `/cli/archive/latest?platform=${machine.platform}&arch=${machine.arch}`;
  return `https://temporal.download${query}`;
}

/**
 * Downloads an archive of the CLI, compares its checksum, and unpacks it into a folder. See {@link fetchFile} for its
 * time limits.
 *
 * Guarantees: nothing of an archive with another checksum is unpacked or run.
 *
 * @param options.base the address in front of the archive's name.
 * @param options.archive null when Temporal publishes none for this machine.
 * @param options.folder exists and is empty; afterwards it contains the archive and its content.
 * @throws Error whose message says why.
 */
export async function downloadCli(options: {
  base: string;
  archive: Archive | null;
  folder: string;
  onProgress: (line: string) => void;
}): Promise<void> {
  const { archive, base, folder } = options;
  if (archive === null) {
    throw new Error(`Temporal publishes no build for ${process.platform} on ${process.arch}`);
  }
  const file = join(folder, 'archive');
  await fetchArchive({ archive, url: `${base}/${archive.name}`, file, onProgress: options.onProgress });
  try {
    await run('tar', ['-xf', file, '-C', folder], { timeout: UNPACK_WITHIN_MS, windowsHide: true });
  } catch {
    throw new Error('the download could not be unpacked with tar');
  }
}

/** Fetches an archive. @throws Error when it cannot be fetched, or its checksum is not the pinned one. */
export async function fetchArchive(options: {
  archive: Archive;
  url: string;
  file: string;
  headers?: Record<string, string>;
  onProgress: (line: string) => void;
}): Promise<void> {
  const { archive, url, file, headers = {}, onProgress } = options;
  const { sha256 } = await fetchFile({
    url,
    file,
    headers,
    maxBytes: MAX_ARCHIVE_BYTES,
    onBytes: (received, total) => {
      const of = total === null ? '' : ` of ${megabytes(total)}`;
      onProgress(`Downloading Temporal's CLI ${PINNED_CLI}: ${megabytes(received)}${of} MB`);
    },
  });
  if (sha256 !== archive.sha256) {
    throw new Error(`the download is not ${archive.name} of the release: its SHA-256 is ${sha256}`);
  }
}
