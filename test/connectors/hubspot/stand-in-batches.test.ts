import type { HubSpotStandIn, HubSpotStandInOptions } from '../../../src/connectors/hubspot/stand-in/server';
import { startStandIn } from './running-actions';

interface Answer {
  status: number;
  headers: Headers;
  body: {
    results?: { id: string; objectWriteTraceId?: string; properties: Record<string, string | null> }[];
    numErrors?: number;
    errors?: { category: string; context: Record<string, string[]> }[];
    category?: string;
    policyName?: string;
  };
}

async function post(standIn: HubSpotStandIn, path: string, body: unknown): Promise<Answer> {
  const response = await fetch(`${standIn.url}/crm/v3/objects/${path}`, {
    method: 'POST',
    headers: { authorization: 'Bearer stand-in-token', 'content-type': 'application/json' },
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(5_000),
  });
  const parsed = JSON.parse(await response.text()) as Answer['body'];
  return { status: response.status, headers: response.headers, body: parsed };
}

const contact = (email: string, objectWriteTraceId?: string): Record<string, unknown> => ({
  properties: { email },
  associations: [],
  ...(objectWriteTraceId === undefined ? {} : { objectWriteTraceId }),
});
const emails = (standIn: HubSpotStandIn): (string | undefined)[] =>
  standIn.contacts.map(({ properties }) => properties['email']);

const TAKEN = 'ada.sample@example.com';

test.each<[string, HubSpotStandInOptions, boolean, number, string[]]>([
  ['each input has its own result', {}, true, 207, ['new1@example.com', 'new2@example.com']],
  ['inputs without trace ids share one answer', {}, false, 409, []],
  ['an account that refuses the whole', { batches: 'whole' }, true, 409, []],
  ['an account that has made a part of it', { batches: 'partly' }, true, 409, ['new1@example.com']],
])('a batch in which one email is taken: %s', async (_name, options, hasIds, status, made) => {
  const standIn = await startStandIn({ contacts: [{ firstname: 'Ada', email: TAKEN }], ...options });
  const id = (text: string): string | undefined => (hasIds ? text : undefined);
  const { body, ...answer } = await post(standIn, 'contacts/batch/create', {
    inputs: [contact('new1@example.com', id('a')), contact(TAKEN, id('b')), contact('new2@example.com', id('c'))],
  });
  expect(answer.status).toBe(status);
  expect(emails(standIn)).toEqual([TAKEN, ...made]);
  expect([body.category, body.numErrors]).toEqual(status === 207 ? [undefined, 1] : ['CONFLICT', undefined]);
  const told = status === 207 ? [{ category: 'CONFLICT', context: { objectWriteTraceId: ['b'] } }] : undefined;
  expect(body.errors?.map(({ category, context }) => ({ category, context }))).toEqual(told);
  expect(body.results?.map(({ objectWriteTraceId }) => objectWriteTraceId)).toEqual(
    status === 207 ? ['c', 'a'] : undefined,
  );
});

test('a batch has at most 100 inputs, and a batch of changes each record once', async () => {
  const standIn = await startStandIn();
  const inputs = Array.from({ length: 101 }, (_, index) => contact(`n${index}@example.com`, `t${index}`));
  expect((await post(standIn, 'contacts/batch/create', { inputs })).status).toBe(400);
  expect(standIn.contacts).toHaveLength(3);
  const change = { id: standIn.contacts[0]?.id ?? '', properties: { city: 'Seoul' } };
  expect((await post(standIn, 'contacts/batch/update', { inputs: [change, change] })).status).toBe(400);
  expect((await post(standIn, 'contacts/batch/update', { inputs: [change] })).status).toBe(200);
});

test('a batch read tells the ids that it does not find', async () => {
  const standIn = await startStandIn();
  const read = { idProperty: 'email', properties: ['city'], propertiesWithHistory: [] };
  const { status, body } = await post(standIn, 'contacts/batch/read', {
    ...read,
    inputs: [{ id: TAKEN }, { id: 'nobody@example.com' }],
  });
  expect(status).toBe(207);
  expect(body.results?.map(({ properties }) => properties['email'])).toEqual([TAKEN]);
  expect(body.errors).toMatchObject([{ category: 'OBJECT_NOT_FOUND', context: { ids: ['nobody@example.com'] } }]);
});

test('a search has at most 3,000 characters, 100 values and 18 filters', async () => {
  const standIn = await startStandIn();
  const search = async (values: readonly string[], filters = 1): Promise<number> => {
    const filter = { propertyName: 'phone', operator: 'IN', values };
    const group = { filters: Array.from({ length: filters }, () => filter) };
    return (await post(standIn, 'contacts/search', { filterGroups: [group, group, group, group] })).status;
  };
  expect(await search(['1'])).toBe(200);
  expect(await search(Array.from({ length: 101 }, () => '1'))).toBe(400);
  expect(await search(Array.from({ length: 90 }, () => '1234567'))).toBe(400);
  expect(await search(['1'], 5)).toBe(400);
});

test('a limit of requests is told in headers, but not to searches', async () => {
  const standIn = await startStandIn({ requestsPerTenSeconds: 2 });
  const search = await post(standIn, 'contacts/search', {});
  expect(search.headers.get('x-hubspot-ratelimit-max')).toBeNull();
  const second = await post(standIn, 'contacts/batch/read', { inputs: [] });
  expect(second.headers.get('x-hubspot-ratelimit-remaining')).toBe('0');
  const third = await post(standIn, 'contacts/batch/read', { inputs: [] });
  expect([third.status, third.body.policyName]).toEqual([429, 'TEN_SECONDLY_ROLLING']);
});
