import { isMap, isSeq } from 'yaml';
import type { Position } from '../../yaml/finding';
import { didYouMean, nearest } from '../../yaml/nearest-name';
import { FIELD_SYNONYMS } from '../language/field-synonyms';
import { exampleOf, FIELD_GROUPS, fieldNamed, fieldNames } from '../language/fields';
import type { Condition } from '../rule';
import { isGluedColon, kindOf, quoted, type BlockReader, type Value } from './block-reader';
import { FieldTestReader, type Names } from './field-test';
import type { ComparedValues } from './operands';

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

/** Reads the conditions of one rule. Invalid conditions have findings and are left out of the result. */
export class ConditionReader {
  readonly #tests: FieldTestReader;

  constructor(
    private readonly reader: BlockReader,
    private readonly names: Names,
    values: ComparedValues,
  ) {
    this.#tests = new FieldTestReader(reader, names, values);
  }

  /** Reads a block of conditions, all of which must be met. */
  read(value: Value): Condition | null {
    const { node } = value;
    if (!isMap(node)) {
      this.reader.findings.error(value.at, 'type', `when must be a block of conditions, not ${kindOf(node)}`, {
        hint: isSeq(node)
          ? 'for alternatives, write any: before the list'
          : isGluedColon(node)
            ? 'write a space after the colon'
            : 'such as { direction: inbound }',
      });
      return null;
    }
    const of = this.reader.document
      .entries(node)
      .map((entry) => this.condition(entry.key, entry.keyAt, entry))
      .filter((condition) => condition !== null);
    return { kind: 'all', of, at: value.at };
  }

  /** Reads a block inside another one, where an empty block would decide everything. */
  #block(value: Value, key: string): Condition | null {
    if (isMap(value.node) && value.node.items.length === 0) {
      this.reader.findings.error(value.at, 'empty', `a block of ${key} has no conditions`, {
        hint: 'write a condition, or remove it',
      });
      return null;
    }
    return this.read(value);
  }

  private condition(key: string, at: Position, value: Value): Condition | null {
    switch (key) {
      case 'any':
      case 'all': {
        const items = this.reader.list(value, key, 'start each alternative with a dash');
        const of = (items ?? []).map((item) => this.#block(item, key)).filter((condition) => condition !== null);
        if (items !== null && items.length === 0) {
          this.reader.findings.error(value.at, 'empty', `${key} has no conditions`);
        }
        return items === null ? null : { kind: key, of, at };
      }
      case 'not': {
        const of = this.#block(value, 'not');
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
          hint: name === 'data' ? 'name one: data.metadata.campaign' : `name one with a dot: ${exampleOf(name)}`,
        });
      } else {
        const synonym = FIELD_SYNONYMS.get(name) ?? nearest(name, [...fieldNames(), ...BLOCKS]);
        this.reader.findings.error(at, 'unknown-field', `unknown field ${quoted(name)}`, {
          hint: synonym === null ? `fields of the payload are under data: data.${name}` : `did you mean "${synonym}"?`,
        });
      }
      return null;
    }
    const test = this.#tests.read(field, value);
    return test === null ? null : { kind: 'field', field, test, at };
  }
}
