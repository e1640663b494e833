import type { Logger } from 'pino';
import type { Registry } from 'prom-client';
import { startBackfill, type RunningBackfill } from '../backfill/backfill';
import { BackfillMetrics } from '../backfill/metrics';
import type { Ingest } from '../ingest/ingest';
import type { Settings } from '../settings/settings';
import { openVoipbinClient } from './voipbin-client';

/**
 * Starts the backfill of a running receiver. It stays off when the settings disable it or there is no access key; the
 * log then says why.
 *
 * @param receiver.newestEventAt when the newest event in the inbox came; null for an empty inbox.
 */
export async function startReceiverBackfill(receiver: {
  ingest: Ingest;
  settings: Pick<Settings, 'dataDir' | 'connections' | 'backfill'>;
  registry: Registry;
  newestEventAt: Date | null;
  log: Logger;
}): Promise<RunningBackfill> {
  const { settings, log, newestEventAt } = receiver;
  const { enabled, ...timings } = settings.backfill;
  const client = enabled ? await openVoipbinClient(settings) : null;
  if (client === null) {
    const reason = enabled
      ? 'there is no access key for VoIPBIN (VOIPBIN_ACCESS_KEY)'
      : 'it is disabled (backfill.enabled)';
    log.info({}, `backfill is off: ${reason}`);
    return { state: () => ({ ok: true, detail: `off: ${reason}` }), stop: () => Promise.resolve() };
  }
  const running = startBackfill({
    dataDir: settings.dataDir,
    client,
    ingest: receiver.ingest,
    log,
    metrics: new BackfillMetrics(receiver.registry),
    newestEventAt,
    timings,
  });
  return {
    state: () => running.state(),
    stop: async () => {
      await running.stop();
      await client.close();
    },
  };
}
