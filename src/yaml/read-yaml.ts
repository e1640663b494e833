import { isAlias, isMap, isScalar, isSeq, LineCounter, parseAllDocuments, type Node, type YAMLError } from 'yaml';
import { nodeOrNull, YamlDocument } from './document';
import type { FindingDetails, Findings } from './finding';
import type { FindingCode } from '../errors/finding-codes';
import { plainNumberTags } from './number-tags';

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
    uniqueKeys: true,
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
  const errors = [...(first?.errors ?? []), ...(first?.warnings ?? [])].filter(({ code }) => code !== UNRESOLVED_TAG);
  reportSyntax(document, errors, findings);
  const refused = new Set<Node>();
  new NodeCheck(document, format, findings, refused).check(document.root, '', 0);
  return second !== undefined || errors.length > 0 ? null : { document, refused };
}

const UNRESOLVED_TAG = 'TAG_RESOLVE_FAILED';

const MANY_DOCUMENTS = {
  message: 'the file contains more than one YAML document',
  hint: 'remove the line with three dashes',
} as const;

/** The parser's messages in plain words. */
const PLAIN_WORDS: readonly { code: string; about?: RegExp; message: string; hint?: string }[] = [
  { code: 'DUPLICATE_KEY', message: 'this key appears twice in the same block', hint: 'remove one of them' },
  { code: 'TAB_AS_INDENT', message: 'a tab is used for indentation', hint: 'use spaces' },
  { code: 'BAD_INDENT', message: 'the indentation does not match the lines above' },
  { code: 'MULTIPLE_DOCS', ...MANY_DOCUMENTS },
  {
    code: 'BLOCK_AS_IMPLICIT_KEY',
    message: 'a second colon in this line starts another key',
    hint: 'put the text in quotes if it contains ": ", or start a new line',
  },
  {
    code: 'MULTILINE_IMPLICIT_KEY',
    message: 'a key without a colon, or a text that continues in the next line',
    hint: 'is a colon or a quote missing?',
  },
  { code: 'MISSING_CHAR', about: /closing .quote/, message: 'a quote is not closed' },
  { code: 'MISSING_CHAR', about: /without - indicator/, message: 'the indentation does not match the lines above' },
];

/** `"{{ x | default: "y" }}"` */
const QUOTE_IN_QUOTES = /"[^"]*\{\{[^"}]*"/;

function reportSyntax(document: YamlDocument, errors: readonly YAMLError[], findings: Findings): void {
  const { text } = document;
  const sourceLines = text.split(/\r\n|\r|\n/);
  const reported = new Set<number>();
  for (const error of errors) {
    // What is not closed is noticed at the end of the file, where there is nothing to show.
    const at = document.positionAt(Math.min(error.pos[0], text.trimEnd().length));
    const plain = PLAIN_WORDS.find(
      ({ code, about }) => code === error.code && (about === undefined || about.test(error.message)),
    );
    // One syntax error causes others in its line and unexpected tokens after it.
    if (reported.has(at.line) || (plain === undefined && reported.size > 0)) {
      continue;
    }
    reported.add(at.line);
    if (QUOTE_IN_QUOTES.test(sourceLines[at.line - 1] ?? '')) {
      findings.error(at, 'yaml', 'a double quote inside double quotes ends the text', {
        hint: "use single quotes inside {{ }}: {{ reason | default: 'unknown' }}",
      });
    } else {
      const message = plain?.message ?? `not readable as YAML: ${firstClause(error.message)}`;
      findings.error(at, 'yaml', message, plain?.hint === undefined ? {} : { hint: plain.hint });
    }
  }
}

function firstClause(message: string): string {
  return (message.split('\n')[0] ?? message).replace(/\.?:?$/, '');
}

/** Finds what YAML allows and a configuration file does not. */
class NodeCheck {
  constructor(
    private readonly document: YamlDocument,
    private readonly format: YamlFormat,
    private readonly findings: Findings,
    private readonly refused: Set<Node>,
  ) {}

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
    } else if (isScalar(node) && typeof node.value === 'number' && this.format.refusesLongNumbers) {
      this.#checkNumber(node, node.value, node.source ?? '', path);
    }
  }

  #checkEntry(map: Node, key: Node | null, value: Node | null, path: string, depth: number): void {
    if (isScalar(key)) {
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
      const message = `the bare number ${source} looks like a phone number`;
      this.#refuse(node, path, 'bare-number', message, `quote it: "${source}"`);
    }
  }

  #refuse(node: Node, path: string, code: FindingCode, message: string, hint?: string): void {
    const subject = this.format.subjectOf?.(path);
    this.refused.add(node);
    this.findings.error(this.document.positionOf(node), code, message, {
      ...(hint === undefined ? {} : { hint }),
      ...(subject === undefined ? {} : { subject }),
    });
  }
}

function joined(path: string, key: string): string {
  return path === '' ? key : `${path}.${key}`;
}
