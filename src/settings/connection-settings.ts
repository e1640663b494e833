import { z } from 'zod';
import type { Connector } from '../connectors/connector';
import type { JsonValue } from '../events/json';
import { nearest } from '../yaml/nearest-name';
import type { SettingFault, Source } from './fault';
import type { Environment } from './references';
import { toJson, type FileValue } from './settings-file';
import type { ConnectionSettings } from './settings';

interface Raw {
  values: Record<string, JsonValue>;
  sources: Map<string, Source>;
  /** Keys whose value was told of as faulty. */
  faulty: Set<string>;
}

/**
 * Reads every connector's settings with its own schema, from `connections.<name>` of the file and its environment
 * variables (the file wins). Where credentials are missing, what is there is checked all the same.
 */
export function loadConnections(
  connectors: readonly Connector[],
  section: FileValue | null,
  env: Environment,
  faults: SettingFault[],
): Record<string, ConnectionSettings> {
  const blocks = section?.kind === 'map' ? section.entries : new Map<string, { keySource: Source; value: FileValue }>();
  if (section !== null && section.kind !== 'map' && section.kind !== 'faulty' && toJson(section) !== undefined) {
    faults.push({
      setting: 'connections',
      variable: null,
      source: section.source,
      message: 'expected a block of connections',
    });
  }
  const names = connectors.map((connector) => connector.name);
  for (const [name, { keySource }] of blocks) {
    if (!names.includes(name)) {
      const near = nearest(name, names);
      faults.push({
        setting: `connections.${name}`,
        variable: null,
        source: keySource,
        message: 'there is no such connector',
        hint: near === null ? `there are: ${names.join(', ')}` : `did you mean connections.${near}?`,
      });
    }
  }
  return Object.fromEntries(
    connectors.map((connector) => [
      connector.name,
      loadConnection(connector, blocks.get(connector.name)?.value ?? null, env, faults),
    ]),
  );
}

function loadConnection(
  connector: Connector,
  block: FileValue | null,
  env: Environment,
  faults: SettingFault[],
): ConnectionSettings {
  const { settings: schema, environment, credentials } = connector.connection;
  const prefix = `connections.${connector.name}`;
  const raw: Raw = { values: {}, sources: new Map(), faulty: new Set() };
  const known = knownKeys(connector);
  readBlock(prefix, block, known, raw, faults);
  for (const [key, variable] of Object.entries(environment)) {
    const value = env[variable];
    if (value !== undefined && value.trim() !== '' && !raw.sources.has(key)) {
      raw.values[key] = value;
      raw.sources.set(key, { kind: 'environment', name: variable });
    }
  }
  const missing = credentials.filter((key) => !(key in raw.values) && !raw.faulty.has(key));
  const parsed = schema.safeParse(raw.values);
  if (parsed.success) {
    return { settings: missing.length === 0 && raw.faulty.size === 0 ? parsed.data : null, missing: [...missing] };
  }
  for (const issue of parsed.error.issues) {
    const key = String(issue.path[0] ?? '');
    if (!missing.includes(key) && !raw.faulty.has(key)) {
      faults.push({
        setting: [prefix, ...issue.path.map(String)].join('.'),
        variable: environment[key] ?? null,
        source: raw.sources.get(key) ?? { kind: 'nowhere' },
        message: issue.code === 'invalid_type' && !(key in raw.values) ? 'is not set' : issue.message,
      });
    }
  }
  return { settings: null, missing: [...missing] };
}

function readBlock(
  prefix: string,
  block: FileValue | null,
  known: ReadonlySet<string>,
  raw: Raw,
  faults: SettingFault[],
): void {
  if (block === null || block.kind === 'faulty') {
    return;
  }
  if (block.kind !== 'map') {
    if (toJson(block) !== undefined) {
      faults.push({
        setting: prefix,
        variable: null,
        source: block.source,
        message: 'expected a block of "key: value" lines',
      });
    }
    return;
  }
  for (const [key, { keySource, value }] of block.entries) {
    if (!known.has(key)) {
      const near = nearest(key, known);
      faults.push({
        setting: `${prefix}.${key}`,
        variable: null,
        source: keySource,
        message: 'there is no such setting',
        hint: near === null ? `there are: ${[...known].join(', ')}` : `did you mean ${prefix}.${near}?`,
      });
      continue;
    }
    const json = toJson(value);
    if (json !== undefined) {
      raw.values[key] = json;
      raw.sources.set(key, value.source);
    } else if (value.kind === 'faulty') {
      raw.faulty.add(key);
      raw.sources.set(key, value.source);
    }
  }
}

/**
 * The keys of a connector's schema, from the JSON schema of what it takes: zod wraps objects in many ways, and this
 * sees through all.
 */
function knownKeys(connector: Connector): Set<string> {
  const { properties } = z.toJSONSchema(connector.connection.settings, { io: 'input', unrepresentable: 'any' });
  return new Set(Object.keys(properties ?? {}));
}
