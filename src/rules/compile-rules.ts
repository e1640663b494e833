import type { Work } from '../timing/work';
import { compileRule, FieldReaders, type CompiledRule } from './compiled-rule';
import type { FieldDefinition } from './language/field';
import { compileTest, type Test } from './language/operators';
import type { Condition, Rule } from './rule';
import { indexRules, type RuleIndex } from './rule-index';
import { lookedUpFields } from './rule-reads';

/** Compiling a rule with an `if` of a thousand characters takes so many steps. */
const RULE_STEPS = 50;
/** Compiling a regular expression takes so many steps. */
const PATTERN_STEPS = 20;
/** Items of a list that are prepared in one step. */
const ITEMS_PER_STEP = 50;

/** The compiled form of the rules of one set. */
export interface CompiledRules {
  /** In the order of the rule set. */
  rules: readonly CompiledRule[];
  index: RuleIndex;
  positions: ReadonlyMap<Rule, number>;
  /** The fields that a rule reads and that a look-up of the call may tell. */
  reads: ReadonlyMap<Rule, readonly FieldDefinition[]>;
}

/** Compiles rules. */
export function* compileRules(rules: readonly Rule[]): Work<CompiledRules> {
  const fields = new FieldReaders();
  const compiled: CompiledRule[] = [];
  const positions = new Map<Rule, number>();
  const reads = new Map<Rule, readonly FieldDefinition[]>();
  for (const [index, rule] of rules.entries()) {
    if (rule.when !== null) {
      yield* compileTests(rule.when);
    }
    compiled.push(compileRule(rule, fields));
    positions.set(rule, index);
    reads.set(rule, lookedUpFields(rule));
    yield rule.if === null ? RULE_STEPS / 10 : RULE_STEPS;
  }
  return { rules: compiled, index: yield* indexRules(rules, fields), positions, reads };
}

/** Compiles the tests of a condition one by one: compiling the condition then only combines them. */
function* compileTests(condition: Condition): Work<void> {
  switch (condition.kind) {
    case 'field':
      yield* compileTestsOf(condition.test, condition.field);
      return;
    case 'all':
    case 'any':
      for (const one of condition.of) {
        yield* compileTests(one);
      }
      return;
    case 'not':
      yield* compileTests(condition.of);
      return;
    case 'during':
      return;
  }
}

function* compileTestsOf(test: Test, field: FieldDefinition): Work<void> {
  if (test.operator === 'all' || test.operator === 'any') {
    for (const one of test.tests) {
      yield* compileTestsOf(one, field);
    }
  } else if (test.operator === 'not') {
    yield* compileTestsOf(test.test, field);
  } else {
    compileTest(test, field.kind);
    yield test.operator === 'matches'
      ? PATTERN_STEPS
      : 1 + (test.operator === 'one_of' ? test.values.length / ITEMS_PER_STEP : 0);
  }
}
