import { readFileSync } from 'node:fs';
import { relative } from 'node:path';
import { Command } from 'commander';
import { OwnNumbers } from '../events/own-numbers';
import { canonicalize } from '../events/canonicalize';
import { parseEnvelope, type Envelope } from '../events/envelope';
import type { CanonicalEvent } from '../events/canonical-event';
import { InboxReader } from '../inbox/archive/reader';
import { diffRuleSets, formatDifference } from '../rules/tools/diff';
import { explain } from '../rules/tools/explain';
import { formatExplanation } from '../rules/tools/format-explanation';
import { isInFile, type Finding } from '../yaml/finding';
import { findingJson, formatFindings } from '../yaml/format-findings';
import { loadRules, type LoadedRules } from '../rules/parse/load';
import { formatTestResults, runRuleTests } from '../rules/tools/test-runner';
import { lintTraffic } from '../rules/tools/lint-traffic';
import { parseDuration } from '../yaml/duration';
import type { Settings } from '../settings/settings';
import { actionCatalogue } from '../connectors/registry';
import { FINE, NO, Refused, WrongUse } from '../errors/operator-errors';
import { readSettings } from './read-settings';
import { readEvent } from '../samples/send-event';

const MOST_TRAFFIC = 100_000;

type GoodRules = Extract<LoadedRules, { ok: true }>;

/** `bridge rules`: what ops write. */
export function rulesCommand(): Command {
  const rules = new Command('rules').description('check, try and explain the rule files');
  rules
    .command('check')
    .description('everything that is wrong in the rule files, all at once')
    .argument('[files...]', 'rule files (default: BRIDGE_RULES, else config/rules.yaml)')
    .option('--traffic <span>', 'how far back events are held against the rules', '30d')
    .option('--no-traffic', 'do not look at the events that came')
    .option('--json', 'print the findings as JSON')
    .action((files: string[], options: { traffic: string | false; json?: true }, command: Command) =>
      check(files, options, command),
    );
  rules
    .command('test')
    .description('try the tests that stand beside the rules')
    .argument('[files...]', 'rule files (default: BRIDGE_RULES, else config/rules.yaml)')
    .option('--json', 'print the results as JSON')
    .action((files: string[], options: { json?: true }, command: Command) => test(files, options, command));
  rules
    .command('explain')
    .description('why each rule does, or does not, act on an event')
    .argument('<event>', 'an event id from bridge events list, a JSON file, a sample by name, or - for standard input')
    .option('--rule <name>', 'only this rule')
    .option('--rules <file>', 'the rule file (default: BRIDGE_RULES, else config/rules.yaml)')
    .option('--json', 'print JSON')
    .action((event: string, options: { rule?: string; rules?: string; json?: true }, command: Command) =>
      explainEvent(event, options, command),
    );
  rules
    .command('history')
    .description('which rule sets were in force, by the events that they judged')
    .option('--json', 'print JSON')
    .action((options: { json?: true }, command: Command) => history(options, command));
  rules
    .command('diff')
    .description(
      'what two rule files would do differently with the events that came; nothing is done. Exit code 1 when anything differs',
    )
    .argument('<old>', 'a rule file')
    .argument('<new>', 'another')
    .option('--since <span>', 'how far back: 24h, 7d', '7d')
    .option('--json', 'print JSON')
    .action((before: string, after: string, options: { since: string; json?: true }, command: Command) =>
      diff(before, after, options, command),
    );
  return rules;
}

/**
 * Loads a rule file with every action the bridge has.
 * @throws WrongUse when the file is missing.
 */
export function readRules(file: string): LoadedRules {
  const loaded = loadRules({ file, actions: actionCatalogue });
  const missing = loaded.findings.find((finding) => finding.code === 'missing-file' && isInFile(finding, file));
  if (missing !== undefined) {
    throw new WrongUse(`${file}: ${missing.message}`);
  }
  return loaded;
}

/** Findings as people read them: place, what is wrong, the line and a caret. */
export function describeFindings(findings: readonly Finding[]): string {
  return formatFindings(findings, readSource);
}

async function check(
  files: string[],
  options: { traffic: string | false; json?: true },
  command: Command,
): Promise<void> {
  const checked = filesToRead(files, command).map((file) => ({ file, loaded: readRules(file) }));
  const findings = checked.flatMap(({ loaded }) => loaded.findings);
  if (options.traffic !== false) {
    const since = spanBefore(options.traffic, '--traffic');
    const rules = checked.flatMap(({ loaded }) => (loaded.ok ? loaded.ruleSet.rules : []));
    const reader = InboxReader.open(readSettings(command).dataDir);
    findings.push(...(await lintTraffic(rules, atMost(eventsSince(reader, since)), options.traffic)));
    reader.close();
  }
  const ok = checked.every(({ loaded }) => loaded.ok);
  const summary = checked.map(({ file, loaded }) => summarize(file, loaded));
  print(
    options.json,
    { ok, findings: findings.map(findingJson) },
    [...(findings.length === 0 ? [] : [describeFindings(findings)]), ...summary].join('\n'),
  );
  process.exitCode = ok ? FINE : NO;
}

function test(files: string[], options: { json?: true }, command: Command): void {
  const results = filesToRead(files, command).flatMap((file) => {
    const { ruleSet, tests } = readGoodRules(file);
    return runRuleTests(ruleSet, tests, {
      actions: actionCatalogue,
      findEvent: (eventId) => findEnvelope(readSettings(command), eventId),
    });
  });
  print(options.json, results, formatTestResults(results));
  process.exitCode = results.every((result) => result.faults.length === 0) ? FINE : NO;
}

function explainEvent(named: string, options: { rule?: string; rules?: string; json?: true }, command: Command): void {
  const settings = readSettings(command);
  const { ruleSet } = readGoodRules(options.rules ?? settings.rulesFile);
  if (options.rule !== undefined && !ruleSet.rules.some((rule) => rule.name === options.rule)) {
    throw new WrongUse(`no rule "${options.rule}"; there are ${ruleSet.rules.map((rule) => rule.name).join(', ')}`);
  }
  const event = findEvent(settings, named);
  const explanation = explain(ruleSet, event, {
    actions: actionCatalogue,
    ...(options.rule === undefined ? {} : { rule: options.rule }),
  });
  print(options.json, explanation, formatExplanation(explanation));
}

async function diff(
  before: string,
  after: string,
  options: { since: string; json?: true },
  command: Command,
): Promise<void> {
  const since = spanBefore(options.since, '--since');
  const [old, changed] = [readGoodRules(before).ruleSet, readGoodRules(after).ruleSet];
  const reader = InboxReader.open(readSettings(command).dataDir);
  const difference = await diffRuleSets(old, changed, eventsSince(reader, since));
  reader.close();
  print(options.json, difference, formatDifference(difference));
  process.exitCode = difference.different === 0 ? FINE : NO;
}

function history(options: { json?: true }, command: Command): void {
  const settings = readSettings(command);
  const reader = InboxReader.open(settings.dataDir);
  const uses = reader.ruleSets();
  reader.close();
  const loaded = readRules(settings.rulesFile);
  const now = loaded.ok ? loaded.ruleSet.hash : null;
  const lines = uses.map(
    ({ ruleset, first_at, last_at, events, received }) =>
      `${first_at} to ${last_at}  ${ruleset ?? 'unknown'}  ${events} events, ${received} wanted${ruleset === now ? '  (the file as it is)' : ''}`,
  );
  print(options.json, uses, lines.length === 0 ? 'No event has come yet.' : lines.join('\n'));
}

function filesToRead(files: string[], command: Command): string[] {
  return files.length === 0 ? [readSettings(command).rulesFile] : files;
}

/** @throws Refused with every finding when the file has errors. */
function readGoodRules(file: string): GoodRules {
  const loaded = readRules(file);
  if (!loaded.ok) {
    throw new Refused(`${describeFindings(loaded.findings)}\n${summarize(file, loaded)}`);
  }
  return loaded;
}

/** An event from the archive by its id, or from a file, a sample or standard input as it would arrive now. */
function findEvent(settings: Settings, named: string): CanonicalEvent {
  const reader = InboxReader.open(settings.dataDir);
  const stored = reader.get(named);
  const ours = new OwnNumbers([...settings.numbers, ...reader.ownNumbers()], settings.country);
  reader.close();
  if (stored !== null) {
    return stored.event;
  }
  const body = named === '-' ? readFileSync(0) : Buffer.from(JSON.stringify(readEvent(named)));
  const parsed = parseEnvelope(body);
  if (!parsed.ok) {
    throw new WrongUse(`${named === '-' ? 'standard input' : named}: ${parsed.message}`);
  }
  return canonicalize(parsed.envelope, body, new Date(), ours);
}

function findEnvelope(settings: Settings, eventId: string): Envelope | null {
  const reader = InboxReader.open(settings.dataDir);
  const stored = reader.get(eventId);
  reader.close();
  const parsed = stored === null ? null : parseEnvelope(stored.body);
  return parsed?.ok === true ? parsed.envelope : null;
}

function* eventsSince(reader: InboxReader, since: Date): Generator<CanonicalEvent> {
  for (const stored of reader.iterate({ since })) {
    yield stored.event;
  }
}

/** As many as are looked at for warnings; more say no more. */
function* atMost(events: Iterable<CanonicalEvent>): Generator<CanonicalEvent> {
  let left = MOST_TRAFFIC;
  for (const event of events) {
    left -= 1;
    if (left < 0) {
      return;
    }
    yield event;
  }
}

/** @throws WrongUse */
function spanBefore(span: string, option: string): Date {
  const ms = parseDuration(span);
  if (ms === null || ms === 0) {
    throw new WrongUse(`${option} takes a time such as 24h or 7d; got "${span}"`);
  }
  return new Date(Date.now() - ms);
}

function readSource(file: string): string | null {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return null;
  }
}

function summarize(file: string, loaded: LoadedRules): string {
  const name = relative(process.cwd(), file) || file;
  if (!loaded.ok) {
    const errors = loaded.findings.filter((finding) => finding.severity === 'error').length;
    return `${name}: ${errors} ${errors === 1 ? 'error' : 'errors'}`;
  }
  const count = loaded.ruleSet.rules.length;
  return `${name}: fine, ${count} ${count === 1 ? 'rule' : 'rules'} (rule set ${loaded.ruleSet.hash})`;
}

function print(json: true | undefined, value: unknown, text: string): void {
  process.stdout.write(`${json === true ? JSON.stringify(value, null, 2) : text}\n`);
}
