import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runBridge } from './run-bridge';

// Each command is a process of its own.
jest.setTimeout(120_000);

const RULES = `version: 1
rules:
  - name: push
    on: message_created
    do:
      - id: crm
        http.request:
          url: https://crm.example/
          headers: { Authorization: "Bearer \${env:CRM_TOKEN}", X-Api-Key: hunter2 }
          body: { text: "{{ text | default: '' }}" }
`;

const folder = mkdtempSync(join(tmpdir(), 'bridge-rule-secrets-'));

beforeAll(() => {
  writeFileSync(join(folder, 'rules.yaml'), RULES);
  writeFileSync(
    join(folder, 'event.json'),
    JSON.stringify({ type: 'message_created', data: { id: 'm', text: '${env:CRM_TOKEN}' } }),
  );
});

afterAll(() => rmSync(folder, { recursive: true }));

function bridge(args: readonly string[], env: Record<string, string> = {}) {
  return runBridge(args, { cwd: folder, env: { BRIDGE_RULES: 'rules.yaml', ...env } });
}

test('rules check warns of a secret that is missing or not allowed, naming rule, step, input and variable', async () => {
  const where = 'rule "push", step "crm", input "headers.Authorization"';
  const missing = await bridge(['rules', 'check', '--no-traffic']);
  expect(missing.code).toBe(0);
  expect(missing.out).toContain(`${where}: the environment variable CRM_TOKEN is not set for this command; the worker`);
  const present = await bridge(['rules', 'check', '--no-traffic'], { CRM_TOKEN: 's3cret-token' });
  expect(present.out).not.toContain(where);
  const refused = await bridge(['rules', 'check', '--no-traffic', '--json'], {
    CRM_TOKEN: 's3cret-token',
    BRIDGE_RULES_SECRETS: 'OTHER,/run/secrets/crm',
  });
  // As it is, not only what is missing: the setting replaces what it was.
  expect(refused.out).toContain('BRIDGE_RULES_SECRETS=OTHER,/run/secrets/crm,CRM_TOKEN');
  expect(refused.out).toContain('rules may not refer to the environment variable CRM_TOKEN');
  for (const { out, err } of [missing, present, refused]) {
    expect(out + err).not.toMatch(/s3cret|hunter2/);
  }
});

test.each([[[]], [['--json']]])('rules explain shows the reference, and no token: %s', async (options) => {
  const { code, out, err } = await bridge(['rules', 'explain', 'event.json', ...options], {
    CRM_TOKEN: 's3cret-token',
  });
  expect(code).toBe(0);
  expect(out).toContain('Bearer ${env:CRM_TOKEN}');
  expect(out + err).not.toMatch(/s3cret|hunter2/);
});
