import { isMap, isScalar, isSeq, type Node } from 'yaml';
import { parseDuration } from '../../yaml/duration';
import type { Findings, Position } from '../../yaml/finding';
import { didYouMean } from '../../yaml/nearest-name';
import type { KeyDefinition } from '../language/keys';
import type { Entry, YamlDocument } from '../../yaml/document';
import { insteadOfKey } from './wishes';

/** A node's type and value in words, for findings. */
export function kindOf(node: Node | null): string {
  if (isMap(node)) {
    return 'a block of keys';
  }
  if (isSeq(node)) {
    return 'a list';
  }
  const value = isScalar(node) ? node.value : null;
  if (typeof value === 'string') {
    return `the text ${quoted(value)}`;
  }
  if (typeof value === 'number') {
    return `the number ${value}`;
  }
  return typeof value === 'boolean' ? String(value) : 'nothing';
}

/** What to write instead of an unknown key. */
function hintOf(key: string, known: readonly string[]): { hint?: string } {
  const instead = insteadOfKey(key);
  return instead === null ? didYouMean(key, known) : { hint: instead };
}

/** A text for a finding: quoted, in one line, shortened. */
export function quoted(text: string): string {
  const short = text.length > 60 ? `${text.slice(0, 57)}…` : text;
  return JSON.stringify(short);
}

/** Whether a text looks like a key and its value without the space between them: `direction:inbound`. */
export function isGluedColon(node: Node | null): boolean {
  return isScalar(node) && typeof node.value === 'string' && /^[A-Za-z_][\w. ]*:[^\s:/]/.test(node.value);
}

/** A value with its position. */
export interface Value {
  node: Node | null;
  /** The position of the value, or of its key when there is no value. */
  at: Position;
}

/** Whether a value is missing, empty or `null`. */
export function isNothing(node: Node | null): boolean {
  return node === null || (isScalar(node) && node.value === null);
}

/** Reads typed values from one YAML document. An invalid value gives a finding and null. */
export class BlockReader {
  constructor(
    readonly document: YamlDocument,
    readonly findings: Findings,
  ) {}

  /**
   * Reads a block with known keys. Unknown keys and missing required keys are findings.
   * @param what the block in findings: `a rule`, `a step`.
   * @param others accepts further keys; they are in `extra`.
   */
  block<Name extends string>(
    value: Value,
    what: string,
    keys: Readonly<Record<Name, KeyDefinition>>,
    others?: (key: string) => boolean,
  ): Block<Name> | null {
    if (!isMap(value.node)) {
      const hint = isGluedColon(value.node) ? { hint: 'write a space after the colon' } : {};
      this.findings.error(value.at, 'type', `${what} must be a block of keys, not ${kindOf(value.node)}`, hint);
      return null;
    }
    const found = new Map<string, Value & { keyAt: Position }>();
    const extra: Entry[] = [];
    for (const { key, keyAt, node, at } of this.document.entries(value.node)) {
      if (Object.hasOwn(keys, key)) {
        found.set(key, { node, at, keyAt });
      } else if (others?.(key) === true) {
        extra.push({ key, keyAt, node, at });
      } else {
        this.findings.error(keyAt, 'unknown-key', `${what} has no key ${quoted(key)}`, hintOf(key, Object.keys(keys)));
      }
    }
    const required = Object.entries<KeyDefinition>(keys).filter(
      ([name, key]) => key.required === true && !found.has(name),
    );
    for (const [name] of required) {
      this.findings.error(value.at, 'missing-key', `${what} has no ${quoted(name)}`);
    }
    return { at: value.at, extra, get: (name) => found.get(name) };
  }

  text(value: Value, what: string): string | null {
    const { node } = value;
    if (isScalar(node) && typeof node.value === 'string') {
      return node.value;
    }
    const hint =
      isScalar(node) && typeof node.value === 'number'
        ? { hint: `quote it: "${node.source ?? String(node.value)}"` }
        : {};
    this.findings.error(value.at, 'type', `${what} must be a text, not ${kindOf(node)}`, hint);
    return null;
  }

  boolean(value: Value, what: string): boolean | null {
    const { node } = value;
    if (isScalar(node) && typeof node.value === 'boolean') {
      return node.value;
    }
    const word = isScalar(node) && typeof node.value === 'string' ? node.value.toLowerCase() : '';
    const meant = ['yes', 'on', 'true', 'y'].includes(word)
      ? 'true'
      : ['no', 'off', 'false', 'n'].includes(word)
        ? 'false'
        : null;
    this.findings.error(
      value.at,
      'type',
      `${what} must be true or false, not ${kindOf(node)}`,
      meant === null ? {} : { hint: `did you mean ${meant}, without quotes?` },
    );
    return null;
  }

  oneOf<Word extends string>(value: Value, what: string, words: readonly Word[]): Word | null {
    const word = this.text(value, what);
    const found = words.find((one) => one === word);
    if (found === undefined && word !== null) {
      this.findings.error(
        value.at,
        'choice',
        `${what} cannot be ${quoted(word)}, only ${words.join(', ')}`,
        didYouMean(word, words),
      );
    }
    return found ?? null;
  }

  /** Reads a duration, in milliseconds. */
  duration(value: Value, what: string): number | null {
    const { node } = value;
    const text = isScalar(node) && (typeof node.value === 'string' || node.value === 0) ? String(node.value) : null;
    const parsed = text === null ? null : parseDuration(text);
    if (parsed === null) {
      const hint =
        isScalar(node) && typeof node.value === 'number'
          ? { hint: `which unit? ${node.value}s, ${node.value}m, ${node.value}h` }
          : {};
      this.findings.error(
        value.at,
        'duration',
        `${what} must be a duration such as 30s, 15m, 24h or 7d, not ${kindOf(node)}`,
        hint,
      );
    }
    return parsed;
  }

  /** The items of a list; a single value counts as a list with one item. */
  listOf(value: Value): Value[] {
    if (isSeq(value.node)) {
      return this.document
        .items(value.node)
        .map((node) => ({ node, at: node === null ? value.at : this.document.positionOf(node) }));
    }
    return [value];
  }

  /** The items of a value that must be a list. */
  list(value: Value, what: string, hint?: string): Value[] | null {
    if (isSeq(value.node)) {
      return this.listOf(value);
    }
    this.findings.error(
      value.at,
      'type',
      `${what} must be a list, not ${kindOf(value.node)}`,
      hint === undefined ? {} : { hint },
    );
    return null;
  }
}

/** A block with known keys. */
export interface Block<Name extends string> {
  at: Position;
  /** Further entries that the caller accepts. */
  extra: readonly Entry[];
  get(name: Name): (Value & { keyAt: Position }) | undefined;
}
