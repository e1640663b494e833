import type { HubSpotStandIn } from '../../../src/connectors/hubspot/stand-in/server';
import { allText, callEvent, done, failureOf, from, openClient, run, startStandIn } from './running-actions';

let standIn: HubSpotStandIn;
beforeEach(async () => {
  standIn = await startStandIn();
});

test('a task for the contact’s owner, due an hour after the event', async () => {
  const result = await done('create_task', openClient(standIn), {
    subject: 'Call back',
    body: '<p>Missed call</p>',
    priority: 'high',
  });
  const [task] = standIn.tasks;
  expect(result).toMatchObject({
    task: { id: task?.id, due: '2026-03-02T02:01:10.250Z' },
    contact: { name: 'Ada Sample' },
    created: false,
  });
  expect(task?.contactIds).toEqual([standIn.contacts[0]?.id]);
  expect(task?.properties).toMatchObject({
    hs_timestamp: '2026-03-02T02:01:10.250Z',
    hs_task_subject: 'Call back',
    hs_task_body: '<p>Missed call</p>',
    hs_task_status: 'NOT_STARTED',
    hs_task_priority: 'HIGH',
    hs_task_type: 'CALL',
    hubspot_owner_id: '71001',
  });
});

test.each([
  ['30m', '2026-03-02T01:01:11.000Z', '2026-03-02T01:31:10.250Z'],
  ['1d', '2026-03-02T01:01:11.000Z', '2026-03-03T01:01:10.250Z'],
  ['0', '2026-03-02T01:01:11.000Z', '2026-03-02T01:01:11.000Z'],
  ['1h', '2026-03-05T00:00:00.000Z', '2026-03-05T00:00:00.000Z'],
  ['2026-03-04T08:00:00.000Z', '2026-03-02T01:01:20Z', '2026-03-04T08:00:00.000Z'],
  ['2026-03-01T08:00:00.000Z', '2026-03-02T01:01:20Z', '2026-03-02T01:01:20.000Z'],
])('due %s, begun at %s: %s', async (due, startedAt, expected) => {
  expect(
    await done('create_task', openClient(standIn), { subject: 'x', due }, { startedAt: new Date(startedAt) }),
  ).toMatchObject({ task: { due: expected } });
});

test('an owner by e-mail, in any case, looked up once', async () => {
  const client = openClient(standIn);
  await done('create_task', client, { subject: 'x', owner: 'Minsu.Owner@example.com' }, { key: 'a/b/1' });
  await done('create_task', client, { subject: 'x', owner: 'minsu.owner@example.com' }, { key: 'a/b/2' });
  expect(standIn.tasks.map(({ properties }) => properties['hubspot_owner_id'])).toEqual(['71002', '71002']);
  expect(standIn.requests.filter(({ url }) => url.includes('/owners'))).toHaveLength(1);
});

test('the stand-in knows the person whom a rule names, as the same user each time', async () => {
  for (const [key, owner] of [
    ['a/b/1', 'Anna@firma.example'],
    ['a/b/2', 'anna@firma.example'],
    ['a/b/3', 'bob@firma.example'],
  ] as const) {
    await done('create_task', openClient(standIn), { subject: 'x', owner }, { key });
  }
  const [first, second, third] = standIn.tasks.map(({ properties }) => properties['hubspot_owner_id']);
  expect(first).toMatch(/^\d+$/);
  expect(second).toBe(first);
  expect(third).not.toBe(first);
});

test('nobody’s task when the contact has no owner', async () => {
  await done(
    'create_task',
    openClient(standIn),
    { subject: 'x', unknown_contact: 'create' },
    { event: callEvent(from('+14155552671')) },
  );
  expect(standIn.tasks[0]?.properties).not.toHaveProperty('hubspot_owner_id');
});

test.each([
  [{ owner: 'nobody@example.com' }, 'owner_not_found'],
  [{ owner: 'the boss' }, 'invalid_owner'],
  [{ due: 'tomorrow' }, 'invalid_due'],
])('%j is wrong: %s, without telling the text', async (wrong, code) => {
  const seedOwnersOnly = await startStandIn({ knowsEveryOwner: false });
  const error = await failureOf(run('create_task', openClient(seedOwnersOnly), { subject: 'x', ...wrong }));
  expect([error.errorClass, error.detail.code]).toEqual(['permanent', code]);
  expect(allText(error)).not.toMatch(/nobody|boss|tomorrow/);
  expect(seedOwnersOnly.tasks).toEqual([]);
});

test('ten at once make one task', async () => {
  const clients = [openClient(standIn), openClient(standIn)];
  await Promise.all(
    Array.from({ length: 10 }, (_, n) => done('create_task', clients[n % 2] ?? openClient(standIn), { subject: 'x' })),
  );
  expect(standIn.tasks).toHaveLength(1);
});

test('a lost answer and a retry make one task', async () => {
  const client = openClient(standIn);
  standIn.failNext({ method: 'POST', path: /\/objects\/tasks$/, how: 'lose_answer' });
  expect((await failureOf(run('create_task', client, { subject: 'x' }))).errorClass).toBe('transient');
  await done('create_task', client, { subject: 'x' });
  expect(standIn.tasks).toHaveLength(1);
});

test('without the unique property it is found by subject and due time', async () => {
  const without = await startStandIn({ missingScopes: ['crm.schemas.contacts.write'] });
  await done('create_task', openClient(without), { subject: 'Call back' });
  without.account.settle();
  await done('create_task', openClient(without), { subject: 'Call back' });
  await done('create_task', openClient(without), { subject: 'Something else' });
  expect(without.tasks).toHaveLength(2);
});

test('a contact whose owner has left gets a task without an owner', async () => {
  const answer = {
    category: 'VALIDATION_ERROR',
    errors: [{ code: 'INVALID_OWNER', context: { propertyName: ['hubspot_owner_id'] } }],
  };
  standIn.failNext({ method: 'POST', path: /\/objects\/tasks$/, how: { status: 400, body: JSON.stringify(answer) } });
  await done('create_task', openClient(standIn), { subject: 'x' });
  expect(standIn.tasks.map(({ properties }) => properties['hubspot_owner_id'])).toEqual([undefined]);
});

test('texts that HubSpot does not take are cut and mended before they are sent', async () => {
  const body = `<p>${'a'.repeat(65_530)}</p><p>${'b'.repeat(100)}</p>`;
  await done('create_task', openClient(standIn), { subject: `Call \ud83d back\u0000`, body });
  const [task] = standIn.tasks;
  expect(task?.properties['hs_task_subject']).toBe('Call \ufffd back');
  expect(task?.properties['hs_task_body']).toMatch(/^<p>a{65530}…$/);
});
