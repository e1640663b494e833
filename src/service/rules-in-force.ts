import type { Logger } from 'pino';
import { connectionsUsedBy, connectors } from '../connectors/registry';
import { WrongUse } from '../errors/operator-errors';
import { LiveRules } from '../rules/live-rules';
import type { LoadedRules } from '../rules/parse/load';
import { MAX_RULE_FILE_CHARS } from '../rules/parse/rule-files';
import { loadFiles, type LoadedFiles } from '../rules/reload/load-files';
import { reload } from '../rules/reload/reload';
import { checkSecrets, secretFindings, type KnownSecrets } from '../rules/tools/check-secrets';
import type { PlannedStep } from '../rules/plan';
import type { Rule } from '../rules/rule';
import type { RuleSet } from '../rules/rule-set';
import { missingCredentials } from '../settings/load';
import type { Settings } from '../settings/settings';
import { printMessage } from '../text/print';
import type { PrintableText } from '../text/printable';
import { inSlices } from '../timing/work';
import { isInFile, type Finding } from '../yaml/finding';
import { formatFinding, formatFindings } from '../yaml/format-findings';
import { readTextFile } from '../yaml/text-file';

/**
 * Loads a rule file, with every action that the bridge has.
 * @throws WrongUse when the file is missing.
 */
export function readRules(file: string): LoadedRules {
  return readFiles(file).loaded;
}

function readFiles(file: string): LoadedFiles {
  const files = loadFiles(file);
  const missing = files.loaded.findings.find((finding) => finding.code === 'missing-file' && isInFile(finding, file));
  if (missing !== undefined) {
    throw new WrongUse(`${file}: ${missing.message}`);
  }
  return files;
}

/** Findings as text for people: the place, what is wrong, the line and a caret. */
export function describeFindings(findings: readonly Finding[]): PrintableText {
  return formatFindings(findings, readSource);
}

/**
 * Loads the rules for a bridge that runs, and loads them again whenever the files change. Findings go to standard error
 * and the log.
 *
 * Credentials that are missing in production are checked with the settings, before.
 *
 * @throws WrongUse when the files have errors.
 */
export function loadRulesInForce(settings: Settings, log: Logger, mode: 'all' | 'receiver'): LiveRules {
  const { rulesFile } = settings;
  const { loaded: rules, states } = readFiles(rulesFile);
  printFindings(rules);
  if (!rules.ok) {
    throw new WrongUse(
      'The rule files have errors (above): correct them, or set BRIDGE_RULES to other files. Check with: npx bridge rules check',
    );
  }
  const secrets: KnownSecrets = {
    of: mode === 'all' ? 'worker' : 'receiver',
    lookUp: (reference) => settings.ruleSecrets.lookUp(reference),
  };
  warnOfSecrets(checkSecrets(rules.ruleSet.rules, secrets), log);
  return new LiveRules(
    { ruleSet: rules.ruleSet, states },
    (inForce, signal) => reload({ file: rulesFile, hash: inForce.hash, signal }),
    {
      onTaken: (ruleSet) => {
        log.info({ ruleset: ruleSet.hash, rules: ruleSet.rules.length }, 'the rule files changed and are in force');
        for (const finding of missingCredentialsOf(ruleSet, settings)) {
          log.error({}, finding);
        }
        inSlices(secretFindings(ruleSet.rules, secrets)).then(
          (found) => warnOfSecrets(found, log),
          // A rejection that nobody handles would end the bridge.
          () => log.warn({}, 'the secrets of the changed rules could not be checked: npx bridge rules check'),
        );
      },
      onRefused: ({ findings, text }) => {
        printMessage(text);
        log.error({ findings }, 'the rule files changed and have errors (above); the previous rules stay in force');
      },
      onFailed: (why) => {
        log.error({}, `the rule files changed and cannot be checked: ${why}; the previous rules stay in force`);
      },
      onListenerFailed: (error) => {
        const problem = error instanceof Error ? error.message : 'unknown';
        log.error({ problem }, 'the changed rule files are in force, but the audit log has no entry for it');
      },
    },
  );
}

/**
 * The live rules of this machine's rule files; null when the files are missing or have errors, which `bridge rules check`
 * shows.
 */
export function liveRulesOf(settings: Settings): Rule[] | null {
  const { loaded } = loadFiles(settings.rulesFile);
  return loaded.ok ? loaded.ruleSet.rules.filter(({ mode }) => mode === 'live') : null;
}

/** Names of the connections that live rules use. */
export function connectionsInUse(ruleSet: RuleSet): string[] {
  return connectionsUsedBy(liveSteps(ruleSet));
}

/** Names of the connections that the live rules of a file use; none when it has errors, which the start reports. */
export function connectionsInFile(file: string): string[] {
  const { loaded } = loadFiles(file);
  return loaded.ok ? connectionsInUse(loaded.ruleSet) : [];
}

/** More warnings say nothing new. */
const MAX_WARNINGS = 20;

function warnOfSecrets(findings: readonly Finding[], log: Logger): void {
  for (const finding of findings.slice(0, MAX_WARNINGS)) {
    log.warn({}, formatFinding(finding));
  }
  if (findings.length > MAX_WARNINGS) {
    log.warn({ findings: findings.length }, 'more secrets of rules are missing: npx bridge rules check lists them');
  }
}

function missingCredentialsOf(ruleSet: RuleSet, settings: Settings): string[] {
  return missingCredentials(settings, connectors, connectionsInUse(ruleSet)).map(formatFinding);
}

function liveSteps(ruleSet: RuleSet): PlannedStep[] {
  return ruleSet.rules.flatMap((rule) => (rule.mode === 'live' ? rule.steps : []));
}

function printFindings({ findings }: LoadedRules): void {
  if (findings.length > 0) {
    printMessage(describeFindings(findings));
  }
}

/** Null for a file that cannot be read: its findings are shown without the line. */
function readSource(file: string): string | null {
  const read = readTextFile(file, MAX_RULE_FILE_CHARS);
  return read.ok ? read.text : null;
}
