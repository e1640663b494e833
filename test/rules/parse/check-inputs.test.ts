import { actionCatalogue } from '../../../src/connectors/registry';
import { loadRules } from '../../../src/rules/parse/load';
import { formatFinding } from '../../../src/yaml/format-findings';

function findingsOf(step: string, on = 'call_hangup', more = ''): string[] {
  const text = `version: 1
windows: { office: { days: mon-fri, from: "09:00", to: "18:00" } }
maps: { managers: { "+15551234567": a@example.com } }
rules:
  - name: r
    on: ${on}
    when: { peer.number: { exists: true }, text: { exists: ${on.startsWith('message') ? 'true' : 'false'} }${more} }
    do: [{ ${step} }]
`;
  return loadRules({ file: 'rules.yaml', actions: actionCatalogue, readFile: () => text }).findings.map((one) =>
    formatFinding(one).replace(/^\S+ {2}/, ''),
  );
}

const task = (due: string): string => `hubspot.create_task: { subject: s, due: ${due} }`;

test('an input that the action does not have hides no fault of the others', () => {
  expect(findingsOf('hubspot.create_task: { subject: "", ownr: me, due: next offic }')).toEqual([
    'input "subject" of hubspot.create_task: `subject` is empty; say what is to be done',
    'hubspot.create_task has no input "ownr"; did you mean "owner"?',
    'input "due" of hubspot.create_task: there is no window "offic"; did you mean "office"?',
  ]);
  // Its wrong name is not reported a second time as one that is missing.
  expect(findingsOf('voipbin.send_message: { frm: "+15550001111", to: "+15551234567", text: t }', 'agent_*')).toEqual([
    'voipbin.send_message has no input "frm"; did you mean "from"?',
  ]);
});

test.each([
  [
    task('next business day'),
    'input "due" of hubspot.create_task: `due` is neither a duration nor a time; write it like 4h, next office 09:00 (with a window of the rule file) or 2026-03-02 09:00',
  ],
  [task('next offic 09:00'), 'input "due" of hubspot.create_task: there is no window "offic"; did you mean "office"?'],
  [task('next office 20:00'), 'input "due" of hubspot.create_task: it is never 20:00 in office'],
  [
    'hubspot.create_task: { subject: "" }',
    'input "subject" of hubspot.create_task: `subject` is empty; say what is to be done',
  ],
  [
    'hubspot.create_task: { subject: s, owner: Anna }',
    'input "owner" of hubspot.create_task: `owner` is neither contact_owner nor an e-mail; write contact_owner, or the e-mail of a HubSpot user',
  ],
  [
    'slack.post_message: { channel: sales, text: t }',
    'input "channel" of slack.post_message: channel is neither a name with its # nor an id; write "#name", with the # and in quotes, or the id of a channel or person',
  ],
  [
    'slack.post_message: { channel: "#sales", text: " " }',
    'input "text" of slack.post_message: text is empty; look at the template of `text` in the rule',
  ],
  [
    'http.request: { url: example.com }',
    'input "url" of http.request: url is not a URL; write out scheme and host in the rule (https://host/…): values that templates insert are encoded',
  ],
  [
    'email.send: { to: nobody, subject: s, text: t }',
    'input "to" of email.send: `to` is not one e-mail address; write one address per entry; several recipients are a list: to: [a@example.com, b@example.com]',
  ],
  [
    'email.send: { to: a@example.com, subject: "", text: t }',
    'input "subject" of email.send: `subject` is empty; give the template of `subject` a default: `{{ field | default: "…" }}`',
  ],
  [
    'voipbin.send_message: { to: nobody, text: t }',
    'input "to" of voipbin.send_message: `to` is not a phone number; write `to:` in E.164, quoted ("+1555..."), or set the rule file\'s country',
  ],
  [
    'voipbin.send_message: { text: "" }',
    'input "text" of voipbin.send_message: text is empty; look at the template of `text`',
  ],
])('a written input that would fail for every event: %s', (step, finding) => {
  expect(findingsOf(step)).toEqual([finding]);
});

test.each([
  task('4h'),
  task('next office'),
  task('next office 09:00'),
  task('2026-12-01 09:00'),
  task('"2026-12-01T09:00:00+01:00"'),
  task('"{{ data.due | default: \'4h\' }}"'),
  'slack.post_message: { channel: C024BE7LH, text: t }',
  'slack.post_message: { channel: "#sales", text: "", blocks: [{ type: divider }] }',
  'http.request: { url: "${env:HOOK_URL}" }',
  "email.send: { to: \"{{ ours.number | default: '' | lookup: 'managers' | default: 'b@example.com' }}\", subject: s, text: t }",
  'email.send: { to: a@example.com, subject: s, text: "", html: "<b>b</b>" }',
  'voipbin.send_message: { to: "+15551234567", text: t }',
])('a written input that is fine: %s', (step) => {
  expect(findingsOf(step)).toEqual([]);
});

test.each([
  ['the rule is about the time', 'We are closed.', ', during: office'],
  ['the text is', "We open on {{ windows.office.opens_at | default: '?' | date: '%A' }}.", ''],
])('a reply that would be wrong hours later, as %s', (_, text, when) => {
  const step = `voipbin.send_message: { text: "${text}" }`;
  const late =
    'warning: the reply of the rule r is about the time of day, and an event that arrives hours late gets it too; add max_age: 15m to the rule; steps that are right later, too, go into a rule of their own';
  expect(findingsOf(step, 'message_created', `, direction: inbound${when}`)).toEqual([late]);
  expect(findingsOf(step, 'message_created\n    max_age: 15m', `, direction: inbound${when}`)).toEqual([]);
});

test('a reply that is right at any time needs no max_age', () => {
  const step = 'voipbin.send_message: { text: "Thanks." }';
  expect(findingsOf(step, 'message_created', ', direction: inbound')).toEqual([]);
});

const request = (more: string, retry: string): string =>
  `http.request: { url: "https://example.com/"${more} }, retry: { for: ${retry} }`;

test.each([
  request('', '24h'),
  request(', method: PATCH', '24h'),
  request(', headers: { Authorization: "${env:KEY}" }', '24h'),
])('a long retry that some failures do not get: %s', (step) => {
  expect(findingsOf(step)).toEqual([
    expect.stringMatching(/^warning: a (POST|PATCH) without an Idempotency-Key is not retried after a 503/),
  ]);
});

test.each([
  request('', '5m'),
  request(', method: PUT', '24h'),
  request(', headers: { idempotency-key: "" }', '24h'),
  'email.send: { to: a@example.com, subject: s, text: t }, retry: { for: 24h }',
])('a retry that does what it says: %s', (step) => {
  expect(findingsOf(step)).toEqual([]);
});

test.each([
  [
    "{{ peer.number | lookup: 'managers' }}",
    `the map "managers" may have no entry; add a default: lookup: 'managers' | default: '…', or require it: when: { peer.number: { in: $managers } }`,
  ],
  ["{{ peer.number | lookup: 'manager' | default: 'x' }}", 'there is no map "manager"; did you mean "managers"?'],
  [
    "{{ peer.number | lookup: text | default: 'x' }}",
    `lookup needs the name of a map in quotes; such as {{ ours.number | lookup: 'managers' }}`,
  ],
  ['{{ maps.managers }}', "maps are no variables; write {{ <field> | lookup: 'managers' | default: '…' }}"],
  ['{{ windows.offic.open }}', 'there is no window "offic"; did you mean "windows.office"?'],
  [
    '{{ windows.office.closed }}',
    'windows.office has no field "closed"; it has open (true or false) and opens_at (a time)',
  ],
])('a name of the rule file that a template uses wrongly: %s', (template, finding) => {
  expect(findingsOf(`slack.post_message: { channel: "#c", text: "${template}" }`, 'message_created')).toEqual([
    finding,
  ]);
});

test('a step that has nobody to act on for its events is an error', () => {
  expect(
    loadRules({
      file: 'rules.yaml',
      actions: actionCatalogue,
      readFile: () =>
        'version: 1\nrules:\n  - name: r\n    on: agent_updated\n    do: [{ hubspot.create_task: { subject: s } }]\n',
    }).ok,
  ).toBe(false);
});

function neverActs(on: string, when: string, step: string): string[] {
  const text = `version: 1\nrules:\n  - name: r\n    on: ${on}\n    when: { ${when} }\n    do: [{ ${step} }]\n`;
  return loadRules({ file: 'rules.yaml', actions: actionCatalogue, readFile: () => text }).findings.flatMap(
    ({ code, severity }) => (code === 'never-acts' ? [severity] : []),
  );
}

const TEXT = 'voipbin.send_message: { text: t }';
const TEXT_TO = 'voipbin.send_message: { text: t, to: "+15551234567" }';
const UPDATE = 'hubspot.update_contact: { properties: { a: b } }';

test.each([
  ['message_created', 'direction: inbound', 'hubspot.log_call: {}'],
  ['recording_finished', 'status: ended', 'hubspot.log_call: { number: "+15551234567" }'],
  ['agent_status_updated', 'status: offline', TEXT],
  ['email_created', 'status: delivered', UPDATE],
])('a step that does nothing for any event of its type is an error: %s, %s, %s', (on, when, step) => {
  expect(neverActs(on, when, step)).toEqual(['error']);
});

test.each([
  ['call_hangup', 'direction: outbound', TEXT],
  ['message_created', 'direction: outbound', TEXT_TO],
  ['call_hangup', 'peer.type: extension', task('1h')],
  ['call_hangup', 'peer.type: [agent, sip]', 'hubspot.log_call: {}'],
])('a step that the conditions of its rule exclude is a warning: %s, %s, %s', (on, when, step) => {
  expect(neverActs(on, when, step)).toEqual(['warning']);
});

test.each([
  ['agent_status_updated', 'status: offline', TEXT_TO.replace(' }', ', from: "+15557654321" }')],
  ['agent_status_updated', 'status: offline', 'hubspot.create_task: { subject: s, number: "+15551234567" }'],
  ['[call_hangup, message_created]', 'direction: inbound', 'hubspot.log_call: {}'],
  ['call_hangup', 'direction: outbound', TEXT_TO],
  ['call_hangup', 'peer.type: whatsapp', UPDATE],
  ['queuecall_abandoned', 'ring_s: { gt: 60 }', TEXT],
  ['recording_finished', 'status: ended', task('1h')],
  ['conversation_message_created', 'direction: inbound', TEXT],
  [
    '[call_created, message_created]',
    'any: [{ answered: true, text: a }, { talk_s: 5, text: b }]',
    'http.request: { url: "https://example.com" }',
  ],
])('a step that may act is fine: %s, %s, %s', (on, when, step) => {
  expect(neverActs(on, when, step)).toEqual([]);
});

test.each([
  ['it stops the rule when it fails', 'hubspot.create_task: { subject: s }, retry: { for: 1m }', true],
  ['it may be retried for long', 'hubspot.create_task: { subject: s }, on_error: continue', true],
  ['neither', 'hubspot.create_task: { subject: s }, on_error: continue, retry: { for: 1m }', false],
])('a reply behind another step is a warning: %s', (_, step, isWarned) => {
  const [finding] = findingsOf(
    `${step} }, { voipbin.send_message: { text: t }`,
    'message_created',
    ', direction: inbound',
  );
  expect(finding).toBe(
    isWarned
      ? 'warning: voipbin.send_message of the rule r waits for hubspot.create_task above it, and is not sent when that fails; move it up, or give hubspot.create_task on_error: continue and retry: { for: 1m }'
      : undefined,
  );
});

test.each([
  [
    'email.send: { to: a@example.com, subject: s, text: t, recording: attach }',
    'message_created',
    'input "recording" of email.send does nothing here: message_created has no recording; remove it, or use another event',
  ],
  ['email.send: { to: a@example.com, subject: s, text: t, recording: link }', 'call_hangup', null],
  ['email.send: { to: a@example.com, subject: s, text: t, recording: link }', '[message_created, call_hangup]', null],
  ['email.send: { to: a@example.com, subject: s, text: t, recording: link }', 'recording_finished', null],
  ['email.send: { to: a@example.com, subject: s, text: t, recording: link }', '"*"', null],
  [
    'voipbin.send_message: { text: t, to_opted_out: confirm }',
    'call_hangup',
    'input "to_opted_out" of voipbin.send_message does nothing here: call_hangup is no text that asks for STOP; remove it, or use another event',
  ],
  ['voipbin.send_message: { text: t, to_opted_out: skip }', 'call_hangup', null],
  [
    'voipbin.send_message: { text: t, to: "+15551234567" }',
    'agent_updated',
    'voipbin.send_message needs "from" here: agent_updated has no ours.number; write it, or use an event of a call or message',
  ],
  [
    'voipbin.send_message: { text: t }',
    'agent_updated',
    'voipbin.send_message needs "to" and "from" here: agent_updated has no peer.number and no ours.number',
  ],
  ['voipbin.send_message: { text: t, to: "+15551234567", from: "+15557654321" }', 'agent_updated', null],
  ['voipbin.send_message: { text: t, to: "+15551234567" }', 'call_hangup', null],
])('what an input or a missing one can never do is an error: %s, on %s', (step, on, finding) => {
  const text = `version: 1\nrules:\n  - { name: r, on: ${on}, when: { data.x: y }, do: [{ ${step} }] }\n`;
  const { findings } = loadRules({ file: 'rules.yaml', actions: actionCatalogue, readFile: () => text });
  const errors = findings.filter(({ severity }) => severity === 'error').map(formatFinding);
  expect(errors.map((error) => error.includes(finding ?? 'no error'))).toEqual(finding === null ? [] : [true]);
});
