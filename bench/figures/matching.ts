import { actionCatalogue } from '../../src/connectors/registry';
import type { CanonicalEvent } from '../../src/events/canonical-event';
import { canonicalize } from '../../src/events/canonicalize';
import { parseEnvelope } from '../../src/events/envelope';
import { loadRules } from '../../src/rules/parse/load';
import type { RuleSet } from '../../src/rules/rule-set';
import { nowMs } from '../clock';
import { makeEvents } from '../events';
import { median, round } from '../statistics';
import { say, type Figure, type Scale } from './figure';

const MANY = 1_000;
const EVENTS = 20_000;
const TURNS = 9;

/**
 * Time to match an event, with 1,000 rules (one for each of 1,000 callers, as a company has for its customers) and with
 * one rule. Runs in this process; in both cases every event matches exactly one rule.
 */
export function matching(_scale: Scale): Figure {
  const sets = { one: ruleSetOf(1), many: ruleSetOf(MANY) };
  const events = { one: canonicalEvents(1), many: canonicalEvents(MANY) };
  const us: { one: number[]; many: number[] } = { one: [], many: [] };
  const faults: string[] = [];
  for (let turn = -1; turn < TURNS; turn += 1) {
    for (const which of turn % 2 === 0 ? (['one', 'many'] as const) : (['many', 'one'] as const)) {
      const { tookUs, matched } = measure(sets[which], events[which]);
      if (turn >= 0) {
        us[which].push(tookUs);
      }
      if (matched !== EVENTS) {
        faults.push(`${EVENTS - matched} events matched no rule`);
      }
    }
  }
  say(`  an event: ${median(us.many).toFixed(2)} us with ${MANY} rules, ${median(us.one).toFixed(2)} us with one`);
  return {
    title: 'matching with 1,000 rules',
    bridge: `${median(us.many).toFixed(2)} us`,
    anchor: `${median(us.one).toFixed(2)} us`,
    ratio: median(us.many) / median(us.one),
    target: { better: 'lower', floor: 3, aim: 1.5 },
    notes: [
      'anchor: one rule, events of its caller; bridge: one rule per caller, events of all callers in turn; every event matches one rule',
    ],
    faults,
    raw: { us_an_event: us, events: EVENTS },
  };
}

function measure(rules: RuleSet, events: readonly CanonicalEvent[]): { tookUs: number; matched: number } {
  let matched = 0;
  const began = nowMs();
  for (const event of events) {
    matched += rules.plan(event) === null ? 0 : 1;
  }
  return { tookUs: round(((nowMs() - began) * 1_000) / events.length), matched };
}

function ruleSetOf(count: number): RuleSet {
  const rule = (index: number): string => `
  - name: customer-${index}
    on: call_hungup
    when: { direction: inbound, peer.number: "${numberOf(index)}" }
    do:
      - slack.post_message: { channel: "#calls", text: "A call ended: {{ reason | default: 'unknown' }}" }`;
  const text = `version: 1\nrules:${Array.from({ length: count }, (_, index) => rule(index)).join('')}\n`;
  const loaded = loadRules({ file: 'rules.yaml', actions: actionCatalogue, readFile: () => text });
  if (!loaded.ok) {
    throw new Error(`the benchmark's rules are wrong: ${JSON.stringify(loaded.findings[0])}`);
  }
  return loaded.ruleSet;
}

function numberOf(index: number): string {
  return `+1555${String(1_000_000 + index)}`;
}

/** Events of so many callers, in turn. */
function canonicalEvents(callers: number): CanonicalEvent[] {
  return makeEvents(EVENTS, true).map((event, index) => {
    const body = Buffer.from(event.body.toString('utf8').replace(/\+1555\d{7}/, numberOf(index % callers)));
    const parsed = parseEnvelope(body);
    if (!parsed.ok) {
      throw new Error(parsed.message);
    }
    return canonicalize(parsed.envelope, body, new Date(), { has: (number) => number === '+15559876543' });
  });
}
