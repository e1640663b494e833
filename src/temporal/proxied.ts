import type { ConnectionOptions as ClientOptions } from '@temporalio/client';
import type { NativeConnectionOptions } from '@temporalio/worker';
import { Proxies, type Proxy } from '../net/proxies';
import { TemporalMisconfigured, type ConnectionOptions } from './configured-temporal';

const DEFAULT_PORT = '7233';

/**
 * The options by which a client's connection takes the proxy of the environment: `HTTPS_PROXY` if Temporal is reached with
 * TLS, none without TLS and for this machine.
 *
 * gRPC's library for Node would choose by itself: it reads `https_proxy` and `http_proxy` in lower case only, and sends
 * connections to this machine through the proxy, too, so that the bridge's own Temporal would not be reached.
 *
 * @throws TemporalMisconfigured for a proxy that is reached by https, which the SDK cannot use.
 */
export function clientOptions(
  options: ConnectionOptions,
  env: NodeJS.ProcessEnv = process.env,
): Required<Pick<ClientOptions, 'address' | 'channelArgs'>> {
  const address = options.address ?? `localhost:${DEFAULT_PORT}`;
  const proxy = proxyFor(options, env);
  if (proxy === null) {
    return { address, channelArgs: { 'grpc.enable_http_proxy': 0 } };
  }
  const login = loginOf(proxy);
  const target = `${hostOf(address)}:${portOf(address)}`;
  return {
    address: hostAndPort(proxy),
    channelArgs: {
      'grpc.enable_http_proxy': 0,
      'grpc.http_connect_target': `dns:${target}`,
      'grpc.default_authority': target,
      ...(login === null ? {} : { 'grpc.http_connect_creds': `${login.username}:${login.password}` }),
    },
  };
}

/** The same for a worker's connection, whose library reads no proxy variables. @throws TemporalMisconfigured */
export function workerOptions(
  options: ConnectionOptions,
  env: NodeJS.ProcessEnv = process.env,
): Pick<NativeConnectionOptions, 'proxy'> {
  const proxy = proxyFor(options, env);
  if (proxy === null) {
    return {};
  }
  const basicAuth = loginOf(proxy);
  return {
    proxy: { type: 'http-connect', targetHost: hostAndPort(proxy), ...(basicAuth === null ? {} : { basicAuth }) },
  };
}

function proxyFor({ address, tls, apiKey }: ConnectionOptions, env: NodeJS.ProcessEnv): Proxy | null {
  // As the SDK has it: an API key switches TLS on unless it is switched off.
  const isTls = tls === undefined || tls === null ? apiKey !== undefined : tls !== false;
  if (address === undefined || !isTls) {
    return null;
  }
  const proxy = new Proxies(env).proxyFor({ protocol: 'https:', hostname: hostOf(address), port: portOf(address) });
  if (proxy?.url.protocol === 'https:') {
    throw new TemporalMisconfigured([
      `the proxy ${proxy.shown} is reached by https, which Temporal's SDK cannot use: add ${hostOf(address)} to NO_PROXY, or use an http:// proxy`,
    ]);
  }
  return proxy;
}

function hostAndPort({ url }: Proxy): string {
  return `${url.hostname}:${url.port === '' ? '80' : url.port}`;
}

function loginOf({ url }: Proxy): { username: string; password: string } | null {
  return url.username === '' && url.password === ''
    ? null
    : { username: decodeURIComponent(url.username), password: decodeURIComponent(url.password) };
}

function hostOf(address: string): string {
  return address.replace(/:\d{1,5}$/, '');
}

function portOf(address: string): string {
  return /:(\d{1,5})$/.exec(address)?.[1] ?? DEFAULT_PORT;
}
