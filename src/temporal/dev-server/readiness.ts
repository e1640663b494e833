import { setTimeout as delay } from 'node:timers/promises';
import { Connection } from '@temporalio/client';
import { requestOnce } from '../../net/request-once';
import { urlHost } from '../../net/url-host';
import { clientOptions } from '../proxied';
import { addressOf, type ServerRecord } from './pid-file';
import type { ProcessEnd } from './server-process';

const CALL_WITHIN_MS = 2_000;
const RETRY_EVERY_MS = 100;

/**
 * Waits until the namespace answers and the UI is served.
 *
 * @param ended the server's process; the wait ends when it does.
 * @param signal ends the wait.
 * @returns null when the server is ready; else why it is not, as the end of a sentence ("was not ready within 60 s").
 */
export async function waitUntilReady(
  record: ServerRecord,
  withinMs: number,
  ended: Promise<ProcessEnd>,
  signal?: AbortSignal,
): Promise<string | null> {
  const stop = new AbortController();
  const reconnect = { 'grpc.initial_reconnect_backoff_ms': 100, 'grpc.max_reconnect_backoff_ms': 500 };
  const { address, channelArgs } = clientOptions({ address: addressOf(record) });
  const connection = Connection.lazy({ address, interceptors: [], channelArgs: { ...channelArgs, ...reconnect } });
  const aborted = new Promise<string>((resolve) => {
    const abort = (): void => resolve('was still starting when the bridge was stopped');
    if (signal?.aborted === true) {
      abort();
    }
    signal?.addEventListener('abort', abort, { once: true });
  });
  const endedEarly = ended.then(({ code, signal }) => `ended before it was ready (${signal ?? `exit code ${code}`})`);
  try {
    const describeNamespace = (): Promise<unknown> =>
      connection.withDeadline(Date.now() + CALL_WITHIN_MS, () =>
        connection.workflowService.describeNamespace({ namespace: record.namespace }),
      );
    const ready = Promise.all([
      succeeds(describeNamespace, withinMs, stop.signal),
      succeeds(() => fetchFromUi(record), withinMs, stop.signal),
    ]).then((succeeded) => (succeeded.every(Boolean) ? null : `was not ready within ${withinMs / 1_000} s`));
    return await Promise.race([endedEarly, ready, aborted]);
  } finally {
    stop.abort();
    await connection.close();
  }
}

/** The UI answers before it is connected to the server, so the check asks it for something that the server knows. */
async function fetchFromUi(record: ServerRecord): Promise<void> {
  const { ip, port } = record.ui ?? { ip: record.ip, port: record.ui_port };
  const { status } = await requestOnce(`http://${urlHost(ip)}:${port}/api/v1/namespaces/${record.namespace}`, {
    timeoutMs: CALL_WITHIN_MS,
  });
  if (status !== 200) {
    throw new Error(`the UI answers ${status}`);
  }
}

/** Repeats the action until it succeeds, the time is up, or the signal aborts. */
async function succeeds(action: () => Promise<unknown>, withinMs: number, signal: AbortSignal): Promise<boolean> {
  const deadline = Date.now() + withinMs;
  while (Date.now() < deadline && !signal.aborted) {
    try {
      await action();
      return true;
    } catch {
      await delay(RETRY_EVERY_MS, undefined, { signal }).catch(() => undefined);
    }
  }
  return false;
}
