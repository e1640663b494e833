import { fetch, type Agent } from 'undici';
import { isPublicAddress } from '../../net/address';
import { guardedDispatcher, isAddressRefused } from '../../net/guarded-dispatcher';
import { canonicalHost, isAddress, type HostList } from '../../net/host-list';
import { ActionError } from '../action-error';
import { networkFailure, retryAfterMs } from '../network-failure';

const MOST_REDIRECTS = 3;
const DOWNLOAD_TIMEOUT_MS = 60_000;

/** `refused`: the storage does not return it, for instance because a signed URL has expired; `status` is its answer. */
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

/**
 * Makes a {@link Downloader}. It follows at most three redirects and checks the URL of each.
 *
 * @param apiOrigin the API's own origin: what it serves itself may be fetched, wherever it is.
 * @param allow the private hosts that may be fetched from, also over plain HTTP.
 */
export function createDownloader(apiOrigin: URL, allow: HostList): Downloader {
  const agent = guardedDispatcher({ allow: allow.with(apiOrigin.hostname) });
  return {
    download: async (start, limitBytes, signal) => {
      const timed = AbortSignal.any([signal, AbortSignal.timeout(DOWNLOAD_TIMEOUT_MS)]);
      try {
        let url = start;
        for (let redirects = 0; redirects <= MOST_REDIRECTS; redirects += 1) {
          checkDownloadUrl(url, apiOrigin, allow);
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
      throw new ActionError('transient', `the storage of recordings failed (${response.status})`, {
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

/**
 * Checks what can be seen in a URL; the dispatcher checks the address that its name resolves to.
 * @throws ActionError `permanent` when it may not be fetched.
 */
function checkDownloadUrl(url: URL, apiOrigin: URL, allow: HostList): void {
  if (url.username !== '' || url.password !== '') {
    throw addressNotAllowed();
  }
  if (url.origin === apiOrigin.origin || (allow.has(url.hostname) && /^https?:$/.test(url.protocol))) {
    return;
  }
  if (url.protocol !== 'https:' || (isAddress(url.hostname) && !isPublicAddress(canonicalHost(url.hostname)))) {
    throw addressNotAllowed();
  }
}

function addressNotAllowed(): ActionError {
  return new ActionError('permanent', 'the recording is at an address that the bridge may not fetch from', {
    connection: 'voipbin',
    code: 'address_not_allowed',
    remedy: 'If this VoIPBIN keeps its files on a private host, add the host to BRIDGE_HTTP_ALLOW.',
  });
}

function asFailure(error: unknown): ActionError {
  if (error instanceof ActionError) {
    return error;
  }
  if (isAddressRefused(error)) {
    return addressNotAllowed();
  }
  const failure = networkFailure(error, 'the storage of recordings');
  // It is another host than the API: what ails it must not park the connection.
  return failure.errorClass === 'credential'
    ? new ActionError('transient', failure.message, { ...failure.detail, connection: 'voipbin', code: 'network' })
    : new ActionError(failure.errorClass, failure.message, { ...failure.detail, connection: 'voipbin' });
}
