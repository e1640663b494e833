import { CONDITION_STEPS, EVENT_STEPS, RESERVED_STEPS, TEMPLATE_STEPS } from '../language/budget';
import { MAX_EXPRESSION_CHARS } from '../language/cel-references';
import { MAX_TEMPLATE_CHARS } from '../language/liquid';
import { MAX_MATCHED_CHARS, MAX_PATTERN_CHARS } from '../language/pattern';
import { MAX_RENDERED_CHARS } from '../language/template';
import { MAX_ENTRIES } from '../parse/maps';
import { MAX_CHARS_TOGETHER, MAX_FILES, MAX_RULE_FILE_CHARS } from '../parse/rule-files';
import { MAX_STEPS } from '../parse/steps';
import { MAX_CHECK_MS, MAX_HEAP_MB } from '../reload/reload';

/** The budget of conditions and texts as Markdown: what an evaluation may take, and what happens beyond. */
export function evaluationLimits(): string {
  const [condition, event, reserved, template] = [CONDITION_STEPS, EVENT_STEPS, RESERVED_STEPS, TEMPLATE_STEPS].map(
    inDigits,
  );
  return [
    'No rule can hold up the bridge. A step is one operation on one value, or 64 characters of a text.',
    '',
    `- The \`when\` and \`if\` of a rule may take ${condition} steps, and those of all rules for one event ${event} together; after that, each further rule has ${reserved}. If a rule takes more, it is not known whether it matches: the rule fails with \`over_budget\`, none of its steps run, and a \`stop\` of it has no effect. The event is kept and acknowledged, its run ends as failed and names the rule, the log has a line (one a minute for each rule), \`bridge_rule_failures_total\` counts it, and \`bridge rules explain\` shows it. If the \`if\` of a step takes more, the step fails with \`over_budget\` and is not retried.`,
    `- The texts of one step may take ${template} steps together. A step whose texts take more fails with \`over_budget\` and is not retried. \`bridge rules check\` refuses texts that take more with a small event, such as a loop over \`(1..1000000)\`.`,
    `- A rendered text may have ${inDigits(MAX_RENDERED_CHARS)} characters. A step with a longer one fails and is not retried.`,
    `- A pattern is searched in the first ${inDigits(MAX_MATCHED_CHARS)} characters of a text.`,
    '',
    'Lists and texts of an ordinary event take a few hundred steps. `data.tags.exists(t, t in data.allowed)` compares all pairs: it is over the budget with two lists of about 250 items. The count depends on the rule and the event only, never on the load of the machine.',
  ].join('\n');
}

/** The limits of rule files as Markdown. */
export function fileLimits(): string {
  return [
    '`bridge rules check` refuses what is larger, and says where.',
    '',
    `- A file has ${inDigits(MAX_RULE_FILE_CHARS)} characters at most, all files together ${inDigits(MAX_CHARS_TOGETHER)}. A file and its includes are ${MAX_FILES} files at most.`,
    `- A rule has ${MAX_STEPS} steps at most. A template has ${inDigits(MAX_TEMPLATE_CHARS)} characters at most, an \`if\` ${inDigits(MAX_EXPRESSION_CHARS)}, a pattern ${MAX_PATTERN_CHARS}.`,
    `- A map has ${inDigits(MAX_ENTRIES)} entries at most, and so has a list that a text or an \`if\` uses. A list that the operator \`in\` compares with may have any number of items.`,
    '- The first 1,000 errors and the first 1,000 warnings are listed.',
    '',
    `A bridge that runs checks changed files in a thread of its own, and compiles the rules in slices of some milliseconds: events are received and acknowledged meanwhile. An ordinary change is in force within two seconds, one of the largest files after as long as \`bridge rules check\` takes. A check that takes more than ${MAX_CHECK_MS / 60_000} minutes or ${inDigits(MAX_HEAP_MB)} MB of memory ends: the rules before stay in force, the log and the alert \`rules_refused\` say why, and the files are checked again a minute later. The first 50 findings go to the log of a bridge that runs; \`bridge rules check\` lists the others.`,
  ].join('\n');
}

function inDigits(value: number): string {
  return value.toLocaleString('en-US');
}
