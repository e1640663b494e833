import { StartError } from '../../errors/start-errors';
import { join, resolve } from 'node:path';
import { isNativeError } from 'node:util/types';
import type { Logger } from 'pino';
import type { TemporalCli } from './find-cli';
import { isAtLeast } from './cli-version';
import { SEARCH_ATTRIBUTES } from '../../runs/names';
import { reservePorts, type WantedPort } from '../../net/ports';
import { openDataFolder } from '../../storage/private-folder';
import { ServerLog } from './log-file';
import { waitUntilReady } from './readiness';
import { chooseUiEndpoint, guardUi, type Endpoint, type UiGuard } from './ui-guard';
import { adoptServer, spawnServer, type ProcessEnd, type ServerProcess } from './server-process';
import {
  addressOf,
  databaseIn,
  firstArguments,
  removeRecord,
  runningServer,
  uiUrlOf,
  writeRecord,
  type ServerRecord,
} from './pid-file';

const READY_WITHIN_MS = 60_000;
/** A server that was already running has had time to start. */
const HEALTHY_WITHIN_MS = 5_000;
/** A kill after that loses no data: SQLite's write-ahead log survives it. */
const STOP_WITHIN_MS = 5_000;
/** A server that does not answer rarely reacts to SIGTERM. */
const STOP_UNHEALTHY_WITHIN_MS = 2_000;
const ROTATE_LOG_EVERY_MS = 60_000;
const SHOWN_LINES = 15;
/** Another program can take a free port between the check and the server's start. */
const PORT_ATTEMPTS = 3;
/** The first version with `--ui-disable-news-fetch`. */
const HAS_NEWS_FLAG = '1.8.0';

/** The dev server could not be started, or was not ready in time. The message contains the last lines of its log. */
export class DevServerFailed extends StartError {
  override readonly name = 'DevServerFailed';
  readonly code = 'dev_server_failed';
}

/** How the dev server ended without being stopped. */
export interface ServerEnd extends ProcessEnd {
  /** The last lines of its log. */
  lastLines: string[];
}

/** The dev server, ready. */
export interface DevServer {
  /** `127.0.0.1:7233`. */
  readonly address: string;
  /** `http://127.0.0.1:8233`, without a slash at the end. */
  readonly uiUrl: string;
  readonly pid: number;
  /** Whether an earlier bridge had started it. */
  readonly takenOver: boolean;
  /** Stops it, within ten seconds, and without a call of `onExit`. Safe to call twice. */
  stop(): Promise<void>;
}

/** How the dev server is started. */
export interface DevServerOptions {
  cli: Pick<TemporalCli, 'path' | 'version'>;
  /**
   * The folder of its database, its log (`temporal.log`) and its record (`temporal.pid`). The caller makes sure that
   * one bridge at a time uses it.
   */
  dataDir: string;
  /** The address that it listens on. Default 127.0.0.1: it has no authentication. */
  ip?: string;
  /** 0 for any free port. */
  port: number;
  uiPort: number;
  /** Default `default`, which always exists. */
  namespace?: string;
  log: Logger;
  /** Cancels the start: a process that was started is stopped. No effect once the server is ready. */
  signal?: AbortSignal;
  /** Called when it ends without being stopped. The caller decides whether to start it again. */
  onExit: (end: ServerEnd) => void;
  /** Names of the settings that choose the ports, for messages. */
  settings?: { port: string; uiPort: string };
}

/**
 * Starts Temporal's dev server on the data folder, and the guard of its UI in this process. A server that a killed bridge
 * left running there is taken over when it is healthy, of the same version, and listens on the wanted ports; else it is
 * stopped first.
 *
 * Guarantees: when this returns, the namespace answers and the UI is served. The server ends when the bridge's process
 * ends, unless that is killed (`kill -9`); then the next start finds the server by its record.
 *
 * Not guaranteed: that the server keeps running; it is not restarted here.
 *
 * @throws PortUnavailable before anything is started.
 * @throws DevServerFailed when it ends early, is not ready within a minute, or `signal` aborts first.
 */
export async function startDevServer(options: DevServerOptions): Promise<DevServer> {
  const dataDir = resolve(options.dataDir);
  openDataFolder(dataDir);
  const log = new ServerLog(join(dataDir, 'temporal.log'));
  const start = { ...options, dataDir, ip: options.ip ?? '127.0.0.1', namespace: options.namespace ?? 'default' };
  const leftover = runningServer(dataDir);
  if (leftover !== null) {
    const adopted = adoptServer(leftover.pid, leftover.started);
    const isHealthy = (await waitUntilReady(leftover, HEALTHY_WITHIN_MS, new Promise(() => undefined))) === null;
    if (isHealthy && leftover.ui !== undefined && matchesStart(leftover, start)) {
      await reservePorts(start.ip, [uiPortOf(start, leftover.ui_port)]);
      const guard = await guardFor(leftover.ip, leftover.ui_port, leftover.ui);
      options.log.info({ pid: leftover.pid }, "took over Temporal's server, which an earlier bridge left running");
      return handleOf({ server: adopted, record: leftover, guard, start, log, takenOver: true });
    }
    options.log.warn({ pid: leftover.pid }, "stopping Temporal's server, which an earlier bridge left running");
    await adopted.stop(isHealthy ? STOP_WITHIN_MS : STOP_UNHEALTHY_WITHIN_MS);
  }
  removeRecord(dataDir);
  if (options.signal?.aborted === true) {
    throw new DevServerFailed("Temporal's server was not started: the bridge was stopped first");
  }
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await startNew(start, log);
    } catch (error) {
      const lostRace = error instanceof DevServerFailed && /address already in use/.test(error.message);
      if (!lostRace || attempt === PORT_ATTEMPTS || (options.port !== 0 && options.uiPort !== 0)) {
        throw error;
      }
    }
  }
}

/** The address of a data folder's dev server; null while none runs (see {@link runningServer}). */
export function embeddedAddressOf(dataDir: string): string | null {
  const record = runningServer(dataDir);
  return record === null ? null : addressOf(record);
}

/** The base address of the UI of a data folder's dev server; null while none runs. */
export function embeddedUiOf(dataDir: string): string | null {
  const record = runningServer(dataDir);
  return record === null ? null : uiUrlOf(record);
}

type Start = DevServerOptions & { ip: string; namespace: string };

function matchesStart(record: ServerRecord, start: Start): boolean {
  return (
    record.ip === start.ip &&
    record.namespace === start.namespace &&
    record.version === start.cli.version &&
    (start.port === 0 || start.port === record.port) &&
    (start.uiPort === 0 || start.uiPort === record.ui_port)
  );
}

async function startNew(start: Start, log: ServerLog): Promise<DevServer> {
  const wanted: WantedPort[] = [
    {
      port: start.port,
      purpose: "Temporal's server",
      setting: start.settings?.port ?? 'BRIDGE_TEMPORAL_PORT (temporal.port in bridge.yaml)',
    },
    uiPortOf(start, start.uiPort),
  ];
  const [port = start.port, uiPort = start.uiPort] = await reservePorts(start.ip, wanted);
  const ui = await chooseUiEndpoint();
  const guard = await guardFor(start.ip, uiPort, ui);
  const db = databaseIn(start.dataDir);
  let server: ServerProcess;
  try {
    server = await spawnServer(start.cli.path, argumentsFor(start, db, port, ui), log);
  } catch (error) {
    guard.close();
    throw new DevServerFailed(
      `Temporal's server could not be started: ${isNativeError(error) ? error.message : 'unknown reason'}`,
    );
  }
  const record: ServerRecord = {
    pid: server.pid,
    started: server.started,
    ip: start.ip,
    port,
    ui_port: uiPort,
    ui,
    namespace: start.namespace,
    db,
    version: start.cli.version,
  };
  writeRecord(start.dataDir, record);
  const failure = await waitUntilReady(record, READY_WITHIN_MS, server.ended, start.signal);
  if (failure !== null) {
    guard.close();
    await server.stop(start.signal?.aborted === true ? STOP_UNHEALTHY_WITHIN_MS : STOP_WITHIN_MS);
    removeRecord(start.dataDir);
    throw new DevServerFailed(
      [`Temporal's server ${failure}. The end of its log (${log.path}):`, ...indentedTail(log)].join('\n'),
    );
  }
  return handleOf({ server, record, guard, start, log, takenOver: false });
}

function uiPortOf(start: Start, port: number): WantedPort {
  const setting = start.settings?.uiPort ?? 'BRIDGE_TEMPORAL_UI_PORT (temporal.ui_port in bridge.yaml)';
  return { port, purpose: "Temporal's UI", setting };
}

async function guardFor(ip: string, port: number, ui: Endpoint): Promise<UiGuard> {
  try {
    return await guardUi({ ip, port, ui });
  } catch (error) {
    throw new DevServerFailed(
      `Temporal's UI cannot be served: ${isNativeError(error) ? error.message : 'unknown reason'}`,
    );
  }
}

function argumentsFor(start: Start, db: string, port: number, ui: Endpoint): string[] {
  const dynamicConfig = [
    // Temporal's HTTP API, on a random port, would answer any Host: the same danger as with the UI (ui-guard.ts).
    'frontend.httpAllowedHosts=["127.0.0.1:*"]',
    'matching.numTaskqueueReadPartitions=1',
    'matching.numTaskqueueWritePartitions=1',
    'system.enableActivityEagerExecution=true',
    'frontend.enableServerVersionCheck=false',
  ];
  return [
    ...firstArguments(db),
    '--sqlite-pragma=journal_mode=WAL',
    '--sqlite-pragma=synchronous=NORMAL',
    `--ip=${start.ip}`,
    `--port=${port}`,
    `--ui-ip=${ui.ip}`,
    `--ui-port=${ui.port}`,
    `--namespace=${start.namespace}`,
    '--log-level=warn',
    '--log-format=json',
    // The operator's own Temporal configuration is for clients. An invalid file would keep the server from starting.
    '--disable-config-file',
    '--disable-config-env',
    ...dynamicConfig.map((entry) => `--dynamic-config-value=${entry}`),
    // Applies to new databases only (reference temporal.md 1.6); search-attributes.ts adds them to others.
    ...Object.entries(SEARCH_ATTRIBUTES).map(([name, type]) => `--search-attribute=${name}=${type}`),
    ...(isAtLeast(start.cli.version, HAS_NEWS_FLAG) ? ['--ui-disable-news-fetch'] : []),
  ];
}

function handleOf(running: {
  server: ServerProcess;
  record: ServerRecord;
  guard: UiGuard;
  start: Start;
  log: ServerLog;
  takenOver: boolean;
}): DevServer {
  const { server, record, guard, start, log, takenOver } = running;
  let stopping: Promise<void> | null = null;
  let hasEnded = false;
  const rotating = setInterval(() => log.rotate(), ROTATE_LOG_EVERY_MS);
  rotating.unref();
  const cleanUp = (): void => {
    clearInterval(rotating);
    guard.close();
    removeRecord(start.dataDir);
  };
  void server.ended.then((end) => {
    if (stopping === null) {
      hasEnded = true;
      cleanUp();
      start.onExit({ ...end, lastLines: log.tail(SHOWN_LINES) });
    }
  });
  return {
    address: addressOf(record),
    uiUrl: uiUrlOf(record),
    pid: server.pid,
    takenOver,
    // After it has ended, its process id and the record in the data folder may belong to another server.
    stop: () => (hasEnded ? Promise.resolve() : (stopping ??= server.stop(STOP_WITHIN_MS).then(cleanUp))),
  };
}

function indentedTail(log: ServerLog): string[] {
  const lines = log.tail(SHOWN_LINES);
  return (lines.length === 0 ? ['(empty)'] : lines).map((line) => `  ${line}`);
}
