import { readFileSync } from 'node:fs';
import { relative } from 'node:path';
import { Command } from 'commander';
import { formatFindings, type Finding } from '../rules/finding';
import { loadRules, type LoadedRules } from '../rules/load';
import { FINE, NO, WrongUse } from './exit';
import { readSettings } from './read-settings';
import { actionCatalogue } from './action-catalogue';

/** `bridge rules`: what ops write. */
export function rulesCommand(): Command {
  const rules = new Command('rules').description('check and explain the rule files');
  rules
    .command('check')
    .description('everything that is wrong in the rule files, all at once')
    .argument('[files...]', 'rule files (default: BRIDGE_RULES, else config/rules.yaml)')
    .option('--json', 'print the findings as JSON')
    .action((files: string[], options: { json?: true }, command: Command) => {
      const checked = (files.length === 0 ? [readSettings(command).rulesFile] : files).map((file) => ({ file, loaded: readRules(file) }));
      const findings = checked.flatMap(({ loaded }) => loaded.findings);
      const ok = checked.every(({ loaded }) => loaded.ok);
      if (options.json === true) {
        process.stdout.write(`${JSON.stringify({ ok, findings }, null, 2)}\n`);
      } else {
        const summary = checked.map(({ file, loaded }) => summarize(file, loaded));
        process.stdout.write(`${[...(findings.length === 0 ? [] : [formatFindings(findings, readSource)]), ...summary].join('\n')}\n`);
      }
      process.exitCode = ok ? FINE : NO;
    });
  return rules;
}

/**
 * Loads a rule file with every action the bridge has.
 * @throws WrongUse when the file is missing.
 */
export function readRules(file: string): LoadedRules {
  const loaded = loadRules({ file, actions: actionCatalogue });
  const missing = loaded.findings.find((finding) => finding.code === 'missing-file' && finding.file === file);
  if (missing !== undefined) {
    throw new WrongUse(`${file}: ${missing.message}`);
  }
  return loaded;
}

/** Findings as people read them: place, what is wrong, the line and a caret. */
export function describeFindings(findings: readonly Finding[]): string {
  return formatFindings(findings, readSource);
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
