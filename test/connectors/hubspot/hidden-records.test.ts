import { ActionError } from '../../../src/connectors/action-error';
import type { HubSpotStandInOptions } from '../../../src/connectors/hubspot/stand-in/server';
import type { UniqueProperties } from '../../../src/connectors/hubspot/stand-in/account-options';
import { attempts, callEvent, done, from, openClient, startStandIn } from './running-actions';

const NEW_CALLER = { event: callEvent(from('+14155552671')) };
const CREATE = { unknown_contact: 'create' };
const CONTACTS = /\/objects\/contacts$/;
const CONFLICT = {
  status: 409,
  headers: { 'content-type': 'application/json' },
  body: '{"category":"CONFLICT","message":"x"}',
};

describe('a contact that somebody deleted still holds the number', () => {
  test.each<[string, HubSpotStandInOptions]>([
    ['and HubSpot names it', { removedKeepsValue: true }],
    ['and HubSpot names nothing', { removedKeepsValue: true, conflictNamesId: false }],
    ['with status 400', { removedKeepsValue: true, conflictStatus: 400 }],
    ['or no longer does', { removedKeepsValue: false }],
  ])('%s: a new contact is made and the call logged', async (_name, options) => {
    const standIn = await startStandIn({ contacts: [], ...options });
    await done('log_call', openClient(standIn), CREATE, { ...NEW_CALLER, key: 'a/b/1' });
    standIn.account.remove('contacts', standIn.contacts[0]?.id ?? '');
    standIn.account.settle();
    const warnings: string[] = [];
    const { ended, count } = await attempts('log_call', openClient(standIn), CREATE, {
      ...NEW_CALLER,
      key: 'a/b/2',
      warnings,
    });
    expect([ended, count]).toEqual([expect.objectContaining({ created: true }), 1]);
    expect(standIn.contacts.map(({ properties }) => properties['phone'])).toEqual(['+14155552671']);
    expect(standIn.calls.at(-1)?.contactIds).toEqual([standIn.contacts[0]?.id]);
    expect(warnings.some((warning) => warning.includes('without our own property'))).toBe(
      options.removedKeepsValue === true,
    );
    standIn.account.settle();
    await done('log_call', openClient(standIn), CREATE, { ...NEW_CALLER, key: 'a/b/3' });
    expect(standIn.contacts).toHaveLength(1);
  });
});

describe('HubSpot says that a record exists already, and shows it nowhere', () => {
  test('a contact: after a few rounds one is made without our property', async () => {
    const standIn = await startStandIn({ contacts: [] });
    standIn.failNext({ method: 'POST', path: CONTACTS, times: 4, how: CONFLICT });
    const warnings: string[] = [];
    const { ended, count } = await attempts(
      'update_contact',
      openClient(standIn),
      {
        ...CREATE,
        properties: { last_hangup_reason: 'normal' },
      },
      { ...NEW_CALLER, warnings },
    );
    expect([ended, count]).toEqual([expect.objectContaining({ created: true }), 4]);
    expect(warnings.join()).toContain('without our own property');
    expect(warnings.join()).not.toMatch(/4155552671/);
    expect(standIn.contacts.map(({ properties }) => [properties['phone'], properties['voipbin_phone']])).toEqual([
      ['+14155552671', undefined],
    ]);
  });

  test.each([
    ['a contact', CONTACTS],
    ['a call', /\/objects\/calls$/],
  ])('%s, also without our property: the step fails and says why', async (_what, path) => {
    const standIn = await startStandIn();
    standIn.failNext({ method: 'POST', path, times: 1_000, how: CONFLICT });
    const { ended, count } = await attempts('log_call', openClient(standIn), CREATE, NEW_CALLER);
    expect(ended).toBeInstanceOf(ActionError);
    expect(ended).toMatchObject({ errorClass: 'permanent', detail: { code: 'conflict_hidden' } });
    expect(count).toBeLessThan(5);
  });

  test('a call: after a few rounds it is logged without our property', async () => {
    const standIn = await startStandIn();
    standIn.failNext({ method: 'POST', path: /\/objects\/calls$/, times: 4, how: CONFLICT });
    const { ended, count } = await attempts('log_call', openClient(standIn), {});
    expect([ended, count]).toEqual([expect.objectContaining({ created: false }), 4]);
    expect(standIn.calls).toHaveLength(1);
  });
});

describe('one call and one task per step, whatever an account does with unique properties', () => {
  const modes: UniqueProperties[] = ['honoured', 'refused', 'not_unique', 'look_up_refused', 'not_found'];
  const variants = modes.flatMap((mode) =>
    (['coded', 'bare', 404] as const).flatMap((noIdProperty) =>
      ([409, 400] as const).map((conflictStatus) => [mode, noIdProperty, conflictStatus] as const),
    ),
  );

  test.each(variants)(
    '%s, unusable ids answered with %s, conflicts with %s: the answer was lost',
    async (mode, noIdProperty, conflictStatus) => {
      const standIn = await startStandIn({
        uniqueProperties: { calls: mode, tasks: mode },
        noIdProperty,
        conflictStatus,
      });
      for (const [action, type, input] of [
        ['log_call', 'calls', {}],
        ['create_task', 'tasks', { subject: 'Call back' }],
      ] as const) {
        standIn.failNext({ method: 'POST', path: new RegExp(`/objects/${type}$`), how: 'lose_answer' });
        const first = await attempts(action, openClient(standIn), input, {
          onTransient: () => standIn.account.settle(),
        });
        expect(first).toMatchObject({ ended: { contact: { name: 'Ada Sample' } }, count: 2 });
        const again = await attempts(action, openClient(standIn), input);
        expect(again.ended).toMatchObject({ contact: { name: 'Ada Sample' } });
        expect(standIn[type]).toHaveLength(1);
      }
    },
  );

  test.each(modes)('%s: every call is logged, and quickly', async (mode) => {
    const standIn = await startStandIn({ uniqueProperties: { calls: mode, tasks: mode, contacts: mode } });
    const client = openClient(standIn);
    for (let index = 0; index < 4; index += 1) {
      const event = callEvent(from(`+1415555267${index % 2}`));
      expect(await attempts('log_call', client, CREATE, { event, key: `a/b/${index}` })).toMatchObject({ count: 1 });
    }
    expect([standIn.calls.length, standIn.contacts.length]).toEqual([4, 5]);
  });

  test('not_found, and a conflict that names no record: found by its other properties after a few rounds', async () => {
    const standIn = await startStandIn({ uniqueProperties: { calls: 'not_found' }, conflictNamesId: false });
    standIn.failNext({ method: 'POST', path: /\/objects\/calls$/, how: 'lose_answer' });
    const { ended, count } = await attempts(
      'log_call',
      openClient(standIn),
      {},
      {
        onTransient: () => standIn.account.settle(),
      },
    );
    expect(ended).toMatchObject({ call: { id: standIn.calls[0]?.id } });
    expect([standIn.calls.length, count]).toEqual([1, 4]);
  });

  test('a retry that only a search can serve waits until the search has caught up', async () => {
    const standIn = await startStandIn({ uniqueProperties: { calls: 'refused' } });
    standIn.failNext({ method: 'POST', path: /\/objects\/calls$/, how: 'lose_answer' });
    await expect(done('log_call', openClient(standIn), {})).rejects.toMatchObject({
      errorClass: 'transient',
      detail: { retryAfterMs: 15_000 },
    });
  });

  test('a call that somebody deleted is not logged again', async () => {
    const standIn = await startStandIn({ removedKeepsValue: true });
    await done('log_call', openClient(standIn), {});
    const id = standIn.calls[0]?.id ?? '';
    standIn.account.remove('calls', id);
    expect(await attempts('log_call', openClient(standIn), {})).toMatchObject({ ended: { call: { id } }, count: 1 });
    expect(standIn.calls).toEqual([]);
  });
});

describe('our own property of contacts', () => {
  test.each(['coded', 'bare', 404] as const)(
    'that somebody deleted is created again, and no step fails (%s)',
    async (noIdProperty) => {
      const standIn = await startStandIn({ contacts: [], noIdProperty });
      const client = openClient(standIn);
      await done('log_call', client, CREATE, { event: callEvent(from('+14155552670')), key: 'a/b/1' });
      standIn.account.removeProperty('contacts', 'voipbin_phone');
      expect(await attempts('log_call', client, CREATE, { ...NEW_CALLER, key: 'a/b/2' })).toMatchObject({
        ended: { created: true },
        count: 1,
      });
      expect(standIn.account.property('contacts', 'voipbin_phone')?.hasUniqueValue).toBe(true);
      expect(standIn.contacts.at(-1)?.properties['voipbin_phone']).toBe('+14155552671');
    },
  );

  test('that is gone for good is left out', async () => {
    const standIn = await startStandIn({ contacts: [] });
    const client = openClient(standIn);
    await done('log_call', client, CREATE, { event: callEvent(from('+14155552670')), key: 'a/b/1' });
    standIn.account.removeProperty('contacts', 'voipbin_phone');
    standIn.failNext({ method: 'POST', path: '/properties/contacts', times: 9, how: { status: 403 } });
    expect(await attempts('log_call', client, CREATE, { ...NEW_CALLER, key: 'a/b/2' })).toMatchObject({ count: 1 });
    expect(standIn.contacts.at(-1)?.properties['phone']).toBe('+14155552671');
  });

  test('a step that skips unknown contacts skips, although it was deleted', async () => {
    const standIn = await startStandIn({ contacts: [] });
    const client = openClient(standIn);
    await done('log_call', client, CREATE, { event: callEvent(from('+14155552670')), key: 'a/b/1' });
    standIn.account.removeProperty('contacts', 'voipbin_phone');
    await expect(attempts('log_call', client, {}, { ...NEW_CALLER, key: 'a/b/2' })).rejects.toThrow(
      'no contact with this number',
    );
  });
});

test('an account that validates phones gets the contact without one, found again by our own property', async () => {
  const standIn = await startStandIn({ contacts: [], validatesPhones: true });
  const event = callEvent(from('+11235550123'));
  expect(await done('log_call', openClient(standIn), CREATE, { event, key: 'a/b/1' })).toMatchObject({
    contact: { name: null },
  });
  standIn.account.settle();
  expect(await done('log_call', openClient(standIn), CREATE, { event, key: 'a/b/2' })).toMatchObject({
    created: false,
  });
  expect(standIn.contacts.map(({ properties }) => [properties['phone'], properties['voipbin_phone']])).toEqual([
    [undefined, '+11235550123'],
  ]);
});

test('the first attempt asks for nothing that it does not expect to find', async () => {
  const standIn = await startStandIn({ contacts: [] });
  const client = openClient(standIn);
  await done('log_call', client, CREATE, { event: callEvent(from('+14155552670')), key: 'a/b/1' });
  const before = standIn.requests.length;
  await done('log_call', client, CREATE, { ...NEW_CALLER, key: 'a/b/2' });
  expect(standIn.requests.slice(before).map(({ method, url }) => `${method} ${url}`)).toEqual([
    'POST /crm/v3/objects/contacts/search',
    'POST /crm/v3/objects/contacts',
    'POST /crm/v3/objects/calls',
  ]);
});
