import { readFileSync, statSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { isMap, isScalar } from 'yaml';
import type { YamlDocument } from '../../yaml/document';
import type { Findings, Position } from '../../yaml/finding';
import { readYaml, type YamlFormat } from '../../yaml/read-yaml';
import { FILE_KEYS } from '../language/keys';
import { BlockReader, isNothing, quoted, type Block } from './block-reader';

const MAX_FILES = 100;
const MAX_FILE_CHARS = 2_000_000;
const FORMAT: YamlFormat = { maxDepth: 40, refusesLongNumbers: true };

/** Reads a rule file from disk. @throws when it cannot be read or is too large. */
export function readFromDisk(path: string): string {
  // Checked before reading, because the path may name a huge file.
  if (statSync(path).size > MAX_FILE_CHARS * 4) {
    throw new Error(`larger than ${MAX_FILE_CHARS} characters`);
  }
  return readFileSync(path, 'utf8');
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
    const file = readFileAt(path, place, readFile, findings);
    if (file !== null) {
      files.push(file);
      queue.push(...includesOf(file));
    }
  }
  return { files, paths: [...seen.values()] };
}

const READ_ERRORS: ReadonlyMap<string, string> = new Map([
  ['ENOENT', 'it does not exist'],
  ['EACCES', 'permission denied'],
  ['EISDIR', 'it is a folder'],
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
    const code =
      typeof error === 'object' && error !== null && 'code' in error && typeof error.code === 'string'
        ? error.code
        : '';
    const why = READ_ERRORS.get(code) ?? (error instanceof Error ? error.message : code);
    findings.error(place, code === 'ENOENT' ? 'missing-file' : 'file', `${quoted(path)} cannot be read: ${why}`);
    return null;
  }
  const top = { file: path, line: 1, column: 1 };
  if (text.length > MAX_FILE_CHARS) {
    const message = `the file has ${text.length} characters; the limit is ${MAX_FILE_CHARS}`;
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
    findings.error(version.at, 'version', 'this bridge supports version 1 of the rule language');
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
