import { isMap, isPair, isScalar, isSeq, Scalar, visit, type Node, type YAMLError } from 'yaml';
import type { YamlDocument } from './document';
import type { Findings, Position } from './finding';

/** More errors are not reported: mending these removes most of the others. */
const MAX_ERRORS = 100;

/** What a syntax error is, in plain words. */
interface Explanation {
  at: Position;
  message: string;
  hint?: string;
}

/** The parser's messages in plain words. */
const PLAIN_WORDS: readonly { code: string; about?: RegExp; message: string; hint?: string }[] = [
  { code: 'DUPLICATE_KEY', message: 'this key appears twice in the same block', hint: 'remove one of them' },
  { code: 'TAB_AS_INDENT', message: 'a tab is used for indentation', hint: 'use spaces' },
  { code: 'BAD_INDENT', message: 'the indentation does not match the lines above' },
  {
    code: 'BLOCK_AS_IMPLICIT_KEY',
    about: /block sequence/,
    message: 'the indentation does not match the lines above',
  },
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
  { code: 'MISSING_CHAR', about: /between flow/, message: 'a comma is missing between two values' },
  {
    code: 'BAD_DQ_ESCAPE',
    message: 'a backslash in double quotes starts an escape, and there is no such escape',
    hint: "use single quotes ('\\d'), or write two backslashes",
  },
  {
    code: 'UNEXPECTED_TOKEN',
    about: /Not a YAML token/,
    message: 'a block text (| or >) starts in the next line',
    hint: 'move the text to the next line and indent it, or put it in quotes',
  },
  {
    code: 'UNEXPECTED_TOKEN',
    about: /block-seq-ind on same line/,
    message: 'a list cannot start in the line of its key',
    hint: 'start a new line before the dash, or put a text that starts with a dash in quotes',
  },
  { code: 'UNEXPECTED_TOKEN', about: /flow-(?:map|seq)-end/, message: 'a closing bracket without an opening one' },
];

/** `"{{ x | default: "y" }}"` */
const QUOTE_IN_QUOTES = /"[^"]*\{\{[^"}]*"/;
/** A key of a block, at the start of a line. */
const KEY_LINE = /\n[ \t]*(?:- +)?[A-Za-z_][\w.]*[ \t]*:(?:[ \t]|$)/m;

/**
 * Reports the syntax errors of a document, each at the place where it has to be mended: one per line, tabs once, and none
 * that an earlier one causes.
 */
export function reportSyntax(document: YamlDocument, errors: readonly YAMLError[], findings: Findings): void {
  const sourceLines = document.text.split('\n');
  const reported = new Set<number>();
  const tabs = errors.filter(({ code }) => code === 'TAB_AS_INDENT').map(({ pos }) => document.positionAt(pos[0]).line);
  for (const error of errors.slice(0, MAX_ERRORS)) {
    // A tab shifts everything after it, so only keys that are there twice are certain to be errors of their own.
    if (tabs.length > 0 && (error.code === 'TAB_AS_INDENT' ? reported.size > 0 : error.code !== 'DUPLICATE_KEY')) {
      continue;
    }
    const { at, message, hint } = explain(document, error, sourceLines);
    // One syntax error causes others in its line and unexpected tokens after it.
    if (reported.has(at.line) || (!isKnown(error) && reported.size > 0)) {
      continue;
    }
    reported.add(at.line);
    const others = error.code === 'TAB_AS_INDENT' ? tabs.slice(1) : [];
    const more = others.length === 0 ? hint : `${hint ?? ''}; also in ${linesInWords(others)}`;
    findings.error(at, 'yaml', message, more === undefined ? {} : { hint: more });
  }
}

function linesInWords(lines: readonly number[]): string {
  const shown = lines.slice(0, 5).join(', ');
  return `${lines.length === 1 ? 'line' : 'lines'} ${shown}${lines.length > 5 ? ' and more' : ''}`;
}

function plainWordsOf(error: YAMLError): (typeof PLAIN_WORDS)[number] | undefined {
  return PLAIN_WORDS.find(
    ({ code, about }) => code === error.code && (about === undefined || about.test(error.message)),
  );
}

function isKnown(error: YAMLError): boolean {
  return plainWordsOf(error) !== undefined || error.code === 'BAD_SCALAR_START';
}

function explain(document: YamlDocument, error: YAMLError, sourceLines: readonly string[]): Explanation {
  const { text } = document;
  // What is not closed is noticed at the end of the file, where there is nothing to show.
  const offset = Math.min(error.pos[0], text.trimEnd().length);
  const at = document.positionAt(offset);
  const line = sourceLines[at.line - 1] ?? '';
  const opened = openedBefore(document, offset, error);
  if (opened !== null) {
    return opened;
  }
  if (QUOTE_IN_QUOTES.test(line)) {
    return {
      at,
      message: 'a double quote inside double quotes ends the text',
      hint: "use single quotes inside {{ }}: {{ reason | default: 'unknown' }}",
    };
  }
  const start = text.charAt(offset);
  if (error.code === 'BAD_SCALAR_START') {
    return { at, message: `a text cannot start with ${start} without quotes`, hint: 'put the text in quotes' };
  }
  if (error.code === 'UNEXPECTED_TOKEN' && /["'][^:,#]*$/.test(line.slice(0, at.column - 1)) && /\S/.test(start)) {
    return {
      at,
      message: 'the text goes on after its closing quote',
      hint: "put all of it in quotes; inside single quotes write '' for one '",
    };
  }
  const braces = line.slice(0, at.column).indexOf('{{');
  if (error.code === 'UNEXPECTED_TOKEN' && braces !== -1) {
    return {
      at: { ...at, column: braces + 1 },
      message: 'a text with {{ }} has no quotes',
      hint: 'put it in quotes: "{{ id }}"',
    };
  }
  const plain = plainWordsOf(error);
  const space = missingSpace(sourceLines, at.line);
  if (space !== null && (error.code === 'MULTILINE_IMPLICIT_KEY' || error.code === 'BLOCK_AS_IMPLICIT_KEY')) {
    return space(document);
  }
  return {
    at,
    message: plain?.message ?? `not readable as YAML: ${firstClause(error.message)}`,
    ...(plain?.hint === undefined ? {} : { hint: plain.hint }),
  };
}

/** A quote or bracket that opens before an error and causes it, because it is not closed where it should be. */
function openedBefore(document: YamlDocument, offset: number, error: YAMLError): Explanation | null {
  const isQuoteError = error.code === 'MISSING_CHAR' && /closing .quote/.test(error.message);
  const isBracketError = error.code === 'BAD_INDENT' && error.message.startsWith('Flow');
  let found: Explanation | null = null;
  visitNodes(document.root, (node) => {
    const [start, end] = node.range ?? [0, 0];
    if (start > offset || end < offset - 1) {
      return;
    }
    const written = document.text.slice(start, Math.max(end, offset));
    const opening = document.text.charAt(start);
    if (isScalar(node) && (node.type === Scalar.QUOTE_DOUBLE || node.type === Scalar.QUOTE_SINGLE)) {
      // A quote that swallowed lines with keys closes at the opening quote of another text.
      if (isQuoteError || KEY_LINE.test(written)) {
        found = { at: document.positionAt(start), message: 'a quote is not closed', hint: `close it with ${opening}` };
      }
    } else if ((isMap(node) || isSeq(node)) && node.flow === true && isBracketError && written.includes('\n')) {
      const closing = opening === '[' ? ']' : '}';
      found = {
        at: document.positionAt(start),
        message: `a bracket ${opening} is not closed`,
        hint: `close it with ${closing}, and indent all its lines more than its key`,
      };
    }
  });
  return found;
}

/** Visits the nodes of a tree with syntax errors, the outer ones first. */
function visitNodes(root: Node | null, each: (node: Node) => void): void {
  visit(root, (_, node) => {
    if (!isPair(node) && typeof node === 'object' && node !== null && 'range' in node) {
      each(node as Node);
    }
  });
}

/** `on:call_hangup` and `-name: r` in a line, or the one before it: what is wrong with it. */
function missingSpace(lines: readonly string[], line: number): ((document: YamlDocument) => Explanation) | null {
  for (const number of [line, line - 1]) {
    const text = lines[number - 1] ?? '';
    const dash = /^\s*-(?=[A-Za-z_])/.exec(text);
    const colon = /^\s*(?:- +)?[A-Za-z_][\w.]*:(?=[^\s:/])/.exec(text);
    const column = (dash ?? colon)?.[0].length;
    if (column !== undefined) {
      return ({ file }) => ({
        at: { file, line: number, column: column + 1 },
        message: `there is no space after the ${dash === null ? 'colon' : 'dash'}`,
        hint: 'write one',
      });
    }
  }
  return null;
}

function firstClause(message: string): string {
  return (message.split('\n')[0] ?? message).replace(/\.?:?$/, '');
}
