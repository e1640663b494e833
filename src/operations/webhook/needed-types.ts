import { knownTypeNames, typesFor } from '../../events/catalogue';
import type { Rule } from '../../rules/rule';

/** Shown in place of a rule's name: texts must not go on after a STOP that never came. */
const OPT_OUTS = '(opt-outs)';
const SENDS_TEXTS = 'voipbin.send_message';
const TEXT_RECEIVED = 'message_created';

/**
 * The event types that the rules in force need, as the bridge names them, each with the names of those rules. Rules in
 * shadow mode count: without events they show nothing. A family has every known type that it covers; types that VoIPBIN
 * adds later are not in it.
 */
export function neededTypes(rules: readonly Rule[]): Map<string, string[]> {
  const needed = new Map<string, string[]>();
  const add = (type: string, by: string): void => {
    const names = needed.get(type) ?? [];
    needed.set(type, names.includes(by) ? names : [...names, by]);
  };
  for (const { name, mode, on, steps } of rules) {
    if (mode === 'off') {
      continue;
    }
    on.types.forEach((type) => add(type, name));
    if (on.prefixes.includes('')) {
      knownTypeNames().forEach((known) => typesFor(known)?.forEach((type) => add(type, name)));
    }
    if (mode === 'live' && steps.some(({ action }) => action === SENDS_TEXTS)) {
      add(TEXT_RECEIVED, OPT_OUTS);
    }
  }
  return needed;
}

/** Whether a rule in force listens to a type that the catalogue does not know. */
export function isListenedTo(type: string, rules: readonly Rule[]): boolean {
  return rules.some(
    ({ mode, on }) => mode !== 'off' && (on.types.has(type) || on.prefixes.some((prefix) => type.startsWith(prefix))),
  );
}
