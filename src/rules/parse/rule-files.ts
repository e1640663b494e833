import { realpathSync } from 'node:fs';
import { dirname, join, normalize, relative, sep } from 'node:path';
import { isMap, isScalar } from 'yaml';
import type { FindingCode } from '../../errors/finding-codes';
import type { YamlDocument } from '../../yaml/document';
import type { Findings, Position } from '../../yaml/finding';
import { readYaml, type YamlFormat } from '../../yaml/read-yaml';
import { reportBadByte } from '../../yaml/encoding';
import { readTextFile, type BadByte } from '../../yaml/text-file';
import { FILE_KEYS } from '../language/keys';
import { BlockReader, isNothing, quoted, type Block } from './block-reader';

/** The most files of a set. */
export const MAX_FILES = 100;
/** Longer rule files are refused. */
export const MAX_RULE_FILE_CHARS = 2_000_000;
/** Of all files together: checking them takes about a second for a million characters. */
export const MAX_CHARS_TOGETHER = 2 * MAX_RULE_FILE_CHARS;
const FORMAT: YamlFormat = { maxDepth: 40, refusesLongNumbers: true };

const RULE_FILE = /\.ya?ml$/i;

/** Why a rule file is not read. */
class UnreadableFile extends Error {
  constructor(
    problem: string,
    readonly code: string | null,
    readonly badByte?: BadByte,
  ) {
    super(`it ${problem}`);
  }
}

/**
 * Makes the reader of a main file and its includes. It throws when a file cannot be read, is too long or is not a regular
 * file. It reads no file outside the main file's folder, not through symbolic links either: who may write rules may not
 * read everything that the bridge may read.
 */
export function diskReader(main: string): (path: string) => string {
  return (path) => {
    if (path !== main && !isBelow(dirname(main), path)) {
      throw new UnreadableFile('is outside the folder of the main rule file', OUTSIDE);
    }
    const read = readTextFile(path, MAX_RULE_FILE_CHARS);
    if (!read.ok) {
      throw new UnreadableFile(read.problem, read.code, read.badByte);
    }
    return read.text;
  };
}

const OUTSIDE = 'outside';

/** Whether a file is in a folder or below it, links resolved. True for a file that does not exist. */
function isBelow(folder: string, path: string): boolean {
  try {
    return !relative(realpathSync(folder), realpathSync(path)).split(sep).includes('..');
  } catch {
    return !relative(folder, path).split(sep).includes('..');
  }
}

/** A parsed file with its top-level keys. */
export interface RuleFile {
  document: YamlDocument;
  reader: BlockReader;
  block: Block<keyof typeof FILE_KEYS>;
}

/** Reads a rule file and its includes. @returns the valid files, and the paths of all of them. */
export function readRuleFiles(
  main: string,
  readFile: (path: string) => string,
  findings: Findings,
): { files: RuleFile[]; paths: string[] } {
  const files: RuleFile[] = [];
  const queue: { path: string; from: Position | null }[] = [{ path: main, from: null }];
  const seen = new Map<string, string>();
  let charsRead = 0;
  for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
    const { path, from } = next;
    const place = from ?? { file: path, line: 1, column: 1 };
    if (seen.has(normalize(path))) {
      findings.error(place, 'include', `${quoted(path)} is included twice`);
      continue;
    }
    if (seen.size >= MAX_FILES) {
      findings.error(place, 'include', `more than ${MAX_FILES} files are included`);
      break;
    }
    seen.set(normalize(path), path);
    if (from !== null && !RULE_FILE.test(path)) {
      findings.error(place, 'include', `${quoted(path)} is not a rule file`, {
        hint: 'the name of a rule file ends in .yaml or .yml',
      });
      continue;
    }
    const file = readFileAt(path, place, readFile, findings);
    if (file !== null) {
      charsRead += file.document.text.length;
      if (charsRead > MAX_CHARS_TOGETHER) {
        findings.error(place, 'too-large', `the rule files have more than ${MAX_CHARS_TOGETHER} characters together`);
        break;
      }
      files.push(file);
      queue.push(...includesOf(file));
    }
  }
  return { files, paths: [...seen.values()] };
}

const READ_ERRORS: ReadonlyMap<string, string> = new Map([
  ['ENOENT', 'it does not exist'],
  ['EACCES', 'permission denied'],
]);

const READ_CODES: ReadonlyMap<string, FindingCode> = new Map([
  ['ENOENT', 'missing-file'],
  ['too-long', 'too-large'],
  ['encoding', 'encoding'],
  [OUTSIDE, 'include'],
]);

function readFileAt(
  path: string,
  place: Position,
  readFile: (path: string) => string,
  findings: Findings,
): RuleFile | null {
  let text: string;
  try {
    text = readFile(path);
  } catch (error) {
    if (error instanceof UnreadableFile && error.badByte !== undefined) {
      reportBadByte(path, error.badByte, findings);
      return null;
    }
    const code =
      typeof error === 'object' && error !== null && 'code' in error && typeof error.code === 'string'
        ? error.code
        : '';
    const why = READ_ERRORS.get(code) ?? (error instanceof Error ? error.message : code);
    const hint = code === 'encoding' ? { hint: 'save it as UTF-8' } : {};
    findings.error(place, READ_CODES.get(code) ?? 'file', `${quoted(path)} cannot be read: ${why}`, hint);
    return null;
  }
  const top = { file: path, line: 1, column: 1 };
  if (text.length > MAX_RULE_FILE_CHARS) {
    const message = `the file has ${text.length} characters; the limit is ${MAX_RULE_FILE_CHARS}`;
    findings.error(top, 'too-large', message, { hint: 'split it with include' });
    return null;
  }
  const yaml = readYaml(path, text, FORMAT, findings);
  if (yaml === null || yaml.refused.size > 0) {
    return null;
  }
  const { document } = yaml;
  const reader = new BlockReader(document, findings);
  if (isNothing(document.root)) {
    findings.error(top, 'empty', 'the file is empty', { hint: 'start with version: 1 and rules:' });
    return null;
  }
  const block = reader.block(
    { node: document.root, at: isMap(document.root) ? top : document.positionOf(document.root) },
    'a rule file',
    FILE_KEYS,
  );
  if (block === null) {
    return null;
  }
  const version = block.get('version');
  if (version !== undefined && !(isScalar(version.node) && version.node.value === 1)) {
    const isText = isScalar(version.node) && version.node.value === '1';
    const hint = isText ? { hint: 'write 1 without quotes' } : {};
    findings.error(version.at, 'version', 'this bridge supports version 1 of the rule language', hint);
  }
  return { document, reader, block };
}

function includesOf({ reader, block, document }: RuleFile): { path: string; from: Position }[] {
  const include = block.get('include');
  return (include === undefined ? [] : reader.listOf(include)).flatMap((item) => {
    const path = reader.text(item, 'include');
    return path === null ? [] : [{ path: join(dirname(document.file), path), from: item.at }];
  });
}
