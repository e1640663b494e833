import { isSupportedCountry } from 'libphonenumber-js/min';
import { isMap, isSeq, parseDocument } from 'yaml';
import { DEFAULTS_KEYS } from '../language/keys';
import { isZone } from '../../timing/zone';
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
 * takes longer than most commands that need the zone or the country. Of a file whose YAML is wrong it takes what is
 * right: a screen does not change its zone while somebody edits a rule.
 */
export function defaultsOfRuleFile(file: string): Defaults {
  const { files } = readRuleFiles(file, diskReader(file), new Findings());
  const [main] = files;
  return main === undefined ? defaultsInBrokenFile(file) : readDefaults(main);
}

function defaultsInBrokenFile(file: string): Defaults {
  let text: string;
  try {
    text = diskReader(file)(file);
  } catch {
    return { timezone: 'UTC', country: null };
  }
  const document = parseDocument(text, { prettyErrors: false, uniqueKeys: false, logLevel: 'silent' });
  const [timezone, country] = ['timezone', 'country'].map((key): unknown => document.getIn(['defaults', key]));
  return {
    timezone: typeof timezone === 'string' && isZone(timezone) ? timezone : 'UTC',
    country: typeof country === 'string' && isSupportedCountry(country) ? country : null,
  };
}

/**
 * The countries that a rule file and its includes name, that of `defaults` first; empty when it cannot be read. As
 * {@link defaultsOfRuleFile}, it does not read the rules.
 */
export function countriesOfRuleFile(file: string): string[] {
  const { files } = readRuleFiles(file, diskReader(file), new Findings());
  const [main] = files;
  const ofDefaults = (main === undefined ? defaultsInBrokenFile(file) : readDefaults(main)).country;
  const ofRules = files.flatMap(({ block }) => {
    const rules = block.get('rules')?.node;
    return isSeq(rules) ? rules.items.map((rule) => (isMap(rule) ? rule.get('country') : null)) : [];
  });
  return [...new Set([ofDefaults, ...ofRules])].filter(
    (country) => typeof country === 'string' && isSupportedCountry(country),
  );
}
