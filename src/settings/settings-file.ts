import { dirname, resolve } from 'node:path';
import { isAlias, isMap, isScalar, isSeq, LineCounter, parseDocument, type Document } from 'yaml';
import type { JsonValue } from '../events/json';
import type { SettingFault, Source } from './fault';
import { holdsToken, resolveReferences, type Environment } from './references';
import { readTextFile } from '../yaml/text-file';

/**
 * A value of the file with its place. `faulty` values were told of already: they count as set, and nothing more is said
 * about them.
 */
export type FileValue =
  | { kind: 'map'; source: Source; entries: Map<string, { keySource: Source; value: FileValue }> }
  | { kind: 'list'; source: Source; items: FileValue[] }
  | { kind: 'scalar'; source: Source; value: string | number | boolean | null }
  | { kind: 'faulty'; source: Source };

const DEEPEST = 20;
const LONGEST_FILE = 1_000_000;
/** Anything else that YAML takes for a number stays the text that it is: `+15551234567`, `0821112222`, `1e10`. */
const PLAIN_NUMBER = /^-?(?:0|[1-9]\d{0,14})(?:\.\d+)?$/;

/**
 * Reads `bridge.yaml`: its values with their places, references replaced. All that is wrong is put into `faults`. Null
 * when nothing can be read.
 * @param named what named the file.
 */
export function readSettingsFile(
  file: string,
  named: Source,
  directory: string,
  env: Environment,
  faults: SettingFault[],
): FileValue | null {
  const path = resolve(directory, file);
  const read = readTextFile(path, LONGEST_FILE);
  if (!read.ok) {
    faults.push({ setting: '', variable: null, source: named, message: `the settings file ${file} ${read.problem}` });
    return null;
  }
  const lines = new LineCounter();
  const at = (offset: number): Source => {
    const { line, col } = lines.linePos(offset);
    return { kind: 'file', file, line: Math.max(line, 1), column: Math.max(col, 1) };
  };
  const document = parseDocument(read.text, { lineCounter: lines, prettyErrors: false, uniqueKeys: true });
  for (const error of [...document.errors, ...document.warnings]) {
    const message =
      error.code === 'DUPLICATE_KEY'
        ? 'this key stands twice in the same block'
        : `not readable as YAML: ${firstLine(error.message)}`;
    faults.push({ setting: '', variable: null, source: at(error.pos[0]), message });
  }
  return document.errors.length > 0
    ? null
    : new FileReader(at, env, dirname(path), faults).read(document.contents, '', 0);
}

function firstLine(text: string): string {
  return (text.split('\n')[0] ?? text).replace(/\.?:?$/, '');
}

class FileReader {
  constructor(
    private readonly at: (offset: number) => Source,
    private readonly env: Environment,
    private readonly folder: string,
    private readonly faults: SettingFault[],
  ) {}

  read(node: Document['contents'], setting: string, depth: number): FileValue {
    const source = this.at(node?.range?.[0] ?? 0);
    if (depth > DEEPEST) {
      return this.#faulty(source, setting, `nested more than ${DEEPEST} levels deep`);
    }
    if (isMap(node)) {
      return this.#readMap(node, source, setting, depth);
    }
    if (isSeq(node)) {
      return {
        kind: 'list',
        source,
        items: node.items.map((item, index) => this.read(asNode(item), `${setting}.${index}`, depth + 1)),
      };
    }
    if (isAlias(node)) {
      return this.#faulty(
        source,
        setting,
        'aliases (*name) are not used in this file',
        'put a text that starts with * in quotes',
      );
    }
    return isScalar(node)
      ? this.#readScalar(node.value, node.source, source, setting)
      : { kind: 'scalar', source, value: null };
  }

  #readMap(
    node: { items: { key: unknown; value: unknown }[] },
    source: Source,
    setting: string,
    depth: number,
  ): FileValue {
    const entries = new Map<string, { keySource: Source; value: FileValue }>();
    for (const { key, value } of node.items) {
      const keySource = isScalar(key) ? this.at(key.range?.[0] ?? 0) : source;
      const name = isScalar(key) ? String(key.value) : null;
      if (name === null) {
        this.#faulty(keySource, setting, 'a key must be a plain text', 'put texts that start with { or [ in quotes');
        continue;
      }
      const read = this.read(asNode(value), setting === '' ? name : `${setting}.${name}`, depth + 1);
      entries.set(name, {
        keySource,
        value: read.kind === 'scalar' && value === null ? { ...read, source: keySource } : read,
      });
    }
    return { kind: 'map', source, entries };
  }

  #readScalar(value: unknown, written: string | undefined, source: Source, setting: string): FileValue {
    if (typeof value === 'number') {
      return { kind: 'scalar', source, value: written === undefined || PLAIN_NUMBER.test(written) ? value : written };
    }
    if (typeof value === 'string') {
      if (holdsToken(value)) {
        return this.#faulty(
          source,
          setting,
          'a token or password stands in the file',
          'put it in the environment and refer to it: ${env:NAME}; then replace it, as it may have been seen',
        );
      }
      const resolved = resolveReferences(value, this.env, this.folder);
      return resolved.ok
        ? { kind: 'scalar', source, value: resolved.text }
        : this.#faulty(source, setting, resolved.message, resolved.hint);
    }
    return { kind: 'scalar', source, value: typeof value === 'boolean' ? value : null };
  }

  #faulty(source: Source, setting: string, message: string, hint?: string): FileValue {
    this.faults.push({ setting, variable: null, source, message, ...(hint === undefined ? {} : { hint }) });
    return { kind: 'faulty', source };
  }
}

/** Whether the value, or an item of the list that it is, was told of as faulty. */
export function isFaulty(value: FileValue): boolean {
  return value.kind === 'faulty' || (value.kind === 'list' && value.items.some(isFaulty));
}

function asNode(value: unknown): Document['contents'] {
  return isMap(value) || isSeq(value) || isScalar(value) || isAlias(value) ? value : null;
}

/**
 * The value as JSON; undefined for what is not set: nothing, an empty text or list, or faulty. Such items of a list are
 * null.
 */
export function toJson(value: FileValue): JsonValue | undefined {
  switch (value.kind) {
    case 'map': {
      const entries = [...value.entries].map(([key, entry]) => [key, toJson(entry.value)] as const);
      return Object.fromEntries(
        entries.filter((entry): entry is readonly [string, JsonValue] => entry[1] !== undefined),
      );
    }
    case 'list': {
      const items = value.items.map(toJson);
      return items.every((item) => item === undefined) ? undefined : items.map((item) => item ?? null);
    }
    case 'scalar':
      return value.value === null || value.value === '' ? undefined : value.value;
    case 'faulty':
      return undefined;
  }
}
