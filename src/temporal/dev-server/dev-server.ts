import { mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { isNativeError } from 'node:util/types';
import { Connection } from '@temporalio/client';
import type { Logger } from 'pino';
import type { TemporalCli } from './find-cli';
import { isAtLeast } from './cli-version';
import { SEARCH_ATTRIBUTES } from '../../runs/names';
import { reservePorts, type WantedPort } from '../../net/ports';
import { ServerLog } from './log-file';
import { adoptServer, spawnServer, type ProcessEnd, type ServerProcess } from './server-process';
import { databaseIn, firstArguments, removeRecord, runningServer, writeRecord, type ServerRecord } from './pid-file';

const READY_WITHIN_MS = 60_000;
/** A server that was there before us has had its time to start. */
const HEALTHY_WITHIN_MS = 5_000;
const CALL_WITHIN_MS = 2_000;
/** Its data are safe either way: SQLite's write-ahead log survives a kill. */
const STOP_WITHIN_MS = 5_000;
/** One that does not answer hardly hears a request to end. */
const STOP_SICK_WITHIN_MS = 2_000;
const BOUND_LOG_EVERY_MS = 60_000;
const SHOWN_LINES = 15;
/** Free ports can be taken between our look and the server's. */
const PORT_TRIES = 3;
/** From this version on the UI can be told not to fetch news. */
const KNOWS_NEWS_FLAG = '1.8.0';

/** The embedded server could not be started, or not in time. The message holds the last lines of its log. */
export class DevServerFailed extends Error {
  override readonly name = 'DevServerFailed';
}

/** How the embedded server ended by itself. */
export interface ServerEnd extends ProcessEnd {
  /** The last lines of its log. */
  lastLines: string[];
}

/** The embedded server, ready. */
export interface DevServer {
  /** `127.0.0.1:7233`. */
  readonly address: string;
  /** `http://127.0.0.1:8233`, without a slash at the end. */
  readonly uiUrl: string;
  readonly pid: number;
  /** Whether an earlier bridge had started it. */
  readonly takenOver: boolean;
  /** Ends it, within ten seconds; `onExit` is not called then. Safe to call twice. */
  stop(): Promise<void>;
}

/** What the embedded server is started with. */
export interface DevServerOptions {
  cli: Pick<TemporalCli, 'path' | 'version'>;
  /**
   * Holds its database, its log (`temporal.log`) and its record (`temporal.pid`). One bridge at a time: the caller sees
   * to that.
   */
  dataDir: string;
  /** Where it listens. Default 127.0.0.1: it has no authentication. */
  ip?: string;
  /** 0 for any free port. */
  port: number;
  uiPort: number;
  /** Default `default`, which is there in any case. */
  namespace?: string;
  log: Logger;
  /** Gives up starting: what runs by then is ended. Of no effect once the server is ready. */
  signal?: AbortSignal;
  /** It ended by itself. Starting it again is the caller's decision. */
  onExit: (end: ServerEnd) => void;
  /** What chooses the ports, for messages. */
  settings?: { port: string; uiPort: string };
}

/**
 * Starts Temporal's dev server on the data folder, or takes over the one that a killed bridge left there: when it is
 * healthy, of the same version, and listens where it should; else that one is ended first.
 *
 * When this returns, the namespace answers and the UI is served. The server ends when the bridge's process ends in any
 * way but `kill -9` (or the like); then the next start finds it by its record. It is not restarted here.
 *
 * @throws PortUnavailable before anything is started.
 * @throws DevServerFailed when it ends early, is not ready within a minute, or `signal` aborts first.
 */
export async function startDevServer(options: DevServerOptions): Promise<DevServer> {
  const dataDir = resolve(options.dataDir);
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  const log = new ServerLog(join(dataDir, 'temporal.log'));
  const start = { ...options, dataDir, ip: options.ip ?? '127.0.0.1', namespace: options.namespace ?? 'default' };
  const left = runningServer(dataDir);
  if (left !== null) {
    const adopted = adoptServer(left.pid, left.started);
    const healthy = await isHealthy(left);
    if (healthy && fits(left, start)) {
      options.log.info({ pid: left.pid }, "took over Temporal's server that an earlier bridge left running");
      return handleOf(adopted, left, start, log, true);
    }
    options.log.warn({ pid: left.pid }, "ending Temporal's server that an earlier bridge left running");
    await adopted.stop(healthy ? STOP_WITHIN_MS : STOP_SICK_WITHIN_MS);
  }
  removeRecord(dataDir);
  if (options.signal?.aborted === true) {
    throw new DevServerFailed("Temporal's server was not started: it was told to stop first");
  }
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await startNew(start, log);
    } catch (error) {
      const lostRace = error instanceof DevServerFailed && /address already in use/.test(error.message);
      if (!lostRace || attempt === PORT_TRIES || (options.port !== 0 && options.uiPort !== 0)) {
        throw error;
      }
    }
  }
}

/** Where the embedded server of a data folder answers; null while none runs (see {@link runningServer}). */
export function embeddedAddressOf(dataDir: string): string | null {
  const record = runningServer(dataDir);
  return record === null ? null : addressOf(record);
}

/** Where the UI of a data folder's embedded server is; null while none runs. */
export function embeddedUiOf(dataDir: string): string | null {
  const record = runningServer(dataDir);
  return record === null ? null : uiUrlOf(record);
}

type Start = DevServerOptions & { ip: string; namespace: string };

function fits(record: ServerRecord, start: Start): boolean {
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
    {
      port: start.uiPort,
      purpose: "Temporal's UI",
      setting: start.settings?.uiPort ?? 'BRIDGE_TEMPORAL_UI_PORT (temporal.ui_port in bridge.yaml)',
    },
  ];
  const [port = start.port, uiPort = start.uiPort] = await reservePorts(start.ip, wanted);
  const db = databaseIn(start.dataDir);
  let server: ServerProcess;
  try {
    server = await spawnServer(start.cli.path, argumentsFor(start, db, port, uiPort), log);
  } catch (error) {
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
    namespace: start.namespace,
    db,
    version: start.cli.version,
  };
  writeRecord(start.dataDir, record);
  const problem = await becomesReady(record, READY_WITHIN_MS, server.ended, start.signal);
  if (problem !== null) {
    await server.stop(start.signal?.aborted === true ? STOP_SICK_WITHIN_MS : STOP_WITHIN_MS);
    removeRecord(start.dataDir);
    throw new DevServerFailed(
      [`Temporal's server ${problem}. The end of its log (${log.path}):`, ...indented(log)].join('\n'),
    );
  }
  return handleOf(server, record, start, log, false);
}

function argumentsFor(start: Start, db: string, port: number, uiPort: number): string[] {
  const dynamicConfig = [
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
    `--ui-port=${uiPort}`,
    `--namespace=${start.namespace}`,
    '--log-level=warn',
    '--log-format=json',
    // What the operator's own Temporal configuration says is for clients, and a faulty file would keep the server from
    // starting.
    '--disable-config-file',
    '--disable-config-env',
    ...dynamicConfig.map((entry) => `--dynamic-config-value=${entry}`),
    // Only a new database heeds these (reference temporal.md 1.6); search-attributes.ts sees to the others.
    ...Object.entries(SEARCH_ATTRIBUTES).map(([name, type]) => `--search-attribute=${name}=${type}`),
    ...(isAtLeast(start.cli.version, KNOWS_NEWS_FLAG) ? ['--ui-disable-news-fetch'] : []),
  ];
}

function handleOf(
  server: ServerProcess,
  record: ServerRecord,
  start: Start,
  log: ServerLog,
  takenOver: boolean,
): DevServer {
  let stopping: Promise<void> | null = null;
  let endedByItself = false;
  const bounding = setInterval(() => log.bound(), BOUND_LOG_EVERY_MS);
  bounding.unref();
  const letGo = (): void => {
    clearInterval(bounding);
    removeRecord(start.dataDir);
  };
  void server.ended.then((end) => {
    if (stopping === null) {
      endedByItself = true;
      letGo();
      start.onExit({ ...end, lastLines: log.tail(SHOWN_LINES) });
    }
  });
  return {
    address: addressOf(record),
    uiUrl: uiUrlOf(record),
    pid: server.pid,
    takenOver,
    // After it has ended, its process id and the data folder's record may belong to another server.
    stop: () => (endedByItself ? Promise.resolve() : (stopping ??= server.stop(STOP_WITHIN_MS).then(letGo))),
  };
}

async function isHealthy(record: ServerRecord): Promise<boolean> {
  return (await becomesReady(record, HEALTHY_WITHIN_MS, new Promise(() => undefined))) === null;
}

/**
 * Waits until the namespace answers and the UI is served. Returns what went wrong, as the end of a sentence; null when
 * it is ready.
 */
async function becomesReady(
  record: ServerRecord,
  withinMs: number,
  ended: Promise<ProcessEnd>,
  signal?: AbortSignal,
): Promise<string | null> {
  const stop = new AbortController();
  const reconnect = { 'grpc.initial_reconnect_backoff_ms': 100, 'grpc.max_reconnect_backoff_ms': 500 };
  const connection = Connection.lazy({ address: addressOf(record), interceptors: [], channelArgs: reconnect });
  const givenUp = new Promise<string>((resolve) => {
    const giveUp = (): void => resolve('was still starting when it was told to stop');
    if (signal?.aborted === true) {
      giveUp();
    }
    signal?.addEventListener('abort', giveUp, { once: true });
  });
  const early = ended.then(({ code, signal }) => `ended before it was ready (${signal ?? `exit code ${code}`})`);
  try {
    const describe = (): Promise<unknown> =>
      connection.withDeadline(Date.now() + CALL_WITHIN_MS, () =>
        connection.workflowService.describeNamespace({ namespace: record.namespace }),
      );
    // The UI is served before its own connection to the server stands: what counts is that it can show something.
    const serveUi = async (): Promise<void> => {
      const response = await fetch(`${uiUrlOf(record)}/api/v1/namespaces/${record.namespace}`, {
        signal: AbortSignal.timeout(CALL_WITHIN_MS),
      });
      await response.arrayBuffer();
      if (!response.ok) {
        throw new Error(`the UI answers ${response.status}`);
      }
    };
    const ready = Promise.all([
      succeeds(describe, withinMs, stop.signal),
      succeeds(serveUi, withinMs, stop.signal),
    ]).then((done) => (done.every(Boolean) ? null : `was not ready within ${withinMs / 1_000} s`));
    return await Promise.race([early, ready, givenUp]);
  } finally {
    stop.abort();
    await connection.close();
  }
}

/** Tries until it works or the time is up. */
async function succeeds(action: () => Promise<unknown>, withinMs: number, signal: AbortSignal): Promise<boolean> {
  const deadline = Date.now() + withinMs;
  while (Date.now() < deadline && !signal.aborted) {
    try {
      await action();
      return true;
    } catch {
      await delay(100, undefined, { signal }).catch(() => undefined);
    }
  }
  return false;
}

function addressOf(record: ServerRecord): string {
  return `${hostOf(record.ip)}:${record.port}`;
}

function uiUrlOf(record: ServerRecord): string {
  return `http://${hostOf(record.ip)}:${record.ui_port}`;
}

/** What to connect to: a server that listens everywhere is reached through the loopback address. */
function hostOf(ip: string): string {
  const host = ip === '0.0.0.0' ? '127.0.0.1' : ip === '::' ? '::1' : ip;
  return host.includes(':') ? `[${host}]` : host;
}

function indented(log: ServerLog): string[] {
  const lines = log.tail(SHOWN_LINES);
  return (lines.length === 0 ? ['(nothing)'] : lines).map((line) => `  ${line}`);
}
