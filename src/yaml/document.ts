import {
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  parseAllDocuments,
  Scalar,
  type CollectionTag,
  type Node,
  type ScalarTag,
  type Tags,
  type YAMLMap,
  type YAMLSeq,
} from 'yaml';
import type { JsonValue } from '../events/json';
import type { Findings, Position } from './finding';

/** The largest rule file that is read, in characters. */
export const MAX_FILE_CHARS = 2_000_000;

/** How deep a rule file may be nested. */
const MAX_DEPTH = 40;

/**
 * Whole numbers without a plus sign or leading zeros, unlike YAML's own: `+15551234567` and `0821112222` stay the texts
 * that they are (reference peers.md D3). The exponent form is dropped for the same reason: `1e10` is a text.
 */
const PLAIN_INT = /^-?(?:0|[1-9][0-9]*)$/;
const PLAIN_FLOAT = /^-?(?:0|[1-9][0-9]*)\.[0-9]+$/;

const DROPPED_FORMATS = new Set(['EXP', 'OCT', 'HEX']);

function tags(core: Tags): Tags {
  return core
    .filter((tag) => !(typeof tag === 'object' && 'format' in tag && DROPPED_FORMATS.has(tag.format ?? '')))
    .map((tag): Tags[number] => {
      if (typeof tag !== 'object' || !isScalarTag(tag)) {
        return tag;
      }
      if (tag.tag === 'tag:yaml.org,2002:int') {
        return { ...tag, test: PLAIN_INT };
      }
      return tag.tag === 'tag:yaml.org,2002:float' && tag.test?.test('1.5') === true
        ? { ...tag, test: PLAIN_FLOAT }
        : tag;
    });
}

function isScalarTag(tag: ScalarTag | CollectionTag): tag is ScalarTag {
  return tag.collection === undefined;
}

/** A key of a map with where it stands and its value. */
export interface Entry {
  key: string;
  keyAt: Position;
  node: Node | null;
}

/** A YAML file that was read: nodes with their places. Made only by {@link readYaml}. */
export class YamlFile {
  constructor(
    readonly file: string,
    readonly text: string,
    private readonly lines: LineCounter,
    /** The top of the document; null when the file is empty. */
    readonly root: Node | null,
  ) {}

  /** The place of an offset in the text. */
  at(offset: number): Position {
    const { line, col } = this.lines.linePos(Math.min(offset, this.text.length));
    return { file: this.file, line: Math.max(line, 1), column: Math.max(col, 1) };
  }

  /** Where a node begins; the top of the file for what is not there. */
  of(node: Node | null): Position {
    return this.at(node?.range?.[0] ?? 0);
  }

  /** A map's entries in the order of the file. Keys that are no texts were refused before. */
  entries(map: YAMLMap): Entry[] {
    return map.items.map((pair) => {
      const key = pair.key;
      const keyNode = isScalar(key) ? key : null;
      return { key: keyText(keyNode), keyAt: this.of(keyNode), node: isNodeOrNull(pair.value) };
    });
  }

  /** The elements of a list. */
  items(list: YAMLSeq): (Node | null)[] {
    return list.items.map(isNodeOrNull);
  }

  /**
   * The place of a row and column (both from 1) inside a text node's value. Exact for plain, quoted and block texts
   * without escapes or folding; else the right line or the node's start.
   */
  inside(node: Node | null, row: number, column: number): Position {
    if (!isScalar(node) || node.range === undefined || node.range === null) {
      return this.of(node);
    }
    const start = this.of(node);
    if (node.type === Scalar.BLOCK_LITERAL || node.type === Scalar.BLOCK_FOLDED) {
      const allLines = this.text.split('\n');
      const first = start.line; // The line after the header, from 0.
      const indent =
        allLines
          .slice(first)
          .find((line) => line.trim() !== '')
          ?.match(/^ */)?.[0].length ?? 0;
      return { file: this.file, line: start.line + row, column: indent + column };
    }
    if (row !== 1) {
      return start;
    }
    const quote = node.type === Scalar.QUOTE_DOUBLE || node.type === Scalar.QUOTE_SINGLE ? 1 : 0;
    return { ...start, column: start.column + quote + column - 1 };
  }
}

/** A key as text, also where it is written as a number or `true`. */
function keyText(key: Scalar | null): string {
  const value: unknown = key?.value;
  return typeof value === 'string' ? value : (key?.source ?? '');
}

function isNodeOrNull(value: unknown): Node | null {
  return isScalar(value) || isMap(value) || isSeq(value) || isAlias(value) ? value : null;
}

/** A node's value as JSON. Aliases and everything that JSON has not were refused before. */
export function toJson(node: Node | null): JsonValue {
  if (isMap(node)) {
    const object: { [key: string]: JsonValue } = {};
    for (const pair of node.items) {
      const key = keyText(isScalar(pair.key) ? pair.key : null);
      Object.defineProperty(object, key, {
        value: toJson(isNodeOrNull(pair.value)),
        enumerable: true,
        configurable: true,
        writable: true,
      });
    }
    return object;
  }
  if (isSeq(node)) {
    return node.items.map((item) => toJson(isNodeOrNull(item)));
  }
  if (!isScalar(node)) {
    return null;
  }
  const { value } = node;
  return typeof value === 'string' || typeof value === 'boolean' || typeof value === 'number' ? value : null;
}

/** Parser messages that say it in the words of a parser, in the words of people. */
const PLAIN_WORDS: readonly { code: string; about?: RegExp; message: string; hint?: string }[] = [
  { code: 'DUPLICATE_KEY', message: 'this key stands twice in the same block', hint: 'keep one of the two' },
  { code: 'TAB_AS_INDENT', message: 'a tab is used for indentation', hint: 'use spaces' },
  { code: 'BAD_INDENT', message: 'the indentation does not fit the lines above' },
  {
    code: 'MULTIPLE_DOCS',
    message: 'the file holds more than one YAML document',
    hint: 'remove the line with three dashes',
  },
  {
    code: 'BLOCK_AS_IMPLICIT_KEY',
    message: 'a colon makes a second key in this line',
    hint: 'put the text in quotes if it holds ": ", or start a new line',
  },
  {
    code: 'MULTILINE_IMPLICIT_KEY',
    message: 'a key without a colon, or a text that goes on in the next line',
    hint: 'is a colon or a quote missing?',
  },
  { code: 'MISSING_CHAR', about: /closing .quote/, message: 'a quote is opened and not closed' },
  { code: 'MISSING_CHAR', about: /without - indicator/, message: 'the indentation does not fit the lines above' },
];

/**
 * Reads YAML as people mean it and nothing more: JSON's kinds of values only, phone numbers stay texts, no aliases,
 * bounded size and depth.
 * @returns null when the text is no YAML at all or holds what rule files must not; the findings say why.
 */
export function readYaml(file: string, text: string, findings: Findings): YamlFile | null {
  const top: Position = { file, line: 1, column: 1 };
  if (text.length > MAX_FILE_CHARS) {
    findings.error(
      top,
      'too-large',
      `the file has ${text.length} characters, more than the ${MAX_FILE_CHARS} that are read`,
      {
        hint: 'split it with include',
      },
    );
    return null;
  }
  const source = text.startsWith('\uFEFF') ? text.slice(1) : text;
  const lines = new LineCounter();
  const documents = parseAllDocuments(source, {
    lineCounter: lines,
    uniqueKeys: true,
    prettyErrors: false,
    version: '1.2',
    schema: 'core',
    customTags: tags,
    merge: false,
  });
  const parsed = new YamlFile(file, source, lines, !Array.isArray(documents) ? null : (documents[0]?.contents ?? null));
  if (!Array.isArray(documents)) {
    return parsed;
  }
  const before = findings.all.length;
  if (documents.length > 1) {
    findings.error(parsed.at(documents[1]?.range[0] ?? 0), 'yaml', 'the file holds more than one YAML document', {
      hint: 'remove the line with three dashes',
    });
  }
  for (const document of documents.slice(0, 1)) {
    const lines = new Set<number>();
    for (const fault of [...document.errors, ...document.warnings]) {
      // What is not closed is noticed at the end of the file, where there is nothing to show.
      const at = parsed.at(Math.min(fault.pos[0], source.trimEnd().length));
      const plain = PLAIN_WORDS.find(
        ({ code, about }) => code === fault.code && (about === undefined || about.test(fault.message)),
      );
      // One fault of syntax makes others in its line, and what the parser did not expect after it is mostly not at
      // fault.
      if (lines.has(at.line) || (plain === undefined && lines.size > 0)) {
        continue;
      }
      if (QUOTE_IN_QUOTES.test(source.split(/\r\n|\r|\n/)[at.line - 1] ?? '')) {
        findings.error(at, 'yaml', 'a double quote within a text in double quotes ends the text', {
          hint: "use single quotes inside {{ }}: {{ reason | default: 'unknown' }}",
        });
      } else {
        findings.error(
          at,
          'yaml',
          plain?.message ?? firstSentence(fault.message),
          plain?.hint === undefined ? {} : { hint: plain.hint },
        );
      }
      lines.add(at.line);
    }
  }
  refuseOddNodes(parsed, parsed.root, 0, findings);
  return findings.all.length > before ? null : parsed;
}

/** `"{{ x | default: "y" }}"` */
const QUOTE_IN_QUOTES = /"[^"]*\{\{[^"}]*"/;

function firstSentence(message: string): string {
  const line = message.split('\n')[0] ?? message;
  return `not readable as YAML: ${line.replace(/\.?:?$/, '')}`;
}

function refuseOddNodes(file: YamlFile, node: Node | null, depth: number, findings: Findings): void {
  if (depth > MAX_DEPTH) {
    findings.error(file.of(node), 'too-deep', `nested more than ${MAX_DEPTH} levels deep`);
    return;
  }
  if (isAlias(node) || (node !== null && 'anchor' in node && node.anchor !== undefined)) {
    findings.error(file.of(node), 'alias', 'anchors and aliases (& and *) are not used in rule files', {
      hint: 'put a text that starts with & or * in quotes; for values used twice there are lists and defaults',
    });
    return;
  }
  if (node !== null && node.tag !== undefined && !isAlias(node)) {
    findings.error(file.of(node), 'tag', 'tags (!) are not used in rule files', {
      hint: 'put a text that starts with ! in quotes',
    });
    return;
  }
  if (isMap(node)) {
    for (const pair of node.items) {
      if (!isScalar(pair.key)) {
        findings.error(file.of(isNodeOrNull(pair.key) ?? node), 'key', 'a key must be a plain text', {
          hint: 'put texts with { or [ in quotes',
        });
      } else {
        refuseOddNodes(file, pair.key, depth + 1, findings);
      }
      refuseOddNodes(file, isNodeOrNull(pair.value), depth + 1, findings);
    }
  } else if (isSeq(node)) {
    for (const item of node.items) {
      refuseOddNodes(file, isNodeOrNull(item), depth + 1, findings);
    }
  } else if (isScalar(node) && typeof node.value === 'number') {
    if (!Number.isFinite(node.value)) {
      findings.error(file.of(node), 'number', 'not a finite number');
    } else if (node.source !== undefined && /^-?\d{7,}$/.test(node.source)) {
      findings.error(file.of(node), 'bare-number', `the bare number ${node.source} looks like a phone number`, {
        hint: `quote it: "${node.source}"`,
      });
    }
  }
}
