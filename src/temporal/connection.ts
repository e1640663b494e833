import { setTimeout as delay } from 'node:timers/promises';
import { isNativeError } from 'node:util/types';
import { Connection, defaultGrpcRetryOptions, makeGrpcRetryInterceptor } from '@temporalio/client';
import type { NativeConnection } from '@temporalio/worker';
import { configuredTemporal, type ConnectionBasics, type TemporalSettings } from './configured-temporal';

const LOOPBACK = '127.0.0.1';
const DEFAULT_PORT = 7233;
const DEFAULT_NAMESPACE = 'default';
const CLIENT_CONNECT_MS = 5_000;
/** The server answers a long poll (waiting for a run to close) after twenty seconds at the latest. */
const CALL_WITHIN_MS = 30_000;
/**
 * The SDK's ten attempts overshoot every deadline (reference temporal.md 1.5); who calls repeats, at a pace of its own.
 */
const ATTEMPTS = 3;
const NATIVE_CONNECT_MS = 15_000;

/** Temporal could not be reached. The message says where it was looked for, and what chose that place. */
export class TemporalUnreachable extends Error {
  override readonly name = 'TemporalUnreachable';
}

/** Where Temporal is, and how to connect to it. */
export interface ResolvedTemporal {
  /**
   * `configured` by the operator, the bridge's own `embedded` server, or, with neither, the `default` address on this
   * machine.
   */
  kind: 'configured' | 'embedded' | 'default';
  /** What said so, for messages: `TEMPORAL_ADDRESS`, `profile "prod" in /etc/temporal.toml`. */
  source: string;
  /** `host:port`. */
  address: string;
  namespace: string;
  /**
   * Address and credentials as both kinds of connection take them. A function, so that no log prints them by accident.
   */
  connectionOptions: () => ConnectionBasics;
}

/**
 * Where Temporal is: as configured (see {@link configuredTemporal}), else the embedded server, else `127.0.0.1:7233`.
 *
 * @param options.embeddedAddress of the embedded server; null when none runs.
 * @throws TemporalSettingsFault
 */
export function resolveTemporal(options: {
  settings?: TemporalSettings;
  env: NodeJS.ProcessEnv;
  embeddedAddress: string | null;
}): ResolvedTemporal {
  const { env, embeddedAddress } = options;
  const configured = configuredTemporal(options.settings ?? {}, env);
  if (configured !== null) {
    const { source, address, namespace, connectionOptions } = configured;
    return { kind: 'configured', source, address, namespace: namespace ?? DEFAULT_NAMESPACE, connectionOptions };
  }
  const namespace = nonEmpty(env['TEMPORAL_NAMESPACE']) ?? nonEmpty(options.settings?.namespace) ?? DEFAULT_NAMESPACE;
  const address =
    embeddedAddress ??
    `${LOOPBACK}:${options.settings?.port === undefined || options.settings.port === 0 ? DEFAULT_PORT : options.settings.port}`;
  const found =
    embeddedAddress === null
      ? {
          kind: 'default' as const,
          source: 'the default, as neither TEMPORAL_ADDRESS nor a profile says where Temporal is',
        }
      : { kind: 'embedded' as const, source: "the bridge's own server" };
  return { ...found, address, namespace, connectionOptions: () => ({ address }) };
}

/**
 * A connection that needs no native code, for the receiver and for commands. It connects when it is first used, so
 * Temporal may be away now. Every call ends: after 30 s unless the caller sets a nearer deadline (`withDeadline`). The
 * caller closes it.
 */
export function connectClient(temporal: ResolvedTemporal, callWithinMs: number = CALL_WITHIN_MS): Connection {
  const retry = makeGrpcRetryInterceptor(defaultGrpcRetryOptions({ maxAttempts: ATTEMPTS }));
  // All attempts of one call share one deadline.
  const boundedRetry: typeof retry = (options, nextCall) =>
    retry({ ...options, deadline: options.deadline ?? Date.now() + callWithinMs }, nextCall);
  return Connection.lazy({
    ...temporal.connectionOptions(),
    connectTimeout: CLIENT_CONNECT_MS,
    interceptors: [boundedRetry],
  });
}

/**
 * The worker's connection; a Client on top of it can start runs eagerly. Only for a process that has installed the
 * SDK's runtime. The caller closes it.
 *
 * @throws TemporalUnreachable when there is no answer within 15 s.
 */
export async function connectNative(
  temporal: ResolvedTemporal,
  withinMs: number = NATIVE_CONNECT_MS,
): Promise<NativeConnection> {
  // Only a worker pays for loading the native code.
  const { NativeConnection } = await import('@temporalio/worker');
  const connecting = NativeConnection.connect(temporal.connectionOptions());
  const stop = new AbortController();
  const late = delay(withinMs, null, { signal: stop.signal });
  try {
    const connection = await Promise.race([connecting, late]);
    if (connection !== null) {
      return connection;
    }
  } catch (error) {
    throw new TemporalUnreachable(unreachable(temporal, isNativeError(error) ? error.message : 'unknown reason'), {
      cause: error,
    });
  } finally {
    stop.abort();
    late.catch(() => undefined);
  }
  connecting.then(
    (connection) => connection.close(),
    () => undefined,
  );
  throw new TemporalUnreachable(unreachable(temporal, `no answer within ${withinMs / 1_000} s`));
}

function unreachable({ address, source }: ResolvedTemporal, why: string): string {
  return `Temporal at ${address} (from ${source}) cannot be reached: ${why}`;
}

function nonEmpty(value: string | null | undefined): string | null {
  return value === undefined || value === null || value === '' ? null : value;
}
