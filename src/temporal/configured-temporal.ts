import { StartError } from '../errors/start-errors';
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

/** The part of bridge.yaml's `temporal` section that selects the server. */
export interface TemporalSettings {
  /** `host:port`. */
  address?: string | null | undefined;
  namespace?: string | null | undefined;
  /** The port of the bridge's own server. */
  port?: number;
  apiKey?: Secret | null | undefined;
}

/** Options that the connections of client and worker have in common. */
export type ConnectionOptions = Pick<NativeConnectionOptions, 'address' | 'tls' | 'metadata'> & { apiKey?: string };

/** A Temporal server that the operator configured. */
export interface ConfiguredTemporal {
  /** Where the address was configured, for messages: `TEMPORAL_ADDRESS`. */
  source: string;
  /** `host:port`. */
  address: string;
  /** Null when it is not configured. */
  namespace: string | null;
  connectionOptions: () => ConnectionOptions;
}

/** The Temporal address is misconfigured. The message lists every finding with its variable or file. */
export class TemporalMisconfigured extends StartError {
  override readonly name = 'TemporalMisconfigured';
  readonly code = 'temporal_misconfigured';

  constructor(readonly findings: readonly string[]) {
    super(['The Temporal address is misconfigured:', ...findings.map((finding) => `  - ${finding}`)].join('\n'));
  }
}

/**
 * The Temporal server that the operator configured; null when there is none, and the bridge uses its own.
 *
 * Precedence: `TEMPORAL_ADDRESS`; the profile selected by `TEMPORAL_PROFILE` or `TEMPORAL_CONFIG_FILE`;
 * `temporal.address` in bridge.yaml; the profile `default` of Temporal's own configuration file, when it has an
 * address. The other `TEMPORAL_*` variables (namespace, API key, TLS) apply to each of them.
 *
 * @throws TemporalMisconfigured
 */
export function configuredTemporal(settings: TemporalSettings, env: NodeJS.ProcessEnv): ConfiguredTemporal | null {
  const variables = temporalVariables(env);
  const selectsProfile = variables['TEMPORAL_PROFILE'] !== undefined || variables['TEMPORAL_CONFIG_FILE'] !== undefined;
  const address = settings.address ?? '';
  const usesSettings = address !== '' && variables['TEMPORAL_ADDRESS'] === undefined && !selectsProfile;
  const loaded = load(variables, usesSettings);
  const profile: ClientConfigProfile = usesSettings ? { ...withApiKey(loaded, settings), address } : loaded;
  const source = sourceOf(variables, usesSettings, selectsProfile);
  const findings = findingsIn(profile, variables, source, selectsProfile);
  if (findings.length > 0) {
    throw new TemporalMisconfigured(findings);
  }
  const target = profile.address;
  if (target === undefined || target === '') {
    return null;
  }
  const { connectionOptions } = toClientOptions(profile);
  const { tls, metadata } = connectionOptions;
  return {
    source,
    address: target,
    namespace: profile.namespace ?? settings.namespace ?? null,
    connectionOptions: () => ({
      address: target,
      ...(tls === undefined ? {} : { tls }),
      ...(metadata === undefined ? {} : { metadata }),
      ...(profile.apiKey === undefined ? {} : { apiKey: profile.apiKey }),
    }),
  };
}

/** The variables that Temporal's loader reads. Empty ones are left out: `TEMPORAL_ADDRESS=` means "not set". */
function temporalVariables(env: NodeJS.ProcessEnv): Record<string, string> {
  const relevant = /^(?:TEMPORAL_|HOME$|XDG_CONFIG_HOME$|APPDATA$)/;
  return Object.fromEntries(
    Object.entries(env).filter(
      (entry): entry is [string, string] => relevant.test(entry[0]) && entry[1] !== undefined && entry[1] !== '',
    ),
  );
}

function load(variables: Record<string, string>, disableFile: boolean): ClientConfigProfile {
  const file = variables['TEMPORAL_CONFIG_FILE'];
  if (file !== undefined && !disableFile && !isReadable(file)) {
    throw new TemporalMisconfigured([`TEMPORAL_CONFIG_FILE: ${file} cannot be read`]);
  }
  try {
    return loadClientConfigProfile({ overrideEnvVars: variables, disableFile });
  } catch (error) {
    const where =
      file === undefined
        ? "Temporal's configuration file (temporalio/temporal.toml in your configuration folder)"
        : `TEMPORAL_CONFIG_FILE: ${file}`;
    throw new TemporalMisconfigured([describeLoadError(error, variables['TEMPORAL_PROFILE'], where)]);
  }
}

/** The loader's message for an invalid file quotes it, secrets included: only the line and column are used. */
function describeLoadError(error: unknown, profile: string | undefined, where: string): string {
  const message = isNativeError(error) ? error.message : '';
  if (profile !== undefined && message.startsWith(`Profile '${profile}' not found`)) {
    return `TEMPORAL_PROFILE: there is no profile "${profile}" in ${where}`;
  }
  const duplicate = /^Cannot specify both (\w+)_path and \w+_data/.exec(message)?.[1];
  if (duplicate !== undefined) {
    const name = `TEMPORAL_TLS_${duplicate.toUpperCase()}`;
    return `${name}_PATH and ${name}_DATA (${duplicate}_path and ${duplicate}_data in a profile) are both set: remove one`;
  }
  const place =
    isNativeError(error) && 'line' in error && 'column' in error
      ? `, line ${String(error.line)}, column ${String(error.column)}`
      : '';
  return `${where}${place}: is not a configuration file that Temporal's clients can read`;
}

/** An API key in bridge.yaml is sent only to the server configured there. */
function withApiKey(loaded: ClientConfigProfile, settings: TemporalSettings): ClientConfigProfile {
  const apiKey = loaded.apiKey ?? settings.apiKey?.reveal();
  return apiKey === undefined ? loaded : { ...loaded, apiKey };
}

function sourceOf(variables: Record<string, string>, usesSettings: boolean, selectsProfile: boolean): string {
  if (variables['TEMPORAL_ADDRESS'] !== undefined) {
    return 'TEMPORAL_ADDRESS';
  }
  if (usesSettings) {
    return 'temporal.address in the settings';
  }
  const profile = `profile "${variables['TEMPORAL_PROFILE'] ?? 'default'}"`;
  return selectsProfile && variables['TEMPORAL_CONFIG_FILE'] !== undefined
    ? `${profile} in ${variables['TEMPORAL_CONFIG_FILE']}`
    : `${profile} in Temporal's configuration file`;
}

function findingsIn(
  profile: ClientConfigProfile,
  variables: Record<string, string>,
  source: string,
  selectsProfile: boolean,
): string[] {
  const findings: string[] = [];
  const { address } = profile;
  if (address === undefined) {
    const unused = Object.keys(variables).filter(
      (name) => name === 'TEMPORAL_API_KEY' || name.startsWith('TEMPORAL_TLS'),
    );
    if (selectsProfile) {
      findings.push(`${source}: has no address; add one, or set TEMPORAL_ADDRESS`);
    } else if (unused.length > 0) {
      findings.push(`${unused.join(', ')}: no server is configured for it; set TEMPORAL_ADDRESS too`);
    }
  } else if (!isAddress(address)) {
    findings.push(
      `${source}: ${JSON.stringify(address)} is not an address; write host:port without https://, such as temporal.example.com:7233`,
    );
  }
  if (profile.tls !== undefined && profile.tls.disabled !== true) {
    findings.push(...tlsFindings(profile.tls, variables));
  }
  return findings;
}

function tlsFindings(tls: ClientConfigTLS, variables: Record<string, string>): string[] {
  const files = [
    { field: 'CLIENT_CERT', value: tls.clientCert },
    { field: 'CLIENT_KEY', value: tls.clientKey },
    { field: 'SERVER_CA_CERT', value: tls.serverCACert },
  ];
  const findings = files.flatMap(({ field, value }) =>
    value !== undefined && 'path' in value && !isReadable(value.path)
      ? [`${settingOf(field, variables)}: ${value.path} cannot be read`]
      : [],
  );
  if ((tls.clientCert === undefined) !== (tls.clientKey === undefined)) {
    const [given, missing] = tls.clientCert === undefined ? ['key', 'CLIENT_CERT'] : ['certificate', 'CLIENT_KEY'];
    findings.push(`TEMPORAL_TLS_${missing}_PATH: is missing; a client ${given} needs it`);
  }
  if (variables['TEMPORAL_TLS_DISABLE_HOST_VERIFICATION'] !== undefined) {
    findings.push(
      "TEMPORAL_TLS_DISABLE_HOST_VERIFICATION: this SDK always verifies the server's certificate; set TEMPORAL_TLS_SERVER_CA_CERT_PATH to the CA's certificate, or TEMPORAL_TLS_SERVER_NAME to the name in the server's certificate",
    );
  }
  return findings;
}

function settingOf(field: string, variables: Record<string, string>): string {
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
