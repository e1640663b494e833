import { isMap, isScalar, isSeq } from 'yaml';
import type { Position } from '../../yaml/finding';
import { nearest } from '../../yaml/nearest-name';
import type { FieldDefinition } from '../language/field';
import { OPERATOR_NAMES, OPERATORS, type OperatorName, type Test } from '../language/operators';
import { patternProblem } from '../language/pattern';
import type { Window } from '../language/windows';
import { warnOfText } from './literal-texts';
import { kindOf, quoted, type BlockReader, type Value } from './block-reader';
import type { NamedList } from './lists';
import { KIND_WORDS, type ComparedValues, type ListItem } from './operands';

/** The lists and windows that conditions can refer to. */
export interface Names {
  lists: ReadonlyMap<string, NamedList>;
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
    const single = this.#single(field, value);
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
        const test = this.read(field, value);
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
      case 'gt':
      case 'gte':
      case 'lt':
      case 'lte': {
        const limit = field.kind === 'time' ? this.values.time(value, operator) : this.values.number(field, value);
        return limit === null ? null : { operator, limit };
      }
    }
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
        // Reported where the list is used: the item is wrong for this field only. One finding is enough.
        const comparable = this.values.comparable(field, item.value, value.at);
        if (comparable === null) {
          return null;
        }
        values.push(comparable);
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
    any: 'in',
    anyof: 'in',
    not_in: 'not',
    is: 'in',
    present: 'exists',
  }),
);
