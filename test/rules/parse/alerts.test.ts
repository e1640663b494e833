import { loadRules } from '../../../src/rules/parse/load';
import { actionCatalogue } from '../../../src/connectors/registry';

function load(alerts: string) {
  const text = `version: 1
windows: { office: { days: mon-fri, from: "09:00", to: "18:00" } }
rules:
  - name: one
    on: call_hangup
    do: [ { slack.post_message: { channel: "#a", text: hi } } ]
${alerts}`;
  return loadRules({ file: 'rules.yaml', actions: actionCatalogue, readFile: () => text });
}

const messages = (alerts: string): string[] => load(alerts).findings.map(({ message }) => message);

const POST = 'do: [ { slack.post_message: { channel: "#ops", text: "{{ alert.summary }}" } } ]';

test('alerts and the heartbeat are read', () => {
  const loaded = load(`alerts:
  - name: ops
    on: [run_failed, silence]
    quiet: 5m
    silence: { after: 2h, during: office }
    ${POST}
heartbeat: { url: "\${env:HEARTBEAT_URL}", every: 30s }
`);
  expect(loaded.findings).toEqual([]);
  expect(loaded.ok && loaded.ruleSet).toMatchObject({
    alerts: [
      {
        name: 'ops',
        on: ['run_failed', 'silence'],
        quiet_ms: 300_000,
        silence: { after_ms: 7_200_000 },
        steps: [{ action: 'slack.post_message' }],
      },
    ],
    heartbeat: { url: '${env:HEARTBEAT_URL}', every_ms: 30_000 },
  });
});

test.each([
  [`alerts: [ { name: ops, on: run_faild, ${POST} } ]`, 'on cannot be "run_faild"'],
  [
    `alerts: [ { name: ops, on: connection_failing, failing: { after: 1s }, ${POST} } ]`,
    'failing.after is shorter than 10s',
  ],
  [
    `alerts: [ { name: ops, on: disk, failing: { after: 1m }, ${POST} } ]`,
    '`failing` has no effect without `on: connection_failing`',
  ],
  [`alerts: [ { name: ops, on: silence, ${POST} } ]`, 'an alert on silence must say how long it lasts'],
  [`alerts: [ { name: ops, on: disk, silence: { after: 1h }, ${POST} } ]`, '`silence` has no effect'],
  [
    `alerts: [ { name: ops, on: silence, silence: { after: 1h, during: ofice }, ${POST} } ]`,
    'there is no window "ofice"',
  ],
  [`alerts: [ { name: ops, on: disk } ]`, 'do'],
  [`alerts: [ { name: "o p s", on: disk, ${POST} } ]`, 'cannot be the name of an alert'],
  [
    'alerts: [ { name: ops, on: disk, do: [ { slack.post_message: { channel: "#o", text: "{{ alert.sumary }}" } } ] } ]',
    'there is no variable "alert.sumary"',
  ],
  [
    'alerts: [ { name: ops, on: disk, do: [ { slack.post_message: { channel: "#o", text: "{{ peer.number }}" } } ] } ]',
    'peer.number',
  ],
  [
    'alerts: [ { name: ops, on: disk, do: [ { hubspot.create_task: { subject: "{{ alert.summary }}" } } ] } ]',
    'is about a caller, and an alert has none',
  ],
  [
    'alerts: [ { name: ops, on: disk, do: [ { voipbin.send_message: { text: "{{ alert.summary }}" } } ] } ]',
    'say to whom the text goes',
  ],
  [`alerts: [ { name: ops, on: disk, ${POST} }, { name: ops, on: backlog, ${POST} } ]`, 'another alert has the name'],
  ['heartbeat: { url: example.com }', 'is not an address'],
  ['heartbeat: { url: "https://example.com", every: 1s }', 'shorter than 10s'],
])('a mistake in an alert is found: %s', (alerts, message) => {
  expect(load(alerts).ok).toBe(false);
  expect(messages(alerts)).toEqual(expect.arrayContaining([expect.stringContaining(message)]));
});

test('a rule cannot use what only alerts have', () => {
  const rule = `  - name: two
    on: call_hangup
    do: [ { slack.post_message: { channel: "#a", text: "{{ alert.summary }}" } } ]
`;
  expect(messages(rule)).toEqual([expect.stringContaining('alert.summary')]);
});
