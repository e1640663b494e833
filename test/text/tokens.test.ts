import { hideTokens, hideTokensInLine, holdsToken, namesSecret } from '../../src/text/tokens';

/** Put together, so that nobody takes them for real ones. */
const TOKENS = [
  ['Slack', `xoxb-${'1'.repeat(12)}-abc`],
  ['HubSpot', `pat-na1-${'a'.repeat(8)}-b`],
  ['Stripe', `sk_live_${'a'.repeat(12)}`],
  ['GitHub', `ghp_${'a1'.repeat(12)}`],
  ['AWS', `AKIA${'A1'.repeat(8)}`],
  ['a JSON Web Token', `eyJ${'hbGciOiJ'.repeat(2)}.eyJzdWIi.c2ln`],
  ['a bearer token', 'Bearer secret-123'],
  ['a password in a URL', 'https://user:hunter2@example.com/'],
  ['a key in a query', 'https://example.com/hook?x=1&api_key=hunter2'],
  ["an incoming webhook of Slack's", 'https://hooks.slack.com/services/T000/B000/abcdef'],
] as const;

test.each(TOKENS)('the token of %s is found, and hidden in place', (_, token) => {
  const text = `before ${token} after`;
  const hidden = hideTokens(text);
  expect(holdsToken(text)).toBe(true);
  expect(hidden).toHaveLength(text.length);
  expect(hidden).toMatch(/^before .*\*{6}.* after$/);
  expect(hidden).not.toMatch(/secret-123|hunter2|abcdef|c2ln|a1a1|1111/);
});

test.each([
  'Bearer ${env:CRM_TOKEN}',
  'Bearer {{ data.token }}',
  'https://example.com/?api_key=${env:KEY}',
  'Basic services are back; the bearer of this message may call.',
  '+15551234567 called at 10:00, 2 min 05 s',
])('is no token: %s', (text) => {
  expect(holdsToken(text)).toBe(false);
  expect(hideTokens(text)).toBe(text);
});

test.each([
  ['headers: { Authorization: "Bearer secret" }', 'headers: { Authorization: "Bearer ******" }'],
  ['  X-Api-Key: hunter2', '  X-Api-Key: *******'],
  ["body: { password: 'hunter2', name: x }", "body: { password: '*******', name: x }"],
  ['"access_token":"hunter2"', '"access_token":"*******"'],
  ['Authorization: Bearer ${env:CRM_TOKEN}', 'Authorization: Bearer ${env:CRM_TOKEN}'],
  ['Authorization: "{{ data.token }}"', 'Authorization: "{{ data.token }}"'],
  ['password: { a: b }', 'password: { a: b }'],
])('in a line of a file, the value under a telling name is hidden: %s', (line, expected) => {
  expect(hideTokensInLine(line)).toBe(expected);
});

test('names of secrets', () => {
  expect(['Authorization', 'X-Api-Key', 'x-auth-token', 'client_secret', 'Cookie'].every(namesSecret)).toBe(true);
  expect(['Accept', 'X-Request-Id', 'token_count', 'key'].some(namesSecret)).toBe(false);
});
