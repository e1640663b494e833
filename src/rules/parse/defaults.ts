import { isSupportedCountry } from 'libphonenumber-js/min';
import { isMap, isSeq } from 'yaml';
import { DEFAULTS_KEYS } from '../language/keys';
import { Findings } from '../../yaml/finding';
import { readCountry, readTimezone, type Defaults } from './locale';
import { diskReader, readRuleFiles, type RuleFile } from './rule-files';

/** Reads `defaults` of a main rule file. What is missing or wrong there is UTC, and no country. */
export function readDefaults({ reader, block }: RuleFile): Defaults {
  const value = block.get('defaults');
  const read = value === undefined ? null : reader.block(value, 'defaults', DEFAULTS_KEYS);
  const timezone = read?.get('timezone');
  const country = read?.get('country');
  return {
    timezone: (timezone === undefined ? null : readTimezone(reader, timezone)) ?? 'UTC',
    country: country === undefined ? null : readCountry(reader, country),
  };
}

/**
 * `defaults` of a rule file; UTC and no country when it has none or cannot be read. It does not read the rules, which
 * takes longer than most commands that need the zone or the country.
 */
export function defaultsOfRuleFile(file: string): Defaults {
  const { files } = readRuleFiles(file, diskReader(file), new Findings());
  const [main] = files;
  return main === undefined ? { timezone: 'UTC', country: null } : readDefaults(main);
}

/**
 * The countries that a rule file and its includes name, that of `defaults` first; empty when it cannot be read. As
 * {@link defaultsOfRuleFile}, it does not read the rules.
 */
export function countriesOfRuleFile(file: string): string[] {
  const { files } = readRuleFiles(file, diskReader(file), new Findings());
  const [main] = files;
  const ofDefaults = main === undefined ? null : readDefaults(main).country;
  const ofRules = files.flatMap(({ block }) => {
    const rules = block.get('rules')?.node;
    return isSeq(rules) ? rules.items.map((rule) => (isMap(rule) ? rule.get('country') : null)) : [];
  });
  return [...new Set([ofDefaults, ...ofRules])].filter(
    (country) => typeof country === 'string' && isSupportedCountry(country),
  );
}
