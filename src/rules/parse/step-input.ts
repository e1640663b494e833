import { isMap, isScalar, isSeq, type Node } from 'yaml';
import type { z } from 'zod';
import type { JsonObject, JsonValue } from '../../events/json';
import { toJson } from '../../yaml/document';
import type { Position } from '../../yaml/finding';
import { didYouMean, nearest } from '../../yaml/nearest-name';
import { jsonSchemaOf } from '../../connectors/action-schema';
import { quoted, type BlockReader, type Value } from './block-reader';

/** The input of an action as written. */
export interface WrittenInput {
  /** Without what the action does not have. */
  input: JsonObject;
  /** False when something was left out, with a finding: another input may be missing because of its wrong name. */
  isWhole: boolean;
}

/** Reads the input of an action as written, and checks it with the action's schema; null with a finding. */
export function readInput(
  reader: BlockReader,
  action: string,
  schema: z.ZodType<unknown>,
  value: Value,
): WrittenInput | null {
  const { findings } = reader;
  const json = value.node === null || (isScalar(value.node) && value.node.value === null) ? {} : toJson(value.node);
  if (!isObject(json)) {
    findings.error(value.at, 'type', `the inputs of ${action} must be a block of keys`, {
      hint: `write ${action}: { … }`,
    });
    return null;
  }
  const { properties } = jsonSchemaOf(schema, 'input');
  const known = typeof properties === 'object' && properties !== null ? Object.keys(properties) : null;
  const unknown = new Set<string>();
  for (const { key, keyAt } of isMap(value.node) ? reader.document.entries(value.node) : []) {
    if (known !== null && !known.includes(key)) {
      const more = didYouMean(key, known);
      findings.error(
        keyAt,
        'unknown-input',
        `${action} has no input ${quoted(key)}`,
        'hint' in more ? more : { hint: `it has ${known.join(', ')}` },
      );
      unknown.add(key);
    }
  }
  let isValid = true;
  const input = Object.fromEntries(Object.entries(json).filter(([key]) => !unknown.has(key)));
  const parsed = schema.safeParse(input);
  for (const issue of parsed.success ? [] : parsed.error.issues) {
    if (issue.code === 'unrecognized_keys' && issue.path.length === 0) {
      continue;
    }
    isValid = false;
    findings.error(
      positionAtPath(reader, value, issue.path),
      'input',
      explainIssue(action, issue, valueAtPath(json, issue.path)),
    );
  }
  return isValid ? { input, isWhole: unknown.size === 0 } : null;
}

/** The position of the node at a path, or of the nearest node above it. */
export function positionAtPath(reader: BlockReader, value: Value, path: readonly PropertyKey[]): Position {
  let node = value.node;
  let at = value.at;
  for (const part of path) {
    let next: Node | null = null;
    if (isMap(node)) {
      const entry = reader.document.entries(node).find(({ key }) => key === part);
      if (entry === undefined) {
        return at;
      }
      at = entry.at;
      next = entry.node;
    } else if (isSeq(node) && typeof part === 'number') {
      next = reader.document.items(node)[part] ?? null;
      at = next === null ? at : reader.document.positionOf(next);
    }
    node = next;
  }
  return at;
}

function isObject(value: JsonValue): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function valueAtPath(json: JsonValue, path: readonly PropertyKey[]): JsonValue | undefined {
  let value: JsonValue | undefined = json;
  for (const part of path) {
    value = Array.isArray(value)
      ? value[Number(part)]
      : typeof value === 'object' && value !== null && Object.hasOwn(value, String(part))
        ? value[String(part)]
        : undefined;
  }
  return value;
}

function explainIssue(action: string, issue: z.core.$ZodIssue, value: JsonValue | undefined): string {
  const name = issue.path.length === 0 ? 'the input' : `input "${issue.path.join('.')}"`;
  const shown =
    typeof value === 'string'
      ? quoted(value)
      : Array.isArray(value)
        ? 'a list'
        : typeof value === 'object' && value !== null
          ? 'a block of keys'
          : String(value);
  if (value === undefined) {
    return `${action} needs ${name}`;
  }
  if (issue.code === 'invalid_type') {
    return `${name} of ${action} must be ${TYPE_WORDS[issue.expected] ?? issue.expected}, not ${shown}`;
  }
  if (issue.code === 'invalid_value') {
    const words = issue.values.map(String);
    const near = typeof value === 'string' ? nearest(value, words) : null;
    return `${name} of ${action} cannot be ${shown}${near === null ? `, only ${words.join(', ')}` : `; did you mean "${near}"?`}`;
  }
  if (issue.code === 'unrecognized_keys') {
    return `${name} of ${action} has no key ${issue.keys.map(quoted).join(', ')}`;
  }
  return `${name} of ${action}: ${issue.message.charAt(0).toLowerCase()}${issue.message.slice(1)}`;
}

const TYPE_WORDS: Readonly<Record<string, string>> = {
  string: 'a text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  object: 'a block of keys',
  record: 'a block of keys',
  array: 'a list',
};
