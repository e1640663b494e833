import type { JsonValue } from '../../events/json';
import type { SecretState } from '../../settings/rule-secrets';
import { finish, type Work } from '../../timing/work';
import { Findings, type Finding } from '../../yaml/finding';
import { referencesIn } from '../language/secret-references';
import type { Rule } from '../rule';

/** What tells whether secrets are there. */
export interface KnownSecrets {
  lookUp(reference: string): SecretState;
  /**
   * `worker`: the one that runs the steps. `machine`: this command, and a worker may have others. `receiver`: a bridge
   * without a worker, which likewise may have others.
   */
  of: 'worker' | 'machine' | 'receiver';
}

/** Warns of references to secrets that are not there, or that rules may not have. */
export function checkSecrets(rules: readonly Rule[], secrets: KnownSecrets): readonly Finding[] {
  return finish(secretFindings(rules, secrets));
}

const FOR_WHOM: Readonly<Record<KnownSecrets['of'], string>> = {
  worker: ' for the running bridge',
  machine: ' for this command',
  receiver: ' for this receiver',
};

/** Reading a secret from a file takes so many steps. */
const LOOK_UP_STEPS = 20;

/** The work of {@link checkSecrets}. */
export function* secretFindings(rules: readonly Rule[], secrets: KnownSecrets): Work<readonly Finding[]> {
  const findings = new Findings();
  for (const one of rules) {
    for (const { rule, step, path, references } of inputsWithSecrets([one])) {
      for (const reference of references) {
        const found = secrets.lookUp(reference);
        if (!found.ok) {
          const isDoubtful = found.kind === 'missing' && secrets.of !== 'worker';
          const where = `rule "${rule.name}", step "${step}", input "${path.join('.')}"`;
          findings.warn(
            rule.at,
            'missing-secret',
            `${where}: ${found.message}${found.kind === 'missing' ? FOR_WHOM[secrets.of] : ''}`,
            {
              hint: isDoubtful
                ? `the worker reads its own environment: if it has it, nothing is missing; else ${found.hint}`
                : found.hint,
            },
          );
        }
        yield LOOK_UP_STEPS;
      }
    }
    yield 1 + one.steps.length;
  }
  return findings.all;
}

/** The secrets that rules refer to, each once: `env:CRM_TOKEN`. Rules that are off need none. */
export function secretsOf(rules: readonly Rule[]): string[] {
  return [...new Set(inputsWithSecrets(rules).flatMap(({ references }) => references))];
}

interface InputWithSecrets {
  rule: Rule;
  step: string;
  path: readonly string[];
  references: string[];
}

function inputsWithSecrets(rules: readonly Rule[]): InputWithSecrets[] {
  return rules
    .filter(({ mode }) => mode !== 'off')
    .flatMap((rule) =>
      rule.steps.flatMap((step) =>
        textsIn(step.input, []).map(([path, text]) => ({ rule, step: step.id, path, references: referencesIn(text) })),
      ),
    )
    .filter(({ references }) => references.length > 0);
}

function textsIn(value: JsonValue, path: readonly string[]): [path: readonly string[], text: string][] {
  if (typeof value === 'string') {
    return [[path, value]];
  }
  return typeof value === 'object' && value !== null
    ? Object.entries(value).flatMap(([key, item]) => textsIn(item, [...path, key]))
    : [];
}
