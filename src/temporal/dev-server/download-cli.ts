import { execFile } from 'node:child_process';
import { createHash, type Hash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { join } from 'node:path';
import { Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { promisify } from 'node:util';
import { isNativeError } from 'node:util/types';
import { fetch } from 'undici';
import { outgoingAgent } from '../../net/outgoing-agent';
import { PINNED_CLI, platformOf, type Archive } from './pinned-cli';

const run = promisify(execFile);

/** Where Temporal publishes the archives of {@link PINNED_CLI}. */
export const RELEASE = `https://github.com/temporalio/cli/releases/download/v${PINNED_CLI}`;

const CONNECT_WITHIN_MS = 3_500;
const ANSWER_WITHIN_MS = 5_000;
const STALLED_AFTER_MS = 15_000;
const COMPLETE_WITHIN_MS = 15 * 60_000;
const UNPACK_WITHIN_MS = 5 * 60_000;
const MAX_ARCHIVE_BYTES = 1024 ** 3;
const REPORT_EVERY_MS = 3_000;

/** The address of the latest CLI for this machine, for people (docs.temporal.io, "Run a development server"). */
export function latestCliUrl(): string {
  const machine = platformOf();
  const query = machine === null ? '' : `/cli/archive/latest?platform=${machine.platform}&arch=${machine.arch}`;
  return `https://temporal.download${query}`;
}

/**
 * Downloads an archive of the CLI, compares its checksum, and unpacks it into a folder. Fails within five seconds when
 * the host does not answer, and when no data arrives for fifteen. Uses the proxies of `HTTPS_PROXY`, `HTTP_PROXY` and
 * `NO_PROXY`.
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
  const { archive, base } = options;
  if (archive === null) {
    throw new Error(`Temporal publishes no build for ${process.platform} on ${process.arch}`);
  }
  const file = join(options.folder, 'archive');
  const hash = createHash('sha256');
  await fetchTo(file, `${base}/${archive.name}`, hash, (received, total) => {
    options.onProgress(
      `Downloading Temporal's CLI ${PINNED_CLI}: ${megabytes(received)}${total === null ? '' : ` of ${megabytes(total)}`} MB`,
    );
  });
  const sha256 = hash.digest('hex');
  if (sha256 !== archive.sha256) {
    throw new Error(`the download is not ${archive.name} of the release: its SHA-256 is ${sha256}`);
  }
  try {
    await run('tar', ['-xf', file, '-C', options.folder], { timeout: UNPACK_WITHIN_MS, windowsHide: true });
  } catch {
    throw new Error('the download could not be unpacked with tar');
  }
}

async function fetchTo(
  file: string,
  url: string,
  hash: Hash,
  onBytes: (received: number, total: number | null) => void,
): Promise<void> {
  const agent = outgoingAgent({
    connections: 1,
    connectTimeoutMs: CONNECT_WITHIN_MS,
    bodyTimeout: STALLED_AFTER_MS,
  });
  const stop = new AbortController();
  const host = new URL(url).host;
  let timer = setTimeout(() => stop.abort(), ANSWER_WITHIN_MS);
  let answered = false;
  try {
    const response = await fetch(url, { dispatcher: agent, signal: stop.signal });
    answered = true;
    clearTimeout(timer);
    timer = setTimeout(() => stop.abort(), COMPLETE_WITHIN_MS);
    if (!response.ok || response.body === null) {
      throw new DownloadFailed(`${host} answered ${response.status}`);
    }
    const total = Number(response.headers.get('content-length') ?? 0);
    await pipeline(
      Readable.fromWeb(response.body),
      countBytes(total > 0 ? total : null, hash, onBytes),
      createWriteStream(file),
      {
        signal: stop.signal,
      },
    );
  } catch (error) {
    throw error instanceof DownloadFailed ? error : new DownloadFailed(describeFailure(error, host, answered));
  } finally {
    clearTimeout(timer);
    await agent.destroy();
  }
}

function countBytes(
  total: number | null,
  hash: Hash,
  onBytes: (received: number, total: number | null) => void,
): Transform {
  let received = 0;
  let reportedAt = 0;
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      received += chunk.length;
      hash.update(chunk);
      if (Date.now() - reportedAt >= REPORT_EVERY_MS || received === total) {
        reportedAt = Date.now();
        onBytes(received, total);
      }
      done(received > MAX_ARCHIVE_BYTES ? new DownloadFailed('the download is larger than 1 GB') : null, chunk);
    },
  });
}

class DownloadFailed extends Error {}

function describeFailure(error: unknown, host: string, answered: boolean): string {
  for (let current = error, depth = 0; isNativeError(current) && depth < 5; current = current.cause, depth += 1) {
    if ('code' in current && typeof current.code === 'string') {
      return answered
        ? `the download was interrupted (${current.code})`
        : `${host} could not be reached (${current.code})`;
    }
  }
  return answered ? 'the download took too long' : `${host} did not answer within ${ANSWER_WITHIN_MS / 1_000} s`;
}

function megabytes(bytes: number): string {
  return (bytes / 1e6).toFixed(bytes < 1e7 ? 1 : 0);
}
