import { existsSync, readFileSync } from 'node:fs';
import { relative } from 'node:path';
import type { Command } from 'commander';
import { EXIT_FAILED, EXIT_OK, OperationFailed, WrongUse } from '../errors/operator-errors';
import type { CanonicalEvent } from '../events/canonical-event';
import { canonicalize } from '../events/canonicalize';
import { toJsonText } from '../events/exact-number';
import { parseEnvelope } from '../events/envelope';
import type { LoadedRules } from '../rules/parse/load';
import { checkSecrets, secretsOf } from '../rules/tools/check-secrets';
import { diffRuleSets, formatDifference } from '../rules/tools/diff';
import { explain, withoutTokens, type ExplainOptions } from '../rules/tools/explain';
import { formatExplanation } from '../rules/tools/format-explanation';
import { lintTraffic } from '../rules/tools/lint-traffic';
import { formatTestResults, runRuleTests } from '../rules/tools/test-runner';
import { findSample, readEvent } from '../samples/samples';
import { describeFindings, readRules } from '../service/rules-in-force';
import type { Settings } from '../settings/settings';
import { eventsSince, knownNumbers, ruleSetHistory, storedEnvelope, storedEvent } from '../status/stored-events';
import type { Finding } from '../yaml/finding';
import { findingJson } from '../yaml/format-findings';
import { actionCatalogue } from '../connectors/registry';
import { counted } from '../text/counted';
import { judgeRules } from './judge-rules';
import { knownSecrets } from './known-secrets';
import { joinTexts, printableLines } from '../text/printable';
import { printResult } from './print';
import { readDataDir, readSettings } from './read-settings';
import { timesIn } from './shown-times';
import { parseSpan, shownTime, withTimezone, zoneLines, zoneOf } from './since';

/** `rules check` compares the rules with this many events at most; more would show nothing new. */
const MOST_TRAFFIC = 100_000;

type ValidRules = Extract<LoadedRules, { ok: true }>;

interface Options {
  json?: true;
}

/** `bridge rules`: checks, tests and explains rule files. */
export function defineRules(rules: Command): void {
  const files = ['[files...]', 'rule files (default: BRIDGE_RULES, else config/rules.yaml)'] as const;
  rules
    .command('check')
    .description('print everything that is wrong in the rule files, all at once')
    .argument(...files)
    .option('--traffic <span>', 'compare the rules with the events of this span, too', '30d')
    .option('--no-traffic', 'ignore past events')
    .option('--online', 'ask the connected services, too: whether HubSpot has the properties that the rules write')
    .option('--json', 'print the findings as JSON')
    .action(check);
  rules
    .command('test')
    .description('run the tests in the rule files')
    .argument(...files)
    .option('-v, --verbose', 'print what each step would send')
    .option('--json', 'print the results as JSON')
    .action(test);
  withTimezone(rules.command('explain'))
    .description('print why each rule does, or does not, match an event')
    .argument('<event>', 'an event id from bridge events list, a JSON file, a sample by name, or - for standard input')
    .option('--rule <name>', 'only this rule')
    .option('--rules <file>', 'the rule file (default: BRIDGE_RULES, else config/rules.yaml)')
    .option('--json', 'print JSON')
    .action(explainEvent);
  withTimezone(rules.command('history'))
    .description('list the rule sets and when each was in force')
    .option('--json', 'print JSON')
    .action(history);
  rules
    .command('diff')
    .description(
      'print what two rule files would do differently with past events, and do nothing; exit code 1 when they differ',
    )
    .argument('<old>', 'a rule file')
    .argument('<new>', 'another')
    .option('--since <span>', 'how far back: 24h, 7d', '7d')
    .option('--json', 'print JSON')
    .action(diff);
}

async function check(
  files: string[],
  options: Options & { traffic: string | false; online?: true },
  command: Command,
): Promise<void> {
  const checked = rulesFiles(files, command).map((file) => ({ file, loaded: readRules(file) }));
  const findings = checked.flatMap(({ loaded }) => loaded.findings);
  const rules = checked.flatMap(({ loaded }) => (loaded.ok ? loaded.ruleSet.rules : []));
  const references = secretsOf(rules);
  if (references.length > 0) {
    findings.push(...checkSecrets(rules, await knownSecrets(references, readSettings(command))));
  }
  if (options.traffic !== false) {
    const since = parseSpan(options.traffic, '--traffic', new Date());
    const events = eventsSince(readDataDir(command), since, MOST_TRAFFIC);
    findings.push(...(await lintTraffic(rules, events, options.traffic)));
  }
  const connections = options.online === true ? readSettings(command).connections : null;
  const judged = await Promise.all(
    checked.map(({ loaded }) => judgeRules(loaded.ok ? loaded.ruleSet.rules : [], connections)),
  );
  findings.push(...judged.flatMap((one) => one.findings));
  const unchecked = [...new Set(judged.flatMap((one) => one.unchecked))];
  const ok = checked.every(({ loaded }) => loaded.ok) && judged.every((one) => one.findings.length === 0);
  printResult(options.json, { ok, findings: findings.map(findingJson), unchecked }, () =>
    joinTexts([
      ...(findings.length === 0 ? [] : [describeFindings(findings)]),
      printableLines([
        ...checked.map(({ file, loaded }, index) => summarize(file, loaded, judged[index]?.findings)),
        ...unchecked.map((what) => `Not checked: ${what}.`),
      ]),
    ]),
  );
  process.exitCode = ok ? EXIT_OK : EXIT_FAILED;
}

function test(files: string[], options: Options & { verbose?: true }, command: Command): void {
  const results = rulesFiles(files, command).flatMap((file) => {
    const { ruleSet, tests } = readValidRules(file);
    return runRuleTests(ruleSet, tests, {
      actions: actionCatalogue,
      findSample,
      findEvent: (eventId) => storedEnvelope(readDataDir(command), eventId),
    });
  });
  const printed = results.map((result) => ({
    ...result,
    explanation:
      result.explanation === null || (result.faults.length === 0 && options.verbose !== true)
        ? null
        : withoutTokens(result.explanation),
  }));
  printResult(options.json, printed, () => formatTestResults(results, options.verbose));
  process.exitCode = results.every((result) => result.faults.length === 0) ? EXIT_OK : EXIT_FAILED;
}

async function explainEvent(
  idOrFile: string,
  options: Options & { rule?: string; rules?: string; timezone?: string },
  command: Command,
): Promise<void> {
  const settings = readSettings(command);
  const { ruleSet } = readValidRules(options.rules ?? settings.rulesFile);
  if (options.rule !== undefined && !ruleSet.rules.some((rule) => rule.name === options.rule)) {
    throw new WrongUse(`no rule "${options.rule}"; there are ${ruleSet.rules.map((rule) => rule.name).join(', ')}`);
  }
  const stored = storedEvent(settings.dataDir, idOrFile);
  const event = stored ?? eventFrom(knownFile(idOrFile), settings);
  const explanation = withoutTokens(
    explain(ruleSet, event, {
      actions: actionCatalogue,
      ...(stored === null ? {} : { resultsOf: await resultsOfRun(settings, stored.event_id) }),
      ...(options.rule === undefined ? {} : { rule: options.rule }),
    }),
  );
  const zone = await zoneOf(options, { ...settings, rulesFile: options.rules ?? settings.rulesFile });
  printResult(options.json, explanation, () => formatExplanation(explanation, timesIn(zone), zoneLines(zone)));
}

/** What the steps of an event's last run returned, by rule; undefined of a rule with a failed step, as none is kept then. */
async function resultsOfRun(settings: Settings, eventId: string): Promise<NonNullable<ExplainOptions['resultsOf']>> {
  const { findEvent } = await import('../status/event-details.js');
  const found = await findEvent(settings, eventId, { askClosedRuns: false });
  const report = found?.kind === 'event' ? found.details.report : null;
  return (name) => {
    const steps = report?.rules.find(({ rule }) => rule === name)?.steps;
    return steps === undefined || report?.rules.some((rule) => rule.steps.some(({ outcome }) => outcome === 'failed'))
      ? undefined
      : Object.fromEntries(steps.flatMap((step) => (step.outcome === 'done' ? [[step.step, step.result]] : [])));
  };
}

async function diff(
  oldFile: string,
  newFile: string,
  options: Options & { since: string },
  command: Command,
): Promise<void> {
  const since = parseSpan(options.since, '--since', new Date());
  const oldRules = readValidRules(oldFile).ruleSet;
  const newRules = readValidRules(newFile).ruleSet;
  const difference = await diffRuleSets(oldRules, newRules, eventsSince(readDataDir(command), since));
  printResult(options.json, difference, () => formatDifference(difference));
  process.exitCode = difference.different === 0 ? EXIT_OK : EXIT_FAILED;
}

async function history(options: Options & { timezone?: string }, command: Command): Promise<void> {
  const settings = readSettings(command);
  const zone = await zoneOf(options, settings);
  const ruleSets = ruleSetHistory(settings.dataDir);
  const loaded = readRules(settings.rulesFile);
  const current = loaded.ok ? loaded.ruleSet.hash : null;
  const lines = ruleSets.map(
    ({ ruleset, first_at, last_at, events, received }) =>
      `${shownTime(first_at, zone)} to ${shownTime(last_at, zone)}  ${ruleset ?? 'unknown'}  ${counted(events, 'event')}, ${received} matched${ruleset === current ? '  (the current file)' : ''}`,
  );
  const shown = lines.length === 0 ? ['No event has come yet.'] : [...lines, ...zoneLines(zone)];
  printResult(options.json, ruleSets, () => printableLines(shown));
}

function rulesFiles(files: string[], command: Command): string[] {
  return files.length === 0 ? [readSettings(command).rulesFile] : files;
}

/** @throws OperationFailed with every finding when the file has errors. */
function readValidRules(file: string): ValidRules {
  const loaded = readRules(file);
  if (!loaded.ok) {
    throw new OperationFailed(`${describeFindings(loaded.findings)}\n${summarize(file, loaded)}`);
  }
  return loaded;
}

/** @throws WrongUse for what looks like an event id, not like a file or a sample: those are not what is missing. */
function knownFile(idOrFile: string): string {
  const isEventId = /^[a-z]+(?:_[a-z]+)+\/[^/]+$/.test(idOrFile) && !idOrFile.endsWith('.json');
  if (isEventId && !existsSync(idOrFile)) {
    throw new WrongUse(`this data folder has no event ${idOrFile}; bridge events list shows the latest`);
  }
  return idOrFile;
}

/** An event from a file, a sample or standard input, as if it came now. */
function eventFrom(fileOrName: string, settings: Settings): CanonicalEvent {
  const body = fileOrName === '-' ? readFileSync(0) : Buffer.from(toJsonText(readEvent(fileOrName)));
  const parsed = parseEnvelope(body);
  if (!parsed.ok) {
    throw new WrongUse(`${fileOrName === '-' ? 'standard input' : fileOrName}: ${parsed.message}`);
  }
  return canonicalize(parsed.envelope, body, new Date(), knownNumbers(settings));
}

/** @param online errors that the connected services found. */
function summarize(file: string, loaded: LoadedRules, online: readonly Finding[] = []): string {
  const name = relative(process.cwd(), file) || file;
  if (!loaded.ok || online.length > 0) {
    const errors = [...loaded.findings, ...online].filter((finding) => finding.severity === 'error').length;
    return `${name}: ${errors} ${errors === 1 ? 'error' : 'errors'}`;
  }
  const count = loaded.ruleSet.rules.length;
  return `${name}: fine, ${count} ${count === 1 ? 'rule' : 'rules'} (rule set ${loaded.ruleSet.hash})`;
}
