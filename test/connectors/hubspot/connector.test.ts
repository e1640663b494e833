import { z } from 'zod';
import type { ActionUse } from '../../../src/connectors/connector';
import { hubspot } from '../../../src/connectors/hubspot/connector';
import type { JsonObject } from '../../../src/events/json';
import { allText, failureOf, openClient, startStandIn } from './running-actions';

const never = new AbortController().signal;
const check = (client: ReturnType<typeof openClient>, needs: readonly ActionUse[] = []): Promise<string> =>
  hubspot.connection.check?.(client, never, needs) ?? Promise.reject(new Error('no check'));

describe('settings', () => {
  const { settings } = hubspot.connection;
  test('a token is enough', () => {
    expect(settings.parse({ access_token: 'pat-na1-1' })).toMatchObject({
      base_url: 'https://api.hubapi.com',
      idempotency: 'unique_property',
      create_properties: true,
      api_version: 'v3',
      searches_per_second: 4,
    });
  });
  test('a trailing slash is taken off', () => {
    expect(settings.parse({ access_token: 't', base_url: 'https://api-eu1.hubapi.com/' }).base_url).toBe(
      'https://api-eu1.hubapi.com',
    );
  });
  test.each([
    [{}],
    [{ access_token: '' }],
    [{ access_token: 'two words' }],
    [{ access_token: 't', base_url: 'https://api.hubapi.com/crm/v3' }],
    [{ access_token: 't', base_url: 'ftp://api.hubapi.com' }],
    [{ access_token: 't', base_url: 'api.hubapi.com' }],
    [{ access_token: 't', idempotency: 'hope' }],
    [{ access_token: 't', api_version: 'v4' }],
    [{ access_token: 't', api_version: '2026-9' }],
    [{ access_token: 't', acces_token: 't' }],
  ])('%j is refused', (input) => {
    expect(settings.safeParse(input).success).toBe(false);
  });
});

describe('check', () => {
  test('creates our properties and says what is connected', async () => {
    const standIn = await startStandIn();
    expect(await check(openClient(standIn))).toBe(
      'contacts can be read; calls, tasks and new contacts are kept unique',
    );
    expect(standIn.account.property('tasks', 'voipbin_action_key')?.hasUniqueValue).toBe(true);
    expect(standIn.account.property('contacts', 'voipbin_phone')?.hasUniqueValue).toBe(true);
  });

  test('two workers may check at once', async () => {
    const standIn = await startStandIn();
    const said = await Promise.all([
      check(openClient(standIn)),
      check(openClient(standIn)),
      check(openClient(standIn)),
    ]);
    expect(new Set(said)).toEqual(new Set(['contacts can be read; calls, tasks and new contacts are kept unique']));
  });

  test('says why nothing is kept unique', async () => {
    const standIn = await startStandIn({ missingScopes: ['crm.schemas.contacts.write'] });
    expect(await check(openClient(standIn))).toBe(
      'contacts can be read; duplicates are found by search only (the token lacks crm.schemas.contacts.write)',
    );
  });

  describe('asks for what the rules need', () => {
    const task = (input: JsonObject, ...rules: string[]): ActionUse => ({
      action: 'hubspot.create_task',
      input: { subject: 'Call back', ...input },
      rules,
    });

    test('and names every missing scope with the rules that need it', async () => {
      const standIn = await startStandIn({
        missingScopes: ['crm.objects.owners.read', 'crm.objects.contacts.write'],
      });
      const error = await failureOf(
        check(openClient(standIn), [
          task({ owner: 'jane.owner@example.com' }, 'call-back', 'voicemail'),
          { action: 'hubspot.update_contact', input: { properties: { city: 'Seoul' } }, rules: ['last-call'] },
        ]),
      );
      expect(error.errorClass).toBe('permanent');
      expect(allText(error)).toContain(
        'crm.objects.owners.read, to find the owner of a task by e-mail (rules call-back, voicemail)',
      );
      expect(allText(error)).toContain('crm.objects.contacts.write, to write tasks (rules call-back, voicemail)');
      expect(allText(error)).toContain('crm.objects.contacts.write, to write contacts (rule last-call)');
      expect(standIn.contacts).toHaveLength(3);
    });

    test.each<[string, JsonObject, boolean]>([
      ['an owner by e-mail needs owners', { owner: 'jane.owner@example.com' }, false],
      ['an owner by a template may be an e-mail', { owner: '{{ data.owner }}' }, false],
      ['the contact’s owner needs none', { owner: 'contact_owner' }, true],
      ['nor does a task without an owner', {}, true],
    ])('%s', async (_name, input, allowed) => {
      const standIn = await startStandIn({ missingScopes: ['crm.objects.owners.read'] });
      const outcome = await check(openClient(standIn), [task(input, 'a')]).then(
        () => true,
        () => false,
      );
      expect(outcome).toBe(allowed);
    });

    test('and changes no record', async () => {
      const standIn = await startStandIn();
      const before = [standIn.contacts, standIn.calls, standIn.tasks];
      await check(openClient(standIn), [task({ owner: 'a@example.com', unknown_contact: 'create' }, 'a')]);
      expect([standIn.contacts, standIn.calls, standIn.tasks]).toEqual(before);
    });
  });

  test('fails for a token that is refused', async () => {
    const standIn = await startStandIn();
    expect((await failureOf(check(openClient(standIn, { access_token: 'wrong' })))).errorClass).toBe('credential');
  });
});

test.each(Object.keys(hubspot.actions))('%s has schemas for editors and docs, with every field described', (name) => {
  const action = hubspot.actions[name];
  for (const schema of [action?.input, action?.output, hubspot.connection.settings]) {
    const { properties = {} } = z.toJSONSchema(schema ?? z.never(), { io: 'input', unrepresentable: 'any' });
    const undescribed = Object.entries(properties).filter(
      ([, field]) => typeof field === 'boolean' || field.description === undefined,
    );
    expect(Object.keys(properties).length).toBeGreaterThan(0);
    expect(undescribed.map(([field]) => field)).toEqual([]);
  }
  expect(action?.effectOf({ subject: 'x', properties: { a: 'b' } })).toBe('repeatable');
});

test('the connector’s own stand-in gives settings that open a working client', async () => {
  const running = await hubspot.connection.standIn?.({ port: 0 });
  expect(await check(await hubspot.connection.open(hubspot.connection.settings.parse(running?.settings)))).toContain(
    'contacts can be read',
  );
  await running?.stop();
});
