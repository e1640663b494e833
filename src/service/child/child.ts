import type { Logger } from 'pino';
import { Registry } from 'prom-client';
import { connectors } from '../../connectors/registry';
import { loadSettings } from '../../settings/load';
import { createLogger } from '../logger';
import type { Settings } from '../../settings/settings';
import { childStart, toChild, type ChildName, type ChildStart, type FromChild } from './messages';

const STATE_EVERY_MS = 2_000;
const TOLD_WITHIN_MS = 1_000;

/** What a child process does. */
export interface ChildWork {
  /** Connections that a stand-in answers. */
  standIns: string[];
  state(): {
    /** Why Temporal cannot be used, or null. */
    temporal: string | null;
    /** Connections that are parked, by name, with why. */
    parked: Record<string, string>;
  };
  /** There may be something new in the inbox. */
  wake(): void;
  /** Resolves when all has ended, by {@link stop} or by itself. @throws when it ended with an error. */
  ended: Promise<void>;
  /** Stops within a bound, whether Temporal answers or not. */
  stop(): Promise<void>;
}

/** What it is made with. */
export interface ChildContext {
  start: ChildStart;
  settings: Settings;
  /** Shown to the bridge every two seconds. */
  registry: Registry;
  log: Logger;
  tell: (message: FromChild) => void;
}

/**
 * The whole life of a child process of `bridge start`: forked by it, spoken to over IPC, ends with it. Ends the
 * process.
 */
export function runChild(name: ChildName, begin: (context: ChildContext) => Promise<ChildWork>): void {
  live(name, begin).then(
    () => process.exit(0),
    (error: unknown) => {
      const problem = error instanceof Error ? error.message : String(error);
      process.stderr.write(`${name}: ${problem}\n`);
      // The bridge hears why before the process is gone.
      process.send?.({ type: 'failed', problem } satisfies FromChild, () => process.exit(1));
      setTimeout(() => process.exit(1), TOLD_WITHIN_MS);
    },
  );
}

function tell(message: FromChild): void {
  if (process.connected) {
    process.send?.(message);
  }
}

async function live(name: ChildName, begin: (context: ChildContext) => Promise<ChildWork>): Promise<void> {
  // While it still connects there is nothing to stop but the process.
  let stop = (): void => process.exit(0);
  let wake = (): void => undefined;
  // Ctrl-C reaches the whole process group; the bridge says when to stop.
  process.on('SIGINT', () => undefined);
  process.on('SIGTERM', () => undefined);
  // A bridge that is gone before its child is ready leaves nobody to stop it.
  process.on('disconnect', () => stop());
  process.on('message', (raw) => {
    const message = toChild.parse(raw);
    if (message.type === 'wake') {
      wake();
    } else {
      stop();
    }
  });
  const start = childStart.parse(JSON.parse(process.argv[2] ?? 'null'));
  const loaded = loadSettings({
    ...(start.configFile === null ? {} : { configFile: start.configFile }),
    env: process.env,
    connectors,
  });
  if (!loaded.ok) {
    throw new Error('the settings changed since the bridge read them');
  }
  const registry = new Registry();
  const work = await begin({ start, settings: loaded.settings, registry, log: createLogger({ name }), tell });
  const report = (): void => {
    tell({ type: 'state', ...work.state() });
    registry.metrics().then(
      (text) => tell({ type: 'metrics', text }),
      () => tell({ type: 'metrics', text: '' }),
    );
  };
  const reporting = setInterval(report, STATE_EVERY_MS);
  wake = () => work.wake();
  const stopped = new Promise<void>((resolve) => {
    stop = () => void work.stop().then(resolve);
  });
  if (!process.connected) {
    stop();
  }
  tell({ type: 'ready', stand_ins: work.standIns });
  report();
  await Promise.race([work.ended, stopped]);
  clearInterval(reporting);
}
