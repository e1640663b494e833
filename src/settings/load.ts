import { accessSync, constants, existsSync } from 'node:fs';
import { resolve } from 'node:path';
import type { z } from 'zod';
import type { Connector } from '../connectors/connector';
import { toE164 } from '../events/phone';
import { nearest } from '../yaml/nearest-name';
import { loadConnections } from './connection-settings';
import { SETTINGS, VARIABLES, type SettingName } from './definitions';
import type { SettingFault, Source } from './fault';
import type { Environment } from './references';
import { isFaulty, readSettingsFile, toJson, type FileValue } from './settings-file';
import type { Settings } from './settings';

/** Where the settings are, unless it is said otherwise; it need not be there. */
const DEFAULT_FILE = 'config/bridge.yaml';

const NAMES = Object.keys(SETTINGS.shape).filter((name): name is SettingName => name in VARIABLES);

/** Values by the setting's dotted name, each with where it was read. Of `faulty` ones it was told already. */
type Found = Map<string, { value: unknown; source: Source; items: Source[]; faulty: boolean }>;

export interface LoadOptions {
  /**
   * Path of the settings file; it must be there. Else `BRIDGE_CONFIG` (the same), else `config/bridge.yaml` where there
   * is one.
   */
  configFile?: string;
  env: Environment;
  connectors: readonly Connector[];
  /** What relative paths are relative to; the current directory by default. */
  directory?: string;
}

/**
 * Reads the settings from the file and the environment. For each setting the file wins over the environment, and that
 * over the default; an empty value counts as not set in both. (Only where Temporal is, its own variables decide first.)
 * All faults are told at once, and none holds a value. Reads files, asks no network.
 */
export function loadSettings(
  options: LoadOptions,
): { ok: true; settings: Settings } | { ok: false; faults: SettingFault[] } {
  const directory = options.directory ?? process.cwd();
  const faults: SettingFault[] = [];
  const named = options.configFile ?? notEmpty(options.env['BRIDGE_CONFIG']);
  const namedBy: Source =
    options.configFile === undefined ? { kind: 'environment', name: 'BRIDGE_CONFIG' } : { kind: 'nowhere' };
  const file = named ?? (existsSync(resolve(directory, DEFAULT_FILE)) ? DEFAULT_FILE : null);
  const top = file === null ? null : readSettingsFile(file, namedBy, directory, options.env, faults);

  const found: Found = new Map();
  const connections = top === null ? null : collect(top, '', found, faults);
  addEnvironment(found, options.env);
  const parsed = SETTINGS.safeParse(Object.fromEntries(NAMES.map((name) => [name, found.get(name)?.value])));
  if (!parsed.success) {
    faults.push(...parsed.error.issues.map((issue) => faultOf(issue, found)));
  }
  const loaded = loadConnections(options.connectors, connections, options.env, faults);
  if (parsed.success) {
    faults.push(...faultsBetween(parsed.data, found, directory));
    if (faults.length === 0) {
      return { ok: true, settings: { ...assemble(parsed.data, directory, options.env), connections: loaded } };
    }
  }
  return { ok: false, faults: inReadingOrder(faults) };
}

/**
 * In production, what the connectors that live rules use still lack; nothing elsewhere, where stand-ins answer for
 * them.
 * @param used names of connectors.
 */
export function missingCredentials(
  settings: Settings,
  connectors: readonly Connector[],
  used: readonly string[],
): SettingFault[] {
  if (settings.environment !== 'production') {
    return [];
  }
  return used.flatMap((name) => {
    const environment = connectors.find((connector) => connector.name === name)?.connection.environment ?? {};
    return (settings.connections[name]?.missing ?? []).map((key): SettingFault => {
      const variable = environment[key] ?? null;
      return {
        setting: `connections.${name}.${key}`,
        variable,
        source: { kind: 'nowhere' },
        message: `is not set, and live rules use ${name}`,
        hint: `${variable === null ? 'set it in bridge.yaml' : `set ${variable}`}, or set the mode of those rules to shadow or off`,
      };
    });
  });
}

/** Takes the file apart into settings by their dotted names. @returns the part that is the connections'. */
function collect(value: FileValue, prefix: string, found: Found, faults: SettingFault[]): FileValue | null {
  if (value.kind !== 'map') {
    if (value.kind !== 'faulty' && toJson(value) !== undefined) {
      const block = prefix === '' ? 'the file' : prefix.slice(0, -1);
      faults.push({
        setting: prefix.slice(0, -1),
        variable: null,
        source: value.source,
        message: `${block} must be a block of "key: value" lines`,
      });
    }
    return null;
  }
  let connections: FileValue | null = null;
  for (const [key, entry] of value.entries) {
    const name = prefix + key;
    if (name === 'connections') {
      connections = entry.value;
    } else if (NAMES.some((known) => known === name)) {
      const json = toJson(entry.value);
      const faulty = isFaulty(entry.value);
      if (json !== undefined || faulty) {
        const items = entry.value.kind === 'list' ? entry.value.items.map((item) => item.source) : [];
        found.set(name, { value: json, source: entry.value.source, items, faulty });
      }
    } else if (NAMES.some((known) => known.startsWith(`${name}.`))) {
      collect(entry.value, `${name}.`, found, faults);
    } else {
      faults.push({
        setting: name,
        variable: null,
        source: entry.keySource,
        message: 'there is no such setting',
        ...didYouMean(key, prefix),
      });
    }
  }
  return connections;
}

/** The nearest name in the same block, or, failing that, the same name in another one. */
function didYouMean(key: string, prefix: string): { hint?: string } {
  const here = ['connections', ...NAMES]
    .filter((name) => name.startsWith(prefix))
    .map((name) => name.slice(prefix.length).split('.', 1).join(''));
  const near = nearest(key, new Set(here));
  const elsewhere = NAMES.find((name) => name.endsWith(`.${key}`));
  const name = near === null ? elsewhere : prefix + near;
  return name === undefined ? {} : { hint: `did you mean ${name}?` };
}

function addEnvironment(found: Found, env: Environment): void {
  for (const name of NAMES) {
    const variable = VARIABLES[name];
    const value = variable === null ? null : notEmpty(env[variable]);
    if (variable !== null && value !== null && !found.has(name)) {
      found.set(name, { value, source: { kind: 'environment', name: variable }, items: [], faulty: false });
    }
  }
}

function notEmpty(value: string | undefined): string | null {
  return value === undefined || value.trim() === '' ? null : value;
}

function faultOf(issue: z.core.$ZodIssue, found: Found): SettingFault {
  const name = NAMES.find((known) => known === issue.path[0]);
  const place = name === undefined ? undefined : found.get(name);
  const item = typeof issue.path[1] === 'number' ? place?.items[issue.path[1]] : undefined;
  return {
    setting: name ?? '',
    variable: name === undefined ? null : VARIABLES[name],
    source: item ?? place?.source ?? { kind: 'nowhere' },
    message: issue.message,
  };
}

/** What is wrong with settings that are each well-formed. */
function faultsBetween(values: z.output<typeof SETTINGS>, found: Found, directory: string): SettingFault[] {
  const faults: SettingFault[] = [];
  const add = (name: SettingName, message: string, hint?: string, item?: number): void => {
    const place = found.get(name);
    if (place?.faulty === true) {
      return;
    }
    const source = (item === undefined ? undefined : place?.items[item]) ?? place?.source ?? { kind: 'nowhere' };
    faults.push({ setting: name, variable: VARIABLES[name], source, message, ...(hint === undefined ? {} : { hint }) });
  };
  for (const [index, number] of values.numbers.entries()) {
    // Short codes are ours without being phone numbers.
    if (toE164(number, values.country) === null && !/^\d{3,6}$/.test(number)) {
      add(
        'numbers',
        `entry ${index + 1} is no phone number`,
        'write it with its country code, "+15551234567", or set country',
        index,
      );
    }
  }
  const ports = (['receiver.port', 'receiver.admin_port', 'temporal.port', 'temporal.ui_port'] as const).filter(
    (name) => values[name] !== 0,
  );
  for (const [index, name] of ports.entries()) {
    const same = ports.slice(0, index).find((other) => values[other] === values[name]);
    if (same !== undefined) {
      add(name, `is the same port as ${same}`, 'give each its own; 0 takes a free one');
    }
  }
  for (const name of ['receiver.tls.cert_file', 'receiver.tls.key_file'] as const) {
    const path = values[name];
    if (path !== null && !isReadable(resolve(directory, path))) {
      add(name, 'the file is not there or cannot be read');
    }
  }
  const [cert, key] = [values['receiver.tls.cert_file'], values['receiver.tls.key_file']];
  if ((cert === null) !== (key === null)) {
    add(
      cert === null ? 'receiver.tls.cert_file' : 'receiver.tls.key_file',
      'is missing: TLS needs both the certificate and its key',
    );
  }
  if (
    values.environment === 'production' &&
    values['receiver.webhook_secrets'].length === 0 &&
    values['receiver.ip_allow'].length === 0
  ) {
    add(
      'receiver.webhook_secrets',
      'production needs a webhook secret, or addresses in receiver.ip_allow (BRIDGE_IP_ALLOW): else anybody could send events',
      'VoIPBIN shows the secret in GET /customer',
    );
  }
  return faults;
}

function isReadable(path: string): boolean {
  try {
    accessSync(path, constants.R_OK);
    return true;
  } catch {
    return false;
  }
}

function assemble(
  values: z.output<typeof SETTINGS>,
  directory: string,
  env: Environment,
): Omit<Settings, 'connections'> {
  const [certFile, keyFile] = [values['receiver.tls.cert_file'], values['receiver.tls.key_file']];
  const cliPath = values['temporal.cli_path'];
  return {
    environment: values.environment,
    dataDir: resolve(directory, values.data_dir),
    rulesFile: resolve(directory, values.rules_file),
    country: values.country,
    numbers: values.numbers,
    receiver: {
      host: values['receiver.host'],
      port: values['receiver.port'],
      adminHost: values['receiver.admin_host'],
      adminPort: values['receiver.admin_port'],
      webhookSecrets: values['receiver.webhook_secrets'],
      ipAllow: values['receiver.ip_allow'],
      trustProxy: values['receiver.trust_proxy'],
      ...(certFile === null || keyFile === null
        ? {}
        : { tls: { certFile: resolve(directory, certFile), keyFile: resolve(directory, keyFile) } }),
      unauthenticatedPerMinute: values['receiver.unauthenticated_per_minute'],
    },
    retention: {
      maxAgeMs: values['retention.max_age'],
      maxBytes: values['retention.max_size'],
      quarantineMaxBytes: values['retention.quarantine_max_size'],
    },
    temporal: {
      configured:
        values['temporal.address'] !== null ||
        ['TEMPORAL_ADDRESS', 'TEMPORAL_PROFILE', 'TEMPORAL_CONFIG_FILE'].some(
          (variable) => notEmpty(env[variable]) !== null,
        ),
      address: values['temporal.address'],
      namespace: values['temporal.namespace'],
      apiKey: values['temporal.api_key'],
      cliPath: cliPath === null ? null : resolve(directory, cliPath),
      port: values['temporal.port'],
      uiPort: values['temporal.ui_port'],
    },
    dispatch: { maxInFlight: values['dispatch.max_in_flight'] },
    backfill: {
      enabled: values['backfill.enabled'],
      everyMs: values['backfill.every'],
      // What the inbox has dropped could not be told from what was missed, and would be done again.
      longestGapMs: Math.min(values['backfill.longest_gap'], values['retention.max_age']),
    },
  };
}

/** The file's first, from its top; then the environment's; then what is missing. */
function inReadingOrder(faults: readonly SettingFault[]): SettingFault[] {
  const rank = ({ source }: SettingFault): number =>
    source.kind === 'file' ? source.line * 10_000 + source.column : source.kind === 'environment' ? 1e12 : 2e12;
  return [...faults].sort((one, other) => rank(one) - rank(other));
}
