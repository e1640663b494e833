import { isAlias, isMap, isScalar, isSeq, LineCounter, parseAllDocuments, Scalar, type Node } from 'yaml';
import { nodeOrNull, YamlDocument } from './document';
import { compareNumbers } from '../events/exact-number';
import { placeOf, type FindingDetails, type Findings, type Place } from './finding';
import type { FindingCode } from '../errors/finding-codes';
import { checkCharacters } from './characters';
import { duplicateKeys } from './duplicate-keys';
import { plainNumberTags } from './number-tags';
import { reportSyntax } from './syntax-errors';

/** What one kind of file allows. */
export interface YamlFormat {
  /** How deep blocks and lists may be nested. */
  maxDepth: number;
  /** Refuses infinite numbers, and numbers of seven or more digits without quotes: they are phone numbers. */
  refusesLongNumbers: boolean;
  /** Names the setting at a dotted path in findings. Without it, findings have no subject. */
  subjectOf?: (path: string) => FindingDetails['subject'];
}

/** A document, and the nodes in it that have findings. */
export interface ReadYaml {
  document: YamlDocument;
  refused: ReadonlySet<Node>;
}

/**
 * Parses the YAML that people write in configuration files: values of JSON's types only, phone numbers stay texts, no
 * anchors, aliases or tags, bounded depth. The caller bounds the size.
 * @returns null when the syntax is wrong; the findings say where.
 */
export function readYaml(file: string, text: string, format: YamlFormat, findings: Findings): ReadYaml | null {
  const source = text.startsWith('\uFEFF') ? text.slice(1) : text;
  const lines = new LineCounter();
  const documents = parseAllDocuments(source, {
    lineCounter: lines,
    // See duplicateKeys.
    uniqueKeys: false,
    prettyErrors: false,
    version: '1.2',
    schema: 'core',
    customTags: plainNumberTags,
    merge: false,
  });
  // For an empty file the library returns an object without documents.
  const [first, second] = Array.isArray(documents) ? documents : [];
  const document = new YamlDocument(file, source, lines, first?.contents ?? null);
  if (second !== undefined) {
    findings.error(document.positionAt(second.range[0]), 'yaml', MANY_DOCUMENTS.message, { hint: MANY_DOCUMENTS.hint });
  }
  // A tag that the library cannot resolve is refused below, like every other tag.
  const errors = [
    ...[...(first?.errors ?? []), ...(first?.warnings ?? [])].filter(({ code }) => code !== UNRESOLVED_TAG),
    ...duplicateKeys(document.root, format.maxDepth),
  ];
  // A wrong character is the cause of the errors around it.
  const hasDirective = checkDirective(document, findings);
  const isReadable = checkCharacters(document, findings) && !hasDirective;
  if (!isReadable) {
    return null;
  }
  reportSyntax(document, errors, findings);
  const refused = new Set<Node>();
  new NodeCheck(document, format, findings, refused).check(document.root, '', 0);
  return second !== undefined || errors.length > 0 ? null : { document, refused };
}

/** E.164 has at most so many. */
const MAX_PHONE_DIGITS = 15;
const UNRESOLVED_TAG = 'TAG_RESOLVE_FAILED';

const MANY_DOCUMENTS = {
  message: 'the file contains more than one YAML document',
  hint: 'remove the line with three dashes',
} as const;

/** `%YAML 1.1` changes what `yes`, `017` and other values mean. */
function checkDirective(document: YamlDocument, findings: Findings): boolean {
  const before = /^(?:[ \t]*(?:#.*)?\r?\n)*(?=%)/.exec(document.text);
  if (before !== null) {
    findings.error(document.positionAt(before[0].length), 'yaml', 'YAML directives (%) are not supported', {
      hint: 'remove the line',
    });
  }
  return before !== null;
}

/** Quotes of printed texts, which YAML takes for letters. */
const PRINTED_QUOTES = /^[\u2018-\u201F\u00AB\u2039].*[\u2018-\u201F\u00BB\u203A]$/s;
/** Escapes that patterns and file names have too, with another meaning. A control character can be written as \x08. */
const MISREAD_ESCAPES: ReadonlySet<string> = new Set(['0', 'a', 'b', 'e', 'f', 'v', 'N', 'L', 'P']);
/** A comment right after a value, without a space after its `#`: `channel: #sales`. */
const GLUED_COMMENT = /^[ \t]*(#[\w{$]\S*)/;

/** Finds what YAML allows and a configuration file does not. */
class NodeCheck {
  /** What was reported where: the syntax error that causes a refusal may have been. */
  readonly #reported: Set<string>;

  constructor(
    private readonly document: YamlDocument,
    private readonly format: YamlFormat,
    private readonly findings: Findings,
    private readonly refused: Set<Node>,
  ) {
    this.#reported = new Set(findings.all.map(({ message, place }) => keyOf(message, place)));
  }

  check(node: Node | null, path: string, depth: number): void {
    if (node === null) {
      return;
    }
    if (depth > this.format.maxDepth) {
      this.#refuse(node, path, 'too-deep', `nested more than ${this.format.maxDepth} levels deep`);
    } else if (isAlias(node) || ('anchor' in node && node.anchor !== undefined)) {
      this.#refuse(
        node,
        path,
        'alias',
        'anchors and aliases (& and *) are not supported',
        'put a text that starts with & or * in quotes',
      );
    } else if (node.tag !== undefined) {
      this.#refuse(node, path, 'tag', 'tags (!) are not supported', 'put a text that starts with ! in quotes');
    } else if (isMap(node)) {
      for (const { key, value } of node.items) {
        this.#checkEntry(node, nodeOrNull(key), nodeOrNull(value), path, depth + 1);
      }
    } else if (isSeq(node)) {
      node.items.forEach((item, index) => this.check(nodeOrNull(item), joined(path, String(index)), depth + 1));
    } else if (isScalar(node)) {
      this.#checkScalar(node, path);
    }
  }

  #checkScalar(node: Scalar, path: string): void {
    const { value, type, source = '' } = node;
    if (typeof value === 'number' && this.format.refusesLongNumbers) {
      this.#checkNumber(node, value, source, path);
    }
    if (type === Scalar.QUOTE_DOUBLE) {
      this.#checkEscapes(node, path);
    }
    if (type !== Scalar.PLAIN) {
      return;
    }
    if (PRINTED_QUOTES.test(source)) {
      const hint = 'use straight quotes: " or \'';
      this.#refuse(node, path, 'yaml', 'typographic quotes do not quote: they are part of the text', hint);
    }
    const end = node.range?.[1] ?? 0;
    const comment =
      value === null || typeof value === 'string' ? GLUED_COMMENT.exec(this.document.text.slice(end, end + 200)) : null;
    if (comment?.[1] !== undefined) {
      const at = this.document.positionAt(end + comment[0].length - comment[1].length);
      const message = 'a # after a space starts a comment, so the rest of the line is not part of the value';
      this.findings.warn(at, 'comment', message, { hint: 'put the value in quotes, or write a space after the #' });
    }
  }

  /** In `"\bcost\b"`, a pattern in double quotes, YAML makes each `\b` a control character. */
  #checkEscapes(node: Scalar, path: string): void {
    const [from = 0, to = 0] = node.range ?? [];
    const escapes = [...this.document.text.slice(from, to).matchAll(/\\(.)/gs)];
    const misread = escapes.find(([, letter = '']) => MISREAD_ESCAPES.has(letter));
    if (misread !== undefined) {
      const message = `in double quotes, ${misread[0]} is a control character`;
      this.#refuse(node, path, 'yaml', message, `use single quotes, or write \\${misread[0]}`);
    }
  }

  #checkEntry(map: Node, key: Node | null, value: Node | null, path: string, depth: number): void {
    if (!isScalar(key) && key !== null && this.document.text.startsWith('{{', (key.range?.[0] ?? 0) - 1)) {
      this.#refuse(map, path, 'yaml', 'a text with {{ }} has no quotes', 'put it in quotes: "{{ id }}"');
    } else if (isScalar(key)) {
      this.check(key, path, depth);
      this.check(value, joined(path, String(key.value)), depth);
    } else {
      this.#refuse(key ?? map, path, 'key', 'a key must be a text', 'put a key with { or [ in quotes');
      this.check(value, path, depth);
    }
  }

  #checkNumber(node: Node, value: number, source: string, path: string): void {
    if (!Number.isFinite(value)) {
      this.#refuse(node, path, 'number', 'not a finite number');
    } else if (/^-?\d{7,}$/.test(source)) {
      const what = source.length > MAX_PHONE_DIGITS ? 'is longer than amounts are' : 'looks like a phone number';
      const message = `the bare number ${source} ${what}`;
      this.#refuse(node, path, 'bare-number', message, `quote it: "${source}"`);
    } else if (Math.abs(compareNumbers(String(value), source)) > 0) {
      const message = `the number ${source} has more digits than the program keeps: it would be ${value}`;
      this.#refuse(node, path, 'number', message, `quote it: "${source}"`);
    }
  }

  #refuse(node: Node, path: string, code: FindingCode, message: string, hint?: string): void {
    const subject = this.format.subjectOf?.(path);
    const at = this.document.positionOf(node);
    this.refused.add(node);
    const reported = keyOf(message, placeOf(at));
    if (this.#reported.has(reported)) {
      return;
    }
    this.#reported.add(reported);
    this.findings.error(at, code, message, {
      ...(hint === undefined ? {} : { hint }),
      ...(subject === undefined ? {} : { subject }),
    });
  }
}

function keyOf(message: string, place: Place): string {
  return place.kind === 'file' ? `${place.line}:${place.column} ${place.file} ${message}` : message;
}

function joined(path: string, key: string): string {
  return path === '' ? key : `${path}.${key}`;
}
