import { StartError } from '../errors/start-errors';
import { isNativeError } from 'node:util/types';
import { Connection, defaultGrpcRetryOptions, makeGrpcRetryInterceptor } from '@temporalio/client';
import type { NativeConnection } from '@temporalio/worker';
import { settlesWithin } from '../timing/settles-within';
import { clientOptions, workerOptions } from './proxied';
import { configuredTemporal, type ConnectionOptions, type TemporalSettings } from './configured-temporal';

const LOOPBACK = '127.0.0.1';
const DEFAULT_PORT = 7233;
const DEFAULT_NAMESPACE = 'default';
const CLIENT_CONNECT_MS = 5_000;
/** The server answers a long poll (waiting for a run's end) after twenty seconds at the latest. */
const CALL_WITHIN_MS = 30_000;
/** The SDK's default of ten attempts exceeds every deadline (reference temporal.md 1.5). Callers retry by themselves. */
const ATTEMPTS = 3;
const NATIVE_CONNECT_MS = 15_000;

/** Temporal could not be reached. The message contains the address and where it was configured. */
export class TemporalUnreachable extends StartError {
  override readonly name = 'TemporalUnreachable';
  readonly code = 'temporal_unreachable';
}

/** The Temporal server to use, and how to connect to it. */
export interface ResolvedTemporal {
  /** `configured` by the operator; the bridge's own `embedded` server; else the `default` address on this machine. */
  kind: 'configured' | 'embedded' | 'default';
  /** Where the address comes from, for messages: `TEMPORAL_ADDRESS`, `profile "prod" in /etc/temporal.toml`. */
  source: string;
  /** `host:port`. */
  address: string;
  namespace: string;
  /** Address and credentials for both kinds of connection. A function, so that no log prints them by accident. */
  connectionOptions: () => ConnectionOptions;
}

/**
 * Chooses the Temporal server: the configured one (see {@link configuredTemporal}), else the bridge's own, else
 * `127.0.0.1:7233`.
 *
 * @param options.embeddedAddress address of the bridge's own server; null when it does not run.
 * @throws TemporalMisconfigured
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
          source: 'the default, because neither TEMPORAL_ADDRESS nor a profile is set',
        }
      : { kind: 'embedded' as const, source: "the bridge's own server" };
  return { ...found, address, namespace, connectionOptions: () => ({ address }) };
}

/**
 * A connection without native code, for the receiver and for commands. It connects at its first call, so Temporal need
 * not be reachable yet. The caller closes it.
 *
 * Guarantees: every call ends, after `callWithinMs` unless the caller sets an earlier deadline (`withDeadline`).
 */
export function connectClient(temporal: ResolvedTemporal, callWithinMs: number = CALL_WITHIN_MS): Connection {
  const retry = makeGrpcRetryInterceptor(defaultGrpcRetryOptions({ maxAttempts: ATTEMPTS }));
  // All attempts of one call share one deadline.
  const boundedRetry: typeof retry = (options, nextCall) =>
    retry({ ...options, deadline: options.deadline ?? Date.now() + callWithinMs }, nextCall);
  const options = temporal.connectionOptions();
  return Connection.lazy({
    ...options,
    ...clientOptions(options),
    connectTimeout: CLIENT_CONNECT_MS,
    interceptors: [boundedRetry],
  });
}

/**
 * The worker's connection. A Client that uses it can start runs eagerly. The process must have installed the SDK's
 * runtime. The caller closes it.
 *
 * @throws TemporalUnreachable when the connection fails, or takes longer than `withinMs`.
 */
export async function connectNative(
  temporal: ResolvedTemporal,
  withinMs: number = NATIVE_CONNECT_MS,
): Promise<NativeConnection> {
  // Loaded here so that only a worker loads the native code.
  const { NativeConnection } = await import('@temporalio/worker');
  const options = temporal.connectionOptions();
  const connecting = NativeConnection.connect({
    ...options,
    ...workerOptions(options),
    // Over loopback, the SDK's gzip saves nothing: in a burst, it took some 50 MiB of the worker's memory, and one event at
    // a time, 4 % of the server's CPU time.
    ...(temporal.kind === 'configured' ? {} : { grpcCompression: { codec: 'none' as const } }),
  });
  if (!(await settlesWithin(connecting, withinMs))) {
    connecting.then(
      (connection) => connection.close(),
      () => undefined,
    );
    throw new TemporalUnreachable(unreachable(temporal, `no answer within ${withinMs / 1_000} s`));
  }
  try {
    return await connecting;
  } catch (error) {
    throw new TemporalUnreachable(unreachable(temporal, isNativeError(error) ? error.message : 'unknown reason'), {
      cause: error,
    });
  }
}

function unreachable({ address, source }: ResolvedTemporal, why: string): string {
  return `Temporal at ${address} (from ${source}) cannot be reached: ${why}`;
}

function nonEmpty(value: string | null | undefined): string | null {
  return value === undefined || value === null || value === '' ? null : value;
}
