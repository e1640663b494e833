import { accessSync, constants } from 'node:fs';
import { isNativeError } from 'node:util/types';
import {
  loadClientConfigProfile,
  toClientOptions,
  type ClientConfigProfile,
  type ClientConfigTLS,
} from '@temporalio/envconfig';
import type { NativeConnectionOptions } from '@temporalio/worker';
import type { Secret } from '../settings/secret';

/** The `temporal` section of bridge.yaml, as far as it says where Temporal is. */
export interface TemporalSettings {
  /** `host:port`. */
  address?: string | null | undefined;
  namespace?: string | null | undefined;
  /** Where the bridge's own server listens. */
  port?: number;
  apiKey?: Secret | null | undefined;
}

/** What the pure and the native connection both take. */
export type ConnectionBasics = Pick<NativeConnectionOptions, 'address' | 'tls' | 'metadata'> & { apiKey?: string };

/** A Temporal server that the operator has named. */
export interface ConfiguredTemporal {
  /** What named it, for messages. */
  source: string;
  /** `host:port`. */
  address: string;
  /** Null when nothing says so. */
  namespace: string | null;
  connectionOptions: () => ConnectionBasics;
}

/** Where Temporal is was said wrongly. The message lists every fault with the variable or file it stands in. */
export class TemporalSettingsFault extends Error {
  override readonly name = 'TemporalSettingsFault';

  constructor(readonly faults: readonly string[]) {
    super(['Where Temporal is, is set wrongly:', ...faults.map((fault) => `  - ${fault}`)].join('\n'));
  }
}

/**
 * The Temporal server that the operator has named, or null: then the embedded one is meant.
 *
 * In this order: `TEMPORAL_ADDRESS`; the profile that `TEMPORAL_PROFILE` or `TEMPORAL_CONFIG_FILE` asks for;
 * `temporal.address` in bridge.yaml; the profile `default` of Temporal's own configuration file, when it has an
 * address. The other `TEMPORAL_*` (namespace, API key, TLS) add to whichever it is.
 *
 * @throws TemporalSettingsFault
 */
export function configuredTemporal(settings: TemporalSettings, env: NodeJS.ProcessEnv): ConfiguredTemporal | null {
  const variables = temporalVariables(env);
  const asksForProfile = variables['TEMPORAL_PROFILE'] !== undefined || variables['TEMPORAL_CONFIG_FILE'] !== undefined;
  const own = settings.address ?? '';
  const ownDecides = own !== '' && variables['TEMPORAL_ADDRESS'] === undefined && !asksForProfile;
  const loaded = load(variables, ownDecides);
  const profile: ClientConfigProfile = ownDecides ? { ...withKey(loaded, settings), address: own } : loaded;
  const source = sourceOf(variables, ownDecides, asksForProfile);
  const faults = faultsOf(profile, variables, source, asksForProfile);
  if (faults.length > 0) {
    throw new TemporalSettingsFault(faults);
  }
  const { address } = profile;
  if (address === undefined || address === '') {
    return null;
  }
  const { connectionOptions } = toClientOptions(profile);
  const { tls, metadata } = connectionOptions;
  return {
    source,
    address,
    namespace: profile.namespace ?? settings.namespace ?? null,
    connectionOptions: () => ({
      address,
      ...(tls === undefined ? {} : { tls }),
      ...(metadata === undefined ? {} : { metadata }),
      ...(profile.apiKey === undefined ? {} : { apiKey: profile.apiKey }),
    }),
  };
}

/** The variables that matter, without empty ones: `TEMPORAL_ADDRESS=` in an env file means "not set". */
function temporalVariables(env: NodeJS.ProcessEnv): Record<string, string> {
  const wanted = /^(?:TEMPORAL_|HOME$|XDG_CONFIG_HOME$|APPDATA$)/;
  return Object.fromEntries(
    Object.entries(env).filter(
      (entry): entry is [string, string] => wanted.test(entry[0]) && entry[1] !== undefined && entry[1] !== '',
    ),
  );
}

function load(variables: Record<string, string>, disableFile: boolean): ClientConfigProfile {
  const file = variables['TEMPORAL_CONFIG_FILE'];
  if (file !== undefined && !disableFile && !isReadable(file)) {
    throw new TemporalSettingsFault([`TEMPORAL_CONFIG_FILE: ${file} cannot be read`]);
  }
  try {
    return loadClientConfigProfile({ overrideEnvVars: variables, disableFile });
  } catch (error) {
    const where =
      file === undefined
        ? "Temporal's configuration file (temporalio/temporal.toml in your configuration folder)"
        : `TEMPORAL_CONFIG_FILE: ${file}`;
    throw new TemporalSettingsFault([describeLoadFault(error, variables['TEMPORAL_PROFILE'], where)]);
  }
}

/** The loader's message for a faulty file quotes the file, keys and all: only the place is taken from it. */
function describeLoadFault(error: unknown, profile: string | undefined, where: string): string {
  const message = isNativeError(error) ? error.message : '';
  if (profile !== undefined && message.startsWith(`Profile '${profile}' not found`)) {
    return `TEMPORAL_PROFILE: there is no profile "${profile}" in ${where}`;
  }
  const both = /^Cannot specify both (\w+)_path and \w+_data/.exec(message)?.[1];
  if (both !== undefined) {
    const name = `TEMPORAL_TLS_${both.toUpperCase()}`;
    return `${name}_PATH and ${name}_DATA (${both}_path and ${both}_data in a profile) are both set: keep one`;
  }
  const place =
    isNativeError(error) && 'line' in error && 'column' in error
      ? `, line ${String(error.line)}, column ${String(error.column)}`
      : '';
  return `${where}${place}: is not a configuration file that Temporal's clients can read`;
}

/** An API key in bridge.yaml goes only to the server named there. */
function withKey(loaded: ClientConfigProfile, settings: TemporalSettings): ClientConfigProfile {
  const apiKey = loaded.apiKey ?? settings.apiKey?.reveal();
  return apiKey === undefined ? loaded : { ...loaded, apiKey };
}

function sourceOf(variables: Record<string, string>, ownDecides: boolean, asksForProfile: boolean): string {
  if (variables['TEMPORAL_ADDRESS'] !== undefined) {
    return 'TEMPORAL_ADDRESS';
  }
  if (ownDecides) {
    return 'temporal.address in the settings';
  }
  const profile = `profile "${variables['TEMPORAL_PROFILE'] ?? 'default'}"`;
  return asksForProfile && variables['TEMPORAL_CONFIG_FILE'] !== undefined
    ? `${profile} in ${variables['TEMPORAL_CONFIG_FILE']}`
    : `${profile} in Temporal's configuration file`;
}

function faultsOf(
  profile: ClientConfigProfile,
  variables: Record<string, string>,
  source: string,
  asksForProfile: boolean,
): string[] {
  const faults: string[] = [];
  const { address } = profile;
  if (address === undefined) {
    const orphans = Object.keys(variables).filter(
      (name) => name === 'TEMPORAL_API_KEY' || name.startsWith('TEMPORAL_TLS'),
    );
    if (asksForProfile) {
      faults.push(`${source}: has no address (or set TEMPORAL_ADDRESS)`);
    } else if (orphans.length > 0) {
      faults.push(`${orphans.join(', ')}: set, but not for which server: set TEMPORAL_ADDRESS, too`);
    }
  } else if (!isAddress(address)) {
    faults.push(
      `${source}: ${JSON.stringify(address)} is no address; write host:port, such as temporal.example.com:7233, without https://`,
    );
  }
  if (profile.tls !== undefined && profile.tls.disabled !== true) {
    faults.push(...tlsFaults(profile.tls, variables));
  }
  return faults;
}

function tlsFaults(tls: ClientConfigTLS, variables: Record<string, string>): string[] {
  const files = [
    { field: 'CLIENT_CERT', value: tls.clientCert },
    { field: 'CLIENT_KEY', value: tls.clientKey },
    { field: 'SERVER_CA_CERT', value: tls.serverCACert },
  ];
  const faults = files.flatMap(({ field, value }) =>
    value !== undefined && 'path' in value && !isReadable(value.path)
      ? [`${nameOf(field, variables)}: ${value.path} cannot be read`]
      : [],
  );
  if ((tls.clientCert === undefined) !== (tls.clientKey === undefined)) {
    const [given, lacking] = tls.clientCert === undefined ? ['key', 'CLIENT_CERT'] : ['certificate', 'CLIENT_KEY'];
    faults.push(`TEMPORAL_TLS_${lacking}_PATH: missing; a client ${given} alone is of no use`);
  }
  if (variables['TEMPORAL_TLS_DISABLE_HOST_VERIFICATION'] !== undefined) {
    faults.push(
      'TEMPORAL_TLS_DISABLE_HOST_VERIFICATION: this SDK always verifies; name the CA in TEMPORAL_TLS_SERVER_CA_CERT_PATH, or the name on the certificate in TEMPORAL_TLS_SERVER_NAME',
    );
  }
  return faults;
}

function nameOf(field: string, variables: Record<string, string>): string {
  const variable = `TEMPORAL_TLS_${field}_PATH`;
  return variables[variable] === undefined ? `tls.${field.toLowerCase()}_path in the profile` : variable;
}

function isAddress(text: string): boolean {
  const port = /^(?:\[[0-9a-f:.]+\]|[\w.-]+)(?::(\d{1,5}))?$/i.exec(text);
  return port !== null && (port[1] === undefined || (Number(port[1]) > 0 && Number(port[1]) < 65_536));
}

function isReadable(path: string): boolean {
  try {
    accessSync(path, constants.R_OK);
    return true;
  } catch {
    return false;
  }
}
