import { dirname, resolve } from 'node:path';
import { isMap, isScalar, isSeq, type Node, type Scalar } from 'yaml';
import type { JsonValue } from '../events/json';
import type { YamlDocument } from '../yaml/document';
import type { Findings, Place, Position, Subject } from '../yaml/finding';
import type { FindingCode } from '../errors/finding-codes';
import { readYaml, type ReadYaml, type YamlFormat } from '../yaml/read-yaml';
import { reportBadByte } from '../yaml/encoding';
import { readTextFile } from '../yaml/text-file';
import { holdsLiteralToken, referencesIn, resolveReferences, type Environment } from './references';

/**
 * A value of the file with its position. `faulty`: the value has a finding. It counts as set, so that nothing else is
 * reported about it.
 */
export type FileValue =
  | { kind: 'map'; at: Position; entries: ReadonlyMap<string, FileEntry> }
  | { kind: 'list'; at: Position; items: readonly FileValue[] }
  | { kind: 'scalar'; at: Position; value: string | number | boolean | null }
  | { kind: 'faulty'; at: Position };

/** A key of the file with its value. */
export interface FileEntry {
  keyAt: Position;
  value: FileValue;
}

const MAX_FILE_CHARS = 1_000_000;
/** Numbers that JavaScript represents exactly. Longer ones stay texts: `numbers: [155512345678901234]`. */
const EXACT_NUMBER = /^-?(?:0|[1-9]\d{0,14})(?:\.\d+)?$/;

const FORMAT: YamlFormat = { maxDepth: 20, refusesLongNumbers: false, subjectOf: subjectOf };

/** The subject of a finding about a value of the file; undefined for the file as a whole. */
function subjectOf(path: string): Subject | undefined {
  return path === '' ? undefined : { setting: path, variable: null };
}

/**
 * Reads `bridge.yaml`: its values with their positions, references replaced.
 * @param named where the file was named, for the finding that it cannot be read.
 * @param directory what a relative path is relative to.
 * @param references gets the references that the file contains, such as `env:NAME`, with the setting that has each first.
 * @returns null when nothing can be read; the findings say why.
 */
export function readSettingsFile(
  file: string,
  named: Place,
  directory: string,
  env: Environment,
  findings: Findings,
  references: Map<string, string>,
): FileValue | null {
  const path = resolve(directory, file);
  const read = readTextFile(path, MAX_FILE_CHARS);
  if (!read.ok && read.badByte !== undefined) {
    reportBadByte(file, read.badByte, findings);
    return null;
  }
  if (!read.ok) {
    findings.error(named, 'file', `the settings file ${file} ${read.problem}`);
    return null;
  }
  const yaml = readYaml(file, read.text, FORMAT, findings);
  return yaml === null ? null : new SettingsFileReader(yaml, env, dirname(path), findings, references).read();
}

class SettingsFileReader {
  readonly #document: YamlDocument;

  constructor(
    private readonly yaml: ReadYaml,
    private readonly env: Environment,
    private readonly folder: string,
    private readonly findings: Findings,
    private readonly references: Map<string, string>,
  ) {
    this.#document = yaml.document;
  }

  read(): FileValue {
    return this.#value(this.#document.root, this.#document.positionOf(this.#document.root), '');
  }

  #value(node: Node | null, at: Position, path: string): FileValue {
    if (node !== null && this.yaml.refused.has(node)) {
      return { kind: 'faulty', at };
    }
    if (isMap(node)) {
      const entries = this.#document.entries(node).map(({ key, keyAt, node: inner, at: innerAt }) => {
        const value = this.#value(inner, innerAt, path === '' ? key : `${path}.${key}`);
        return [key, { keyAt, value }] as const;
      });
      return { kind: 'map', at, entries: new Map(entries) };
    }
    if (isSeq(node)) {
      const items = this.#document
        .items(node)
        .map((item, index) =>
          this.#value(item, item === null ? at : this.#document.positionOf(item), `${path}.${index}`),
        );
      return { kind: 'list', at, items };
    }
    return isScalar(node) ? this.#scalar(node, at, path) : { kind: 'scalar', at, value: null };
  }

  #scalar({ value, source }: Scalar, at: Position, path: string): FileValue {
    if (typeof value === 'number') {
      return { kind: 'scalar', at, value: source === undefined || EXACT_NUMBER.test(source) ? value : source };
    }
    if (typeof value !== 'string') {
      return { kind: 'scalar', at, value: typeof value === 'boolean' ? value : null };
    }
    if (holdsLiteralToken(value)) {
      return this.#faulty(
        at,
        path,
        'secret-in-file',
        'a token or password is written in the file',
        'move it to the environment and refer to it: ${env:NAME}; then replace it, because others may have read it',
      );
    }
    for (const reference of referencesIn(value)) {
      if (!this.references.has(reference)) {
        this.references.set(reference, path);
      }
    }
    const resolved = resolveReferences(value, this.env, this.folder);
    return resolved.ok
      ? { kind: 'scalar', at, value: resolved.text }
      : this.#faulty(at, path, 'reference', resolved.message, resolved.hint);
  }

  #faulty(at: Position, path: string, code: FindingCode, message: string, hint: string): FileValue {
    const subject = subjectOf(path);
    this.findings.error(at, code, message, { hint, ...(subject === undefined ? {} : { subject }) });
    return { kind: 'faulty', at };
  }
}

/** Whether the value, or an item of the list that it is, has a finding. */
export function isFaulty(value: FileValue): boolean {
  return value.kind === 'faulty' || (value.kind === 'list' && value.items.some(isFaulty));
}

/**
 * The value as JSON; undefined when it is not set: no value, an empty text or list, or faulty. In a list, such items
 * are null.
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
