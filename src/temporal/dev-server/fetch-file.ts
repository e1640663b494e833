import { createHash, type Hash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { isNativeError } from 'node:util/types';
import { fetch } from 'undici';
import { outgoingAgent } from '../../net/outgoing-agent';

const CONNECT_WITHIN_MS = 3_500;
const ANSWER_WITHIN_MS = 5_000;
const STALLED_AFTER_MS = 15_000;
const COMPLETE_WITHIN_MS = 15 * 60_000;
const REPORT_EVERY_MS = 3_000;

/** What to fetch, and where to. */
export interface FileRequest {
  url: string;
  file: string;
  maxBytes: number;
  headers?: Record<string, string>;
  /** Called every few seconds; `total` is null when the host does not say it. */
  onBytes?: (received: number, total: number | null) => void;
}

/** A fetched file. */
export interface FetchedFile {
  /** In hexadecimal. */
  sha256: string;
  /** The address after redirects. */
  url: string;
}

/**
 * Fetches a file. Fails within five seconds when the host does not answer, and when no data arrives for fifteen. Uses
 * the proxies of `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY`.
 *
 * @throws Error whose message says why. It names the host only, as an address can hold a password.
 */
export async function fetchFile({ url, file, maxBytes, headers = {}, onBytes }: FileRequest): Promise<FetchedFile> {
  const agent = outgoingAgent({ connections: 1, connectTimeoutMs: CONNECT_WITHIN_MS, bodyTimeout: STALLED_AFTER_MS });
  const stop = new AbortController();
  const host = new URL(url).host;
  const hash = createHash('sha256');
  let timer = setTimeout(() => stop.abort(), ANSWER_WITHIN_MS);
  let answered = false;
  try {
    const response = await fetch(url, { dispatcher: agent, signal: stop.signal, headers });
    answered = true;
    clearTimeout(timer);
    timer = setTimeout(() => stop.abort(), COMPLETE_WITHIN_MS);
    if (!response.ok || response.body === null) {
      throw new FetchFailed(`${host} answered ${response.status}`);
    }
    const length = Number(response.headers.get('content-length') ?? 0);
    const total = length > 0 ? length : null;
    const counting = countBytes({ total, maxBytes, hash, ...(onBytes === undefined ? {} : { onBytes }) });
    await pipeline(Readable.fromWeb(response.body), counting, createWriteStream(file), { signal: stop.signal });
    return { sha256: hash.digest('hex'), url: response.url };
  } catch (error) {
    throw error instanceof FetchFailed ? error : new FetchFailed(describeFailure(error, host, answered));
  } finally {
    clearTimeout(timer);
    await agent.destroy();
  }
}

function countBytes(count: {
  total: number | null;
  maxBytes: number;
  hash: Hash;
  onBytes?: FileRequest['onBytes'];
}): Transform {
  const { total, maxBytes, hash, onBytes } = count;
  let received = 0;
  let reportedAt = 0;
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      received += chunk.length;
      hash.update(chunk);
      if (Date.now() - reportedAt >= REPORT_EVERY_MS || received === total) {
        reportedAt = Date.now();
        onBytes?.(received, total);
      }
      done(
        received > maxBytes ? new FetchFailed(`the download is larger than ${megabytes(maxBytes)} MB`) : null,
        chunk,
      );
    },
  });
}

class FetchFailed extends Error {}

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

/** Bytes as megabytes, for people. */
export function megabytes(bytes: number): string {
  return (bytes / 1e6).toFixed(bytes < 1e7 ? 1 : 0);
}
