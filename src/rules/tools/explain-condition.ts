import { toJsonText } from '../../events/exact-number';
import type { JsonValue } from '../../events/json';
import type { CanonicalEvent } from '../../events/canonical-event';
import type { Position } from '../../yaml/finding';
import { ageOf, compileCondition } from '../compiled-rule';
import { judgeCel, judgeCondition } from '../deferred';
import { CONDITION_STEPS, OverBudget } from '../language/budget';
import { compileCel } from '../language/cel';
import { evaluateIn } from '../language/cel-scope';
import type { FieldDefinition } from '../language/field';
import { comparable, compileTest, type Test } from '../language/operators';
import type { Condition, Rule } from '../rule';

/** One condition with the expected value and the event's value. Contains data of the event: show it to operators only. */
export interface ExplainedCondition {
  /** The field, `during`, `if`, `max_age`; `any`, `all` or `not` for a block. */
  what: string;
  expected: string;
  /** `absent` where the event has no value, `absent (withheld)` for a number that the caller withheld. */
  actual: string;
  met: boolean;
  /** The condition could not be evaluated within its budget: it is not known whether it is met. */
  problem?: 'over_budget';
  /** It depends on the call, which the run looks up: `met` is true then. */
  pending?: true;
  at: Position;
  /** The conditions of a block. */
  of: readonly ExplainedCondition[];
}

/** Explains `max_age`, `when` and `if` of a rule for an event. */
export function explainConditions(rule: Rule, event: CanonicalEvent): ExplainedCondition[] {
  const found: ExplainedCondition[] = [];
  if (rule.max_age_ms !== null) {
    const age = ageOf(event);
    found.push({
      what: 'max_age',
      expected: `at most ${rule.max_age_ms / 1_000} s old`,
      actual: `${Math.round(age / 1_000)} s old`,
      met: age <= rule.max_age_ms,
      at: rule.at,
      of: [],
    });
  }
  if (rule.when !== null) {
    const whole = rule.when.kind === 'all' ? rule.when.of : [rule.when];
    found.push(
      ...whole.map((one) => {
        const explained = explainCondition(one, event, rule.country);
        return isOpen(() => judgeCondition(one, event, rule.country)) ? unknownSoFar(explained) : explained;
      }),
    );
  }
  if (rule.if !== null) {
    const { names, expression } = rule.if;
    const outcome = evaluateIn(compileCel(expression), { event, steps: {}, names, country: rule.country });
    const actual = 'problem' in outcome ? PROBLEMS[outcome.problem] : String(outcome.met);
    const explained: ExplainedCondition = {
      what: 'if',
      expected: expression,
      actual,
      met: outcome.met,
      ...('problem' in outcome && outcome.problem === 'over_budget' ? { problem: outcome.problem } : {}),
      at: rule.if.at,
      of: [],
    };
    const condition = rule.if;
    found.push(isOpen(() => judgeCel(condition, event, rule.country)) ? unknownSoFar(explained) : explained);
  }
  return found;
}

function isOpen(judge: () => unknown): boolean {
  try {
    return typeof judge() === 'object';
  } catch (error) {
    if (error instanceof OverBudget) {
      return false;
    }
    throw error;
  }
}

/** The run decides on it, when it has looked up the call. */
function unknownSoFar({ problem: _none, ...explained }: ExplainedCondition): ExplainedCondition {
  return { ...explained, actual: 'unknown until the run looks up the call', met: true, pending: true, of: [] };
}

const PROBLEMS = {
  absent: 'it needs an absent value',
  'not-boolean': 'its result is neither true nor false',
  failed: 'it compares values that cannot be compared',
  over_budget: `it takes more than ${CONDITION_STEPS} steps`,
} as const;

function explainCondition(condition: Condition, event: CanonicalEvent, country: string | null): ExplainedCondition {
  const { at } = condition;
  switch (condition.kind) {
    case 'field': {
      const { field, test } = condition;
      const value = field.read(event);
      return {
        what: field.name,
        expected: `${inWords(test)}${nearMiss(test, comparable(field, value, country))}`,
        actual: value === null ? absent(field, event) : toJsonText(value),
        met: compileTest(test, field.kind)(comparable(field, value, country)),
        at,
        of: [],
      };
    }
    case 'during': {
      const { name, wanted } = condition;
      const met = compileCondition(condition, country)(event);
      return {
        what: wanted ? 'during' : 'not during',
        expected: name,
        actual: `${met === wanted ? 'inside' : 'outside'}, at ${event.occurred_at}`,
        met,
        at,
        of: [],
      };
    }
    case 'all':
    case 'any': {
      const of = condition.of.map((one) => explainCondition(one, event, country));
      const [only] = of;
      if (only !== undefined && of.length === 1) {
        return only;
      }
      const met = condition.kind === 'all' ? of.every((one) => one.met) : of.some((one) => one.met);
      return {
        what: condition.kind,
        expected: condition.kind === 'all' ? 'all of' : 'any of',
        actual: met ? 'met' : 'not met',
        met,
        at,
        of,
      };
    }
    case 'not': {
      const inner = explainCondition(condition.of, event, country);
      return {
        what: 'not',
        expected: 'not',
        actual: inner.met ? 'met, but must not be' : 'not met',
        met: !inner.met,
        at,
        of: inner.what === 'all' ? inner.of : [inner],
      };
    }
  }
}

/** How many conditions would have to change for this one to be met. */
export function countUnmet(condition: ExplainedCondition): number {
  if (condition.met) {
    return 0;
  }
  if (condition.what === 'any') {
    return Math.min(...condition.of.map(countUnmet).filter((one) => one > 0), Number.MAX_SAFE_INTEGER);
  }
  return condition.what === 'all'
    ? Math.max(
        1,
        condition.of.reduce((sum, one) => sum + countUnmet(one), 0),
      )
    : 1;
}

function absent(field: FieldDefinition, event: CanonicalEvent): string {
  const why = field.absence?.(event) ?? null;
  return why === null ? 'absent' : `absent (${why})`;
}

function caseInWords({ ignore_case: ignoresCase }: { ignore_case?: true }): string {
  return ignoresCase === true ? ' in any case' : '';
}

/** Enough digits to tell numbers apart, and fewer than in a number without its country code. */
const LAST_DIGITS = 7;

/**
 * Says as which number a list has the one of the event, where its country code is another: it is written without one, and
 * was read as a number of the rule's country. Empty when there is none.
 */
function nearMiss(test: Test, value: JsonValue): string {
  if (test.operator !== 'one_of' || test.list === null || typeof value !== 'string' || !/^\+\d{8,}$/.test(value)) {
    return '';
  }
  const end = value.slice(-LAST_DIGITS);
  const near = test.values.find(
    (one) => one !== value && typeof one === 'string' && /^\+\d+$/.test(one) && one.endsWith(end),
  );
  return near === undefined ? '' : ` (which has ${near})`;
}

/** A test in words: `one of "a", "b"`, `more than 60`. */
export function inWords(test: Test): string {
  switch (test.operator) {
    case 'one_of': {
      const values = test.values.map((value) => JSON.stringify(value));
      const words =
        test.list !== null
          ? `one of $${test.list}`
          : values.length === 1
            ? (values[0] ?? '')
            : `one of ${values.join(', ')}`;
      return `${words}${caseInWords(test)}`;
    }
    case 'not':
      return `present, but not ${inWords(test.test)}`;
    case 'all':
      return test.tests.map(inWords).join(' and ');
    case 'any':
      return test.tests.map(inWords).join(' or ');
    case 'exists':
      return test.wanted ? 'present' : 'absent';
    case 'prefix':
      return `starting with ${JSON.stringify(test.text)}${caseInWords(test)}`;
    case 'suffix':
      return `ending with ${JSON.stringify(test.text)}${caseInWords(test)}`;
    case 'contains':
      return `containing ${JSON.stringify(test.text)}${caseInWords(test)}`;
    case 'matches':
      return `matching ${test.text}`;
    case 'gt':
      return `more than ${test.limit}`;
    case 'gte':
      return `at least ${test.limit}`;
    case 'lt':
      return `less than ${test.limit}`;
    case 'lte':
      return `at most ${test.limit}`;
  }
}
