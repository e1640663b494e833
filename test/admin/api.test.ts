import { Registry } from 'prom-client';
import { ApiError, wrongRequest, type ApiRequest } from '../../src/admin/api';
import { createAdmin, type Admin } from '../../src/admin/server';

const TOKEN = 'a'.repeat(64);
let admin: Admin;
let url: string;
let seen: ApiRequest[];

beforeAll(async () => {
  admin = createAdmin({
    host: '127.0.0.1',
    port: 0,
    allowedHosts: [],
    registry: new Registry(),
    parts: () => ({}),
    ready: () => true,
    api: {
      token: TOKEN,
      routes: [
        {
          method: 'POST',
          path: '/things/:id/do',
          run: (request) => {
            seen.push(request);
            const { id } = request.params;
            if (id === 'none') {
              return Promise.reject(new ApiError(404, 'unknown_thing', 'there is no thing none'));
            }
            return id === 'broken'
              ? Promise.reject(new SyntaxError('Unexpected token in "+15551234567"'))
              : Promise.resolve({ done: true });
          },
        },
      ],
    },
  });
  url = await admin.listen();
});
afterAll(() => admin.close());
beforeEach(() => {
  seen = [];
});

const call = (path: string, headers: Record<string, string>): Promise<Response> =>
  fetch(`${url}/api/v1${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: '{"a":1}',
  });

test('a call with the token is done, with its path, query, body and user', async () => {
  const response = await call('/things/7/do?dry_run=true', {
    authorization: `Bearer ${TOKEN}`,
    'x-bridge-user': 'ann',
  });
  expect([response.status, await response.json()]).toEqual([200, { done: true }]);
  expect(seen).toEqual([{ params: { id: '7' }, query: { dry_run: 'true' }, body: { a: 1 }, who: 'ann' }]);
});

test('an unknown path is 404 in the form of the other errors', async () => {
  const response = await fetch(`${url}/api/v1/nothing`, { headers: { authorization: `Bearer ${TOKEN}` } });
  expect([response.status, await response.json()]).toEqual([
    404,
    { error: 'not_found', message: expect.stringContaining('docs/operations.md') as string },
  ]);
});

test('every wrong member of a request is named, and what concerns the whole of it, too', () => {
  const problems = [
    { path: ['since'], message: 'not a time' },
    { path: [], message: 'Unrecognized key: "sinc"' },
  ];
  expect(wrongRequest(problems).message).toBe('since: not a time; Unrecognized key: "sinc"');
});

test.each([
  ['none', {}],
  ['a wrong one', { authorization: `Bearer ${'b'.repeat(64)}` }],
  ['a shorter one', { authorization: 'Bearer a' }],
  ['the token without its scheme', { authorization: TOKEN }],
])('a call with %s for a token is refused, and nothing is done', async (_case, headers) => {
  const response = await call('/things/7/do', headers as Record<string, string>);
  expect([response.status, await response.json()]).toEqual([401, expect.objectContaining({ error: 'unauthorized' })]);
  expect(seen).toEqual([]);
});

test('what cannot be done is answered with its code and what to do', async () => {
  const response = await call('/things/none/do', { authorization: `Bearer ${TOKEN}` });
  expect([response.status, await response.json()]).toEqual([
    404,
    { error: 'unknown_thing', message: 'there is no thing none' },
  ]);
});

test.each([
  ['no JSON', 400, '{"number":+15551234567', 'application/json', 'wrong_request'],
  ['JSON with __proto__', 400, '{"__proto__":{"a":"+15551234567"}}', 'application/json', 'wrong_request'],
  ['an empty text', 400, '', 'application/json', 'wrong_request'],
  ['too long', 413, `"${'5'.repeat(1_100_000)}"`, 'application/json', 'too_large'],
  ['of another type', 415, '<a>+15551234567</a>', 'text/xml', 'wrong_media_type'],
])('a body that is %s is answered with %d in the form of the other errors, and not repeated', async (...row) => {
  const [, status, body, type, code] = row;
  const response = await fetch(`${url}/api/v1/things/7/do`, {
    method: 'POST',
    headers: { 'content-type': type, authorization: `Bearer ${TOKEN}` },
    body,
  });
  const text = await response.text();
  expect([response.status, JSON.parse(text)]).toEqual([status, { error: code, message: expect.any(String) as string }]);
  expect(text).not.toContain('555');
  expect(seen).toEqual([]);
});

test.each([
  ['cannot be decoded', 400, '%zz'],
  ['has a part of thousands of characters', 414, 'z'.repeat(5_000)],
])('a path that %s is answered with %d in the same form, and not repeated', async (_what, status, part) => {
  const response = await fetch(`${url}/api/v1/things/${part}/do`, { method: 'POST' });
  const text = await response.text();
  expect([response.status, JSON.parse(text)]).toEqual([status, expect.objectContaining({ error: 'wrong_request' })]);
  expect(text).not.toContain('zz');
});

test('an error that nobody expected is answered without its message, which may quote data', async () => {
  const response = await call('/things/broken/do', { authorization: `Bearer ${TOKEN}` });
  expect([response.status, await response.json()]).toEqual([
    500,
    { error: 'bug', message: 'the bridge failed at this call (SyntaxError); please report it' },
  ]);
});

test.each(['ann\nroot', 'a'.repeat(65), ''])('a user that is no name is unknown: %j', async (user) => {
  await call('/things/7/do', { authorization: `Bearer ${TOKEN}`, 'x-bridge-user': encodeURI(user) });
  expect(seen.map(({ who }) => who)).toEqual(['unknown']);
});
