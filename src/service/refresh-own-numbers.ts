import type { Logger } from 'pino';
import { ActionError } from '../connectors/action-error';
import type { Connector } from '../connectors/connector';
import { VoipbinClient } from '../connectors/voipbin/client';
import { voipbin } from '../connectors/voipbin/connector';
import type { OwnNumbers } from '../events/own-numbers';
import type { Settings } from '../settings/settings';

const REFRESH_EVERY_MS = 3_600_000;
const AGAIN_AFTER_MS = 60_000;
const ANSWER_WITHIN_MS = 20_000;

/**
 * Keeps the account's own numbers known: asks VoIPBIN's `GET /numbers` now and every hour (every minute while that
 * fails). Does nothing without an access key.
 * @returns stops it.
 */
export function refreshOurNumbers(ownNumbers: OwnNumbers, settings: Settings, log: Logger): () => void {
  const configured = settings.connections[voipbin.name]?.settings ?? null;
  if (configured === null) {
    return () => undefined;
  }
  const connector: Connector = voipbin;
  const client = connector.connection.open(configured);
  if (!(client instanceof VoipbinClient)) {
    throw new TypeError('the voipbin connector made another client');
  }
  let timer: NodeJS.Timeout;
  const refresh = async (): Promise<void> => {
    let next = REFRESH_EVERY_MS;
    try {
      for (const number of await client.listNumbers(AbortSignal.timeout(ANSWER_WITHIN_MS))) {
        ownNumbers.learn(number);
      }
    } catch (error) {
      next = AGAIN_AFTER_MS;
      log.warn(
        { code: error instanceof ActionError ? error.detail.code : 'unknown' },
        'our own numbers could not be asked of VoIPBIN; those in the settings and those seen in events count',
      );
    }
    timer = setTimeout(() => void refresh(), next);
    timer.unref();
  };
  void refresh();
  return () => clearTimeout(timer);
}
