import { readPhone } from '../events/phone';
import type { Settings } from '../settings/settings';

/**
 * The countries in which a command reads numbers that people write without a country code, the likeliest first: the
 * setting's or that of the rule file's `defaults`, those of single rules, and those of our own numbers. Empty when none
 * is known.
 */
export async function countriesOf({ country, rulesFile, numbers, dataDir }: Settings): Promise<string[]> {
  // Only now: few commands read numbers.
  const { countriesOfRuleFile } = await import('../rules/parse/defaults.js');
  const { InboxReader } = await import('../inbox/archive/reader.js');
  const reader = InboxReader.open(dataDir);
  try {
    const own = [...numbers, ...reader.ownNumbers()].map((number) => readPhone(number, country)?.country);
    return [...new Set([country, ...countriesOfRuleFile(rulesFile), ...own])].filter(
      (one) => one !== null && one !== undefined,
    );
  } finally {
    reader.close();
  }
}
