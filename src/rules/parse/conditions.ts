import { isMap, isScalar, isSeq } from 'yaml';
import { kindOf, quoted, type BlockReader, type Value } from './block-reader';
import { KIND_WORDS, type ComparedValues, type ListItem } from './operands';
import { FIELD_GROUPS, fieldNamed, fieldNames } from '../language/fields';
import { FIELD_SYNONYMS } from '../language/field-synonyms';
import type { FieldDefinition } from '../language/field';
import { type Position } from '../../yaml/finding';
import { didYouMean, nearest } from '../../yaml/nearest-name';
import type { Condition } from '../rule';
import { OPERATOR_NAMES, OPERATORS, type OperatorName, type Test } from '../language/operators';
import { patternProblem } from '../language/pattern';
import type { Window } from '../language/windows';

/** Named things that conditions may refer to. */
export interface Names {
  lists: ReadonlyMap<string, readonly { value: ListItem; at: Position }[]>;
  /** A null window is one that is there, but faulty: its own finding says so. */
  windows: ReadonlyMap<string, Window | null>;
}

const BLOCKS = ['any', 'all', 'not', 'during', 'not during'] as const;

/** The keys of `when` that are not fields: the definition for the check, the editor's schema and the docs. */
export const BLOCK_KEYS: Readonly<Record<(typeof BLOCKS)[number], { description: string }>> = {
  any: { description: 'A list of blocks of conditions. At least one block must be met.' },
  all: { description: 'A list of blocks of conditions. All blocks must be met.' },
  not: {
    description:
      'A block of conditions that must not be met. A condition on an absent field is not met, so its `not` is met.',
  },
  during: { description: 'One or more windows. The event must have happened during one of them.' },
  'not during': { description: 'One or more windows. The event must have happened during none of them.' },
};

/** Reads the conditions of one rule. Every fault becomes a finding; what is faulty is left out of the result. */
export class ConditionReader {
  constructor(
    private readonly reader: BlockReader,
    private readonly names: Names,
    private readonly values: ComparedValues,
  ) {}

  /** A block of conditions: all must hold. */
  read(value: Value): Condition | null {
    const { node } = value;
    if (!isMap(node)) {
      this.reader.findings.error(value.at, 'type', `when must be a block of conditions, not ${kindOf(node)}`, {
        hint: isSeq(node) ? 'for alternatives, write any: before the list' : 'such as { direction: inbound }',
      });
      return null;
    }
    const of = this.reader.document
      .entries(node)
      .map((entry) => this.condition(entry.key, entry.keyAt, entry))
      .filter((condition) => condition !== null);
    return { kind: 'all', of, at: value.at };
  }

  private condition(key: string, at: Position, value: Value): Condition | null {
    switch (key) {
      case 'any':
      case 'all': {
        const items = this.reader.list(value, key, 'start each alternative with a dash');
        const of = (items ?? []).map((item) => this.read(item)).filter((condition) => condition !== null);
        if (items !== null && items.length === 0) {
          this.reader.findings.error(value.at, 'empty', `${key} has no conditions`);
        }
        return items === null ? null : { kind: key, of, at };
      }
      case 'not': {
        const of = this.read(value);
        return of === null ? null : { kind: 'not', of, at };
      }
      case 'during':
        return this.during(value, at, true);
      case 'not during':
        return this.during(value, at, false);
      default:
        return this.field(key, at, value);
    }
  }

  private during(value: Value, at: Position, wanted: boolean): Condition | null {
    if (wanted && isMap(value.node)) {
      const [only, ...rest] = this.reader.document.entries(value.node);
      if (only?.key === 'not' && rest.length === 0) {
        return this.during(only, at, false);
      }
    }
    const of: Condition[] = [];
    for (const item of this.reader.listOf(value)) {
      const name = this.reader.text(item, 'during');
      if (name === null) {
        continue;
      }
      const window = this.names.windows.get(name);
      if (window === undefined) {
        const known = [...this.names.windows.keys()];
        const more = known.length === 0 ? { hint: 'define it under windows' } : didYouMean(name, known);
        this.reader.findings.error(item.at, 'unknown-window', `there is no window ${quoted(name)}`, more);
      } else if (window !== null) {
        of.push({ kind: 'during', name, window, wanted: true, at });
      }
    }
    const [first, ...others] = of;
    if (first === undefined) {
      return null;
    }
    const inside: Condition = others.length === 0 ? first : { kind: 'any', of, at };
    if (wanted) {
      return inside;
    }
    return first.kind === 'during' && others.length === 0
      ? { ...first, wanted: false }
      : { kind: 'not', of: inside, at };
  }

  private field(name: string, at: Position, value: Value): Condition | null {
    const field = fieldNamed(name);
    if (field === undefined) {
      if (FIELD_GROUPS.has(name) || name === 'data') {
        this.reader.findings.error(at, 'field-group', `${quoted(name)} is a group of fields`, {
          hint: name === 'data' ? 'name one: data.metadata.campaign' : `name one with a dot: ${name}.number`,
        });
      } else {
        const synonym = FIELD_SYNONYMS.get(name) ?? nearest(name, [...fieldNames(), ...BLOCKS]);
        this.reader.findings.error(at, 'unknown-field', `unknown field ${quoted(name)}`, {
          hint: synonym === null ? `fields of the payload are under data: data.${name}` : `did you mean "${synonym}"?`,
        });
      }
      return null;
    }
    const test = this.test(field, value);
    return test === null ? null : { kind: 'field', field, test, at };
  }

  /** Scalar: equals. List: any of. Map: operators, all of them. */
  private test(field: FieldDefinition, value: Value): Test | null {
    const { node } = value;
    if (isMap(node)) {
      const entries = this.reader.document.entries(node);
      const tests = entries
        .map((entry) => this.operator(field, entry.key, entry.keyAt, entry))
        .filter((test) => test !== null);
      if (entries.length === 0) {
        this.reader.findings.error(value.at, 'empty', `${field.name} has no condition`);
      }
      const [only] = tests;
      return only !== undefined && tests.length === 1 ? only : tests.length === 0 ? null : { operator: 'all', tests };
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
    const single = this.values.single(field, value);
    return single === null ? null : { operator: 'one_of', values: [single], list: null };
  }

  private operator(field: FieldDefinition, name: string, at: Position, value: Value): Test | null {
    const known = OPERATOR_NAMES.find((one) => one === name);
    if (known === undefined) {
      const synonym = OPERATOR_SYNONYMS.get(name) ?? nearest(name, OPERATOR_NAMES);
      this.reader.findings.error(at, 'unknown-operator', `unknown operator ${quoted(name)}`, {
        hint: synonym === null ? `the operators are ${OPERATOR_NAMES.join(', ')}` : `did you mean "${synonym}"?`,
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
    const { findings } = this.reader;
    switch (operator) {
      case 'in':
        return this.oneOf(field, value);
      case 'not': {
        const test = this.test(field, value);
        return test === null ? null : { operator: 'not', test };
      }
      case 'exists': {
        const wanted = this.reader.boolean(value, 'exists');
        return wanted === null ? null : { operator, wanted };
      }
      case 'prefix':
      case 'suffix':
      case 'contains': {
        const text = this.reader.text(value, operator);
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
        return text !== null && this.patternIsFine(text, value.at) ? { operator, text } : null;
      }
      case 'gt':
      case 'gte':
      case 'lt':
      case 'lte': {
        const limit = field.kind === 'time' ? this.values.time(value, operator) : this.values.number(field, value);
        return limit === null ? null : { operator, limit };
      }
    }
  }

  private patternIsFine(text: string, at: Position): boolean {
    const fault = patternProblem(text);
    if (fault !== null) {
      this.reader.findings.error(at, 'pattern', `the pattern is not a usable regular expression: ${fault}`);
    }
    return fault === null;
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
      const list = this.names.lists.get(name);
      if (list === undefined) {
        const near = nearest(name, this.names.lists.keys());
        this.reader.findings.error(value.at, 'unknown-list', `there is no list ${quoted(name)}`, {
          hint: near === null ? 'define it under lists' : `did you mean $${near}?`,
        });
        return null;
      }
      const values: ListItem[] = [];
      for (const item of list) {
        // Said where the list is used: that the item is wrong for this field is no fault of the list. One is enough.
        const fitting = this.values.fitting(field, item.value, value.at);
        if (fitting === null) {
          return null;
        }
        values.push(fitting);
      }
      return { operator: 'one_of', values, list: name };
    }
    const items = this.reader.list(value, 'in');
    if (items === null) {
      return null;
    }
    if (items.length === 0) {
      this.reader.findings.error(value.at, 'empty', `the list for ${field.name} is empty, so no value matches`);
      return null;
    }
    const values = items.map((item) => this.values.single(field, item)).filter((item) => item !== null);
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
    any: 'in',
    anyof: 'in',
    not_in: 'not',
    is: 'in',
    present: 'exists',
  }),
);
