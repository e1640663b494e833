import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { findingsOf } from '../load-text';

const READ_ON = /^(.*) has no key "\w+"; .*see "What rules cannot do" in docs\/cookbook\.md$/m;
const STEP = 'http.request: { url: "https://example.com/" }';

function findings(rule: string): string {
  return findingsOf(`version: 1\nrules:\n  - { name: r, on: call_hangup, ${rule} }\n`).join('\n');
}

test.each([
  ['a step that waits', `do: [{ ${STEP}, wait: 1d }]`, READ_ON],
  ['a rule at a time', `schedule: "0 18 * * *", do: [{ ${STEP} }]`, READ_ON],
  ['a limit that counts up', `limits: { min: 3 per day }, do: [{ ${STEP} }]`, READ_ON],
  ['a loop', `do: [{ ${STEP}, for_each: "{{ lists.vip }}" }]`, READ_ON],
  [
    'an else',
    `do: [{ ${STEP}, else: x }]`,
    /has no key "else"; write a second step, or rule, with the opposite condition/,
  ],
])('%s is not possible: the finding says what to do instead', (_, rule, says) => {
  expect(findings(rule)).toMatch(says);
});

test.each(['schedule', 'daily'])('%s is no event type: the finding says what to do instead', (type) => {
  const text = `version: 1\nrules:\n  - { name: r, on: ${type}, do: [{ ${STEP} }] }\n`;
  expect(findingsOf(text).join('\n')).toMatch(
    /there is no event type "\w+"; rules act on events, not at times: .*"What rules cannot do" in docs\/cookbook\.md/,
  );
});

test('the cookbook has the list that findings name', () => {
  const cookbook = readFileSync(join(__dirname, '../../../docs/cookbook.md'), 'utf8');
  expect(cookbook).toContain('\n## What rules cannot do\n');
});
