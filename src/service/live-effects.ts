import { canonicalize } from '../events/canonicalize';
import { parseEnvelope } from '../events/envelope';
import { toJsonText } from '../events/exact-number';
import type { JsonObject } from '../events/json';
import type { Settings } from '../settings/settings';
import { knownNumbers } from '../status/stored-events';
import { readRules } from './rules-in-force';

/**
 * Says which live rules an event would set off if it came now, with their actions, by the rule files of this machine. Limits
 * are not counted.
 */
export function describeEffects(event: JsonObject, settings: Settings): string {
  const body = Buffer.from(toJsonText(event));
  const parsed = parseEnvelope(body);
  if (!parsed.ok) {
    return `It is not an event, so no rule acts on it: ${parsed.message}.`;
  }
  const loaded = readRules(settings.rulesFile);
  if (!loaded.ok) {
    return 'The rule files have errors, so it is not known which live rules it sets off (bridge rules check).';
  }
  const canonical = canonicalize(parsed.envelope, body, new Date(), knownNumbers(settings));
  const live = loaded.ruleSet.matching(canonical).filter(({ mode }) => mode === 'live');
  if (live.length === 0) {
    return 'It sets off no live rule.';
  }
  const rules = live.map(({ name, steps }) => `${name} (${steps.map(({ action }) => action).join(', ')})`);
  return `It sets off ${live.length === 1 ? 'the live rule' : 'the live rules'} ${rules.join(', ')}.`;
}
