import { runFilled } from '../../activities/fill-references';
import { ActionError } from '../../src/connectors/action-error';
import type { ActionOutcome } from '../../src/connectors/action-context';
import type { JsonObject } from '../../src/events/json';
import { markReferences } from '../../src/rules/language/secret-references';
import { RuleSecrets } from '../../src/settings/rule-secrets';

const SECRET = 'secret value/123';
const secrets = new RuleSecrets({
  allowed: [],
  environment: 'development',
  own: { variables: new Set(['HUBSPOT_ACCESS_TOKEN']), files: [] },
  env: { CRM_TOKEN: SECRET, PIN: '42', EMPTY: '', HUBSPOT_ACCESS_TOKEN: 'own' },
  folder: '/nowhere',
});

function run(text: string, act: (input: JsonObject) => Promise<ActionOutcome<JsonObject>>) {
  return runFilled(secrets, { rule: 'push', id: 'crm' }, { headers: { Authorization: markReferences(text) } }, act);
}

const echo = (input: JsonObject) => Promise.resolve({ outcome: 'done' as const, result: { echo: input } });

test('an action gets the secret; a result that repeats it does not keep it', async () => {
  let got: JsonObject = {};
  const result = await run('Bearer ${env:CRM_TOKEN}', (input) => {
    got = input;
    const base64 = Buffer.from(SECRET).toString('base64');
    return Promise.resolve({
      outcome: 'done',
      result: { echo: input, url: `https://x/?q=${encodeURIComponent(SECRET)}`, [SECRET]: [base64, 7, null] },
    });
  });
  expect(got).toEqual({ headers: { Authorization: `Bearer ${SECRET}` } });
  expect(result).toEqual({
    outcome: 'done',
    result: { echo: { headers: { Authorization: 'Bearer ***' } }, url: 'https://x/?q=***', '***': ['***==', 7, null] },
  });
});

test("an error that repeats it does not keep it either; its class and code stay the provider's", async () => {
  const failing = run('${env:CRM_TOKEN}', () => {
    throw new ActionError('credential', `no such token: ${SECRET}`, {
      connection: 'http',
      code: 'http_401',
      remedy: `Replace ${SECRET}.`,
      retryAfterMs: 5,
    });
  });
  await expect(failing).rejects.toMatchObject({
    errorClass: 'credential',
    message: 'no such token: ***',
    detail: { connection: 'http', code: 'http_401', remedy: 'Replace ***.', retryAfterMs: 5 },
  });
});

test('short values stay in results, which they would make unreadable', async () => {
  expect(await run('${env:PIN}', () => echo({ count: '42' }))).toMatchObject({ result: { echo: { count: '42' } } });
});

test.each([
  ['${env:NOT_THERE}', 'secret_missing', 'the environment variable NOT_THERE is not set'],
  ['${env:EMPTY}', 'secret_missing', 'the environment variable EMPTY is empty'],
  ['${file:gone}', 'secret_missing', 'the file gone cannot be read (ENOENT)'],
  [
    '${env:HUBSPOT_ACCESS_TOKEN}',
    'secret_refused',
    'rules may not refer to the environment variable HUBSPOT_ACCESS_TOKEN',
  ],
])('without the secret the action does not run: %s', async (text, code, message) => {
  let runs = 0;
  const failing = run(text, (input) => {
    runs += 1;
    return echo(input);
  });
  await expect(failing).rejects.toMatchObject({
    errorClass: 'permanent',
    message: `rule "push", step "crm", input "headers.Authorization": ${message}`,
    detail: { code },
  });
  expect(runs).toBe(0);
});
