import type { HubSpotStandIn } from '../../../src/connectors/hubspot/stand-in/server';
import { allText, callEvent, done, failureOf, from, openClient, run, startStandIn } from './running-actions';

let standIn: HubSpotStandIn;
beforeEach(async () => {
  standIn = await startStandIn();
});

test('the page’s use case: last call date and hang-up reason on the contact', async () => {
  const properties = { last_call_date: '2026-03-02T01:01:10.250Z', last_hangup_reason: 'normal' };
  expect(await done('update_contact', openClient(standIn), { properties })).toEqual({
    contact: { id: standIn.contacts[0]?.id, name: 'Ada Sample', email: 'ada.sample@example.com', owner_id: '71001' },
    created: false,
    matches: 1,
  });
  expect(standIn.contacts[0]?.properties).toMatchObject(properties);
  expect(standIn.contacts[1]?.properties).not.toHaveProperty('last_hangup_reason');
});

test.each([
  ['last_call_date', '2026-03-02 01:01:10.250000', '2026-03-02T01:01:10.250Z'],
  ['last_call_date', '2026-03-02T10:01:10.250123456+09:00', '2026-03-02T01:01:10.250Z'],
  ['last_call_date', '9999-01-01 00:00:00.000000', ''],
  ['next_review', '2026-03-02T23:30:00Z', '2026-03-03'],
  ['next_review', '2026-03-02', '2026-03-02'],
  ['call_count', '3', '3'],
  ['lifecyclestage', 'customer', 'customer'],
  ['last_hangup_reason', '2026-03-02 01:01:10', '2026-03-02 01:01:10'],
])('%s given %s is kept as %s', async (name, text, kept) => {
  await done('update_contact', openClient(standIn), { properties: { [name]: text } });
  expect(standIn.contacts[0]?.properties[name]).toBe(kept);
});

test('an empty text clears', async () => {
  const client = openClient(standIn);
  await done('update_contact', client, {
    properties: { last_call_date: '2026-03-02T01:01:10Z', last_hangup_reason: 'busy' },
  });
  await done('update_contact', client, { properties: { last_call_date: '', last_hangup_reason: ' ' } });
  expect(standIn.contacts[0]?.properties).toMatchObject({ last_call_date: '', last_hangup_reason: '' });
});

test('all properties that HubSpot does not have are named at once, with what to do; nothing is written', async () => {
  const properties = { last_cal_date: 'x', last_hangup_reason: 'secret value', hangup: 'secret value' };
  const error = await failureOf(run('update_contact', openClient(standIn), { properties }));
  expect([error.errorClass, error.detail.code]).toEqual(['permanent', 'PROPERTY_DOESNT_EXIST']);
  expect(error.message).toContain('last_cal_date, hangup');
  expect(error.detail.remedy).toContain('Settings > Properties');
  expect(allText(error)).not.toContain('secret value');
  expect(standIn.contacts[0]?.properties).not.toHaveProperty('last_hangup_reason');
});

test('a property that is created after that is found by the next try', async () => {
  const client = openClient(standIn);
  const attempt = { properties: { voip_note: 'x' } };
  await failureOf(run('update_contact', client, attempt));
  standIn.account.addProperty('contacts', {
    name: 'voip_note',
    label: 'x',
    description: '',
    groupName: 'contactinformation',
    type: 'string',
    fieldType: 'text',
    hasUniqueValue: false,
    hubspotDefined: false,
    calculated: false,
    options: [],
  });
  await done('update_contact', client, attempt);
  expect(standIn.contacts[0]?.properties['voip_note']).toBe('x');
});

test('a text that is no time, for properties that take one', async () => {
  const error = await failureOf(
    run('update_contact', openClient(standIn), { properties: { last_call_date: 'yesterday', next_review: 'soon' } }),
  );
  expect([error.errorClass, error.message]).toEqual([
    'permanent',
    'the rule has no time for last_call_date (datetime), next_review (date)',
  ]);
});

test('an option that HubSpot does not have', async () => {
  const error = await failureOf(
    run('update_contact', openClient(standIn), { properties: { lifecyclestage: 'secret value' } }),
  );
  expect([error.errorClass, error.detail.code]).toEqual(['permanent', 'INVALID_OPTION']);
  expect(error.message).toContain('lifecyclestage');
  expect(allText(error)).not.toContain('secret value');
});

test('a token that may not read property settings still writes', async () => {
  standIn.failNext({ path: '/properties/contacts', times: 10, how: { status: 403 } });
  const warnings: string[] = [];
  await done('update_contact', openClient(standIn), { properties: { last_hangup_reason: 'busy' } }, { warnings });
  expect(standIn.contacts[0]?.properties['last_hangup_reason']).toBe('busy');
  expect(warnings).toHaveLength(1);
});

test('a lost answer and a retry leave what one try leaves', async () => {
  const client = openClient(standIn);
  standIn.failNext({ method: 'PATCH', how: 'lose_answer' });
  expect(
    (await failureOf(run('update_contact', client, { properties: { last_hangup_reason: 'busy' } }))).errorClass,
  ).toBe('transient');
  await done('update_contact', client, { properties: { last_hangup_reason: 'busy' } });
  expect(standIn.contacts.map(({ properties }) => properties['last_hangup_reason'])).toEqual([
    'busy',
    undefined,
    undefined,
  ]);
});

test('definitions are asked for once', async () => {
  const client = openClient(standIn);
  for (const reason of ['a', 'b', 'c']) {
    await done('update_contact', client, { properties: { last_hangup_reason: reason } });
  }
  expect(standIn.requests.filter(({ url }) => url.includes('/properties/'))).toHaveLength(1);
});

test('an unknown caller is skipped by default', async () => {
  const outcome = await run(
    'update_contact',
    openClient(standIn),
    { properties: { last_hangup_reason: 'x' } },
    { event: callEvent(from('+14155552671')) },
  );
  expect(outcome).toEqual({ outcome: 'skipped', reason: 'no contact with this number' });
});

test.each([
  { properties: {} },
  { properties: { 'Last Call': 'x' } },
  { properties: { a: 1 } },
  {},
  { properties: { a: 'x' }, unknown_contact: 'maybe' },
])('the input %j does not fit', async (input) => {
  expect((await failureOf(run('update_contact', openClient(standIn), input))).detail.code).toBe('invalid_input');
});
