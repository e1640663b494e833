import { createHash } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { isMap, isScalar } from 'yaml';
import type { JsonValue } from '../../events/json';
import { BlockReader, isNothing, quoted, type Block, type Value } from './block-reader';
import { Findings, sortFindings, type Finding, type Position } from '../../yaml/finding';
import { DEFAULTS_KEYS, FILE_KEYS } from '../language/keys';
import { lintRules } from './lint';
import { RuleSet } from '../rule-set';
import type { ActionCatalogue, Rule } from '../rule';
import { readCountry, readLists, readTimezone, readWindows, RuleReader, type Defaults, type NamedList } from './rules';
import { TestReader, type RuleTest } from './tests';
import type { Window } from '../language/windows';
import { toJson, type YamlDocument } from '../../yaml/document';
import { readYaml, type YamlFormat } from '../../yaml/read-yaml';

/**
 * What came of reading rule files. Findings stand in reading order; with `ok` they are warnings only. `files` are the
 * paths of all files that belong to the set, also of those that could not be read.
 */
export type LoadedRules =
  | { ok: true; ruleSet: RuleSet; tests: readonly RuleTest[]; findings: readonly Finding[]; files: readonly string[] }
  | { ok: false; findings: readonly Finding[]; files: readonly string[] };

export interface LoadOptions {
  /** Path of the main rule file; findings show it as it is given. */
  file: string;
  actions: ActionCatalogue;
  /** Reads a file as UTF-8; throws when it cannot. From disk when not given. */
  readFile?: (path: string) => string;
}

const MAX_FILES = 100;
const MAX_FILE_CHARS = 2_000_000;
const FORMAT: YamlFormat = { maxDepth: 40, refusesLongNumbers: true };

/**
 * Reads a rule file and everything that it includes, and compiles it. All faults of all files are told at once; a file
 * that has one gives no rule set, so that a faulty file never replaces a working set.
 */
export function loadRules(options: LoadOptions): LoadedRules {
  const findings = new Findings();
  const readFile = options.readFile ?? readFromDisk;
  const { files, paths: names } = readFiles(options.file, readFile, findings);
  const rules = readAll(files, options.actions, findings);
  // Tests are judged against the rules that are there; with faulty rules every second test would be a finding.
  const tests = findings.hasErrors ? [] : readTests(files, rules);
  if (!findings.hasErrors) {
    lintRules(rules, findings);
  }
  if (findings.hasErrors) {
    return { ok: false, findings: sortFindings(findings.all), files: names };
  }
  return {
    ok: true,
    ruleSet: new RuleSet(hashOf(files), rules),
    tests,
    findings: sortFindings(findings.all),
    files: names,
  };
}

function readFromDisk(path: string): string {
  // Asked before reading, so that a path to something huge does no harm.
  if (statSync(path).size > MAX_FILE_CHARS * 4) {
    throw new Error(`larger than ${MAX_FILE_CHARS} characters`);
  }
  return readFileSync(path, 'utf8');
}

/** A file with its top-level keys. */
interface TopLevel {
  document: YamlDocument;
  reader: BlockReader;
  block: Block<keyof typeof FILE_KEYS>;
}

/** The files that could be read, and the paths of all that were tried. */
function readFiles(
  main: string,
  readFile: (path: string) => string,
  findings: Findings,
): { files: TopLevel[]; paths: string[] } {
  const found: TopLevel[] = [];
  const waiting: { path: string; from: Position | null }[] = [{ path: main, from: null }];
  const seen = new Map<string, string>();
  for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
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
      found.push(file);
      waiting.push(...includesOf(file));
    }
  }
  return { files: found, paths: [...seen.values()] };
}

const FILE_TROUBLE: ReadonlyMap<string, string> = new Map([
  ['ENOENT', 'it does not exist'],
  ['EACCES', 'permission denied'],
  ['EISDIR', 'it is a folder'],
]);

function readFileAt(
  path: string,
  place: Position,
  readFile: (path: string) => string,
  findings: Findings,
): TopLevel | null {
  let text: string;
  try {
    text = readFile(path);
  } catch (error) {
    const code =
      typeof error === 'object' && error !== null && 'code' in error && typeof error.code === 'string'
        ? error.code
        : '';
    const why = FILE_TROUBLE.get(code) ?? (error instanceof Error ? error.message : code);
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

function includesOf({ reader, block, document }: TopLevel): { path: string; from: Position }[] {
  const include = block.get('include');
  return (include === undefined ? [] : reader.listOf(include)).flatMap((item) => {
    const path = reader.text(item, 'include');
    return path === null ? [] : [{ path: join(dirname(document.file), path), from: item.at }];
  });
}

function readAll(files: readonly TopLevel[], actions: ActionCatalogue, findings: Findings): Rule[] {
  const [main, ...others] = files;
  if (main === undefined) {
    return [];
  }
  const defaults = readDefaults(main);
  for (const { block } of others) {
    const second = block.get('defaults');
    if (second !== undefined) {
      findings.error(second.keyAt, 'defaults', 'an included file cannot have defaults', {
        hint: `move them to ${main.document.file}`,
      });
    }
  }
  const lists = new Map<string, NamedList>();
  const windows = new Map<string, Window | null>();
  for (const { reader, block } of files) {
    const value = block.get('lists');
    addNew(lists, value === undefined ? new Map() : readLists(reader, value), value, 'list', findings);
  }
  for (const { reader, block } of files) {
    const value = block.get('windows');
    addNew(
      windows,
      value === undefined ? new Map() : readWindows(reader, value, lists, defaults),
      value,
      'window',
      findings,
    );
  }
  const rules: Rule[] = [];
  const byName = new Map<string, Position>();
  for (const { reader, block } of files) {
    const value = block.get('rules');
    for (const rule of value === undefined || isNothing(value.node)
      ? []
      : new RuleReader(reader, { lists, windows }, defaults, actions).read(value)) {
      const earlier = byName.get(rule.name);
      if (earlier !== undefined) {
        findings.error(rule.at, 'duplicate-rule', `another rule has the name ${quoted(rule.name)}`, {
          hint: `the first is at ${earlier.file}:${earlier.line}`,
        });
      }
      byName.set(rule.name, rule.at);
      rules.push(rule);
    }
  }
  if (rules.length === 0 && !findings.hasErrors) {
    findings.warn(
      { file: main.document.file, line: 1, column: 1 },
      'empty',
      'there are no rules, so the bridge runs nothing',
    );
  }
  return rules;
}

function readTests(files: readonly TopLevel[], rules: readonly Rule[]): RuleTest[] {
  return files.flatMap(({ reader, block }) => {
    const value = block.get('tests');
    return value === undefined || isNothing(value.node) ? [] : new TestReader(reader, rules).read(value);
  });
}

function addNew<Item>(
  all: Map<string, Item>,
  more: ReadonlyMap<string, Item>,
  value: Value | undefined,
  what: 'list' | 'window',
  findings: Findings,
): void {
  for (const [name, item] of more) {
    if (all.has(name) && value !== undefined) {
      findings.error(value.at, `duplicate-${what}`, `another file already defines the ${what} ${quoted(name)}`);
    }
    all.set(name, item);
  }
}

function readDefaults({ reader, block }: TopLevel): Defaults {
  const value = block.get('defaults');
  const read = value === undefined ? null : reader.block(value, 'defaults', DEFAULTS_KEYS);
  const timezone = read?.get('timezone');
  const country = read?.get('country');
  return {
    timezone: (timezone === undefined ? null : readTimezone(reader, timezone)) ?? 'UTC',
    country: country === undefined ? null : readCountry(reader, country),
  };
}

/** Of what the files say, not of how: comments, layout and order of keys do not count, nor do tests. */
function hashOf(files: readonly TopLevel[]): string {
  const hash = createHash('sha256');
  for (const { document } of files) {
    const json = toJson(document.root);
    const content =
      typeof json === 'object' && json !== null && !Array.isArray(json)
        ? Object.fromEntries(Object.entries(json).filter(([key]) => key !== 'tests' && key !== 'include'))
        : json;
    hash.update(`${canonicalJson(content)}\n`);
  }
  return hash.digest('hex').slice(0, 12);
}

function canonicalJson(value: JsonValue): string {
  if (Array.isArray(value)) {
    return `[${value.map(canonicalJson).join(',')}]`;
  }
  if (typeof value === 'object' && value !== null) {
    const parts = Object.entries(value).sort(([one], [other]) => (one < other ? -1 : 1));
    return `{${parts.map(([key, inner]) => `${JSON.stringify(key)}:${canonicalJson(inner)}`).join(',')}}`;
  }
  return JSON.stringify(value);
}
