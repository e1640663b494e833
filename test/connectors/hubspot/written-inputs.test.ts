import type { ActionUse } from '../../../src/connectors/connector';
import { hubspot } from '../../../src/connectors/hubspot/connector';
import type { HubSpotStandIn } from '../../../src/connectors/hubspot/stand-in/server';
import type { JsonObject } from '../../../src/events/json';
import { isTemplate } from '../../../src/rules/language/liquid';
import { openClient, startStandIn } from './running-actions';

let standIn: HubSpotStandIn;
beforeEach(async () => {
  standIn = await startStandIn({ knowsEveryOwner: false });
});

function use(properties: JsonObject): ActionUse {
  return { action: 'hubspot.update_contact', input: { properties }, rules: ['a'] };
}

async function judged(...uses: ActionUse[]): Promise<string[]> {
  const found = await hubspot.connection.judge?.(openClient(standIn), new AbortController().signal, uses, isTemplate);
  return (found ?? []).map(({ path, message, hint }) => `${path.join('.')}: ${message}; ${hint}`);
}

test('what the account has is fine, also when the value is not known yet', async () => {
  const properties = {
    last_hangup_reason: 'normal',
    last_call_date: '{{ occurred_at }}',
    lifecyclestage: 'customer',
    hs_lead_status: '{{ data.status }}',
    next_review: '2026-03-02',
    call_count: '',
  };
  expect(await judged(use(properties))).toEqual([]);
});

test.each([
  [{ lead_scor: '{{ data.score }}' }, "properties.lead_scor: HubSpot's contacts have no property lead_scor; create it"],
  [{ lastmodifieddate: '{{ occurred_at }}' }, 'properties.lastmodifieddate: nobody can write the property'],
  [{ lifecyclestage: 'custmer' }, 'no option "custmer"; did you mean "customer"?'],
  [{ hs_lead_status: 'gone' }, 'no option "gone"; its options are NEW, OPEN'],
  [{ next_review: 'soon' }, 'properties.next_review: the property next_review takes a date'],
  [{ call_count: 'many' }, 'properties.call_count: the property call_count takes a number'],
])('%j is a problem: %s', async (properties, message) => {
  const problems = await judged(use(properties));
  expect(problems).toHaveLength(1);
  expect(problems[0]).toContain(message);
});

test('all problems of all rules are told at once', async () => {
  expect(await judged(use({ one: 'x', two: 'x' }), use({ three: 'x' }))).toHaveLength(3);
});

test('an owner whom HubSpot does not know', async () => {
  const task = (owner: string): ActionUse => ({ action: 'hubspot.create_task', input: { owner }, rules: ['a'] });
  const uses = [
    task('jane.owner@example.com'),
    task('contact_owner'),
    task('{{ data.owner }}'),
    task('joe@example.com'),
  ];
  expect(await judged(...uses)).toEqual([expect.stringContaining('owner: HubSpot has no user with this e-mail')]);
});

test('nothing is written while rules are judged', async () => {
  await judged(use({ lead_scor: 'x', lifecyclestage: 'customer' }));
  expect(standIn.requests.filter(({ method }) => method !== 'GET')).toEqual([]);
});
