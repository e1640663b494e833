import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { actionCatalogue } from '../../src/connectors/registry';
import { SeenCalls } from '../../src/events/seen-calls';
import type { JsonObject } from '../../src/events/json';
import { formatFinding } from '../../src/yaml/format-findings';
import { loadRules } from '../../src/rules/parse/load';
import { renderInput } from '../../src/rules/language/template';
import { testActions } from './catalogue';
import { answeredAt, eventOf, ruleSetOf } from './load-text';
import { NOTHING_KNOWN, type KnownCalls } from '../../src/events/known-calls';
import { MOMENT } from './language/moment';

const loaded = loadRules({ file: 'config/rules.yaml', actions: testActions });
if (!loaded.ok) {
  throw new Error(loaded.findings.map(formatFinding).join('\n'));
}
const { ruleSet } = loaded;

/** Rule by rule, the actions with their rendered inputs. */
function whatHappens(type: string, data: JsonObject, ours: string[] = [], known: KnownCalls = NOTHING_KNOWN) {
  const event = eventOf(type, data, ours, known);
  return Object.fromEntries(
    (ruleSet.plan(event)?.rules ?? []).map((rule) => [
      rule.name,
      rule.steps.map((step) => [
        step.action,
        renderInput(step.input, {
          event,
          steps: {},
          timezone: rule.timezone,
          country: rule.country,
          ...MOMENT,
          sinkOf: (name) => testActions.find(step.action)?.action.sinkOf(name) ?? 'plain',
        }),
      ]),
    ]),
  );
}

const tel = (target: string) => ({ type: 'tel', target });

test('there is nothing to say about the shipped file', () => {
  expect(loaded.findings).toEqual([]);
});

test("the page's curl sample updates the contact, logs the call and posts to Slack", () => {
  const data = {
    id: 'test-call-id',
    hangup_reason: 'normal',
    source: tel('+15551234567'),
    destination: tel('+15559876543'),
  };
  expect(whatHappens('call_hungup', data)).toEqual({
    'log-calls': [
      [
        'hubspot.update_contact',
        {
          properties: { last_call_date: '2026-03-02T01:00:30.000Z', last_hangup_reason: 'normal' },
          unknown_contact: 'create',
        },
      ],
      [
        'hubspot.log_call',
        { title: 'Call with +1 555 987 6543', body: 'Ended: normal. Talked: unknown.', unknown_contact: 'create' },
      ],
    ],
    'post-calls': [['slack.post_message', { channel: '#calls', text: 'Call with +1 555 987 6543 ended: normal.' }]],
  });
});

test('the live dialect of an answered inbound call gives the same, with its times', () => {
  const data = {
    id: '5371e9db-d035-4db6-a8d6-0994d33e744e',
    master_call_id: '00000000-0000-0000-0000-000000000000',
    source: tel('+15551234567'),
    destination: tel('+15559876543'),
    status: 'hangup',
    direction: 'incoming',
    hangup_by: 'remote',
    hangup_reason: 'normal',
    tm_create: '2026-03-02T00:58:00Z',
    tm_progressing: '2026-03-02T00:58:05Z',
    tm_hangup: '2026-03-02T01:00:10Z',
  };
  expect(whatHappens('call_hangup', data, [], answeredAt('2026-03-02T00:58:05Z'))['log-calls']).toEqual([
    [
      'hubspot.update_contact',
      {
        properties: { last_call_date: '2026-03-02T01:00:10.000Z', last_hangup_reason: 'normal' },
        unknown_contact: 'create',
      },
    ],
    [
      'hubspot.log_call',
      { title: 'Call with +1 555 123 4567', body: 'Ended: normal. Talked: 2 min 05 s.', unknown_contact: 'create' },
    ],
  ]);
});

test('further legs of a call, and calls between extensions, are left alone', () => {
  const leg = {
    id: 'b',
    master_call_id: '1fe1356f-3f7f-4ff9-9d33-08136b38f506',
    source: tel('+15551234567'),
    destination: tel('+15559876543'),
  };
  expect(whatHappens('call_hangup', leg)).toEqual({});
  expect(
    whatHappens('call_hangup', {
      id: 'c',
      direction: 'outgoing',
      source: tel('+15551234567'),
      destination: { type: 'extension', target: '1001' },
    }),
  ).toEqual({});
});

test.each([
  ["the page's message", 'message_created', { id: 'm1', source: tel('+15551234567'), text: 'Hello' }, ['auto-reply']],
  [
    'a live inbound message',
    'message_created',
    {
      id: 'm1',
      source: tel('+15551234567'),
      targets: [{ destination: tel('+15559876543') }],
      text: 'Hello',
      direction: 'inbound',
    },
    ['auto-reply'],
  ],
  [
    'our own reply',
    'message_created',
    {
      id: 'm2',
      source: tel('+15559876543'),
      targets: [{ destination: tel('+15551234567') }],
      text: 'Thanks',
      direction: 'outbound',
    },
    [],
  ],
  ["the page's finished recording", 'recording_updated', { id: 'r1', status: 'done' }, ['mail-recordings']],
  [
    'a live finished recording',
    'recording_finished',
    { id: 'r1', status: 'ended', reference_type: 'call', reference_id: 'c1' },
    ['mail-recordings'],
  ],
  ['a recording that has begun', 'recording_started', { id: 'r1', status: 'recording' }, []],
  ["the page's recording under way", 'recording_updated', { id: 'r1', status: 'recording' }, []],
])('%s', (_, type, data, rules) => {
  expect(Object.keys(whatHappens(type, data))).toEqual(rules);
});

test('the mail says which recording it is', () => {
  expect(whatHappens('recording_updated', { id: 'r1', status: 'done' })['mail-recordings']).toEqual([
    [
      'email.send',
      {
        to: 'recordings@example.com',
        subject: 'Call Recording Available',
        text: 'Recording ID: r1',
        recording: 'attach',
      },
    ],
  ]);
});

describe('a click-to-call', () => {
  const ours = ['+15559876543', '+15550009999'];
  const leg = (id: string, destination: string, master = '00000000-0000-0000-0000-000000000000'): JsonObject => ({
    id,
    master_call_id: master,
    source: tel('+15559876543'),
    destination: tel(destination),
    status: 'hangup',
    direction: 'outgoing',
    hangup_reason: 'normal',
    tm_create: '2026-03-02T00:58:00Z',
    tm_progressing: '2026-03-02T00:58:05Z',
    tm_hangup: '2026-03-02T01:00:10Z',
  });
  const agents = leg('a', '+15550009999');
  const customers = leg('b', '+15551234567', 'a');

  test('is logged on the customer, not on the agent’s phone that rang first', () => {
    expect(whatHappens('call_hangup', agents, ours)).toEqual({});
    const seen = new SeenCalls();
    seen.note('call_created', agents);
    expect(whatHappens('call_hangup', customers, ours, seen)).toMatchObject({
      'log-calls': [
        ['hubspot.update_contact', {}],
        ['hubspot.log_call', { title: 'Call with +1 555 123 4567' }],
      ],
    });
  });

  test('a call between two of our numbers is logged on nobody', () => {
    expect(whatHappens('call_hangup', { ...agents, direction: 'incoming' }, ours)).toEqual({});
  });
});

test('a call that only the menu picked up is missed', () => {
  const text = readFileSync('config/rules.yaml', 'utf8').replace('mode: off', 'mode: live');
  const call: JsonObject = {
    id: 'c',
    source: tel('+15551234567'),
    destination: tel('+15559876543'),
    direction: 'incoming',
    status: 'hangup',
    action: { type: 'talk' },
    tm_create: '2026-03-02T10:58:00Z',
    tm_progressing: '2026-03-02T10:58:05Z',
    tm_hangup: '2026-03-02T11:00:10Z',
  };
  const names = (known: KnownCalls) =>
    ruleSetOf(text)
      .matching(eventOf('call_hangup', call, [], known))
      .map(({ name }) => name);
  expect(names(NOTHING_KNOWN)).toContain('missed-sales-call');
  expect(names(answeredAt('2026-03-02T10:59:00Z'))).not.toContain('missed-sales-call');
});

test('the example of alerts is valid when the comment signs are removed, and names what can be told', () => {
  const text = readFileSync('config/rules.yaml', 'utf8').replaceAll(
    /^# ?((?:alerts:|heartbeat:| {2,}(?:- name|on|quiet|silence|do|- slack|- email)\b).*)$/gm,
    '$1',
  );
  const folder = mkdtempSync(join(tmpdir(), 'bridge-shipped-rules-'));
  const file = join(folder, 'rules.yaml');
  writeFileSync(file, text);
  const read = loadRules({ file, actions: actionCatalogue });
  rmSync(folder, { recursive: true, force: true });
  if (!read.ok) {
    throw new Error(read.findings.map(formatFinding).join('\n'));
  }
  const { alerts, heartbeat } = read.ruleSet;
  expect(alerts.map(({ name, silence, steps }) => [name, silence?.after_ms ?? null, steps.length])).toEqual([
    ['ops', null, 2],
    ['quiet-office', 7_200_000, 1],
  ]);
  expect(heartbeat?.every_ms).toBe(60_000);
});
