import { canonicalize } from '../../src/events/canonicalize';
import type { CanonicalEvent } from '../../src/events/canonical-event';
import type { JsonObject } from '../../src/events/json';
import { NOTHING_KNOWN, type KnownCalls } from '../../src/events/known-calls';
import { formatFinding } from '../../src/yaml/format-findings';
import { loadRules, type LoadedRules } from '../../src/rules/parse/load';
import type { RuleSet } from '../../src/rules/rule-set';
import { testActions } from './catalogue';

class NotFound extends Error {
  readonly code = 'ENOENT';
}

/** Loads rule files from texts; the first is the main one. */
export function loadTexts(files: Readonly<Record<string, string>>): LoadedRules {
  const [main = 'rules.yaml'] = Object.keys(files);
  return loadRules({
    file: main,
    actions: testActions,
    readFile: (path) => {
      const text = files[path];
      if (text === undefined) {
        throw new NotFound('not there');
      }
      return text;
    },
  });
}

/** Findings of one text, as `rules check` prints them, without the source lines. */
export function findingsOf(text: string): string[] {
  return loadTexts({ 'rules.yaml': text }).findings.map(formatFinding);
}

/** The rule set of a text that must be right. */
export function ruleSetOf(text: string): RuleSet {
  const loaded = loadTexts({ 'rules.yaml': text });
  if (!loaded.ok) {
    throw new Error(loaded.findings.map(formatFinding).join('\n'));
  }
  return loaded.ruleSet;
}

export const RECEIVED_AT = new Date('2026-03-02T01:00:30Z');

/** An event as the receiver would make it. @param known what earlier events told. */
export function eventOf(
  type: string,
  data: JsonObject,
  ours: readonly string[] = [],
  known: KnownCalls = NOTHING_KNOWN,
): CanonicalEvent {
  const body = Buffer.from(JSON.stringify({ type, data }));
  return canonicalize({ type, data }, body, RECEIVED_AT, { has: (number) => ours.includes(number) }, known);
}

/** Every call has a leg to an agent, who picked up at this time. */
export function answeredAt(time: string): KnownCalls {
  return { ...NOTHING_KNOWN, legsOf: () => ['leg'], call: () => ({ id: 'leg', tm_progressing: time }) };
}
