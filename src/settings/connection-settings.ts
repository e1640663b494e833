import { z } from 'zod';
import type { JsonValue } from '../events/json';
import type { Findings, Place, Subject } from '../yaml/finding';
import { nearest } from '../yaml/nearest-name';
import type { DeclaredConnector } from './declared-connector';
import type { Environment } from './references';
import type { ConnectionSettings } from './settings';
import { toJson, type FileEntry, type FileValue } from './settings-file';

/** What was found for one connection, before its schema has seen it. */
interface FoundValues {
  values: Record<string, JsonValue>;
  /** Where each value was read, by key. */
  places: Map<string, Place>;
  /** Keys whose value already has a finding. */
  faulty: Set<string>;
}

/** The settings of a connection, with where each was read. */
export interface FoundConnection extends ConnectionSettings {
  places: ReadonlyMap<string, Place>;
}

/**
 * Reads every connector's settings with the connector's own schema, from `connections.<name>` in the file and its
 * environment variables. The file wins. Settings of a connector without its credentials are checked all the same.
 */
export function loadConnections(
  connectors: readonly DeclaredConnector[],
  section: FileValue | null,
  env: Environment,
  findings: Findings,
): Record<string, FoundConnection> {
  const blocks: ReadonlyMap<string, FileEntry> = section?.kind === 'map' ? section.entries : new Map();
  if (section !== null && section.kind !== 'map' && section.kind !== 'faulty' && toJson(section) !== undefined) {
    findings.error(section.at, 'type', 'expected a block of connections', { subject: subject('connections') });
  }
  const names = connectors.map((connector) => connector.name);
  for (const [name, { keyAt }] of blocks) {
    if (!names.includes(name)) {
      const near = nearest(name, names);
      findings.error(keyAt, 'unknown-connector', 'there is no such connector', {
        subject: subject(`connections.${name}`),
        hint: near === null ? `there are: ${names.join(', ')}` : `did you mean connections.${near}?`,
      });
    }
  }
  return Object.fromEntries(
    connectors.map((connector) => [
      connector.name,
      loadConnection(connector, blocks.get(connector.name)?.value ?? null, env, findings),
    ]),
  );
}

function subject(setting: string, variable: string | null = null): Subject {
  return { setting, variable };
}

function loadConnection(
  connector: DeclaredConnector,
  block: FileValue | null,
  env: Environment,
  findings: Findings,
): FoundConnection {
  const { settings: schema, environment, credentials } = connector.connection;
  const prefix = `connections.${connector.name}`;
  const found: FoundValues = { values: {}, places: new Map(), faulty: new Set() };
  readBlock(prefix, block, knownKeys(connector), found, findings);
  for (const [key, variable] of Object.entries(environment)) {
    const value = env[variable];
    if (value !== undefined && value.trim() !== '' && !found.places.has(key)) {
      found.values[key] = value;
      found.places.set(key, { kind: 'environment', variable });
    }
  }
  const missing = credentials.filter((key) => !(key in found.values) && !found.faulty.has(key));
  const parsed = schema.safeParse(found.values);
  if (parsed.success) {
    const isComplete = missing.length === 0 && found.faulty.size === 0;
    return { settings: isComplete ? parsed.data : null, missing: [...missing], ...placesOf(credentials, found) };
  }
  for (const issue of parsed.error.issues) {
    const key = String(issue.path[0] ?? '');
    if (!missing.includes(key) && !found.faulty.has(key)) {
      const isMissing = issue.code === 'invalid_type' && !(key in found.values);
      findings.error(
        found.places.get(key) ?? { kind: 'nowhere' },
        isMissing ? 'missing-setting' : 'setting',
        isMissing ? 'is not set' : issue.message,
        { subject: subject([prefix, ...issue.path.map(String)].join('.'), environment[key] ?? null) },
      );
    }
  }
  return { settings: null, missing: [...missing], ...placesOf(credentials, found) };
}

function placesOf(
  credentials: readonly string[],
  { places }: FoundValues,
): Pick<FoundConnection, 'places' | 'readFrom'> {
  const readFrom = credentials.flatMap((key): [string, string][] => {
    const place = places.get(key);
    switch (place?.kind) {
      case 'environment':
        return [[key, `environment ${place.variable}`]];
      case 'file':
        return [[key, `${place.file}:${place.line}`]];
      case 'nowhere':
      case undefined:
        return [];
    }
  });
  return { places, readFrom: Object.fromEntries(readFrom) };
}

function readBlock(
  prefix: string,
  block: FileValue | null,
  known: ReadonlySet<string>,
  found: FoundValues,
  findings: Findings,
): void {
  if (block === null || block.kind === 'faulty') {
    return;
  }
  if (block.kind !== 'map') {
    if (toJson(block) !== undefined) {
      findings.error(block.at, 'type', 'expected a block of "key: value" lines', { subject: subject(prefix) });
    }
    return;
  }
  for (const [key, { keyAt, value }] of block.entries) {
    if (!known.has(key)) {
      const near = nearest(key, known);
      findings.error(keyAt, 'unknown-setting', 'there is no such setting', {
        subject: subject(`${prefix}.${key}`),
        hint: near === null ? `there are: ${[...known].join(', ')}` : `did you mean ${prefix}.${near}?`,
      });
      continue;
    }
    const json = toJson(value);
    if (json !== undefined) {
      found.values[key] = json;
      found.places.set(key, { kind: 'file', ...value.at });
    } else if (value.kind === 'faulty') {
      found.faulty.add(key);
      found.places.set(key, { kind: 'file', ...value.at });
    }
  }
}

/**
 * The keys of a connector's schema. They come from its JSON schema, which is the same however zod wraps the object.
 */
function knownKeys(connector: DeclaredConnector): Set<string> {
  const { properties } = z.toJSONSchema(connector.connection.settings, { io: 'input', unrepresentable: 'any' });
  return new Set(Object.keys(properties ?? {}));
}
