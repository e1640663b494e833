import type { HubSpotStandIn, HubSpotStandInOptions } from '../../../src/connectors/hubspot/stand-in/server';
import { keyValueOf } from '../../../src/connectors/hubspot/create-once';
import type { JsonObject } from '../../../src/events/json';
import { callEvent, done, failureOf, from, openClient, run, startStandIn } from './running-actions';

let standIn: HubSpotStandIn;
beforeEach(async () => {
  standIn = await startStandIn();
});

const sampleContact = (): string => standIn.contacts[0]?.id ?? '';

test('an answered call: who, when, how long, which way, on the right contact', async () => {
  const result = await done('log_call', openClient(standIn), { body: '<p>Asked for a quote</p>' });
  const [call] = standIn.calls;
  expect(result).toEqual({
    call: { id: call?.id },
    contact: { id: sampleContact(), name: 'Ada Sample', email: 'ada.sample@example.com', owner_id: '71001' },
    created: false,
    matches: 1,
  });
  expect(call?.contactIds).toEqual([sampleContact()]);
  expect(call?.properties).toMatchObject({
    hs_timestamp: '2026-03-02T01:00:00.000Z',
    hs_call_title: 'Inbound answered call from +15551234567 on +15557654321',
    hs_call_body: '<p>Asked for a quote</p>',
    hs_call_direction: 'INBOUND',
    hs_call_duration: '63250',
    hs_call_from_number: '+15551234567',
    hs_call_to_number: '+15557654321',
    hs_call_status: 'COMPLETED',
    hs_call_disposition: 'f240bbac-87c9-4f6e-bf70-924b57d47db7',
    hs_call_external_id: 'call_hangup/5371e9db-d035-4db6-a8d6-0994d33e744e/log-calls/call',
    voipbin_action_key: keyValueOf('call_hangup/5371e9db-d035-4db6-a8d6-0994d33e744e/log-calls/call'),
  });
});

test('a missed call, with the rule’s own outcome and title', async () => {
  const event = callEvent({ answered: false, talk_s: 0, ring_s: 12, duration_s: 12 });
  await done('log_call', openClient(standIn), {}, { event, key: 'a/b/1' });
  await done('log_call', openClient(standIn), { outcome: 'busy', title: 'Line was busy' }, { event, key: 'a/b/2' });
  expect(
    standIn.calls.map(({ properties }) => [
      properties['hs_call_title'],
      properties['hs_call_status'],
      properties['hs_call_duration'],
    ]),
  ).toEqual([
    ['Missed call from +15551234567 on +15557654321', 'NO_ANSWER', '0'],
    ['Line was busy', 'BUSY', '0'],
  ]);
});

test('a call that only a menu picked up is logged as missed, without talk', async () => {
  const event = callEvent({ answered: false, picked_up: true });
  await done('log_call', openClient(standIn), {}, { event });
  expect(standIn.calls.map(({ properties }) => properties)).toMatchObject([
    { hs_call_status: 'NO_ANSWER', hs_call_disposition: '73a0d17f-1163-4015-bdd5-ec830791da20', hs_call_duration: '0' },
  ]);
});

test('without a contact it is skipped, and nothing is written', async () => {
  const outcome = await run('log_call', openClient(standIn), {}, { event: callEvent(from('+14155552671')) });
  expect(outcome).toEqual({ outcome: 'skipped', reason: 'no contact with this number' });
  expect([standIn.calls.length, standIn.contacts.length]).toEqual([0, 3]);
});

test('a caller in the form of an earlier numbering plan is the contact that HubSpot has', async () => {
  const client = openClient(standIn);
  const create = { unknown_contact: 'create' };
  const first = await done('log_call', client, create, { event: callEvent(from('+525512345678')), key: 'a/b/1' });
  const later = { event: callEvent(from('+5215512345678')), key: 'a/b/2' };
  expect(await done('log_call', client, create, later)).toMatchObject({ contact: first['contact'], created: false });
});

test.each([
  ['anonymous', 'the far end gave no phone number: it withheld it'],
  ['+266696687', 'the far end gave no phone number: it withheld it'],
  ['73737', 'the far end gave no phone number, but 5 digits: a short code or an extension'],
])('a caller without a number (%s) becomes no contact, and the report says why', async (number, reason) => {
  const event = callEvent(from(number));
  const outcome = await run('log_call', openClient(standIn), { unknown_contact: 'create' }, { event });
  expect(outcome).toEqual({ outcome: 'skipped', reason });
  expect(standIn.contacts).toHaveLength(3);
});

test.each(['log_call', 'update_contact', 'create_task'] as const)(
  'one of our numbers, or an agent’s phone, becomes no contact: %s',
  async (action) => {
    const input = { unknown_contact: 'create', subject: 'x', properties: { jobtitle: 'x' } };
    const keys = { log_call: [], update_contact: ['properties'], create_task: ['subject'] }[action];
    const given = Object.fromEntries(
      Object.entries(input).filter(([key]) => key === 'unknown_contact' || keys.some((one) => one === key)),
    );
    const event = callEvent(from('+15550009999'));
    expect(
      await run(action, openClient(standIn), given, { event, isOurs: (number) => number === '+15550009999' }),
    ).toEqual({
      outcome: 'skipped',
      reason: 'the far end is a number of our own',
    });
    expect(standIn.contacts).toHaveLength(3);
  },
);

test('an event that is no call is skipped', async () => {
  expect(await run('log_call', openClient(standIn), {}, { event: callEvent({ type: 'message_created' }) })).toEqual({
    outcome: 'skipped',
    reason: 'the event is about no call',
  });
});

describe('exactly one call per action key', () => {
  test.each([409, 400] as const)(
    'ten at once, from two workers, conflicts answered with %s',
    async (conflictStatus) => {
      const racing = await startStandIn({ conflictStatus });
      const clients = [openClient(racing), openClient(racing)];
      const results = await Promise.all(
        Array.from({ length: 10 }, (_, n) => done('log_call', clients[n % 2] ?? openClient(racing), {})),
      );
      expect(racing.calls).toHaveLength(1);
      expect(new Set(results.map(({ call }) => JSON.stringify(call)))).toEqual(
        new Set([JSON.stringify({ id: racing.calls[0]?.id })]),
      );
      expect(racing.requests.some(({ method, url }) => method === 'POST' && url.endsWith('/objects/calls'))).toBe(true);
    },
  );

  test.each(['same worker', 'another worker'])('the answer was lost; %s tries again', async (who) => {
    const client = openClient(standIn);
    standIn.failNext({ method: 'POST', path: /\/objects\/calls$/, how: 'lose_answer' });
    expect((await failureOf(run('log_call', client, {}))).errorClass).toBe('transient');
    expect(standIn.calls).toHaveLength(1);
    const result = await done('log_call', who === 'same worker' ? client : openClient(standIn), {});
    expect(result).toMatchObject({ call: { id: standIn.calls[0]?.id }, contact: { name: 'Ada Sample' } });
    expect(standIn.calls).toHaveLength(1);
  });

  test.each(['timeout', 'reset', '503'])('nothing was done (%s) and it is tried again', async (how) => {
    const client = openClient(standIn, how === 'timeout' ? { request_timeout: '3s' } : {});
    await done('log_call', client, {}, { key: 'warm/up/1' });
    standIn.failNext({
      method: 'POST',
      path: /\/objects\/calls$/,
      how: how === 'timeout' ? 'hang' : how === 'reset' ? 'reset' : { status: 503 },
    });
    expect((await failureOf(run('log_call', client, {}))).errorClass).toBe('transient');
    await done('log_call', client, {});
    expect(standIn.calls).toHaveLength(2);
  });

  test('a conflict without a word of explanation is looked up all the same', async () => {
    const client = openClient(standIn);
    await done('log_call', client, {}, { key: 'warm/up/1' });
    standIn.failNext({ method: 'POST', path: /\/objects\/calls$/, how: { status: 409 } });
    const error = await failureOf(run('log_call', client, {}));
    expect([error.errorClass, error.detail.code, error.detail.retryAfterMs]).toEqual(['transient', 'conflict', 5_000]);
    await done('log_call', client, {});
    expect(standIn.calls).toHaveLength(2);
  });

  test('other steps and other calls are logged beside it', async () => {
    const client = openClient(standIn);
    await done('log_call', client, {}, { key: 'call_hangup/1/r/a' });
    await done('log_call', client, {}, { key: 'call_hangup/1/r/b' });
    await done('log_call', client, {}, { key: 'call_hangup/2/r/a' });
    await done('log_call', client, {}, { key: 'call_hangup/2/r/a' });
    expect(standIn.calls).toHaveLength(3);
  });

  test('a logged call that lost its contact gets it back', async () => {
    await done('log_call', openClient(standIn), {});
    standIn.account.dissociate('calls', standIn.calls[0]?.id ?? '');
    await done('log_call', openClient(standIn), {});
    expect(standIn.calls.map(({ contactIds }) => contactIds)).toEqual([[sampleContact()]]);
  });
});

describe('the unique property', () => {
  const asked = (method: string, part: string): number =>
    standIn.requests.filter((request) => request.method === method && request.url.includes(part)).length;

  test('is created at the first use, beside HubSpot’s own, and asked for once per process', async () => {
    const client = openClient(standIn);
    await done('log_call', client, {}, { key: 'a/b/1' });
    await done('log_call', client, {}, { key: 'a/b/2' });
    expect(standIn.account.property('calls', 'voipbin_action_key')).toMatchObject({
      hasUniqueValue: true,
      groupName: 'call',
      type: 'string',
    });
    expect(asked('POST', '/properties/calls')).toBe(1);
    expect(asked('GET', '/properties/calls/voipbin_action_key')).toBe(1);
  });

  test('that an administrator deletes is created again at once', async () => {
    const client = openClient(standIn);
    await done('log_call', client, {}, { key: 'a/b/1' });
    standIn.account.removeProperty('calls', 'voipbin_action_key');
    await done('log_call', client, {}, { key: 'a/b/2' });
    expect(standIn.calls).toHaveLength(2);
    expect(standIn.account.property('calls', 'voipbin_action_key')?.hasUniqueValue).toBe(true);
  });

  test.each<[string, HubSpotStandInOptions, JsonObject]>([
    ['the scope is missing', { missingScopes: ['crm.schemas.contacts.write'] }, {}],
    ['it may not be created', {}, { create_properties: false }],
    ['search is configured', {}, { idempotency: 'search' }],
  ])('is done without when %s: found by the external id', async (_name, account, settings) => {
    const without = await startStandIn(account);
    const warnings: string[] = [];
    await done('log_call', openClient(without, settings), {}, { warnings });
    without.account.settle();
    await done('log_call', openClient(without, settings), {});
    expect(without.calls).toHaveLength(1);
    expect(without.calls[0]?.properties).not.toHaveProperty('voipbin_action_key');
    expect(warnings.filter((warning) => warning.includes('unique'))).toHaveLength('idempotency' in settings ? 0 : 1);
  });

  test('is done without on the same worker even while the search lags behind', async () => {
    const lagging = await startStandIn({ missingScopes: ['crm.schemas.contacts.write'], indexDelayMs: 60_000 });
    const client = openClient(lagging);
    await done('log_call', client, {});
    await done('log_call', client, {});
    expect(lagging.calls).toHaveLength(1);
  });

  test('that HubSpot does not keep unique is searched by', async () => {
    const property = {
      name: 'voipbin_action_key',
      label: 'x',
      description: '',
      groupName: 'call',
      type: 'string',
      fieldType: 'text',
      hasUniqueValue: false,
      hubspotDefined: false,
      calculated: false,
      options: [],
    };
    standIn.account.addProperty('calls', property);
    await done('log_call', openClient(standIn), {});
    standIn.account.settle();
    await done('log_call', openClient(standIn), {});
    expect(standIn.calls).toHaveLength(1);
    expect(standIn.calls[0]?.properties['voipbin_action_key']).toMatch(/^[0-9a-f]{40}$/);
  });
});

test('an account that deleted HubSpot’s call outcomes gets the call without one', async () => {
  const disposition = standIn.account.property('calls', 'hs_call_disposition');
  disposition?.options.splice(0, disposition.options.length, {
    label: 'Own',
    value: 'own',
    displayOrder: 0,
    hidden: false,
  });
  const warnings: string[] = [];
  await done('log_call', openClient(standIn), {}, { warnings });
  expect(standIn.calls).toHaveLength(1);
  expect(standIn.calls[0]?.properties).toMatchObject({ hs_call_status: 'COMPLETED' });
  expect(standIn.calls[0]?.properties).not.toHaveProperty('hs_call_disposition');
  expect(warnings.join()).toContain('hs_call_disposition');
});

test.each([
  ['has', true, 'MISSED'],
  ['does not have', false, 'NO_ANSWER'],
])('a missed call where the account %s the status for it', async (_name, hasMissed, status) => {
  if (hasMissed) {
    const option = { label: 'Missed', value: 'MISSED', displayOrder: 0, hidden: false };
    standIn.account.property('calls', 'hs_call_status')?.options.push(option);
  }
  const client = openClient(standIn);
  const event = callEvent({ answered: false, talk_s: 0 });
  await done('log_call', client, {}, { event, key: 'a/b/1' });
  await done('log_call', client, {}, { event, key: 'a/b/2' });
  expect(standIn.calls.map(({ properties }) => properties['hs_call_status'])).toEqual([status, status]);
  // A refused value is not offered again.
  expect(
    standIn.requests.filter(({ method, url }) => method === 'POST' && url.endsWith('/objects/calls')),
  ).toHaveLength(hasMissed ? 2 : 3);
});

test('missed calls at the same moment are all logged, whichever learns first that the account has no such status', async () => {
  const client = openClient(standIn);
  const event = callEvent({ answered: false, talk_s: 0 });
  await Promise.all(
    Array.from({ length: 8 }, (_, index) => done('log_call', client, {}, { event, key: `a/b/${index + 1}` })),
  );
  expect(standIn.calls).toHaveLength(8);
});

test.each([
  ['inbound', { hs_call_has_voicemail: 'true' }, 'hs_call_disposition'],
  ['outbound', { hs_call_disposition: 'b2cf5968-551e-4856-9783-52b3da59a7d0' }, 'hs_call_has_voicemail'],
] as const)('a voicemail of an %s call is the caller’s message, or the one we left', async (direction, has, hasNot) => {
  await done('log_call', openClient(standIn), { outcome: 'voicemail' }, { event: callEvent({ direction }) });
  expect(standIn.calls[0]?.properties).toMatchObject(has);
  expect(standIn.calls[0]?.properties).not.toHaveProperty(hasNot);
});
