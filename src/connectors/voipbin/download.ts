import { fetch, type Agent } from 'undici';
import { ActionError } from '../action-error';
import { networkFailure, retryAfterMs } from '../network-failure';
import { checkDownloadUrl, createDownloadAgent, type DownloadPolicy } from './download-guard';

const MOST_REDIRECTS = 3;
const DOWNLOAD_TIMEOUT_MS = 60_000;

/** `refused`: the storage does not give it (any more), as when a signed address has expired; the status says how. */
export type Download =
  { state: 'downloaded'; content: Buffer } | { state: 'too_large' } | { state: 'refused'; status: number };

/** Fetches from signed addresses, without any credential. */
export interface Downloader {
  /**
   * @param limitBytes counted while streaming, whatever the answer's headers say.
   * @throws ActionError `transient` on network trouble and 5xx, `permanent` when the address may not be fetched.
   */
  download(url: URL, limitBytes: number, signal: AbortSignal): Promise<Download>;
  close(): Promise<void>;
}

/** Follows at most three redirects, each checked by the policy. */
export function createDownloader(policy: DownloadPolicy): Downloader {
  const agent = createDownloadAgent(policy);
  return {
    download: async (start, limitBytes, signal) => {
      const timed = AbortSignal.any([signal, AbortSignal.timeout(DOWNLOAD_TIMEOUT_MS)]);
      try {
        let url = start;
        for (let redirects = 0; redirects <= MOST_REDIRECTS; redirects += 1) {
          checkDownloadUrl(url, policy);
          const answer = await fetchOnce(agent, url, limitBytes, timed);
          if (!(answer instanceof URL)) {
            return answer;
          }
          url = answer;
        }
        return { state: 'refused', status: 310 };
      } catch (error) {
        throw asFailure(error);
      }
    },
    close: () => agent.destroy(),
  };
}

/** @returns the address it redirects to, or what came. */
async function fetchOnce(agent: Agent, url: URL, limitBytes: number, signal: AbortSignal): Promise<Download | URL> {
  const response = await fetch(url, { redirect: 'manual', signal, dispatcher: agent });
  const location = response.headers.get('location');
  if (response.status !== 200) {
    await response.body?.cancel();
    if (response.status >= 300 && response.status < 400 && location !== null && URL.canParse(location, url.href)) {
      return new URL(location, url);
    }
    if (response.status === 429 || response.status >= 500) {
      const wait = retryAfterMs(response.headers.get('retry-after'));
      throw new ActionError('transient', `the storage of recordings is in trouble (${response.status})`, {
        connection: 'voipbin',
        code: `storage_http_${response.status}`,
        ...(wait === undefined ? {} : { retryAfterMs: wait }),
      });
    }
    return { state: 'refused', status: response.status };
  }
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response.body ?? []) {
    size += chunk.byteLength;
    if (size > limitBytes) {
      return { state: 'too_large' };
    }
    chunks.push(chunk);
  }
  return { state: 'downloaded', content: Buffer.concat(chunks) };
}

function asFailure(error: unknown): ActionError {
  for (let current = error, depth = 0; current instanceof Error && depth < 5; current = current.cause, depth += 1) {
    if (current instanceof ActionError) {
      return current;
    }
    if ('code' in current && current.code === 'EADDRNOTALLOWED') {
      return new ActionError('permanent', 'the recording lies at a private address, which the bridge may not fetch', {
        connection: 'voipbin',
        code: 'address_not_allowed',
        remedy: 'If this VoIPBIN keeps its files on a private host, add the host to BRIDGE_HTTP_ALLOW.',
      });
    }
  }
  return networkFailure(error, 'voipbin');
}
