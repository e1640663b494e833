import { actionCatalogue } from '../../../src/connectors/registry';
import type { HubSpotStandIn } from '../../../src/connectors/hubspot/stand-in/server';
import { loadRules } from '../../../src/rules/parse/load';
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

let standIn: HubSpotStandIn;
beforeEach(async () => {
  standIn = await startStandIn();
});

const INPUTS = {
  create_task: { subject: 'Call back' },
  log_call: {},
  update_contact: { properties: { last_hangup_reason: 'normal' } },
} as const satisfies Record<ActionName, object>;
const ACTIONS: ActionName[] = ['create_task', 'log_call', 'update_contact'];
const STRANGER = callEvent(from('+14155552671'));

describe.each(ACTIONS)('%s', (name) => {
  test.each(['+1 555 123-4567', '(555) 123-4567'])(
    'is about the contact with the number %s, whoever called',
    async (number) => {
      const result = await done(name, openClient(standIn), { ...INPUTS[name], number }, { event: STRANGER });
      expect(result).toMatchObject({ contact: { id: standIn.contacts[0]?.id, name: 'Ada Sample' } });
    },
  );

  test('is about the contact with an id, for an event without a far end, too', async () => {
    const contact = standIn.contacts[0]?.id ?? '';
    const event = callEvent({ peer: null });
    expect(await done(name, openClient(standIn), { ...INPUTS[name], contact }, { event })).toMatchObject({
      contact: { id: contact },
      created: false,
    });
  });

  test('creates the contact of a number that none has, without the name of somebody else', async () => {
    const event = callEvent(from('+14155552671', 'tel', 'Grace'));
    const input = { ...INPUTS[name], number: '+14155550199', unknown_contact: 'create' };
    await done(name, openClient(standIn), input, { event });
    expect(standIn.contacts.at(-1)?.properties).toMatchObject({ phone: '+14155550199', firstname: '+14155550199' });
  });

  test.each([
    [{ number: ' ' }, 'the rendered `number` is empty'],
    [{ contact: '' }, 'the rendered `contact` is empty'],
    [{ number: 'anonymous' }, 'the rendered `number` is no phone number: it withheld it'],
    [{ number: '+14155550199' }, 'no contact with this number'],
    [{ contact: '999999' }, 'no contact with this id'],
  ])('given %j does nothing: %s', async (named, reason) => {
    const outcome = await run(name, openClient(standIn), { ...INPUTS[name], ...named }, { event: STRANGER });
    expect(outcome).toEqual({ outcome: 'skipped', reason });
  });

  test('does nothing for one of our own numbers', async () => {
    const outcome = await run(
      name,
      openClient(standIn),
      { ...INPUTS[name], number: '+1 555 765 4321' },
      {
        isOurs: (number) => number === '+15557654321',
      },
    );
    expect(outcome).toEqual({ outcome: 'skipped', reason: 'the rendered `number` is a number of our own' });
  });

  test('fails for an id that is none, and does not tell it', async () => {
    const error = await failureOf(run(name, openClient(standIn), { ...INPUTS[name], contact: 'ada@example.com' }));
    expect([error.errorClass, error.detail.code]).toEqual(['permanent', 'invalid_contact']);
    expect(allText(error)).not.toContain('ada@');
  });

  test.each([
    ['number: "call me"', 'is not a phone number'],
    ['contact: "Ada"', "is not HubSpot's id of a contact"],
    ['number: "+15551234567", contact: "{{ data.x }}"', 'give either number or contact, not both'],
  ])('with %s is refused by rules check', (named, message) => {
    const input = JSON.stringify(INPUTS[name]).slice(1, -1);
    const text = `version: 1\nrules:\n  - name: a\n    on: call_hangup\n    do:\n      - hubspot.${name}: { ${input}${input === '' ? '' : ','} ${named} }\n`;
    const { findings } = loadRules({ file: 'rules.yaml', actions: actionCatalogue, readFile: () => text });
    expect(findings.map((finding) => finding.message).join('\n')).toContain(message);
  });
});

test('a contact that was deleted after a step found it: the next one says so', async () => {
  const client = openClient(standIn);
  await done('create_task', client, { subject: 'x' });
  const id = standIn.contacts[0]?.id ?? '';
  standIn.account.remove('contacts', id);
  expect(await run('log_call', client, { contact: id })).toEqual({
    outcome: 'skipped',
    reason: 'no contact with this id',
  });
});

test('a call that is logged for another number has that number', async () => {
  await done('log_call', openClient(standIn), { number: '+1 555 123 4567' }, { event: STRANGER });
  expect(standIn.calls[0]?.properties).toMatchObject({
    hs_call_from_number: '+15551234567',
    hs_call_title: 'Inbound answered call from +15551234567 on +15557654321',
  });
});

test('a call that is logged for a contact keeps the number of its far end', async () => {
  await done('log_call', openClient(standIn), { contact: standIn.contacts[0]?.id ?? '' }, { event: STRANGER });
  expect(standIn.calls[0]?.properties).toMatchObject({ hs_call_from_number: '+14155552671' });
});
