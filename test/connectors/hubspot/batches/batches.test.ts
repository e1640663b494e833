import { setTimeout as delay } from 'node:timers/promises';
import pino from 'pino';
import { ActionError } from '../../../../src/connectors/action-error';
import type { HubSpotClient } from '../../../../src/connectors/hubspot/client';
import { HubSpotSession } from '../../../../src/connectors/hubspot/session';
import type { HubSpotStandIn, HubSpotStandInOptions } from '../../../../src/connectors/hubspot/stand-in/server';
import type { ActionOutcome } from '../../../../src/connectors/action-context';
import type { JsonObject } from '../../../../src/events/json';
import { attempts, callEvent, done, from, openClient, run, startStandIn, type Attempt } from '../running-actions';

const CREATE = { unknown_contact: 'create' };

const numberOf = (index: number): string => `+1415${2_000_000 + index * 7}`;

/** Contacts for the numbers from 0 on. */
const knownContacts = (count: number): Record<string, string>[] =>
  Array.from({ length: count }, (_, index) => ({
    firstname: `Known ${index}`,
    phone: numberOf(index).replace(/^\+1(...)(...)(....)$/, '($1) $2-$3'),
  }));

function attempt(index: number, more: Attempt = {}): Attempt {
  return { key: `event-${index}/log-calls/call`, event: callEvent(from(numberOf(index))), ...more };
}

const logCall = (client: HubSpotClient, index: number, more: Attempt = {}): Promise<ActionOutcome<JsonObject>> =>
  run('log_call', client, CREATE, attempt(index, more));

const range = (count: number): number[] => Array.from({ length: count }, (_, index) => index);

const requestsTo = (standIn: HubSpotStandIn, path: RegExp): number =>
  standIn.requests.filter(({ url }) => path.test(url)).length;

/** The number whose contact a call of the stand-in is associated with. */
function numbersCalled(standIn: HubSpotStandIn): (string | undefined)[] {
  const phones = new Map(standIn.contacts.map(({ id, properties }) => [id, properties['phone']?.replace(/\D/g, '')]));
  return standIn.calls.map(({ contactIds }) => phones.get(contactIds[0] ?? '')?.slice(-10));
}

const sorted = (texts: readonly (string | undefined)[]): string[] =>
  texts.map((text) => text ?? 'none').sort((a, b) => a.localeCompare(b));

const national = (index: number): string => numberOf(index).slice(2);

test('calls of a hundred numbers, known and unknown, take a few requests, each call on its own contact', async () => {
  const standIn = await startStandIn({ indexDelayMs: 60_000, contacts: knownContacts(60) });
  const client = openClient(standIn);
  const outcomes = await Promise.all(range(100).map((index) => done('log_call', client, CREATE, attempt(index))));
  // Some 600 one by one; how many together depends on how the answers fall.
  expect(standIn.requests.length).toBeLessThan(100);
  expect(sorted(numbersCalled(standIn))).toEqual(sorted(range(100).map(national)));
  expect(standIn.contacts).toHaveLength(100);
  const phones = new Map(standIn.contacts.map(({ id, properties }) => [id, properties['phone']?.replace(/\D/g, '')]));
  expect(outcomes.map(({ contact }) => phones.get((contact as JsonObject)['id'] as string)?.slice(-10))).toEqual(
    range(100).map(national),
  );
  expect(outcomes.map(({ created }) => created)).toEqual(range(100).map((index) => index >= 60));
});

describe.each<[string, HubSpotStandInOptions]>([
  ['that answers for each input', {}],
  ['that answers for each input, without the ids of results', { resultsCarryTraceIds: false }],
  ['that answers for each input, with 400 for a conflict', { conflictStatus: 400, conflictNamesId: false }],
  ['that refuses the whole batch', { batches: 'whole' }],
  ['that refuses the whole batch, with 400 for a conflict', { batches: 'whole', conflictStatus: 400 }],
  ['that refuses the whole batch and has made a part of it', { batches: 'partly' }],
  [
    'that finds no records by our property',
    { batches: 'whole', uniqueProperties: { calls: 'look_up_refused', contacts: 'look_up_refused' } },
  ],
])('an account %s', (_name, options) => {
  test('logs each call once when another worker has logged some of them a moment ago', async () => {
    const standIn = await startStandIn({ ...options, indexDelayMs: 60_000, contacts: knownContacts(10) });
    const [one, other] = [openClient(standIn), openClient(standIn)];
    await Promise.all([3, 7, 12].map((index) => logCall(one, index)));
    standIn.account.settle();
    const outcomes = await Promise.all(range(20).map((index) => logCall(other, index)));
    expect(outcomes.map(({ outcome }) => outcome)).toEqual(range(20).map(() => 'done'));
    expect(sorted(numbersCalled(standIn))).toEqual(sorted(range(20).map(national)));
    expect(standIn.contacts).toHaveLength(20);
  });

  test('logs each call once when two workers have all of them at the same moment', async () => {
    const standIn = await startStandIn({ ...options, indexDelayMs: 0, contacts: knownContacts(10) });
    const workers = [openClient(standIn), openClient(standIn)];
    // A record that the other worker is about to make is refused, and may show a moment later: then it is tried again.
    const ended = await Promise.all(
      workers.flatMap((client) => range(20).map((index) => attempts('log_call', client, CREATE, attempt(index)))),
    );
    expect(ended.filter((each) => each.ended instanceof ActionError || each.count > 3)).toEqual([]);
    expect(sorted(numbersCalled(standIn))).toEqual(sorted(range(20).map(national)));
    expect(standIn.contacts).toHaveLength(20);
  });

  test('one that is refused keeps its own refusal, and the others are done', async () => {
    const standIn = await startStandIn({ ...options, contacts: knownContacts(10) });
    const client = openClient(standIn);
    const results = await Promise.allSettled(
      range(10).map((index) =>
        run(
          'update_contact',
          client,
          { properties: { next_review: index === 6 ? 'soon' : '2026-03-02' } },
          attempt(index),
        ),
      ),
    );
    const lead = await Promise.allSettled(
      range(10).map((index) =>
        run(
          'update_contact',
          client,
          { properties: { hs_lead_status: index === 6 ? 'NONSENSE' : 'NEW' } },
          attempt(index),
        ),
      ),
    );
    const codes = [results, lead].map((settled) =>
      settled.map((each) =>
        each.status === 'fulfilled'
          ? each.value.outcome
          : each.reason instanceof ActionError && `${each.reason.errorClass} ${each.reason.detail.code}`,
      ),
    );
    const expected = (code: string): string[] => range(10).map((index) => (index === 6 ? `permanent ${code}` : 'done'));
    expect(codes).toEqual([expected('INVALID_DATE'), expected('INVALID_OPTION')]);
    expect(standIn.contacts.filter(({ properties }) => properties['hs_lead_status'] === 'NEW')).toHaveLength(9);
  });

  test('values that an account refuses are found out once, not for every call', async () => {
    const standIn = await startStandIn({ ...options, contacts: knownContacts(40) });
    // The account has no such outcome of calls, as many do.
    standIn.account.removeProperty('calls', 'hs_call_external_id');
    const client = openClient(standIn);
    await Promise.all(range(40).map((index) => logCall(client, index)));
    expect(standIn.calls).toHaveLength(40);
    expect(requestsTo(standIn, /calls(?:\/batch\/create)?$/)).toBeLessThan(40);
  });
});

test('two rules about one new number from different countries make one contact', async () => {
  const standIn = await startStandIn({ indexDelayMs: 60_000, contacts: [] });
  const client = openClient(standIn);
  await Promise.all(
    ['US', 'KR', null, 'DE'].map((country, index) => logCall(client, 0, { country, key: `event/rule-${index}/call` })),
  );
  expect(standIn.contacts).toHaveLength(1);
  expect(standIn.calls.map(({ contactIds }) => contactIds)).toEqual(range(4).map(() => [standIn.contacts[0]?.id]));
});

test('several changes of one contact are all made', async () => {
  const standIn = await startStandIn({ contacts: knownContacts(2) });
  const client = openClient(standIn);
  await Promise.all(
    ['city', 'company', 'jobtitle'].flatMap((name) =>
      range(2).map((index) => done('update_contact', client, { properties: { [name]: 'set' } }, attempt(index))),
    ),
  );
  for (const { properties } of standIn.contacts) {
    expect(properties).toMatchObject({ city: 'set', company: 'set', jobtitle: 'set' });
  }
});

test.each([
  ['a lost answer', 'lose_answer' as const],
  ['a broken gateway', 'html' as const],
  ['a reset', 'reset' as const],
])('%s is transient for every call of the batch, and the next attempts log each once', async (_name, how) => {
  const standIn = await startStandIn({ indexDelayMs: 60_000, contacts: knownContacts(30) });
  const client = openClient(standIn);
  standIn.failNext({ method: 'POST', path: 'calls/batch/create', times: 2, how });
  const firsts = await Promise.allSettled(range(30).map((index) => logCall(client, index)));
  const failed = firsts.flatMap((each) => (each.status === 'rejected' ? [each.reason as ActionError] : []));
  expect(failed.length).toBeGreaterThan(1);
  expect(new Set(failed.map(({ errorClass }) => errorClass))).toEqual(new Set(['transient']));
  const before = standIn.requests.length;
  // Another worker, which knows nothing of the first attempts.
  const second = openClient(standIn);
  await Promise.all(range(30).map((index) => logCall(second, index, { number: 2 })));
  expect(sorted(numbersCalled(standIn))).toEqual(sorted(range(30).map(national)));
  // Some 100 one by one.
  expect(standIn.requests.length - before).toBeLessThan(60);
});

test('an attempt that is cancelled leaves the others of its batch alone', async () => {
  const standIn = await startStandIn({ contacts: knownContacts(10), answerDelayMs: 20 });
  const client = openClient(standIn);
  const controller = new AbortController();
  const results = Promise.allSettled(
    range(10).map((index) => logCall(client, index, index === 4 ? { signal: controller.signal } : {})),
  );
  while (requestsTo(standIn, /search$/) === 0) {
    await delay(1);
  }
  controller.abort();
  const settled = await results;
  expect(settled.map(({ status }) => status)).toEqual(
    range(10).map((index) => (index === 4 ? 'rejected' : 'fulfilled')),
  );
  expect(settled[4]).toMatchObject({ reason: { errorClass: 'transient', detail: { code: 'cancelled' } } });
});

test('a request that hangs does not hold up the others', async () => {
  const standIn = await startStandIn({ contacts: knownContacts(3) });
  const client = openClient(standIn);
  const controller = new AbortController();
  standIn.failNext({ path: /search$/, how: 'hang' });
  const hanging = Promise.allSettled([logCall(client, 0, { signal: controller.signal })]);
  while (requestsTo(standIn, /search$/) === 0) {
    await delay(1);
  }
  await Promise.all([1, 2].map((index) => logCall(client, index)));
  controller.abort();
  expect(await hanging).toMatchObject([{ reason: { errorClass: 'transient', detail: { code: 'cancelled' } } }]);
});

test('a number that more contacts have than a search shows does not hide the others', async () => {
  const standIn = await startStandIn({ contacts: [] });
  for (const _ of range(230)) {
    standIn.account.create('contacts', { firstname: 'Shared', phone: numberOf(0) });
  }
  for (const properties of knownContacts(12).slice(1)) {
    standIn.account.create('contacts', properties);
  }
  standIn.account.settle();
  const client = openClient(standIn);
  await Promise.all(range(12).map((index) => done('log_call', client, {}, attempt(index))));
  expect(sorted(numbersCalled(standIn))).toEqual(sorted(range(12).map(national)));
});

test('a contact that was deleted after its number was looked up is looked up again, for its own call only', async () => {
  const standIn = await startStandIn({ contacts: knownContacts(10) });
  const client = openClient(standIn);
  await Promise.all(
    range(10).map((index) => done('update_contact', client, { properties: { city: 'x' } }, attempt(index))),
  );
  standIn.account.remove('contacts', standIn.contacts[5]?.id ?? '');
  standIn.account.settle();
  await Promise.all(range(10).map((index) => logCall(client, index)));
  expect(sorted(numbersCalled(standIn))).toEqual(sorted(range(10).map(national)));
  expect(standIn.contacts).toHaveLength(10);
});

test('a scope that is missing is told to each, by its part, and nothing is asked for again one by one', async () => {
  const standIn = await startStandIn({
    contacts: knownContacts(20),
    missingScopes: ['crm.objects.contacts.write'],
  });
  const client = openClient(standIn);
  const settled = await Promise.allSettled(range(20).map((index) => logCall(client, index)));
  for (const each of settled) {
    expect(each).toMatchObject({ reason: { errorClass: 'credential', detail: { part: 'calls' } } });
  }
  expect(requestsTo(standIn, /objects\/calls/)).toBeLessThan(20);
});

test('a single call goes by the endpoints for one', async () => {
  const standIn = await startStandIn();
  await logCall(openClient(standIn), 1);
  expect(requestsTo(standIn, /batch/)).toBe(0);
});

test('an attempt that is cut off while it asks about our property does not take those along that wait for it', async () => {
  const standIn = await startStandIn({ contacts: knownContacts(3) });
  const client = openClient(standIn);
  const controller = new AbortController();
  standIn.failNext({ path: /properties\/calls\//, how: 'hang' });
  const cutOff = Promise.allSettled([logCall(client, 0, { signal: controller.signal })]);
  while (requestsTo(standIn, /properties\/calls\//) === 0) {
    await delay(1);
  }
  const others = Promise.all([1, 2].map((index) => logCall(client, index)));
  controller.abort();
  expect(await others).toMatchObject([{ outcome: 'done' }, { outcome: 'done' }]);
  expect(await cutOff).toMatchObject([{ reason: { detail: { code: 'cancelled' } } }]);
});

test('a record that comes under another id, because it was merged, is not taken for missing', async () => {
  const standIn = await startStandIn({ contacts: knownContacts(3) });
  const [one, two, three] = standIn.contacts.map(({ id }) => id);
  standIn.failNext({
    path: /contacts\/batch\/read/,
    how: {
      status: 200,
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ results: [one, 'the-merged-one', three].map((id) => ({ id, properties: {} })) }),
    },
  });
  const session = new HubSpotSession(openClient(standIn), new AbortController().signal, pino({ level: 'silent' }));
  const found = await Promise.all([one, two, three].map((id) => session.get('contacts', id ?? '')));
  expect(found.map((record) => record?.id)).toEqual([one, two, three]);
});
