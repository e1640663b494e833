import { isScalar } from 'yaml';
import { typesFor } from '../../events/catalogue';
import { parseDuration } from '../../yaml/duration';
import { isNothing, kindOf, quoted, type BlockReader, type Value } from './block-reader';
import type { FieldDefinition } from '../language/field';
import { type Position } from '../../yaml/finding';
import { nearest } from '../../yaml/nearest-name';
import { readTime, TIME_HINT } from '../language/moments';
import { comparable, type OperatorName } from '../language/operators';
import { warnOfWithheld } from './literal-texts';
import { neverSpelled } from './never-equal';
import { checkOnce, refuseUnreadable, warnOfForeign, warnOfName, type WrittenNumber } from './written-numbers';

/** A single value that a field is compared with, or an item of a list. */
export type ListItem = string | number | boolean;

/** The type of a field in words, for findings. */
export const KIND_WORDS: Readonly<Record<FieldDefinition['kind'], string>> = {
  text: 'a text',
  choice: 'a text',
  phone: 'a phone number or address',
  seconds: 'a number of seconds',
  boolean: 'true or false',
  time: 'a time',
  any: 'any value',
};

const MOST_WRONG_ITEMS = 5;

/** Lists and maps in the comparable form of fields. */
const convertedLists = new WeakMap<readonly unknown[], Map<string, readonly ListItem[]>>();

/** Checks the values that fields are compared with, in `when` and in CEL: their type, and whether the field can have them. */
export class ComparedValues {
  constructor(
    private readonly reader: BlockReader,
    /** The rule's country, for phone numbers. */
    private readonly country: string | null,
    /** The rule's time zone, for times without one. */
    private readonly timezone: string,
  ) {}

  /** Reads a single value in the field's comparable form; null with a finding. */
  single(field: FieldDefinition, value: Value): ListItem | null {
    const { node } = value;
    if (isNothing(node)) {
      this.reader.findings.error(value.at, 'type', `${field.name} has no value to compare with`, {
        hint: 'for "has no value" write { exists: false }',
      });
      return null;
    }
    if (!isScalar(node)) {
      this.reader.findings.error(
        value.at,
        'type',
        `${field.name} must be compared with single values, not ${kindOf(node)}`,
      );
      return null;
    }
    const found: unknown = node.value;
    const ms = field.kind === 'seconds' && typeof found === 'string' ? parseDuration(found) : null;
    if (ms !== null && found !== '0') {
      return ms / 1_000;
    }
    if (field.kind === 'phone' && typeof found === 'string') {
      this.#warnOfNumber(field, { text: found, at: value.at });
    }
    return typeof found === 'string' || typeof found === 'number' || typeof found === 'boolean'
      ? this.comparable(field, found, value.at)
      : null;
  }

  /**
   * Converts the items of a list, or the keys of a map, to the field's comparable form; null with findings where the list is
   * used, because the items are wrong for this field only. Of more wrong items than a few, nobody reads the rest.
   *
   * All tests that use one list share the values: a list may have 100,000 items.
   */
  comparables<Item extends ListItem | { at: Position }>(
    field: FieldDefinition,
    list: readonly Item[],
    valueOf: (item: Item) => ListItem,
    at: Position,
  ): readonly ListItem[] | null {
    const form = this.#formOf(field);
    const known = convertedLists.get(list)?.get(form);
    if (known !== undefined) {
      return known;
    }
    if (field.kind === 'phone') {
      checkOnce(list, this.country, 'keys compared', (item) => {
        const written = { text: String(valueOf(item)), at: typeof item === 'object' ? item.at : at };
        // A map may have a key for those who are no numbers.
        return typeof item === 'object' && 'key' in item
          ? warnOfForeign(this.reader.findings, written, this.country)
          : this.#warnOfNumber(field, written);
      });
    }
    const { count } = this.reader.findings;
    const fit: ListItem[] = [];
    let wrong = 0;
    for (const item of list) {
      const found = this.comparable(field, valueOf(item), at);
      if (found !== null) {
        fit.push(found);
        continue;
      }
      wrong += 1;
      if (wrong === MOST_WRONG_ITEMS) {
        break;
      }
    }
    // A warning is reported wherever the list is used.
    if (this.reader.findings.count === count) {
      const forms = convertedLists.get(list) ?? new Map<string, readonly ListItem[]>();
      convertedLists.set(list, forms.set(form, fit));
    }
    return wrong > 0 ? null : fit;
  }

  #warnOfNumber(field: FieldDefinition, written: WrittenNumber): boolean {
    const { findings } = this.reader;
    return warnOfForeign(findings, written, this.country) || warnOfName(findings, field, written);
  }

  /** Fields of one form have the same comparable values. */
  #formOf({ name, kind }: FieldDefinition): string {
    return kind === 'any' ? kind : `${name} ${kind === 'phone' ? this.country : kind === 'time' ? this.timezone : ''}`;
  }

  /** Converts a value to the field's comparable form; null with a finding. */
  comparable(field: FieldDefinition, value: ListItem, at: Position): ListItem | null {
    const wrong = (hint?: string): null => {
      this.reader.findings.error(
        at,
        'type',
        `${field.name} is ${KIND_WORDS[field.kind]}, not ${typeof value === 'string' ? `the text ${quoted(value)}` : `${typeof value === 'number' ? 'the number ' : ''}${value}`}`,
        hint === undefined ? {} : { hint },
      );
      return null;
    };
    switch (field.kind) {
      case 'any':
        return value;
      case 'boolean': {
        const word = String(value).toLowerCase();
        const meant = ['yes', 'on', 'true', '1'].includes(word)
          ? 'true'
          : ['no', 'off', 'false', '0'].includes(word)
            ? 'false'
            : undefined;
        return typeof value === 'boolean'
          ? value
          : wrong(meant === undefined ? undefined : `did you mean ${meant}, without quotes?`);
      }
      case 'seconds': {
        if (typeof value === 'number') {
          return value;
        }
        const ms = typeof value === 'string' ? parseDuration(value) : null;
        const number =
          typeof value === 'string' && /^\d+(\.\d+)?$/.test(value) ? value : ms === null ? null : String(ms / 1_000);
        return wrong(number === null ? comparisonHint(value) : `did you mean ${number}, without quotes?`);
      }
      case 'time': {
        const day = typeof value === 'string' ? /^(\d{4}-\d{2}-\d{2})$/.exec(value)?.[1] : undefined;
        const time = typeof value !== 'string' || day !== undefined ? null : this.#timeOf(value);
        if (time === null) {
          return wrong(
            day === undefined
              ? (comparisonHint(value) ?? TIME_HINT)
              : `for a day write { gte: "${day}", lt: "…" } with the next day`,
          );
        }
        return time;
      }
      case 'text':
      case 'choice':
      case 'phone': {
        if (typeof value !== 'string') {
          return wrong(`quote it: "${value}"`);
        }
        if (field.kind === 'phone' && refuseUnreadable(this.reader.findings, { text: value, at }, this.country)) {
          return null;
        }
        if (!this.isPossibleWord(field, value, at)) {
          return null;
        }
        if (field.kind !== 'choice') {
          warnOfWithheld(this.reader.findings, field, value, at);
        }
        const form = comparable(field, value, this.country);
        return typeof form === 'string' ? form : value;
      }
    }
  }

  /** Warns of a number in `if` in another format than events have it: it is compared as it is written. */
  warnOfSpelling(field: FieldDefinition, value: ListItem, at: Position): void {
    if (
      field.kind === 'phone' &&
      typeof value === 'string' &&
      warnOfForeign(this.reader.findings, { text: value, at }, this.country)
    ) {
      return;
    }
    const never = typeof value === 'string' ? neverSpelled(field, value, this.country) : null;
    if (never !== null) {
      this.reader.findings.warn(at, 'literal-text', never.message, { hint: never.hint });
    }
  }

  /** Warns of a word for a withheld number that a field is searched for in `if`. */
  warnOfWithheldPart(field: FieldDefinition, text: string, at: Position): void {
    warnOfWithheld(this.reader.findings, field, text, at, true);
  }

  private isPossibleWord(field: FieldDefinition, word: string, at: Position): boolean {
    const { findings } = this.reader;
    if (field.name === 'type') {
      const types = typesFor(word);
      if (types !== null && !types.includes(word)) {
        findings.error(at, 'choice', `type is never ${quoted(word)}: it has the live name`, {
          hint: types[0] === undefined ? 'use on or declared_type' : `did you mean "${types[0]}"?`,
        });
        return false;
      }
    }
    if (field.choices === undefined || field.choices.some((choice) => choice.value === word)) {
      return true;
    }
    const synonym = field.choices.find(
      (choice) => choice.synonyms?.includes(word.toLowerCase()) === true || choice.value === word.toLowerCase(),
    );
    const words = field.choices.map((choice) => choice.value);
    const near = synonym?.value ?? nearest(word, words);
    if (near !== null) {
      findings.error(at, 'choice', `${field.name} is never ${quoted(word)}`, { hint: `did you mean "${near}"?` });
      return false;
    }
    if (field.open === true) {
      findings.warn(at, 'choice', `${quoted(word)} is not a known value of ${field.name}`, {
        hint: `known values: ${words.join(', ')}`,
      });
      return true;
    }
    findings.error(at, 'choice', `${field.name} is never ${quoted(word)}`, { hint: `it is ${words.join(' or ')}` });
    return false;
  }

  /** Reads the operand of `gt`, `gte`, `lt` or `lte` as a number; null with a finding. */
  number(field: FieldDefinition, value: Value): number | null {
    const { node } = value;
    if (isScalar(node) && typeof node.value === 'number') {
      return node.value;
    }
    const text = isScalar(node) && typeof node.value === 'string' ? node.value : null;
    const ms = text === null || text === '0' ? null : parseDuration(text);
    if (ms !== null && field.kind === 'seconds') {
      return ms / 1_000;
    }
    const meant = text !== null && /^\d+(\.\d+)?$/.test(text) ? text : null;
    this.reader.findings.error(
      value.at,
      'type',
      `${field.name} is compared with ${field.kind === 'seconds' ? 'a number of seconds or a duration such as 10m' : 'a number'}, not ${kindOf(node)}`,
      meant === null ? {} : { hint: `did you mean ${meant}, without quotes?` },
    );
    return null;
  }

  /** Reads the operand of `gt`, `gte`, `lt` or `lte` as a time; null with a finding. */
  time(value: Value, operator: string): string | null {
    const text = this.reader.text(value, operator);
    const time = text === null ? null : this.#timeOf(text);
    if (text !== null && time === null) {
      this.reader.findings.error(value.at, 'type', `${quoted(text)} is not a time`, { hint: TIME_HINT });
    }
    return time;
  }

  /** A date, or a time with or without a zone, in the form in which events have theirs; null for another text. */
  #timeOf(text: string): string | null {
    const ms = readTime(text, this.timezone);
    return ms === null ? null : new Date(ms).toISOString();
  }
}

const SIGNS: ReadonlyMap<string, OperatorName> = new Map([
  ['>', 'gt'],
  ['>=', 'gte'],
  ['<', 'lt'],
  ['<=', 'lte'],
]);

/** How a comparison that is written as a text (`> 60`) is written with an operator; undefined for another text. */
function comparisonHint(value: ListItem): string | undefined {
  const [, sign = '', limit = ''] = /^([<>]=?)\s*(\S.*)$/.exec(String(value)) ?? [];
  const operator = SIGNS.get(sign);
  return operator === undefined
    ? undefined
    : `write { ${operator}: ${/^[\d.]+[a-z]*$/.test(limit) ? limit : quoted(limit)} }`;
}
