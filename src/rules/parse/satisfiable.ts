import type { JsonValue } from '../../events/json';
import { compileTest, type Test } from '../language/operators';
import type { Condition } from '../rule';
import { isTextTest, possibleValues, type PossibleValue } from './possible-values';
import { possibleMoments, type OpenWindows } from './possible-moments';

type FieldCondition = Extract<Condition, { kind: 'field' }>;
type WindowCondition = Extract<Condition, { kind: 'during' }>;

/** Longer searches are given up: the conditions count as possible. */
const MAX_SEARCHED = 20_000;

/** Fields with more values times tests are given up in the same way. */
const MAX_OUTCOMES = 100_000;

/** A field that is compared with more values is left open: every outcome of its tests counts as possible. */
const MAX_COMPARED_VALUES = 2_000;

/** A condition over numbered tests. */
type Formula =
  | { kind: 'all' | 'any'; of: readonly Formula[] }
  | { kind: 'not'; of: Formula }
  /** The test `leaf` of the variable `of`, which is a field or the time. */
  | { kind: 'leaf'; of: string; leaf: number };

/** The outcomes of a variable's tests for one of its values. */
type Outcomes = readonly boolean[];

/**
 * Whether some event of these types may meet all conditions. False only when that is certain.
 *
 * For each field it takes values that are different for the field's tests: those of the tests, those between and around
 * them, none. Then it searches for a combination that meets the conditions.
 * @param types live names; null when some are unknown.
 */
export function canBeMet(conditions: readonly Condition[], types: readonly string[] | null): boolean {
  const variables = new Variables();
  const formula: Formula = { kind: 'all', of: conditions.map((condition) => variables.formulaOf(condition)) };
  const outcomes = variables.outcomes(types);
  return outcomes === null || new Search(formula, outcomes).succeeds();
}

/** The name of the variable for the time; no field has it. */
const TIME = '@time';

/** Collects the tests of each field, and the windows. */
class Variables {
  readonly #fields = new Map<string, { condition: FieldCondition; tests: Test[]; leaves: Map<string, number> }>();
  readonly #windows: WindowCondition[] = [];

  formulaOf(condition: Condition): Formula {
    switch (condition.kind) {
      case 'all':
      case 'any':
        return { kind: condition.kind, of: condition.of.map((one) => this.formulaOf(one)) };
      case 'not':
        return { kind: 'not', of: this.formulaOf(condition.of) };
      case 'field':
        return this.#test(condition, condition.test);
      case 'during': {
        let leaf = this.#windows.findIndex(({ name }) => name === condition.name);
        if (leaf === -1) {
          leaf = this.#windows.push(condition) - 1;
        }
        const inside: Formula = { kind: 'leaf', of: TIME, leaf };
        return condition.wanted ? inside : { kind: 'not', of: inside };
      }
    }
  }

  #test(condition: FieldCondition, test: Test): Formula {
    if (test.operator === 'all' || test.operator === 'any') {
      return { kind: test.operator, of: test.tests.map((one) => this.#test(condition, one)) };
    }
    if (test.operator === 'not') {
      const exists = this.#leaf(condition, { operator: 'exists', wanted: true });
      return { kind: 'all', of: [exists, { kind: 'not', of: this.#test(condition, test.test) }] };
    }
    return this.#leaf(condition, test);
  }

  #leaf(condition: FieldCondition, test: Test): Formula {
    const { name } = condition.field;
    const known = this.#fields.get(name) ?? { condition, tests: [], leaves: new Map<string, number>() };
    this.#fields.set(name, known);
    const written = valuesIn(test) > MAX_COMPARED_VALUES ? String(known.tests.length) : JSON.stringify(test);
    const leaf = known.leaves.get(written) ?? known.tests.push(test) - 1;
    known.leaves.set(written, leaf);
    return { kind: 'leaf', of: name, leaf };
  }

  /** The possible outcomes of each variable's tests; null when there are too many. */
  outcomes(types: readonly string[] | null): Map<string, readonly Outcomes[]> | null {
    const found = new Map<string, readonly Outcomes[]>();
    for (const [name, { condition, tests }] of this.#fields) {
      if (tests.reduce((sum, test) => sum + valuesIn(test), 0) > MAX_COMPARED_VALUES) {
        continue;
      }
      const values = possibleValues(condition.field, tests, types);
      if (values === null || values.length * tests.length > MAX_OUTCOMES) {
        return null;
      }
      // Once: a test may hold a list of thousands.
      const compiled = tests.map((test) => ({ test, meets: compileTest(test, condition.field.kind) }));
      found.set(name, distinct(values.map((value) => outcomesOf(value, compiled))));
    }
    if (this.#windows.length > 0) {
      const moments: readonly OpenWindows[] | null = possibleMoments(this.#windows.map(({ window }) => window));
      if (moments === null) {
        return null;
      }
      found.set(TIME, distinct(moments));
    }
    return found;
  }
}

function valuesIn(test: Test): number {
  return test.operator === 'one_of' ? test.values.length : 0;
}

function outcomesOf(
  value: PossibleValue,
  tests: readonly { test: Test; meets: (value: JsonValue) => boolean }[],
): Outcomes {
  let textTests = 0;
  return tests.map(({ test, meets }) => {
    if (value.kind === 'some_text' && isTextTest(test)) {
      textTests += 1;
      return value.meets[textTests - 1] ?? false;
    }
    const single: JsonValue = value.kind === 'some_text' ? SOME_TEXT : value.value;
    return meets(single);
  });
}

/** A text that is not in any list of a rule file. */
const SOME_TEXT = '\uFFFFsome other text';

function distinct(all: readonly Outcomes[]): Outcomes[] {
  return [...new Map(all.map((outcomes) => [outcomes.map(Number).join(''), outcomes])).values()];
}

/** Searches for outcomes that meet a formula, variable by variable. */
class Search {
  #searched = 0;
  readonly #chosen = new Map<string, Outcomes>();
  readonly #variables: readonly (readonly [string, readonly Outcomes[]])[];

  constructor(
    private readonly formula: Formula,
    outcomes: ReadonlyMap<string, readonly Outcomes[]>,
  ) {
    this.#variables = [...outcomes];
  }

  succeeds(): boolean {
    return this.#choose(0);
  }

  #choose(index: number): boolean {
    this.#searched += 1;
    const known = this.#evaluate(this.formula);
    const variable = this.#variables[index];
    if (known === false) {
      return false;
    }
    if (known === true || variable === undefined || this.#searched > MAX_SEARCHED) {
      return true;
    }
    const [name, all] = variable;
    const found = all.some((outcomes) => {
      this.#chosen.set(name, outcomes);
      return this.#choose(index + 1);
    });
    this.#chosen.delete(name);
    return found;
  }

  /** Undefined while the chosen outcomes do not decide it. */
  #evaluate(formula: Formula): boolean | undefined {
    switch (formula.kind) {
      case 'leaf':
        return this.#chosen.get(formula.of)?.[formula.leaf];
      case 'not': {
        const inner = this.#evaluate(formula.of);
        return inner === undefined ? undefined : !inner;
      }
      case 'all':
      case 'any': {
        const decisive = formula.kind === 'any';
        const results = formula.of.map((one) => this.#evaluate(one));
        return results.includes(decisive) ? decisive : results.includes(undefined) ? undefined : !decisive;
      }
    }
  }
}
