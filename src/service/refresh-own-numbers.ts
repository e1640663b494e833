import type { Logger } from 'pino';
import { ActionError } from '../connectors/action-error';
import type { OwnNumbers } from '../events/own-numbers';
import type { Settings } from '../settings/settings';
import { openVoipbinClient } from './voipbin-client';

const REFRESH_EVERY_MS = 3_600_000;
const RETRY_AFTER_MS = 60_000;
const ANSWER_WITHIN_MS = 20_000;

/**
 * Keeps the account's own numbers current: reads VoIPBIN's `GET /numbers` now and every hour, after a failure every
 * minute. Does nothing without an access key.
 * @returns a function that stops the refreshes.
 */
export async function refreshOwnNumbers(ownNumbers: OwnNumbers, settings: Settings, log: Logger): Promise<() => void> {
  const client = await openVoipbinClient(settings);
  if (client === null) {
    return () => undefined;
  }
  let timer: NodeJS.Timeout | undefined;
  const refresh = async (): Promise<void> => {
    let nextMs = REFRESH_EVERY_MS;
    try {
      for (const number of await client.listNumbers(AbortSignal.timeout(ANSWER_WITHIN_MS))) {
        ownNumbers.learn(number);
      }
    } catch (error) {
      nextMs = RETRY_AFTER_MS;
      log.warn(
        { code: error instanceof ActionError ? error.detail.code : 'unknown' },
        "VoIPBIN's list of our numbers could not be read; the numbers in the settings and in past events are used",
      );
    }
    timer = setTimeout(() => void refresh(), nextMs);
    timer.unref();
  };
  void refresh();
  return () => clearTimeout(timer);
}
