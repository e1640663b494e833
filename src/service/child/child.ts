import type { Logger } from 'pino';
import { Registry } from 'prom-client';
import { connectors } from '../../connectors/registry';
import type { JsonObject } from '../../events/json';
import { describeTemporalError } from '../../runs/temporal-error';
import { loadSettings } from '../../settings/load';
import type { Settings } from '../../settings/settings';
import { createLogger } from '../logger';
import type { ChildName } from '../processes';
import type { TemporalState } from '../readiness';
import type { Service } from '../service';
import { printMessage } from '../../text/print';
import { childStart, toChild, type ChildStart, type FromChild, type Question } from './messages';

const REPORT_EVERY_MS = 2_000;
/** The parent has this long to receive the last message. */
const SEND_WITHIN_MS = 1_000;

/** What a child process runs. It stops within 19 s (supervisor.ts), whether Temporal answers or not. */
export interface ChildService extends Service {
  /** Names of the connections that a stand-in answers. */
  standIns: string[];
  /** The settings that lead to each of them. They hold no secrets. */
  standInSettings: Record<string, JsonObject>;
  /** Where VoIPBIN's stand-in is, when it is one. */
  voipbinStandIn: string | null;
  state(): TemporalState;
  /** Tells it that the inbox may have new events. */
  wake(): void;
  /** Answers the bridge, in JSON. @throws what Temporal's client throws; Error that says why there is no answer. */
  answer(question: Question): Promise<unknown>;
}

/** What the service of a child process is made with. */
export interface ChildContext {
  start: ChildStart;
  settings: Settings;
  /** The parent process gets its metrics every two seconds. */
  registry: Registry;
  log: Logger;
  /** Sends a message to the parent process. */
  send: (message: FromChild) => void;
}

/**
 * The whole life of a child process of `bridge start`: the parent forks it and sends it messages over IPC. It stops when
 * the parent says so, and when the parent is gone. Ends the process.
 */
export function runChild(name: ChildName, startService: (context: ChildContext) => Promise<ChildService>): void {
  main(name, startService).then(
    () => process.exit(0),
    (error: unknown) => {
      const problem = error instanceof Error ? error.message : String(error);
      printMessage(`${name}: ${problem}`);
      // The parent gets the reason before the process is gone.
      process.send?.({ type: 'failed', problem } satisfies FromChild, () => process.exit(1));
      setTimeout(() => process.exit(1), SEND_WITHIN_MS);
    },
  );
}

function send(message: FromChild): void {
  if (process.connected) {
    process.send?.(message);
  }
}

async function main(name: ChildName, startService: (context: ChildContext) => Promise<ChildService>): Promise<void> {
  // While it connects to Temporal there is nothing to stop but the process.
  let stop = (): void => process.exit(0);
  let wake = (): void => undefined;
  let answer: ChildService['answer'] = () => Promise.reject(new Error('it is starting'));
  // Ctrl-C reaches the whole process group. The parent says when to stop.
  process.on('SIGINT', () => undefined);
  process.on('SIGTERM', () => undefined);
  // When the parent is gone before this process is ready, nobody else would stop it.
  process.on('disconnect', () => stop());
  process.on('message', (raw) => {
    const message = toChild.parse(raw);
    if (message.type === 'wake') {
      wake();
    } else if (message.type === 'ask') {
      const { request } = message;
      answer(message.question).then(
        (found) => send({ type: 'answer', request, answer: found, problem: null }),
        (error: unknown) => send({ type: 'answer', request, answer: null, problem: describeTemporalError(error) }),
      );
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
  const service = await startService({
    start,
    settings: loaded.settings,
    registry,
    log: createLogger({ name }),
    send,
  });
  const report = (): void => {
    send({ type: 'state', ...service.state() });
    registry.metrics().then(
      (text) => send({ type: 'metrics', text }),
      () => send({ type: 'metrics', text: '' }),
    );
  };
  const reporting = setInterval(report, REPORT_EVERY_MS);
  wake = () => service.wake();
  answer = (asked) => service.answer(asked);
  stop = () => void service.stop();
  if (!process.connected) {
    stop();
  }
  send({
    type: 'ready',
    stand_ins: service.standIns,
    stand_in_settings: service.standInSettings,
    voipbin_stand_in: service.voipbinStandIn,
  });
  report();
  await service.ended;
  clearInterval(reporting);
}
