import { quoted, type BlockReader, type Value } from './block-reader';

/** How rules and alerts may be named: the name is part of action keys, search attributes and reports. */
export const NAME_PATTERN = '^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$';
const NAME = new RegExp(NAME_PATTERN);
/** Of a longer one, the suggestion is made of the beginning: the patterns take time with the square of its length. */
const LONGEST_READ = 1_000;

/**
 * Reads the name of a rule or alert. Null with a finding, which suggests a name, when it is not one.
 * @param what `a rule`, `an alert`.
 */
export function readName(reader: BlockReader, value: Value, what: string): string | null {
  const name = reader.text(value, 'name');
  if (name === null || NAME.test(name)) {
    return name;
  }
  const suggestion = name
    .slice(0, LONGEST_READ)
    .trim()
    .replaceAll(/[^A-Za-z0-9_.-]+/g, '-')
    .replaceAll(/^[^A-Za-z0-9]+|-+$/g, '')
    .slice(0, 64);
  reader.findings.error(value.at, 'name', `${quoted(name)} cannot be the name of ${what}`, {
    hint:
      suggestion === ''
        ? 'use letters, digits, dots, dashes and underscores, at most 64'
        : `use letters, digits, dots, dashes and underscores: ${suggestion}`,
  });
  return null;
}
