import { setTimeout as delay } from 'node:timers/promises';
import type { FailureKind } from '../../../src/connectors/hubspot/stand-in/faults';
import type { HubSpotStandIn } from '../../../src/connectors/hubspot/stand-in/server';
import { pathOf } from '../../../src/connectors/hubspot/exchange';
import type { JsonObject } from '../../../src/events/json';
import {
  allText,
  callEvent,
  done,
  failureOf,
  from,
  openClient,
  run,
  startStandIn,
  type ActionName,
} from './running-actions';

const JSON_TYPE = { 'content-type': 'application/json' };
const SECRET_TEXT = 'ada.sample@example.com +15551234567 set-cookie';
const TRACE = '2dea5219-07f2-40ce-82ec-9c2e302317a4';
const UPDATE = { properties: { last_hangup_reason: 'normal' } };

let standIn: HubSpotStandIn;
beforeEach(async () => {
  standIn = await startStandIn();
});

const body = (fields: Record<string, unknown>): string =>
  JSON.stringify({ status: 'error', message: SECRET_TEXT, correlationId: TRACE, ...fields });

describe('what HubSpot answers, by the class the bridge gives it', () => {
  const cases: [
    string,
    FailureKind,
    { errorClass: string; code: string; retryAfterMs?: number; correlationId?: string },
  ][] = [
    ['503 without content type', { status: 503, body: SECRET_TEXT }, { errorClass: 'transient', code: 'http_503' }],
    [
      '503 with Retry-After',
      { status: 503, headers: { 'retry-after': '7' } },
      { errorClass: 'transient', code: 'http_503', retryAfterMs: 7_000 },
    ],
    ['a gateway page of HTML', 'html', { errorClass: 'transient', code: 'http_502' }],
    [
      '500 with HTML under JSON type',
      { status: 500, headers: JSON_TYPE, body: '<html>' },
      { errorClass: 'transient', code: 'http_500' },
    ],
    [
      '200 with truncated JSON',
      { status: 200, headers: JSON_TYPE, body: `{"id":"1","properties":{"email":"${SECRET_TEXT}` },
      { errorClass: 'transient', code: 'invalid_answer' },
    ],
    [
      '200 with HTML',
      { status: 200, headers: { 'content-type': 'text/html' }, body: '<html>' },
      { errorClass: 'transient', code: 'invalid_answer' },
    ],
    [
      '200 with JSON of another shape',
      { status: 200, headers: JSON_TYPE, body: '{"total":1}' },
      { errorClass: 'transient', code: 'invalid_answer' },
    ],
    ['connection reset', 'reset', { errorClass: 'transient', code: 'network' }],
    [
      'redirect',
      { status: 302, headers: { location: 'http://127.0.0.1:1/' } },
      { errorClass: 'transient', code: 'redirect' },
    ],
    [
      '429 of the second',
      { status: 429, headers: JSON_TYPE, body: body({ errorType: 'RATE_LIMIT', policyName: 'SECONDLY' }) },
      { errorClass: 'transient', code: 'SECONDLY', retryAfterMs: 1_000, correlationId: TRACE },
    ],
    [
      '429 of ten seconds',
      { status: 429, headers: JSON_TYPE, body: body({ policyName: 'TEN_SECONDLY_ROLLING' }) },
      { errorClass: 'transient', code: 'TEN_SECONDLY_ROLLING', retryAfterMs: 10_000, correlationId: TRACE },
    ],
    [
      '429 of the day',
      { status: 429, headers: JSON_TYPE, body: body({ policyName: 'DAILY' }) },
      { errorClass: 'transient', code: 'DAILY', retryAfterMs: 3_600_000, correlationId: TRACE },
    ],
    [
      '429 with Retry-After',
      { status: 429, headers: { 'retry-after': '3' }, body: '' },
      { errorClass: 'transient', code: 'rate_limit', retryAfterMs: 3_000 },
    ],
    ['423 locked', { status: 423 }, { errorClass: 'transient', code: 'http_423', retryAfterMs: 2_000 }],
    [
      '401',
      { status: 401, headers: JSON_TYPE, body: body({ category: 'INVALID_AUTHENTICATION' }) },
      { errorClass: 'credential', code: 'INVALID_AUTHENTICATION', correlationId: TRACE },
    ],
    [
      '403',
      { status: 403, headers: JSON_TYPE, body: body({ category: 'MISSING_SCOPES' }) },
      { errorClass: 'credential', code: 'MISSING_SCOPES', correlationId: TRACE },
    ],
    [
      '400 without category',
      { status: 400, headers: JSON_TYPE, body: body({}) },
      { errorClass: 'permanent', code: 'http_400', correlationId: TRACE },
    ],
  ];
  test.each(cases)('%s', async (_name, how, expected) => {
    standIn.failNext({ path: '/contacts/search', how });
    const error = await failureOf(run('update_contact', openClient(standIn), UPDATE));
    const { code, retryAfterMs, correlationId } = error.detail;
    expect({
      errorClass: error.errorClass,
      code,
      ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
      ...(correlationId === undefined ? {} : { correlationId }),
    }).toEqual(expected);
    expect(allText(error)).not.toMatch(/sample|555|cookie/);
  });

  test.each<[string, ActionName, JsonObject]>([
    ['contacts', 'update_contact', UPDATE],
    ['calls', 'log_call', {}],
    ['tasks', 'create_task', { subject: 'x' }],
    ['owners', 'create_task', { subject: 'x', owner: 'jane.owner@example.com' }],
  ])('403 refuses only what was asked for: %s', async (part, action, input) => {
    standIn.failNext({ path: new RegExp(`/(?:objects/)?${part}(?:/|$)`), times: 9, how: { status: 403 } });
    const error = await failureOf(run(action, openClient(standIn), input));
    expect([error.errorClass, error.detail.part]).toEqual(['credential', part]);
  });

  test('401 is about the whole connection', async () => {
    standIn.failNext({ path: '/contacts/search', how: { status: 401 } });
    expect((await failureOf(run('update_contact', openClient(standIn), UPDATE))).detail.part).toBeUndefined();
  });

  test('403 names the scopes that are missing', async () => {
    const errors = [
      { message: SECRET_TEXT, context: { requiredGranularScopes: ['crm.objects.contacts.read', SECRET_TEXT] } },
    ];
    standIn.failNext({
      path: '/contacts/search',
      how: { status: 403, headers: JSON_TYPE, body: body({ category: 'MISSING_SCOPES', errors }) },
    });
    const error = await failureOf(run('update_contact', openClient(standIn), UPDATE));
    expect(error.detail.remedy).toContain('crm.objects.contacts.read');
    expect(allText(error)).not.toMatch(/sample|555|cookie/);
  });

  test('400 names the properties, from `errors` and from the message, never the values', async () => {
    const message = `Property values were not valid: [{"isValid":false,"message":"${SECRET_TEXT}","error":"INVALID_OPTION","name":"hs_lead_status","value":"${SECRET_TEXT}"}]`;
    const errors = [
      { message: SECRET_TEXT, code: 'PROPERTY_DOESNT_EXIST', context: { propertyName: ['last_hangup_reason'] } },
    ];
    standIn.failNext({
      method: 'PATCH',
      how: { status: 400, headers: JSON_TYPE, body: body({ message, category: 'VALIDATION_ERROR', errors }) },
    });
    const error = await failureOf(run('update_contact', openClient(standIn), UPDATE));
    expect(error.errorClass).toBe('permanent');
    expect(error.detail.code).toBe('PROPERTY_DOESNT_EXIST');
    expect(error.message).toContain('last_hangup_reason, hs_lead_status');
    expect(error.detail.remedy).toContain('Settings > Properties');
    expect(allText(error)).not.toMatch(/sample|555|cookie/);
  });

  test('nobody listens', async () => {
    const client = openClient(standIn);
    await standIn.stop();
    const error = await failureOf(run('update_contact', client, UPDATE));
    expect([error.errorClass, error.detail.code]).toEqual(['transient', 'network']);
  });

  test('a wrong token is a matter of the credential', async () => {
    const error = await failureOf(run('log_call', openClient(standIn, { access_token: 'pat-na1-wrong' }), {}));
    expect([error.errorClass, error.detail.code]).toEqual(['credential', 'INVALID_AUTHENTICATION']);
    expect(error.detail.remedy).toContain('HUBSPOT_ACCESS_TOKEN');
  });
});

test('a hang ends after the request time-out, the body included', async () => {
  const client = openClient(standIn, { request_timeout: '100ms' });
  standIn.failNext({ path: '/search', how: 'hang' });
  const error = await failureOf(run('update_contact', client, UPDATE));
  expect([error.errorClass, error.detail.code]).toEqual(['transient', 'timeout']);
});

test('the signal ends a request under way', async () => {
  const controller = new AbortController();
  standIn.failNext({ path: '/search', how: 'hang' });
  const failing = failureOf(run('update_contact', openClient(standIn), UPDATE, { signal: controller.signal }));
  while (standIn.requests.length === 0) {
    await delay(2);
  }
  controller.abort(new Error('a reason of Temporal’s own'));
  const error = await failing;
  expect([error.errorClass, error.detail.code]).toEqual(['transient', 'cancelled']);
});

test('a create that is answered with 200 instead of 201 is done', async () => {
  const client = openClient(standIn);
  await done('log_call', client, {}, { key: 'warm/up/1' });
  const answer = { id: '777', properties: {}, createdAt: '2026-01-01T00:00:00Z', updatedAt: '2026-01-01T00:00:00Z' };
  standIn.failNext({
    method: 'POST',
    path: /\/objects\/calls$/,
    how: { status: 200, headers: JSON_TYPE, body: JSON.stringify(answer) },
  });
  expect(await done('log_call', client, {})).toMatchObject({ call: { id: '777' } });
});

test('no error of a whole action tells the number, although the number stands in paths', async () => {
  const client = openClient(standIn);
  standIn.failNext({
    method: 'POST',
    path: /\/objects\/contacts$/,
    how: { status: 400, headers: JSON_TYPE, body: body({ category: 'VALIDATION_ERROR' }) },
  });
  const error = await failureOf(
    run('log_call', client, { unknown_contact: 'create' }, { event: callEvent(from('+14155552671')) }),
  );
  expect(error.errorClass).toBe('permanent');
  expect(allText(error)).not.toMatch(/4155552671|sample|cookie/);
});

test.each([
  ['/crm/v3/objects/contacts/search', '/crm/objects/2026-09/contacts/search'],
  [
    '/crm/v4/objects/calls/1/associations/default/contacts/2',
    '/crm/objects/2026-09/calls/1/associations/default/contacts/2',
  ],
  [
    '/crm/v3/properties/calls/hs_call_title?archived=false',
    '/crm/properties/2026-09/calls/hs_call_title?archived=false',
  ],
  ['/crm/v3/owners/?email=a', '/crm/owners/2026-09?email=a'],
])('%s stays, or becomes the date-based path', (path, dated) => {
  expect(pathOf(path, 'client')).toBe(path);
  expect(pathOf(path, '2026-09')).toBe(dated);
});

test.each(['v3', '2026-09'])('every request has an address of the version in the settings: %s', async (version) => {
  const client = openClient(standIn, { api_version: version });
  const event = callEvent(from('+14155552671'));
  const input = { subject: 'x', owner: 'jane.owner@example.com', unknown_contact: 'create' };
  await done('create_task', client, input, { event });
  standIn.account.dissociate('tasks', standIn.tasks[0]?.id ?? '');
  await done('create_task', openClient(standIn, { api_version: version }), input, { event, number: 2 });
  expect(standIn.tasks.map(({ contactIds }) => contactIds.length)).toEqual([1]);
  const paths = standIn.requests.map(({ url }) => url);
  const expected = version === 'v3' ? /^\/crm\/v[34]\// : /^\/crm\/(?:objects|properties|owners)\/2026-09/;
  expect(paths.filter((path) => !expected.test(path))).toEqual([]);
});
