import { findApi } from '../operations/api-access';

const ANSWER_WITHIN_MS = 3_000;

/**
 * What the bridge that runs with this data folder answers at its admin port, whatever the status; null when none answers
 * within three seconds.
 * @param path `/metrics`, `/readyz`.
 */
export async function askRunningBridge(dataDir: string, path: string): Promise<string | null> {
  const access = findApi(dataDir);
  if (access === null) {
    return null;
  }
  try {
    const { requestOnce } = await import('../net/request-once.js');
    const options = { timeoutMs: ANSWER_WITHIN_MS, followRedirects: false, direct: true };
    return (await requestOnce(`${access.url}${path}`, options)).text;
  } catch {
    return null;
  }
}
