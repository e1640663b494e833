import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { loadFiles } from '../../../src/rules/reload/load-files';
import { PartReader, PartWriter, type RuleSetPart } from '../../../src/rules/reload/parts';
import type { AlertRoute } from '../../../src/rules/alert-route';
import type { Rule } from '../../../src/rules/rule';
import { finish } from '../../../src/timing/work';
import { valuesOf } from '../compared-values';
import { ruleSetOf } from '../load-text';

const EXAMPLES = join(__dirname, '..', '..', '..', 'config', 'examples');
const SHIPPED = join(__dirname, '..', '..', '..', 'config', 'rules.yaml');

function partsOf(rules: readonly Rule[], alerts: readonly AlertRoute[]): RuleSetPart[] {
  const writer = new PartWriter(rules, alerts);
  const parts: RuleSetPart[] = [];
  for (let part = writer.next(); part !== null; part = writer.next()) {
    parts.push(structuredClone(part));
  }
  return parts;
}

function handedOver({ rules, alerts }: { rules: readonly Rule[]; alerts: readonly AlertRoute[] }): PartReader {
  const reader = new PartReader();
  partsOf(rules, alerts).forEach((part) => finish(reader.read(part)));
  return reader;
}

/** With fields by their names: `data.…` fields have a function of their own each. */
function comparable(values: readonly unknown[]): string[] {
  return values.map((value) =>
    JSON.stringify(value, (_key, inner: unknown) => (inner instanceof Set ? [...inner] : inner)),
  );
}

test.each(
  [SHIPPED, ...readdirSync(EXAMPLES).map((name) => join(EXAMPLES, name))].filter((one) => /\.ya?ml$/.test(one)),
)('the rules and alerts of %s are handed over whole', (file) => {
  const { loaded } = loadFiles(file);
  if (!loaded.ok) {
    throw new Error(file);
  }
  const reader = handedOver(loaded.ruleSet);
  expect(comparable(reader.rules)).toEqual(comparable(loaded.ruleSet.rules));
  expect(comparable(reader.alerts)).toEqual(comparable(loaded.ruleSet.alerts));
});

const STEP = '    do:\n      - slack.post_message: { channel: "#a", text: "{{ id }}" }\n';

test('fields, families and what looks like a form of its own survive', () => {
  const text = `version: 1
rules:
  - name: one
    on: [call_*, "*", custom_type]
    when: { data.some.thing: [1, two, true], peer.number: { exists: true } }
    do:
      - http.request: { url: "https://crm.example/a", method: POST, body: { "@": ["set", [1]], more: { "@": x, b: 1 } } }
`;
  const { rules, alerts } = ruleSetOf(text);
  const reader = handedOver({ rules, alerts });
  expect(comparable(reader.rules)).toEqual(comparable(rules));
  expect(reader.rules[0]?.on.types).toBeInstanceOf(Set);
});

test('a long list travels once, however many rules use it', () => {
  const numbers = Array.from({ length: 900 }, (_, n) => `"+1555${1_000_000 + n}"`).join(', ');
  const rules = Array.from(
    { length: 300 },
    (_, n) => `  - name: r${n}\n    on: call_hangup\n    when: { peer.number: { in: $vip } }\n${STEP}`,
  ).join('');
  const set = ruleSetOf(`version: 1\nlists: { vip: [${numbers}] }\nrules:\n${rules}`);
  const parts = partsOf(set.rules, set.alerts);
  expect(parts.length).toBeGreaterThan(1);
  expect(parts.flatMap(({ shared }) => shared)).toHaveLength(1);
  const reader = handedOver(set);
  expect(comparable(reader.rules)).toEqual(comparable(set.rules));
  const [first = null, last] = [reader.rules[0], reader.rules.at(-1)].map((rule) => valuesOf(rule?.when ?? null));
  expect(first).toHaveLength(900);
  expect(last).toBe(first);
});

test('reading a part yields after each rule', () => {
  const set = ruleSetOf(
    `version: 1\nrules:\n${Array.from({ length: 40 }, (_, n) => `  - name: r${n}\n    on: call_hangup\n${STEP}`).join('')}`,
  );
  const [part] = partsOf(set.rules, set.alerts);
  const yielded = part === undefined ? [] : [...new PartReader().read(part)];
  expect(yielded).toHaveLength(40);
});
