import type { Logger } from 'pino';
import { ActionError } from '../connectors/action-error';
import type { OwnNumbers } from '../events/own-numbers';
import type { Settings } from '../settings/settings';
import { openVoipbinClient } from './voipbin-client';

const REFRESH_EVERY_MS = 3_600_000;
const RETRY_AFTER_MS = 60_000;
const ANSWER_WITHIN_MS = 20_000;

/**
 * Keeps the account's own numbers current: reads VoIPBIN's `GET /numbers`, and the phones of its agents from
 * `GET /agents`, now and every hour; every minute while VoIPBIN does not answer. Does nothing without an access key.
 * @returns a function that stops the refreshes.
 */
export async function refreshOwnNumbers(ownNumbers: OwnNumbers, settings: Settings, log: Logger): Promise<() => void> {
  const client = await openVoipbinClient(settings);
  if (client === null) {
    return () => undefined;
  }
  let timer: NodeJS.Timeout | undefined;
  /** @returns whether the list was read. */
  const learnFrom = async (list: (signal: AbortSignal) => Promise<string[]>, name: string): Promise<boolean> => {
    try {
      (await list(AbortSignal.timeout(ANSWER_WITHIN_MS))).forEach((number) => ownNumbers.learn(number));
      return true;
    } catch (error) {
      const { code, answered } = failureOf(error);
      log.warn(
        { code },
        `VoIPBIN's list of our ${name} could not be read; the numbers in the settings and in past events are used`,
      );
      return answered;
    }
  };
  const refresh = async (): Promise<void> => {
    const numbers = await learnFrom((signal) => client.listNumbers(signal), 'numbers');
    const phones = await learnFrom((signal) => client.listAgentPhones(signal), 'agents');
    timer = setTimeout(() => void refresh(), numbers && phones ? REFRESH_EVERY_MS : RETRY_AFTER_MS);
    timer.unref();
  };
  void refresh();
  return () => clearTimeout(timer);
}

/** The error code; `answered`: VoIPBIN refused for a reason that does not pass, such as a missing permission. */
function failureOf(error: unknown): { code: string; answered: boolean } {
  return error instanceof ActionError
    ? { code: error.detail.code, answered: error.errorClass === 'permanent' }
    : { code: 'unknown', answered: false };
}
