import { toJsonText } from '../../events/exact-number';
import type { JsonValue } from '../../events/json';
import { printableLines, type PrintableText } from '../../text/printable';
import { fieldNamed } from '../language/fields';
import type { ExplainedCondition } from './explain-condition';
import type { Explanation } from './explain';
import type { ExplainedStep } from './explain-steps';

/** How the times of a screen are printed. An explanation has them in UTC. */
export interface ShownTimes {
  shown: (time: string) => string;
  /** Whether an input of an action is a time, as `due` of a task. */
  isMoment: (action: string, input: string) => boolean;
}

const IN_UTC: ShownTimes = { shown: (time) => time, isMoment: () => false };

/** A rendered time: other values of an input that is one, such as `4h`, are not changed. */
const INSTANT = /\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d+)?Z/g;

/** The value of a step's input as a screen shows it. */
export function shownInput(action: string, name: string, value: JsonValue, times: ShownTimes): string {
  const text = typeof value === 'string' ? value : toJsonText(value);
  return times.isMoment(action, name) ? withTimes(text, times) : text;
}

function withTimes(text: string, { shown }: ShownTimes): string {
  return text.replaceAll(INSTANT, (time) => shown(time));
}

/**
 * Formats an explanation for people, some lines per rule. Rules of other event types are only listed by name, unless the
 * explanation is about one rule.
 */
export function formatExplanation(explanation: Explanation, times = IN_UTC, lastLines: string[] = []): PrintableText {
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
    rule.conditions.forEach((condition) => formatCondition(condition, '  ', lines, times));
    rule.limits.forEach((limit) => lines.push(`  · ${limit} (counted when the rule runs)`));
    lines.push(...rule.steps.flatMap((step) => stepLines(step, times)));
  }
  if (shownRules !== explanation.rules && others.length > 0) {
    lines.push(
      '',
      `${others.length} ${others.length === 1 ? 'rule listens' : 'rules listen'} to other events: ${others.map((rule) => rule.rule).join(', ')}`,
    );
  }
  return printableLines([...lines, ...(lastLines.length === 0 ? [] : ['', ...lastLines])]);
}

const RECORDS: Readonly<Record<NonNullable<Explanation['records']>, string>> = {
  opt_out: '(opt-out): the sender asks for no more texts. The run records it, whether a rule matches or not.',
  opt_in: '(opt-in): the sender asks for texts again. The run records it if the sender had asked for no more.',
};

/** A condition with its expected and actual value, and what it consists of, indented. */
export function conditionLines(condition: ExplainedCondition, indent: string, times = IN_UTC): string[] {
  const lines: string[] = [];
  formatCondition(condition, indent, lines, times);
  return lines;
}

/** Conditions on a time: what they expect and find has no other text in it. */
function isAboutTime({ what }: ExplainedCondition): boolean {
  return what === 'during' || what === 'not during' || fieldNamed(what)?.kind === 'time';
}

function formatCondition(condition: ExplainedCondition, indent: string, lines: string[], times: ShownTimes): void {
  const mark = condition.pending === true ? '?' : condition.met ? '✓' : '✗';
  if (condition.of.length > 0) {
    lines.push(`${indent}${mark} ${condition.expected}:  (line ${condition.at.line})`);
    condition.of.forEach((one) => formatCondition(one, `${indent}  `, lines, times));
    return;
  }
  const inZone = (text: string): string => (isAboutTime(condition) ? withTimes(text, times) : text);
  lines.push(
    `${indent}${mark} ${condition.what}: ${inZone(condition.expected)}${condition.met && condition.pending !== true && condition.what === 'if' ? '' : `, is ${inZone(condition.actual)}`}  (line ${condition.at.line})`,
  );
}

/** A step with what it would send, indented. */
export function stepLines(step: ExplainedStep, times = IN_UTC): string[] {
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
      const [first = '', ...rest] = shownInput(step.action, name, value, times).split('\n');
      return [`      ${name}: ${first}${asRead(step.read_as, name)}`, ...rest.map((line) => `        ${line}`)];
    }),
  ];
}

/** As which number an input is read, in brackets after it; empty for inputs in E.164 and for those that are no number. */
export function asRead(numbers: Readonly<Record<string, string>> | undefined, name: string): string {
  const read = numbers?.[name];
  return read === undefined ? '' : ` (${read})`;
}
