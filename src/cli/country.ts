import type { Settings } from '../settings/settings';

/** The country in which a command reads numbers without a country code: the setting, else that of the rule file. */
export async function countryOf({ country, rulesFile }: Settings): Promise<string | null> {
  if (country !== null) {
    return country;
  }
  // Only now: few commands read numbers.
  const { defaultsOfRuleFile } = await import('../rules/parse/defaults.js');
  return defaultsOfRuleFile(rulesFile).country;
}
