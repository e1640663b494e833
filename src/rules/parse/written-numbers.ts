import { exampleAbroad, numberOutsidePlan } from '../../events/number-plan';
import { toE164 } from '../../events/phone';
import { isWithheld } from '../../events/withheld';
import type { Findings, Position } from '../../yaml/finding';
import type { FieldDefinition } from '../language/field';
import { insideTemplates } from '../language/template-parts';
import { quoted } from './block-reader';

/** Of more findings than a few about one list or map, nobody reads the rest. */
const MOST_FINDINGS = 5;

/** A text that is used as a phone number, and where it is written. */
export interface WrittenNumber {
  text: string;
  at: Position;
}

/** Where lists and maps were checked, by country: many rules may use one, and its numbers are reported once. */
const checked = new WeakMap<readonly unknown[], Set<string>>();

/** Whether a text can only be meant as a phone number: extensions have no spaces, brackets or `+`. */
export function isWrittenAsNumber(text: string): boolean {
  // No pattern that looks for a digit inside: its time to fail would grow with the square of the length.
  return /^\+?[\d\s().-]+$/.test(text) && (text.length >= 7 || (/\d/.test(text) && /[\s()+]/.test(text.trim())));
}

/** Reports a text that can only be meant as a phone number and cannot be read as one. @returns whether it is one. */
export function refuseUnreadable(findings: Findings, { text, at }: WrittenNumber, country: string | null): boolean {
  if (!isWrittenAsNumber(text) || toE164(text, country) !== null) {
    return false;
  }
  findings.error(at, 'phone', `${quoted(text)} cannot be read as a phone number`, {
    hint:
      text.startsWith('+') || country !== null
        ? 'is a digit missing?'
        : 'write it as +<country code>…, or set defaults: { country: … }',
  });
  return true;
}

/**
 * Warns of a number without a country code that its country does not have: it is read as a number of that country, and
 * so reaches or means somebody else.
 * @param country of the rule.
 * @returns whether it is one.
 */
export function warnOfForeign(findings: Findings, { text, at }: WrittenNumber, country: string | null): boolean {
  const read = numberOutsidePlan(text, country);
  if (read === null) {
    return false;
  }
  findings.warn(at, 'number-country', `${quoted(text)} is read as ${read}, and ${country ?? ''} has no such number`, {
    hint: `if it is of another country, write it with that country's code, such as "${exampleAbroad(country)}"`,
  });
  return true;
}

/**
 * Warns of a word that the number of a call or text is compared with. Some networks send names, so it may be meant.
 * @returns whether it is one.
 */
export function warnOfName(findings: Findings, { name }: FieldDefinition, { text, at }: WrittenNumber): boolean {
  if (!/^[\p{L}\s]+$/u.test(text) || text.trim() === '' || isWithheld(text)) {
    return false;
  }
  findings.warn(
    at,
    'phone',
    `${quoted(text)} is no phone number: ${name} is that only where the network sends a name`,
    {
      hint: `write a number, or use ${name.replace(/number$/, 'name')}`,
    },
  );
  return true;
}

/**
 * Checks the phone numbers in a list or map: those that cannot be read, and those that the country does not have, each at
 * its own place.
 * @param use what of it is used: the keys or the values of a map.
 */
export function checkNumbersIn<Item>(
  findings: Findings,
  list: readonly Item[],
  country: string | null,
  use: 'keys' | 'values',
  writtenIn: (item: Item) => WrittenNumber,
): void {
  checkOnce(list, country, `${use} compared`, (item) => warnOfForeign(findings, writtenIn(item), country));
  checkOnce(list, country, `${use} read`, (item) => refuseUnreadable(findings, writtenIn(item), country));
}

/**
 * Checks the items of a list or map once for a country and a use, up to the first few that have a finding.
 * @param hasFinding reports an item. @returns whether it did.
 */
export function checkOnce<Item>(
  list: readonly Item[],
  country: string | null,
  use: string,
  hasFinding: (item: Item) => boolean,
): void {
  const key = `${use} ${country ?? ''}`;
  const before = checked.get(list) ?? new Set<string>();
  if (before.has(key)) {
    return;
  }
  checked.set(list, before.add(key));
  let found = 0;
  for (const item of list) {
    found += hasFinding(item) ? 1 : 0;
    if (found === MOST_FINDINGS) {
      return;
    }
  }
}

/** What a template may insert: maps it looks something up in, lists, and texts in place of absent values. */
export function insertedBy(text: string): { maps: string[]; lists: string[]; defaults: string[] } {
  const templates = insideTemplates(text);
  const all = (pattern: RegExp): string[] =>
    templates.flatMap((template) => [...template.matchAll(pattern)].map(({ groups }) => groups?.['found'] ?? ''));
  return {
    maps: all(/\|\s*lookup:\s*(['"])(?<found>[\w-]+)\1/g),
    lists: all(/\blists\.(?<found>[\w-]+)/g),
    defaults: all(/\|\s*default:\s*(['"])(?<found>[^'"]*)\1/g),
  };
}

/** The maps in which a template looks up a phone number. */
export function mapsOfNumbers(text: string): string[] {
  const found: string[] = [];
  for (const template of insideTemplates(text)) {
    let isNumber = false;
    for (const part of template.split('|').map((each) => each.trim())) {
      const name = isNumber ? /^lookup:\s*(['"])([\w-]+)\1/.exec(part)?.[2] : undefined;
      if (name !== undefined) {
        found.push(name);
      }
      isNumber = part.endsWith('.number') || (isNumber && !part.startsWith('lookup'));
    }
  }
  return found;
}
