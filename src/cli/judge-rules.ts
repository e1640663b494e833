import { connectors, usesOfConnection } from '../connectors/registry';
import type { ActionUse } from '../connectors/connector';
import type { Rule } from '../rules/rule';
import type { Settings } from '../settings/settings';
import { judgeUses } from '../status/connection-check';
import { Findings, type Finding } from '../yaml/finding';

/** What the connected services say about rules, and what they were not asked. */
export interface JudgedRules {
  /** Errors, at the steps that the services would refuse. */
  findings: readonly Finding[];
  /** What was not checked, and why; each a sentence without its end. */
  unchecked: string[];
}

/**
 * Compares what live rules write with the accounts that are connected: HubSpot's properties.
 * @param connections null to ask nobody: then it only says what it left out.
 */
export async function judgeRules(
  rules: readonly Rule[],
  connections: Settings['connections'] | null,
): Promise<JudgedRules> {
  const findings = new Findings();
  const unchecked: string[] = [];
  const live = rules.filter(({ mode }) => mode !== 'off');
  for (const connector of connectors) {
    const uses = usesOfConnection(connector.name, live).filter(isWritten);
    const what = `whether ${connector.name} has the properties and people that the rules name`;
    if (connections === null) {
      if (connector.connection.judge !== undefined && uses.length > 0) {
        unchecked.push(`${what} (bridge rules check --online)`);
      }
      continue;
    }
    const judged = await judgeUses(connector, connections[connector.name]?.settings ?? null, uses);
    if (judged === null) {
      continue;
    }
    if ('unchecked' in judged) {
      unchecked.push(`${what}: ${judged.unchecked.replace(/\.$/, '')}`);
      continue;
    }
    for (const { use, path, message, hint } of judged.problems) {
      for (const at of placesOf(live, use)) {
        findings.error(at, 'input', `input "${path.join('.')}" of ${use.action}: ${message}`, { hint });
      }
    }
  }
  return { findings: findings.all, unchecked };
}

/** Whether a use names something that only the account can tell: its properties, one of its users. */
function isWritten({ input }: ActionUse): boolean {
  return 'properties' in input || (typeof input['owner'] === 'string' && input['owner'].includes('@'));
}

/** Where the steps of a use stand. */
function placesOf(rules: readonly Rule[], use: ActionUse): Rule['at'][] {
  return rules.flatMap((rule) =>
    rule.steps.flatMap((step, index) =>
      step.action === use.action && JSON.stringify(step.input) === JSON.stringify(use.input)
        ? [rule.stepsAt[index] ?? rule.at]
        : [],
    ),
  );
}
