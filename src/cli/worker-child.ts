/** The worker process of `bridge start` in mode `all`: forked by it, spoken to over IPC, ends with it. */
import { Registry } from 'prom-client';
import { connectors } from '../connectors/registry';
import { loadSettings } from '../settings/load';
import { createLogger } from '../settings/log';
import { resolveTemporal } from '../temporal/connection';
import type { RunEnding } from '../inbox/dispatcher';
import { fromWorker, toWorker, workerStart, type FromWorker } from './worker-messages';
import { startWorkerProcess } from './worker-process';

const STATE_EVERY_MS = 2_000;
const TOLD_WITHIN_MS = 1_000;

function tell(message: FromWorker): void {
  if (process.connected) {
    process.send?.(message);
  }
}

function closedMessage(eventId: string, { status, report }: RunEnding): FromWorker {
  const rules: unknown = typeof report === 'object' && report !== null && 'rules' in report ? report.rules : [];
  const steps = Array.isArray(rules) ? rules.flatMap((rule: { steps?: unknown }) => (Array.isArray(rule.steps) ? rule.steps : [])) : [];
  const message = fromWorker.safeParse({ type: 'closed', event_id: eventId, status, steps });
  return message.success ? message.data : { type: 'closed', event_id: eventId, status, steps: [] };
}

/** Ends the worker; while it still connects, the process. */
let stop = (): void => process.exit(0);

async function main(): Promise<void> {
  // Ctrl-C reaches the whole process group; the bridge says when to stop.
  process.on('SIGINT', () => undefined);
  process.on('SIGTERM', () => undefined);
  // A bridge that is gone before its worker is ready leaves nobody to stop it.
  process.on('disconnect', () => stop());
  let wake = (): void => undefined;
  process.on('message', (raw) => {
    const message = toWorker.parse(raw);
    if (message.type === 'wake') {
      wake();
    } else {
      stop();
    }
  });
  const start = workerStart.parse(JSON.parse(process.argv[2] ?? 'null'));
  const loaded = loadSettings({ ...(start.configFile === null ? {} : { configFile: start.configFile }), env: process.env, connectors });
  if (!loaded.ok) {
    throw new Error('the settings changed since the bridge read them');
  }
  const log = createLogger({ name: 'worker' });
  const registry = new Registry();
  const worker = await startWorkerProcess({
    temporal: resolveTemporal({ settings: loaded.settings.temporal, env: process.env, embeddedAddress: start.embeddedAddress }),
    settings: loaded.settings,
    connectors,
    dispatch: start.dispatch,
    registry,
    log,
    onClosed: (eventId, ending) => tell(closedMessage(eventId, ending)),
  });
  const report = (): void => {
    tell({ type: 'state', ...worker.state() });
    registry.metrics().then(
      (text) => tell({ type: 'metrics', text }),
      () => tell({ type: 'metrics', text: '' }),
    );
  };
  const reporting = setInterval(report, STATE_EVERY_MS);
  wake = () => worker.wake();
  const stopped = new Promise<void>((resolve) => {
    stop = () => void worker.stop().then(resolve);
  });
  if (!process.connected) {
    stop();
  }
  tell({ type: 'ready', stand_ins: worker.standIns });
  report();
  await Promise.race([worker.ended, stopped]);
  clearInterval(reporting);
}

main().then(
  () => process.exit(0),
  (error: unknown) => {
    const problem = error instanceof Error ? error.message : String(error);
    process.stderr.write(`worker: ${problem}\n`);
    // The bridge hears why before the process is gone.
    process.send?.({ type: 'failed', problem } satisfies FromWorker, () => process.exit(1));
    setTimeout(() => process.exit(1), TOLD_WITHIN_MS);
  },
);
