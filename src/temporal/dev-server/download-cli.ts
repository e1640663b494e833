import { execFile } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { join } from 'node:path';
import { Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { promisify } from 'node:util';
import { isNativeError } from 'node:util/types';
import { EnvHttpProxyAgent, fetch } from 'undici';

const run = promisify(execFile);

/** Where Temporal publishes its CLI (docs.temporal.io, "Run a development server"). */
export const DOWNLOAD_HOST = 'https://temporal.download';

const CONNECT_WITHIN_MS = 3_500;
const ANSWER_WITHIN_MS = 5_000;
const STALLED_AFTER_MS = 15_000;
const WHOLE_WITHIN_MS = 15 * 60_000;
const UNPACK_WITHIN_MS = 5 * 60_000;
const LARGEST_ARCHIVE = 1024 ** 3;
const TELL_EVERY_MS = 3_000;

const PLATFORMS: Partial<Record<NodeJS.Platform, string>> = { linux: 'linux', darwin: 'darwin', win32: 'windows' };
const ARCHITECTURES: Record<string, string> = { x64: 'amd64', arm64: 'arm64' };

/**
 * The archive's address: `.tar.gz`, for Windows `.zip`.
 *
 * @param version `1.8.2`, or `latest`.
 * @returns null where Temporal publishes none for this kind of machine.
 */
export function archiveUrl(base: string, version: string): string | null {
  const platform = PLATFORMS[process.platform];
  const arch = ARCHITECTURES[process.arch];
  if (platform === undefined || arch === undefined) {
    return null;
  }
  return `${base}/cli/archive/${version === 'latest' ? version : `v${version}`}?platform=${platform}&arch=${arch}`;
}

/**
 * Downloads and unpacks the CLI into a folder. Gives up within five seconds when the host cannot be reached, and when
 * nothing comes for fifteen. HTTPS is all that vouches for what comes: no checksum is published beside it. Proxies are
 * taken from `HTTPS_PROXY` and its kin.
 *
 * @param folder exists and is empty; afterwards holds the archive and what was in it.
 * @throws Error with the reason in words.
 */
export async function downloadCli(options: {
  base: string;
  version: string;
  folder: string;
  onProgress: (line: string) => void;
}): Promise<void> {
  const url = archiveUrl(options.base, options.version);
  if (url === null) {
    throw new Error(`Temporal publishes none for ${process.platform} on ${process.arch}`);
  }
  const archive = join(options.folder, 'archive');
  await fetchTo(archive, url, (received, total) => {
    options.onProgress(
      `Downloading Temporal's CLI ${options.version}: ${megabytes(received)}${total === null ? '' : ` of ${megabytes(total)}`} MB`,
    );
  });
  try {
    // Windows' own tar reads zip archives, too.
    await run('tar', ['-xf', archive, '-C', options.folder], { timeout: UNPACK_WITHIN_MS, windowsHide: true });
  } catch {
    throw new Error('what came could not be unpacked with tar');
  }
}

async function fetchTo(
  file: string,
  url: string,
  onBytes: (received: number, total: number | null) => void,
): Promise<void> {
  const agent = new EnvHttpProxyAgent({ connect: { timeout: CONNECT_WITHIN_MS }, bodyTimeout: STALLED_AFTER_MS });
  const stop = new AbortController();
  const host = new URL(url).host;
  let timer = setTimeout(() => stop.abort(), ANSWER_WITHIN_MS);
  let answered = false;
  try {
    const response = await fetch(url, { dispatcher: agent, signal: stop.signal });
    answered = true;
    clearTimeout(timer);
    timer = setTimeout(() => stop.abort(), WHOLE_WITHIN_MS);
    if (!response.ok || response.body === null) {
      throw new DownloadFailed(`${host} answered ${response.status}`);
    }
    const total = Number(response.headers.get('content-length') ?? 0);
    await pipeline(Readable.fromWeb(response.body), count(total > 0 ? total : null, onBytes), createWriteStream(file), {
      signal: stop.signal,
    });
  } catch (error) {
    throw error instanceof DownloadFailed ? error : new DownloadFailed(whyNot(error, host, answered));
  } finally {
    clearTimeout(timer);
    await agent.destroy();
  }
}

function count(total: number | null, onBytes: (received: number, total: number | null) => void): Transform {
  let received = 0;
  let told = 0;
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      received += chunk.length;
      if (Date.now() - told >= TELL_EVERY_MS || received === total) {
        told = Date.now();
        onBytes(received, total);
      }
      done(received > LARGEST_ARCHIVE ? new DownloadFailed('what came is far too large') : null, chunk);
    },
  });
}

class DownloadFailed extends Error {}

function whyNot(error: unknown, host: string, answered: boolean): string {
  for (let current = error, depth = 0; isNativeError(current) && depth < 5; current = current.cause, depth += 1) {
    if ('code' in current && typeof current.code === 'string') {
      return answered ? `the download broke off (${current.code})` : `${host} could not be reached (${current.code})`;
    }
  }
  return answered ? 'the download took too long' : `${host} did not answer within ${ANSWER_WITHIN_MS / 1_000} s`;
}

function megabytes(bytes: number): string {
  return (bytes / 1e6).toFixed(bytes < 1e7 ? 1 : 0);
}
