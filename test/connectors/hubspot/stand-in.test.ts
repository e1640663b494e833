import { setTimeout as delay } from 'node:timers/promises';
import type { HubSpotStandIn } from '../../../src/connectors/hubspot/stand-in/server';
import { startStandIn } from './running-actions';

interface Answer {
  status: number;
  body: {
    id?: string;
    total?: number;
    results?: { id: string; properties: Record<string, string | null>; new?: boolean }[];
    properties?: Record<string, string | null>;
    category?: string;
    message?: string;
    associations?: unknown;
  };
}

async function ask(
  standIn: HubSpotStandIn,
  method: string,
  path: string,
  body?: unknown,
  token = 'stand-in-token',
): Promise<Answer> {
  const response = await fetch(`${standIn.url}${path}`, {
    method,
    headers: {
      authorization: `Bearer ${token}`,
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    signal: AbortSignal.timeout(5_000),
  });
  return { status: response.status, body: JSON.parse(await response.text()) as Answer['body'] };
}

const names = (answer: Answer): (string | null | undefined)[] =>
  (answer.body.results ?? []).map(({ properties }) => properties['firstname']);

describe('search', () => {
  const search = (standIn: HubSpotStandIn, ...groups: Record<string, unknown>[][]): Promise<Answer> =>
    ask(standIn, 'POST', '/crm/v3/objects/contacts/search', {
      filterGroups: groups.map((filters) => ({ filters })),
      properties: ['phone'],
    });
  const filter = (
    propertyName: string,
    operator: string,
    more: Record<string, unknown> = {},
  ): Record<string, unknown> => ({ propertyName, operator, ...more });

  test.each<[string, Record<string, unknown>[][], string[]]>([
    ['EQ, without regard to case', [[filter('firstname', 'EQ', { value: 'aDA' })]], ['Ada']],
    [
      'EQ on the digits that HubSpot derives',
      [[filter('hs_searchable_calculated_phone_number', 'EQ', { value: '5551234567' })]],
      ['Ada'],
    ],
    [
      'groups are or',
      [[filter('firstname', 'EQ', { value: 'Ada' })], [filter('firstname', 'EQ', { value: 'Bo' })]],
      ['Ada', 'Bo'],
    ],
    [
      'filters of a group are and',
      [[filter('firstname', 'EQ', { value: 'Ada' }), filter('lastname', 'EQ', { value: 'Other' })]],
      [],
    ],
    ['CONTAINS_TOKEN with a wildcard', [[filter('email', 'CONTAINS_TOKEN', { value: 'chae*' })]], ['Chae-won']],
    ['CONTAINS_TOKEN does not look into words', [[filter('firstname', 'CONTAINS_TOKEN', { value: 'da' })]], []],
    ['IN', [[filter('firstname', 'IN', { values: ['bo', 'ada'] })]], ['Ada', 'Bo']],
    ['HAS_PROPERTY', [[filter('mobilephone', 'HAS_PROPERTY')]], ['Bo']],
    ['NOT_HAS_PROPERTY', [[filter('mobilephone', 'NOT_HAS_PROPERTY')]], ['Ada', 'Chae-won']],
  ])('%s', async (_name, groups, expected) => {
    expect(names(await search(await startStandIn(), ...groups))).toEqual(expected);
  });

  test.each([
    ['an e-mail address', 'chaewon.sample@example.com', ['Chae-won']],
    ['a phone, in whatever format it is stored', '5551234567', ['Ada']],
    ['a mobile phone, too', '5559876543', ['Bo']],
    ['all words, of several properties', 'SAMPLE bo', ['Bo']],
    ['words that no record has together', 'ada bo', []],
  ])('a query by %s', async (_name, query, expected) => {
    const standIn = await startStandIn();
    expect(names(await ask(standIn, 'POST', '/crm/v3/objects/contacts/search', { query }))).toEqual(expected);
  });

  test('an unknown property, six groups, no token', async () => {
    const standIn = await startStandIn();
    const unknown = await search(standIn, [filter('no_such', 'EQ', { value: 'x' })]);
    expect([unknown.status, unknown.body.category]).toEqual([400, undefined]);
    expect(
      (await search(standIn, ...Array.from({ length: 6 }, () => [filter('firstname', 'EQ', { value: 'x' })]))).status,
    ).toBe(400);
    expect((await ask(standIn, 'POST', '/crm/v3/objects/contacts/search', {}, 'wrong')).status).toBe(401);
  });

  test('does not see what was just written while the index lags; the record itself is there', async () => {
    const standIn = await startStandIn({ indexDelayMs: 60_000 });
    const { body } = await ask(standIn, 'POST', '/crm/v3/objects/contacts', { properties: { firstname: 'New' } });
    await ask(standIn, 'PATCH', `/crm/v3/objects/contacts/${standIn.contacts[0]?.id}`, {
      properties: { firstname: 'Renamed' },
    });
    const found = await search(standIn, [filter('firstname', 'IN', { values: ['new', 'ada', 'renamed'] })]);
    expect(names(found)).toEqual(['Ada']);
    expect((await ask(standIn, 'GET', `/crm/v3/objects/contacts/${body.id}`)).status).toBe(200);
    standIn.account.settle();
    expect((await search(standIn, [filter('firstname', 'IN', { values: ['new', 'renamed'] })])).body.total).toBe(2);
  });
});

test('what may not be written is refused in HubSpot’s words', async () => {
  const standIn = await startStandIn();
  const create = (type: string, properties: Record<string, string>): Promise<Answer> =>
    ask(standIn, 'POST', `/crm/v3/objects/${type}`, { properties });
  const unknown = await create('contacts', { firstname: 'x', nope: 'y' });
  expect([unknown.status, unknown.body.category]).toEqual([400, 'VALIDATION_ERROR']);
  expect(unknown.body.message).toMatch(/^Property values were not valid: \[\{.*"PROPERTY_DOESNT_EXIST".*\}\]$/);
  expect((await create('calls', { hs_call_title: 'no time' })).status).toBe(400);
  expect((await create('contacts', { phone: '+15550001111' })).status).toBe(400);
  expect((await create('contacts', { firstname: 'x', hs_object_id: '1' })).status).toBe(400);
  const twice = await create('contacts', { email: 'ada.sample@example.com' });
  expect([twice.status, twice.body.category]).toEqual([409, 'CONFLICT']);
  expect([standIn.contacts.length, standIn.calls.length]).toEqual([3, 0]);
});

test('batch upsert creates once and then updates', async () => {
  const standIn = await startStandIn();
  await ask(standIn, 'POST', '/crm/v3/properties/contacts', {
    name: 'key',
    label: 'key',
    groupName: 'contactinformation',
    type: 'string',
    fieldType: 'text',
    hasUniqueValue: true,
  });
  const upsert = (firstname: string): Promise<Answer> =>
    ask(standIn, 'POST', '/crm/v3/objects/contacts/batch/upsert', {
      inputs: [{ idProperty: 'key', id: 'k1', properties: { firstname } }],
    });
  const [first, second] = [await upsert('A'), await upsert('B')];
  expect([first.body.results?.[0]?.new, second.body.results?.[0]?.new]).toEqual([true, false]);
  expect(first.body.results?.[0]?.id).toBe(second.body.results?.[0]?.id);
  expect(standIn.contacts.at(-1)?.properties).toMatchObject({ key: 'k1', firstname: 'B' });
});

test('associations come with the record when asked for, and the default PUT may be repeated', async () => {
  const standIn = await startStandIn();
  const contactId = standIn.contacts[0]?.id;
  const { body } = await ask(standIn, 'POST', '/crm/v3/objects/calls', {
    properties: { hs_timestamp: '2026-03-02T00:00:00Z' },
  });
  const path = `/crm/v4/objects/calls/${body.id}/associations/default/contacts/${contactId}`;
  expect([(await ask(standIn, 'PUT', path)).status, (await ask(standIn, 'PUT', path)).status]).toEqual([200, 200]);
  expect(
    (await ask(standIn, 'GET', `/crm/v3/objects/calls/${body.id}?associations=contacts`)).body.associations,
  ).toEqual({ contacts: { results: [{ id: contactId, type: 'call_to_contact' }] } });
  expect((await ask(standIn, 'PUT', `/crm/v4/objects/calls/${body.id}/associations/default/contacts/1`)).status).toBe(
    404,
  );
});

describe('failures on order', () => {
  const create = (standIn: HubSpotStandIn): Promise<Answer> =>
    ask(standIn, 'POST', '/crm/v3/objects/contacts', { properties: { firstname: 'New' } });

  test('hit only what fits, as often as ordered, one order after the other', async () => {
    const standIn = await startStandIn();
    standIn.failNext({ method: 'POST', path: /contacts$/, times: 2, how: { status: 503, body: '{}' } });
    standIn.failNext({ method: 'POST', how: { status: 418, body: '{}' } });
    expect((await ask(standIn, 'GET', '/crm/v3/objects/contacts')).status).toBe(200);
    const statuses = [];
    for (let n = 0; n < 4; n += 1) {
      statuses.push((await create(standIn)).status);
    }
    expect(statuses).toEqual([503, 503, 418, 201]);
    expect(standIn.requests.map(({ method }) => method)).toEqual(['GET', 'POST', 'POST', 'POST', 'POST']);
  });

  test('lose_answer has its effect, reset has none', async () => {
    const standIn = await startStandIn();
    standIn.failNext({ how: 'reset' });
    await expect(create(standIn)).rejects.toThrow('fetch failed');
    expect(standIn.contacts).toHaveLength(3);
    standIn.failNext({ how: 'lose_answer' });
    await expect(create(standIn)).rejects.toThrow('fetch failed');
    expect(standIn.contacts).toHaveLength(4);
  });

  test('heal forgets the orders and drops what hangs', async () => {
    const standIn = await startStandIn();
    standIn.failNext({ times: 5, how: 'hang' });
    const hanging = create(standIn).then(
      () => 'answered',
      () => 'dropped',
    );
    while (standIn.requests.length === 0) {
      await delay(2);
    }
    standIn.heal();
    expect(await hanging).toBe('dropped');
    expect((await create(standIn)).status).toBe(201);
  });
});

test('it keeps at most so many records of a type', async () => {
  const standIn = await startStandIn({ capacity: 4 });
  for (let n = 0; n < 5; n += 1) {
    standIn.account.create('contacts', { firstname: `c${n}` });
  }
  expect(standIn.contacts.map(({ properties }) => properties['firstname'])).toEqual(['c1', 'c2', 'c3', 'c4']);
});
