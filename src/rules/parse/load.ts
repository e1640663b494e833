import type { Window } from '../language/windows';
import { Findings, sortFindings, type Finding, type Position } from '../../yaml/finding';
import { RuleSet } from '../rule-set';
import type { ActionCatalogue, Rule } from '../rule';
import type { AlertRoute, Heartbeat } from '../alert-route';
import { AlertReader, readHeartbeat } from './alerts';
import { isNothing, quoted, type Value } from './block-reader';
import { readDefaults } from './defaults';
import { lintRules } from './lint';
import { readLists, type NamedList } from './lists';
import { readMaps, type NamedMap } from './maps';
import { diskReader, readRuleFiles, type RuleFile } from './rule-files';
import { hashOf } from './rule-set-hash';
import { RuleReader } from './rules';
import { TestReader, type RuleTest } from './tests';
import { readWindows } from './windows';

/**
 * The result of loading rule files. Findings are in reading order; with `ok` they are warnings only. `files` are the
 * paths of all files of the set, also of those that cannot be read.
 */
export type LoadedRules =
  | {
      ok: true;
      ruleSet: RuleSet;
      tests: readonly RuleTest[];
      findings: readonly Finding[];
      files: readonly string[];
      /** IANA zone of the rules that name none. */
      timezone: string;
    }
  | { ok: false; findings: readonly Finding[]; files: readonly string[] };

export interface LoadOptions {
  /** Path of the main rule file; findings show it unchanged. */
  file: string;
  actions: ActionCatalogue;
  /** Reads a file as UTF-8; throws when it cannot. The default reads from disk, below the folder of `file` only. */
  readFile?: (path: string) => string;
}

/**
 * Loads a rule file with its includes and compiles it. The findings of all files are reported together. An error in any
 * file gives no rule set, so that an invalid file never replaces a working set.
 */
export function loadRules(options: LoadOptions): LoadedRules {
  const findings = new Findings();
  const readFile = options.readFile ?? diskReader(options.file);
  const { files, paths } = readRuleFiles(options.file, readFile, findings);
  const { rules, alerts, heartbeat, timezone } = readAll(files, options.actions, findings);
  const hasAllRules = !findings.hasErrors;
  const tests = readTests(files, rules, timezone);
  if (!hasAllRules) {
    // Rules with errors are missing here, so half of the tests would have findings.
    findings.drop(({ code }) => code === 'unknown-rule' || code === 'unknown-step');
  } else {
    lintRules(rules, options.actions, findings);
  }
  if (findings.hasErrors) {
    return { ok: false, findings: sortFindings(findings.all), files: paths };
  }
  return {
    ok: true,
    ruleSet: new RuleSet(hashOf(files.map(({ document }) => document)), rules, alerts, heartbeat),
    tests,
    findings: sortFindings(findings.all),
    files: paths,
    timezone,
  };
}

/** What the files define. */
interface Read {
  rules: Rule[];
  alerts: AlertRoute[];
  heartbeat: Heartbeat | null;
  timezone: string;
}

function readAll(files: readonly RuleFile[], actions: ActionCatalogue, findings: Findings): Read {
  const [main, ...others] = files;
  if (main === undefined) {
    return { rules: [], alerts: [], heartbeat: null, timezone: 'UTC' };
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
  const maps = new Map<string, NamedMap>();
  const windows = new Map<string, Window | null>();
  for (const { reader, block } of files) {
    const value = block.get('lists');
    addNew(lists, value === undefined ? new Map() : readLists(reader, value), value, 'list', findings);
    const map = block.get('maps');
    addNew(maps, map === undefined ? new Map() : readMaps(reader, map, defaults.country), map, 'map', findings);
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
  for (const name of [...maps.keys()].filter((one) => lists.has(one))) {
    const at = maps.get(name)?.[0]?.at ?? { file: main.document.file, line: 1, column: 1 };
    findings.error(at, 'duplicate-map', `${quoted(name)} is both a list and a map`);
  }
  const names = { lists, maps, windows };
  const rules: Rule[] = [];
  const byName = new Map<string, Position>();
  for (const { reader, block } of files) {
    const value = block.get('rules');
    for (const rule of value === undefined || isNothing(value.node)
      ? []
      : new RuleReader(reader, names, defaults, actions).read(value)) {
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
  const alerts = files.flatMap(({ reader, block }) => {
    const value = block.get('alerts');
    return value === undefined || isNothing(value.node)
      ? []
      : new AlertReader(reader, names, defaults, actions).read(value);
  });
  const alertsByName = new Map<string, Position>();
  for (const { name, at } of alerts) {
    const earlier = alertsByName.get(name);
    if (earlier === undefined) {
      alertsByName.set(name, at);
    } else {
      findings.error(at, 'duplicate-rule', `another alert has the name ${quoted(name)}`, {
        hint: `the first is at ${earlier.file}:${earlier.line}`,
      });
    }
  }
  const heartbeats = files.flatMap(({ reader, block }) => {
    const value = block.get('heartbeat');
    return value === undefined ? [] : [readHeartbeat(reader, value)];
  });
  return { rules, alerts, heartbeat: heartbeats[0] ?? null, timezone: defaults.timezone };
}

function readTests(files: readonly RuleFile[], rules: readonly Rule[], timezone: string): RuleTest[] {
  return files.flatMap(({ reader, block }) => {
    const value = block.get('tests');
    return value === undefined || isNothing(value.node) ? [] : new TestReader(reader, rules, timezone).read(value);
  });
}

function addNew<Item>(
  all: Map<string, Item>,
  more: ReadonlyMap<string, Item>,
  value: Value | undefined,
  what: 'list' | 'map' | 'window',
  findings: Findings,
): void {
  for (const [name, item] of more) {
    if (all.has(name) && value !== undefined) {
      findings.error(value.at, `duplicate-${what}`, `another file already defines the ${what} ${quoted(name)}`);
    }
    all.set(name, item);
  }
}
