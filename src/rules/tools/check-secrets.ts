import type { JsonValue } from '../../events/json';
import type { RuleSecrets } from '../../settings/rule-secrets';
import { Findings, type Finding } from '../../yaml/finding';
import { referencesIn } from '../language/secret-references';
import type { Rule } from '../rule';

/**
 * Warns of references to secrets that this machine does not have, or that rules may not have. A worker on another
 * machine may have them.
 */
export function checkSecrets(rules: readonly Rule[], secrets: Pick<RuleSecrets, 'lookUp'>): readonly Finding[] {
  const findings = new Findings();
  for (const rule of rules.filter(({ mode }) => mode !== 'off')) {
    for (const step of rule.steps) {
      for (const [path, text] of textsIn(step.input, [])) {
        for (const reference of referencesIn(text)) {
          const found = secrets.lookUp(reference);
          if (!found.ok) {
            findings.warn(
              rule.at,
              'missing-secret',
              `rule "${rule.name}", step "${step.id}", input "${path.join('.')}": ${found.message}${found.kind === 'missing' ? ' for this command' : ''}`,
              {
                hint:
                  found.kind === 'missing'
                    ? `the worker reads its own environment: if it has it, nothing is missing; else ${found.hint}`
                    : found.hint,
              },
            );
          }
        }
      }
    }
  }
  return findings.all;
}

/** Whether a step of the rule refers to a secret. */
export function refersToSecrets(rule: Rule): boolean {
  return rule.steps.some((step) => textsIn(step.input, []).some(([, text]) => referencesIn(text).length > 0));
}

function textsIn(value: JsonValue, path: readonly string[]): [path: readonly string[], text: string][] {
  if (typeof value === 'string') {
    return [[path, value]];
  }
  return typeof value === 'object' && value !== null
    ? Object.entries(value).flatMap(([key, item]) => textsIn(item, [...path, key]))
    : [];
}
