import { isMap, isScalar, isSeq } from 'yaml';
import type { Position } from '../../yaml/finding';
import { didYouMean, nearest } from '../../yaml/nearest-name';
import type { FieldDefinition } from '../language/field';
import {
  compileTest,
  IGNORE_CASE,
  OPERATOR_NAMES,
  OPERATORS,
  type OperatorName,
  type Test,
} from '../language/operators';
import { patternProblem } from '../language/pattern';
import type { Window } from '../language/windows';
import { warnOfText } from './literal-texts';
import { kindOf, quoted, type BlockReader, type Value } from './block-reader';
import type { NamedList } from './lists';
import { valueField, type NamedMap } from './maps';
import { KIND_WORDS, type ComparedValues, type ListItem } from './operands';

type TextOperator = 'prefix' | 'suffix' | 'contains' | 'matches';

/** The lists, maps and windows that rules can refer to. */
export interface Names {
  lists: ReadonlyMap<string, NamedList>;
  maps: ReadonlyMap<string, NamedMap>;
  /** A window with an error is null: its own finding reports it. */
  windows: ReadonlyMap<string, Window | null>;
}

/** Reads what a field is compared with. */
export class FieldTestReader {
  constructor(
    private readonly reader: BlockReader,
    private readonly names: Names,
    private readonly values: ComparedValues,
  ) {}

  /** Reads a value (equals), a list (equals any) or a block (all of its operators); null with a finding. */
  read(field: FieldDefinition, value: Value): Test | null {
    const { node } = value;
    if (isMap(node)) {
      const all = this.reader.document.entries(node);
      const entries = all.filter(({ key }) => key !== IGNORE_CASE.name);
      const tests = entries
        .map((entry) => this.operator(field, entry.key, entry.keyAt, entry))
        .filter((test) => test !== null);
      if (entries.length === 0) {
        this.reader.findings.error(value.at, 'empty', `${field.name} has no condition`);
      }
      const [only] = tests;
      const test: Test | null =
        only !== undefined && tests.length === 1 ? only : tests.length === 0 ? null : { operator: 'all', tests };
      const modifier = all.find(({ key }) => key === IGNORE_CASE.name);
      return test === null || modifier === undefined || this.reader.boolean(modifier, IGNORE_CASE.name) !== true
        ? test
        : this.#ignoringCase(test, modifier);
    }
    if (isSeq(node)) {
      return this.oneOf(field, value);
    }
    if (isScalar(node) && typeof node.value === 'string' && node.value.startsWith('$')) {
      this.reader.findings.error(value.at, 'list', `${field.name} is compared with the text ${quoted(node.value)}`, {
        hint: `for a list write { in: ${node.value} }`,
      });
      return null;
    }
    const single = this.#single(field, value);
    return single === null ? null : { operator: 'one_of', values: [single], list: null };
  }

  private operator(field: FieldDefinition, name: string, at: Position, value: Value): Test | null {
    const known = OPERATOR_NAMES.find((one) => one === name);
    if (known === undefined) {
      const synonym = OPERATOR_SYNONYMS.get(name) ?? nearest(name, [...OPERATOR_NAMES, IGNORE_CASE.name]);
      this.reader.findings.error(at, 'unknown-operator', `unknown operator ${quoted(name)}`, {
        hint:
          synonym === null
            ? `the operators are ${OPERATOR_NAMES.join(', ')}, with ${IGNORE_CASE.name} beside them`
            : `did you mean "${synonym}"?`,
      });
      return null;
    }
    const kinds: readonly string[] = OPERATORS[known].kinds;
    if (!kinds.includes(field.kind)) {
      this.reader.findings.error(
        at,
        'operator-type',
        `${field.name} is ${KIND_WORDS[field.kind]} and cannot be compared with ${known}`,
        {
          hint: `use a value, ${OPERATOR_NAMES.filter((one) => (OPERATORS[one].kinds as readonly string[]).includes(field.kind)).join(', ')}`,
        },
      );
      return null;
    }
    return this.operand(field, known, value);
  }

  private operand(field: FieldDefinition, operator: OperatorName, value: Value): Test | null {
    switch (operator) {
      case 'in':
        return this.oneOf(field, value);
      case 'not': {
        const test = this.read(field, value);
        return test === null ? null : { operator: 'not', test };
      }
      case 'exists': {
        const wanted = this.reader.boolean(value, 'exists');
        return wanted === null ? null : { operator, wanted };
      }
      case 'lookup':
        return this.#lookup(field, value);
      case 'prefix':
      case 'suffix':
      case 'contains':
      case 'matches':
        return this.#texts(field, operator, value);
      case 'gt':
      case 'gte':
      case 'lt':
      case 'lte': {
        const limit = field.kind === 'time' ? this.values.time(value, operator) : this.values.number(field, value);
        return limit === null ? null : { operator, limit };
      }
    }
  }

  /** One text, or a list of which any may be met. */
  #texts(field: FieldDefinition, operator: TextOperator, value: Value): Test | null {
    const items = this.reader.listOf(value);
    if (items.length === 0) {
      this.reader.findings.error(value.at, 'empty', `${operator} has an empty list, so no value matches`);
      return null;
    }
    const tests = items.map((item) => this.#text(field, operator, item)).filter((test) => test !== null);
    const [only] = tests;
    return only === undefined || tests.length > 1 ? (only === undefined ? null : { operator: 'any', tests }) : only;
  }

  #text(field: FieldDefinition, operator: TextOperator, value: Value): Test | null {
    const { findings } = this.reader;
    switch (operator) {
      case 'prefix':
      case 'suffix':
      case 'contains': {
        const text = this.reader.text(value, operator);
        if (text !== null && text !== '') {
          warnOfText(findings, field, operator, text, value.at);
        }
        if (text === '') {
          findings.error(value.at, 'empty', `${operator} has an empty text, which matches everything`, {
            hint: 'for "has a value" write { exists: true }',
          });
          return null;
        }
        if (text !== null && operator === 'prefix' && field.kind === 'phone' && /^[\d\s().-]+$/.test(text)) {
          findings.warn(
            value.at,
            'number-prefix',
            `phone numbers start with their country code, so the prefix ${quoted(text)} matches none`,
            {
              hint: 'write it as +<country code>…, without the leading 0',
            },
          );
        }
        return text === null ? null : { operator, text };
      }
      case 'matches': {
        const text = this.reader.text(value, 'matches');
        if (text === '') {
          findings.error(value.at, 'empty', 'matches has an empty pattern, which matches everything', {
            hint: 'for "has a value" write { exists: true }',
          });
          return null;
        }
        if (text !== null) {
          warnOfText(findings, field, operator, text, value.at);
        }
        return text !== null && this.isUsablePattern(text, value.at) ? { operator, text } : null;
      }
    }
  }

  /** The keys of maps whose values meet a test: a condition on them is a condition on the field. */
  #lookup(field: FieldDefinition, value: Value): Test | null {
    if (!isMap(value.node) || value.node.items.length === 0) {
      this.reader.findings.error(value.at, 'type', `lookup needs a map and a value, not ${kindOf(value.node)}`, {
        hint: 'such as { lookup: { managers: anna@example.com } }',
      });
      return null;
    }
    const tests = this.reader.document.entries(value.node).map((entry): Test | null => {
      const { key: name, keyAt } = entry;
      const map = this.names.maps.get(name);
      if (map === undefined) {
        this.reader.findings.error(
          keyAt,
          'unknown-map',
          `there is no map ${quoted(name)}`,
          this.names.maps.size === 0 ? { hint: 'define it under maps' } : didYouMean(name, [...this.names.maps.keys()]),
        );
        return null;
      }
      const wanted = this.read(valueField(name), entry);
      const meets = wanted === null ? null : compileTest(wanted, 'any');
      const keys = meets === null ? null : map.filter((one) => meets(one.value));
      if (keys?.length === 0) {
        this.reader.findings.warn(entry.at, 'never-matches', `no value of the map ${name} meets this`);
      }
      const values = keys === null ? null : this.values.comparables(field, keys, ({ key }) => key, entry.at);
      return values === null ? null : { operator: 'one_of', values, list: null };
    });
    const valid = tests.filter((test) => test !== null);
    const [only] = valid;
    return only === undefined || valid.length < tests.length
      ? null
      : valid.length === 1
        ? only
        : { operator: 'all', tests: valid };
  }

  /** The same test without regard to case; null with a finding when nothing in it compares texts. */
  #ignoringCase(test: Test, { at }: Value): Test | null {
    let compared = 0;
    const changed = (one: Test): Test => {
      switch (one.operator) {
        case 'not':
          return { ...one, test: changed(one.test) };
        case 'all':
        case 'any':
          return { ...one, tests: one.tests.map(changed) };
        case 'one_of':
        case 'prefix':
        case 'suffix':
        case 'contains':
          compared += 1;
          return { ...one, ignore_case: true };
        case 'matches':
          compared += 1;
          return { ...one, text: `(?i)${one.text}` };
        case 'exists':
        case 'gt':
        case 'gte':
        case 'lt':
        case 'lte':
          return one;
      }
    };
    const result = changed(test);
    if (compared === 0) {
      this.reader.findings.error(at, 'empty', 'ignore_case stands beside no operator that compares texts', {
        hint: 'such as { contains: cancel, ignore_case: true }',
      });
    }
    return compared === 0 ? null : result;
  }

  #single(field: FieldDefinition, value: Value): ListItem | null {
    const single = this.values.single(field, value);
    // As it is written: the comparable form has no spaces.
    if (single !== null && isScalar(value.node) && typeof value.node.value === 'string') {
      warnOfText(this.reader.findings, field, null, value.node.value, value.at);
    }
    return single;
  }

  private isUsablePattern(text: string, at: Position): boolean {
    const problem = patternProblem(text);
    if (problem !== null) {
      this.reader.findings.error(at, 'pattern', `the pattern is not a usable regular expression: ${problem}`);
    }
    return problem === null;
  }

  private oneOf(field: FieldDefinition, value: Value): Test | null {
    const { node } = value;
    if (isScalar(node) && typeof node.value === 'string') {
      if (!node.value.startsWith('$')) {
        this.reader.findings.error(value.at, 'type', `in needs a list, not ${kindOf(node)}`, {
          hint: this.names.lists.has(node.value)
            ? `did you mean $${node.value}?`
            : 'write [ … ] or the name of a list with a $ before it',
        });
        return null;
      }
      const name = node.value.slice(1);
      const map = this.names.maps.get(name);
      if (map !== undefined) {
        const keys = this.values.comparables(field, map, ({ key }) => key, value.at);
        return keys === null ? null : { operator: 'one_of', values: keys, list: name };
      }
      const list = this.names.lists.get(name);
      if (list === undefined) {
        const near = nearest(name, [...this.names.lists.keys(), ...this.names.maps.keys()]);
        this.reader.findings.error(value.at, 'unknown-list', `there is no list ${quoted(name)}`, {
          hint: near === null ? 'define it under lists' : `did you mean $${near}?`,
        });
        return null;
      }
      // Reported where the list is used: an item is wrong for this field only.
      const values = this.values.comparables(field, list, ({ value: item }) => item, value.at);
      return values === null ? null : { operator: 'one_of', values, list: name };
    }
    const items = this.reader.list(value, 'in');
    if (items === null) {
      return null;
    }
    if (items.length === 0) {
      this.reader.findings.error(value.at, 'empty', `the list for ${field.name} is empty, so no value matches`);
      return null;
    }
    const values = items.map((item) => this.#single(field, item)).filter((item) => item !== null);
    return values.length === 0 ? null : { operator: 'one_of', values, list: null };
  }
}

const OPERATOR_SYNONYMS: ReadonlyMap<string, OperatorName> = new Map(
  Object.entries<OperatorName>({
    '>': 'gt',
    '>=': 'gte',
    '<': 'lt',
    '<=': 'lte',
    '!=': 'not',
    min: 'gte',
    max: 'lte',
    starts_with: 'prefix',
    startswith: 'prefix',
    ends_with: 'suffix',
    endswith: 'suffix',
    regex: 'matches',
    regexp: 'matches',
    like: 'contains',
    includes: 'contains',
    one_of: 'in',
    map: 'lookup',
    contains_any: 'contains',
    any: 'in',
    anyof: 'in',
    not_in: 'not',
    is: 'in',
    present: 'exists',
  }),
);
