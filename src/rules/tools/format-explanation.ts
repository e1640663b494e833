import { toJsonText } from '../../events/exact-number';
import { printableLines, type PrintableText } from '../../text/printable';
import type { ExplainedCondition } from './explain-condition';
import type { Explanation } from './explain';
import type { ExplainedStep } from './explain-steps';

/**
 * Formats an explanation for people, some lines per rule. Rules of other event types are only listed by name, unless the
 * explanation is about one rule.
 */
export function formatExplanation(explanation: Explanation): PrintableText {
  const lines = [
    `${explanation.event_id}${explanation.type === explanation.declared_type ? '' : ` (sent as ${explanation.declared_type})`}, rule set ${explanation.ruleset}`,
  ];
  if (explanation.records !== null) {
    lines.push('', RECORDS[explanation.records]);
  }
  const others = explanation.rules.filter((rule) => rule.outcome === 'other_type');
  const shownRules =
    explanation.rules.length === 1
      ? explanation.rules
      : explanation.rules.filter((rule) => rule.outcome !== 'other_type');
  for (const rule of shownRules) {
    lines.push('', `${rule.rule}: ${rule.why}  (${rule.at.file}:${rule.at.line})`);
    rule.conditions.forEach((condition) => formatCondition(condition, '  ', lines));
    rule.limits.forEach((limit) => lines.push(`  · ${limit} (counted when the rule runs)`));
    lines.push(...rule.steps.flatMap(stepLines));
  }
  if (shownRules !== explanation.rules && others.length > 0) {
    lines.push(
      '',
      `${others.length} ${others.length === 1 ? 'rule listens' : 'rules listen'} to other events: ${others.map((rule) => rule.rule).join(', ')}`,
    );
  }
  return printableLines(lines);
}

const RECORDS: Readonly<Record<NonNullable<Explanation['records']>, string>> = {
  opt_out: '(opt-out): the sender asks for no more texts. The run records it, whether a rule matches or not.',
  opt_in: '(opt-in): the sender asks for texts again. The run records it if the sender had asked for no more.',
};

/** A condition with its expected and actual value, and what it consists of, indented. */
export function conditionLines(condition: ExplainedCondition, indent: string): string[] {
  const lines: string[] = [];
  formatCondition(condition, indent, lines);
  return lines;
}

function formatCondition(condition: ExplainedCondition, indent: string, lines: string[]): void {
  const mark = condition.pending === true ? '?' : condition.met ? '✓' : '✗';
  if (condition.of.length > 0) {
    lines.push(`${indent}${mark} ${condition.expected}:  (line ${condition.at.line})`);
    condition.of.forEach((one) => formatCondition(one, `${indent}  `, lines));
    return;
  }
  lines.push(
    `${indent}${mark} ${condition.what}: ${condition.expected}${condition.met && condition.pending !== true && condition.what === 'if' ? '' : `, is ${condition.actual}`}  (line ${condition.at.line})`,
  );
}

/** A step with what it would send, indented. */
export function stepLines(step: ExplainedStep): string[] {
  const skipped = step.if?.met === false ? step.if.expression : step.skipped;
  const title = `  → ${step.action}${step.id.includes('#') ? '' : ` (${step.id})`}${skipped === null ? '' : `, skipped: ${skipped}`}`;
  const open =
    step.if?.met === null ? [`      only if ${step.if.expression}, which depends on results of earlier steps`] : [];
  const unknown = step.unknown_results.join(', ');
  const guess = unknown === '' ? [] : [`      without the results of ${unknown}, which are not known here:`];
  if (!step.input.ok) {
    return [title, ...open, `      ${step.input.message}`];
  }
  return [
    title,
    ...open,
    ...(step.refused === null ? [] : [`      it would fail: ${step.refused}`]),
    ...guess,
    ...Object.entries(step.input.value).flatMap(([name, value]) => {
      const [first = '', ...rest] = (typeof value === 'string' ? value : toJsonText(value)).split('\n');
      return [`      ${name}: ${first}`, ...rest.map((line) => `        ${line}`)];
    }),
  ];
}
