import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runBridge } from './run-bridge';

// Each command is a process of its own.
jest.setTimeout(120_000);

const DEAL = '9007199254740993';
const RULES = `version: 1
rules:
  - name: push
    on: call_hangup
    when: { data.metadata.deal_id: "${DEAL}" }
    if: data.metadata.deal_id == ${DEAL}
    do:
      - http.request:
          url: "https://crm.example/{{ data.metadata.deal_id }}"
          body: { id: "{{ data.metadata.deal_id }}", text: "deal {{ data.metadata.deal_id }}" }
tests:
  - name: digits
    event: event.json
    expect: { rules: [push] }
`;

const folder = mkdtempSync(join(tmpdir(), 'bridge-exact-numbers-'));

beforeAll(() => {
  writeFileSync(join(folder, 'rules.yaml'), RULES);
  writeFileSync(
    join(folder, 'event.json'),
    `{ "type": "call_hangup", "data": { "id": "c", "metadata": { "deal_id": ${DEAL} } } }`,
  );
});

afterAll(() => rmSync(folder, { recursive: true }));

const bridge = (...args: string[]) => runBridge(args, { cwd: folder, env: { BRIDGE_RULES: 'rules.yaml' } });

test('rules explain and rules test see the digits of a file', async () => {
  const text = await bridge('rules', 'explain', 'event.json');
  expect(text.out).toContain(`https://crm.example/${DEAL}`);
  expect(text.out).toContain(`{"id":${DEAL},"text":"deal ${DEAL}"}`);
  const { out } = await bridge('rules', 'explain', 'event.json', '--json');
  expect(out).toContain(`"id": ${DEAL},`);
  expect(await bridge('rules', 'test')).toMatchObject({ code: 0 });
});
