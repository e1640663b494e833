import type { CanonicalEvent } from '../../../src/events/canonical-event';
import type { HubSpotStandIn, HubSpotStandInOptions } from '../../../src/connectors/hubspot/stand-in/server';
import { callEvent, done, from, openClient, run, startStandIn } from './running-actions';

const UPDATE = { properties: { last_hangup_reason: 'normal' } };

const accountWith = (contacts: Record<string, string>[], more: HubSpotStandInOptions = {}): Promise<HubSpotStandIn> =>
  startStandIn({ contacts, ...more });

describe('a contact is found by phone in whatever format it is stored', () => {
  const cases: [caller: string, country: string | null, property: string, stored: string][] = [
    ['+15551234567', 'US', 'phone', '+15551234567'],
    ['+15551234567', 'US', 'phone', '+1 (555) 123-4567'],
    ['+15551234567', 'US', 'phone', '(555) 123-4567'],
    ['+15551234567', 'US', 'phone', '555.123.4567'],
    ['+15551234567', 'US', 'phone', '555-123-4567 x123'],
    ['+15551234567', 'US', 'phone', '15551234567'],
    ['+15551234567', 'US', 'phone', '1 555 123 4567'],
    ['+15551234567', null, 'phone', '(555) 123-4567'],
    ['+15551234567', null, 'phone', '+1-555-123-4567'],
    ['+15551234567', 'KR', 'phone', '+1 555 123 4567'],
    ['+15551234567', 'US', 'mobilephone', '(555) 123-4567'],
    ['+15551234567', 'US', 'mobilephone', '+15551234567'],
    ['+821100000002', 'KR', 'phone', '011-0000-0002'],
    ['+821100000002', 'KR', 'phone', '01100000002'],
    ['+821100000002', 'KR', 'phone', '+82 11-0000-0002'],
    ['+821100000002', 'KR', 'phone', '00821100000002'],
    ['+821100000002', null, 'phone', '011-0000-0002'],
    ['+821100000002', 'US', 'phone', '011-0000-0002'],
    ['+821012345678', 'KR', 'mobilephone', '010-1234-5678'],
    ['+442071838750', 'GB', 'phone', '020 7183 8750'],
    ['+442071838750', 'GB', 'phone', '+44 (0)20 7183 8750'],
    ['+390612345678', 'IT', 'phone', '06 1234 5678'],
    // A zero that belongs to the number.
    ['+390669821234', 'IT', 'phone', '+39 06 6982 1234'],
    ['+390669821234', null, 'phone', '+39 06 6982 1234'],
    ['+390669821234', 'IT', 'mobilephone', '+39 06 6982 1234'],
    ['+390669821234', 'IT', 'mobilephone', '06 6982 1234'],
    ['+390669821234', 'IT', 'mobilephone', '0039 06 6982 1234'],
    ['+3780549882345', 'SM', 'mobilephone', '+378 0549 882345'],
    ['+24101441234', 'GA', 'mobilephone', '+241 01 44 12 34'],
    // Extensions.
    ['+15551234567', 'US', 'mobilephone', '(555) 123-4567 ext. 9'],
    ['+442071838750', 'GB', 'phone', '+44 20 7183 8750 x42'],
    // Trunk prefixes that are no zero.
    ['+79123456789', 'RU', 'phone', '8 (912) 345-67-89'],
    ['+79123456789', null, 'mobilephone', '8 912 345 67 89'],
    ['+3614123456', 'HU', 'mobilephone', '06 1 412 3456'],
    // Earlier numbering plans.
    ['+5215512345678', 'MX', 'phone', '55 1234 5678'],
    ['+525512345678', 'MX', 'phone', '+52 1 55 1234 5678'],
    ['+525512345678', null, 'mobilephone', '+52 1 55 1234 5678'],
    ['+525512345678', 'MX', 'mobilephone', '044 55 1234 5678'],
    ['+5511987654321', 'BR', 'phone', '+55 11 8765-4321'],
    ['+551187654321', 'BR', 'mobilephone', '(11) 98765-4321'],
    ['+5511987654321', null, 'mobilephone', '+55 (11) 8765-4321'],
    ['+2290197123456', 'BJ', 'mobilephone', '+229 97 12 34 56'],
    ['+2250707123456', 'CI', 'mobilephone', '+225 07 12 34 56'],
    // Argentina's 9, which is only written from abroad.
    ['+5491123456789', 'AR', 'phone', '+54 11 2345-6789'],
    ['+541123456789', 'AR', 'mobilephone', '+54 9 11 2345-6789'],
    ['+5491123456789', 'AR', 'mobilephone', '011 15-2345-6789'],
    ['+541123456789', null, 'phone', '011 15-2345-6789'],
  ];
  const accounts = (['dropped', 'kept'] as const).flatMap((searchableZeros) =>
    cases.map((each) => [...each, searchableZeros] as const),
  );
  test.each(accounts)('%s, rules for %s, %s: %s, zeros %s', async (caller, country, property, stored, zeros) => {
    const standIn = await accountWith(
      [
        { firstname: 'Other', phone: '+4930123456' },
        { firstname: 'Wanted', [property]: stored },
      ],
      { searchableZeros: zeros, ...(country === null ? {} : { country }) },
    );
    const result = await done('update_contact', openClient(standIn), UPDATE, {
      event: callEvent(from(caller)),
      country,
    });
    expect(result).toMatchObject({ contact: { name: 'Wanted' }, created: false, matches: 1 });
  });
});

describe('a contact whose number only looks alike is left alone', () => {
  test.each([
    ['the same national number in another country', '+12025550123', 'US', '+44 2025550123'],
    ['a longer number that ends in it', '+15551234567', 'US', '+49 155512345678'],
    ['a local number of the rule’s country', '+445551234567', 'US', '(555) 123-4567'],
  ])('%s', async (_name, caller, country, stored) => {
    const standIn = await accountWith([{ firstname: 'Other', phone: stored }]);
    expect(
      await run('update_contact', openClient(standIn), UPDATE, { event: callEvent(from(caller)), country }),
    ).toEqual({ outcome: 'skipped', reason: 'no contact with this number' });
  });
});

test.each([
  ['Mexico’s 1', '+5215512345678', '+525512345678'],
  ['Argentina’s 9', '+5491123456789', '+541123456789'],
  ['Brazil’s ninth digit', '+551187654321', '+5511987654321'],
])('one person is one contact, however the network writes the number: %s', async (_name, first, second) => {
  const standIn = await accountWith([]);
  for (const [index, number] of [first, second, first].entries()) {
    await done(
      'log_call',
      openClient(standIn),
      { unknown_contact: 'create' },
      { event: callEvent(from(number)), key: `a/b/${index}`, country: null },
    );
  }
  expect(standIn.contacts).toHaveLength(1);
  expect(standIn.calls).toHaveLength(3);
});

describe('the name of a contact is a name', () => {
  test.each<[string, Record<string, string>, string | null]>([
    ['both', { firstname: 'Ada', lastname: 'Lovelace' }, 'Ada Lovelace'],
    ['neither', { email: 'ada@example.com' }, null],
    ['its number, as the bridge names a new contact', { firstname: '+15551234567' }, null],
    ['its number in another format', { lastname: '(555) 123-4567' }, null],
    ['its number and a name that somebody added', { firstname: '+15551234567', lastname: 'Lovelace' }, 'Lovelace'],
    ['its number in two parts', { firstname: '0160', lastname: '1112299' }, null],
  ])('%s', async (_what, properties, name) => {
    const standIn = await accountWith([{ phone: '+15551234567', ...properties }]);
    for (const [action, input] of [
      ['update_contact', UPDATE],
      ['log_call', {}],
      ['create_task', { subject: 'Call back' }],
    ] as const) {
      expect(await done(action, openClient(standIn), input)).toMatchObject({ contact: { name } });
    }
  });

  test.each([
    ['no name', null, '+15551234567'],
    ['its number', '(555) 123-4567', '+15551234567'],
    ['a word for no name', 'Anonymous', '+15551234567'],
    ['a name', 'Ada', 'Ada'],
  ])('a new contact of a caller with %s', async (_what, name, firstname) => {
    const standIn = await accountWith([]);
    const result = await done(
      'create_task',
      openClient(standIn),
      { subject: 'Call back', unknown_contact: 'create' },
      { event: callEvent(from('+15551234567', 'tel', name)) },
    );
    expect(standIn.contacts.map(({ properties }) => properties['firstname'])).toEqual([firstname]);
    expect(result).toMatchObject({ contact: { name: firstname === 'Ada' ? 'Ada' : null } });
  });
});

test('a number of our own becomes no contact, and no call is logged on one', async () => {
  const standIn = await accountWith([{ firstname: 'Office', phone: '+15557654321' }]);
  const outcome = await run(
    'log_call',
    openClient(standIn),
    { unknown_contact: 'create' },
    { event: callEvent(from('+15557654321')), isOurs: (number) => number === '+15557654321' },
  );
  expect(outcome).toEqual({ outcome: 'skipped', reason: 'the far end is a number of our own' });
  expect([standIn.contacts.length, standIn.calls.length]).toEqual([1, 0]);
});

describe('a far end that is no phone is skipped, and says why', () => {
  test.each<[string, Partial<CanonicalEvent>, RegExp]>([
    ['no peer', { peer: null }, /no far end/],
    ['no number', { peer: { type: 'tel', number: null, name: null } }, /no far end/],
    ['anonymous', from('anonymous'), /no phone number/],
    ['an extension that looks like a number', from('+15551234567', 'extension'), /address type is extension/],
    ['sip', from('alice@example.com', 'sip'), /address type is sip/],
    ['agent', from('eb1ac5c0-ff63-47e2-bcdb-5da9c336eb4b', 'agent'), /address type is agent/],
    ['a name instead of a number', from('test11'), /no phone number/],
  ])('%s', async (_name, changes, reason) => {
    const standIn = await accountWith([]);
    for (const [action, input] of [
      ['update_contact', UPDATE],
      ['log_call', {}],
      ['create_task', { subject: 'x' }],
    ] as const) {
      const outcome = await run(
        action,
        openClient(standIn),
        { ...input, unknown_contact: 'create' },
        { event: callEvent(changes) },
      );
      expect(outcome).toEqual({ outcome: 'skipped', reason: expect.stringMatching(reason) });
    }
    expect(standIn.contacts).toEqual([]);
  });
});

test('of several contacts with the number the one changed last is taken, and the result says how many there are', async () => {
  const standIn = await accountWith([
    { firstname: 'First', phone: '+15551234567' },
    { firstname: 'Second', phone: '(555) 123-4567' },
    { firstname: 'Third', mobilephone: '555 123 4567' },
  ]);
  const second = standIn.contacts[1]?.id ?? '';
  standIn.account.update('contacts', second, { city: 'Seoul' });
  expect(await done('update_contact', openClient(standIn), UPDATE)).toMatchObject({
    contact: { id: second, name: 'Second' },
    matches: 3,
  });
});

test('several steps about one caller cost one search, also side by side', async () => {
  const standIn = await accountWith([{ firstname: 'Ada', phone: '+15551234567' }]);
  const client = openClient(standIn);
  await Promise.all([
    done('update_contact', client, UPDATE),
    done('log_call', client, {}),
    done('create_task', client, { subject: 'x' }, { key: 'a/b/c' }),
  ]);
  await done('log_call', client, {}, { key: 'd/e/f' });
  expect(standIn.requests.filter(({ url }) => url.includes('/contacts/search'))).toHaveLength(1);
});

test('a cached contact that was deleted meanwhile is looked up anew', async () => {
  const standIn = await accountWith([{ firstname: 'Old', phone: '+15551234567' }]);
  const client = openClient(standIn);
  await done('update_contact', client, UPDATE);
  const replace = (name: string): void => {
    for (const { id } of standIn.contacts) {
      standIn.account.remove('contacts', id);
    }
    standIn.account.create('contacts', { firstname: name, phone: '5551234567' });
    standIn.account.settle();
  };
  replace('New');
  expect(await done('update_contact', client, UPDATE)).toMatchObject({ contact: { name: 'New' } });
  replace('Newer');
  expect(await done('log_call', client, {})).toMatchObject({ contact: { name: 'Newer' } });
  replace('Newest');
  expect(await done('create_task', client, { subject: 'x' })).toMatchObject({ contact: { name: 'Newest' } });
});

describe('unknown_contact: create', () => {
  test('creates one contact with the number and the name, once', async () => {
    const standIn = await accountWith([]);
    const event = callEvent(from('+15551234567', 'tel', 'Grace Caller'));
    const result = await done('log_call', openClient(standIn), { unknown_contact: 'create' }, { event });
    expect(result).toMatchObject({ contact: { name: 'Grace Caller' }, created: true, matches: 1 });
    expect(
      standIn.contacts.map(({ properties }) => [
        properties['phone'],
        properties['voipbin_phone'],
        properties['firstname'],
      ]),
    ).toEqual([['+15551234567', '+15551234567', 'Grace Caller']]);
  });

  test.each([null, '', ' \0'])('takes the number for a name when the caller gives none (%j)', async (name) => {
    const standIn = await accountWith([]);
    const event = callEvent(from('+15551234567', 'tel', name));
    await done('update_contact', openClient(standIn), { ...UPDATE, unknown_contact: 'create' }, { event });
    expect(standIn.contacts[0]?.properties).toMatchObject({ firstname: '+15551234567', last_hangup_reason: 'normal' });
  });

  test.each([409, 400] as const)(
    'workers that race make one contact, whose conflict is answered with %s',
    async (conflictStatus) => {
      const standIn = await accountWith([], { conflictStatus, indexDelayMs: 60_000 });
      const clients = Array.from({ length: 8 }, () => openClient(standIn));
      const results = await Promise.all(
        clients.map((client, n) =>
          done('log_call', client, { unknown_contact: 'create' }, { key: `call_hangup/${n}/r/s` }),
        ),
      );
      expect(standIn.contacts).toHaveLength(1);
      expect(results.filter(({ created }) => created === true)).toHaveLength(1);
      expect(standIn.calls.map(({ contactIds }) => contactIds)).toEqual(
        Array.from({ length: 8 }, () => [standIn.contacts[0]?.id]),
      );
    },
  );

  test('does not create a second one while the search still lags behind', async () => {
    const standIn = await accountWith([], { indexDelayMs: 60_000 });
    await done('log_call', openClient(standIn), { unknown_contact: 'create' }, { key: 'a/b/c' });
    await done('log_call', openClient(standIn), { unknown_contact: 'create' }, { key: 'd/e/f' });
    expect(standIn.contacts).toHaveLength(1);
  });

  test('a lost answer and a retry make one contact', async () => {
    const standIn = await accountWith([], { indexDelayMs: 60_000 });
    const client = openClient(standIn);
    standIn.failNext({ method: 'POST', path: /\/objects\/contacts$/, how: 'lose_answer' });
    await expect(run('log_call', client, { unknown_contact: 'create' })).rejects.toMatchObject({
      errorClass: 'transient',
    });
    await done('log_call', client, { unknown_contact: 'create' });
    expect([standIn.contacts.length, standIn.calls.length]).toEqual([1, 1]);
  });

  test('steps of one worker make one contact even without the unique property', async () => {
    const standIn = await accountWith([], { missingScopes: ['crm.schemas.contacts.write'], indexDelayMs: 60_000 });
    const client = openClient(standIn);
    const results = await Promise.all(
      Array.from({ length: 5 }, (_, n) =>
        done('log_call', client, { unknown_contact: 'create' }, { key: `call_hangup/${n}/r/s` }),
      ),
    );
    expect(standIn.contacts).toHaveLength(1);
    expect(results.filter(({ created }) => created === true)).toHaveLength(1);
  });

  test('is not a race with steps that skip: they create neither contacts nor properties', async () => {
    const standIn = await accountWith([]);
    expect((await run('update_contact', openClient(standIn), UPDATE)).outcome).toBe('skipped');
    expect(standIn.account.property('contacts', 'voipbin_phone')).toBeUndefined();
  });
});
