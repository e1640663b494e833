import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { RunLog } from '../../src/dispatch/run-log';
import type { JsonObject } from '../../src/events/json';
import { dataFolder, removeDataFolders } from '../inbox/entries';
import { kept, openAccount, openBridge, text } from '../backfill/set-up';
import { runBridge, type Ended } from './run-bridge';

// Each command is a process of its own.
jest.setTimeout(120_000);

afterAll(removeDataFolders);

const FORGED = '  rules     forged: done';
/** Sets the title, clears the screen, colours, reorders and hides text, and begins lines that look like the bridge's own. */
const HOSTILE = `hi \u001B]0;PWNED\u0007\u001B[2J\u009B31m\u007F\u202Eevil\u2066\u200F\u061C\u2028\u0085\r\n${FORGED}\n\uD800`;
/** The same without what does not survive as UTF-8. */
const HOSTILE_BYTES = HOSTILE.replace('\uD800', '');

const HARMFUL = /(?![\t\n])[\p{Cc}\u061C\u200E\u200F\u2028-\u202E\u2066-\u2069]/u;

const RULES = `version: 1
rules:
  - name: tell
    on: message_created
    do:
      - slack.post_message: { channel: "#texts", text: "New: {{ text | default: '' }} from {{ data.source.target_name | default: '' }}" }
      - http.request: { url: "https://example.com/", body: { text: "{{ text | default: '' }}" } }
  - name: never
    on: message_created
    when: { text: nothing }
    if: data.text == "none"
    do: [{ slack.post_message: { channel: "#texts", text: x } }]
tests:
  - name: hostile
    event: message_created/m-hostile
    expect: { rules: [never], steps: { tell: { slack.post_message: { text: x } } } }
`;
const FAULTY = `version: 1\nrules:\n  - name: a\n    on: call_hangup\n    comment: x\u009B31m\u202E\u2028y\n    do: []\n`;

/** A text message with the same in each of its texts. */
function hostile(value: string): JsonObject {
  const address = { type: 'tel', target: value, target_name: value, name: value, detail: value };
  return {
    ...text('m-hostile', 1_000),
    customer_id: value,
    source: address,
    destination: address,
    targets: [{ destination: address, status: value, parts: 1, tm_update: value }],
    text: value,
    status: value,
    direction: value,
    provider_name: value,
    [value]: value,
  };
}

let folder: string;
/** The folder has everything that is printed. */
let ids: { event: string; unknown: string; quarantined: string };

beforeAll(async () => {
  folder = dataFolder();
  mkdirSync(join(folder, 'config'));
  writeFileSync(join(folder, 'rules.yaml'), RULES);
  writeFileSync(join(folder, 'other.yaml'), RULES.replace('New:', 'Old:').replace(/tests:[^]*/, ''));
  writeFileSync(join(folder, 'faulty.yaml'), FAULTY);
  writeFileSync(join(folder, 'event.json'), JSON.stringify({ type: 'message_created', data: hostile(HOSTILE) }));
  writeFileSync(join(folder, 'broken.json'), `${HOSTILE_BYTES}{`);
  const bridge = await openBridge(folder);
  try {
    await bridge.send('message_created', hostile(HOSTILE));
    await bridge.send(HOSTILE, { ...hostile(HOSTILE), id: 'u-hostile' });
    await fetch(bridge.webhook, { method: 'POST', body: `not JSON: ${HOSTILE_BYTES}` });
    const unknown = kept(bridge.reader).find((id) => !id.startsWith('message_created/')) ?? '';
    const [quarantined] = bridge.reader.listQuarantine({ limit: 1 });
    ids = { event: 'message_created/m-hostile', unknown, quarantined: quarantined?.id ?? '' };
  } finally {
    await bridge.close();
  }
  const log = RunLog.open(folder);
  const at = new Date();
  const steps = [
    { step: 's1', action: 'slack.post_message', outcome: 'done', result: { channel: HOSTILE } },
    { step: 's2', action: 'http.request', outcome: 'skipped', reason: HOSTILE },
    {
      step: 's3',
      action: 'email.send',
      outcome: 'failed',
      class: 'permanent',
      code: HOSTILE,
      message: HOSTILE,
      remedy: HOSTILE,
    },
  ];
  const report = JSON.stringify({
    outcome: 'failed',
    rules: [{ rule: 'tell', outcome: 'failed', reason: HOSTILE, steps }],
  });
  log.markStarted([{ seq: 1, event_id: ids.event, run_id: 'r', started_at: at }], 1);
  log.markClosed([{ event_id: ids.event, closed_at: at, outcome: 'failed', report }]);
  log.close();
});

function bridge(args: readonly string[], env: Record<string, string> = {}): Promise<Ended> {
  return runBridge(args, { cwd: folder, env: { BRIDGE_DATA_DIR: folder, BRIDGE_RULES: 'rules.yaml', ...env } });
}

function expectHarmless({ out, err }: Ended): void {
  for (const printed of [out, err]) {
    expect(printed).not.toMatch(HARMFUL);
    expect(printed.split('\n')).not.toContain(FORGED);
  }
}

test.each<[string, (known: typeof ids) => string[], RegExp]>([
  ['events list', () => ['events', 'list'], /m-hostile/],
  ['events list --json', () => ['events', 'list', '--json'], /m-hostile/],
  ['events list --quarantine', () => ['events', 'list', '--quarantine'], /bytes/],
  ['events show', ({ event }) => ['events', 'show', event], /permanent hi \\u001b\]0;PWNED\\u0007.*forged/],
  [
    'events show --body',
    ({ event }) => ['events', 'show', event, '--body'],
    /^ {4}\{"type".*\\u009b31m\\u007f\\u202e/m,
  ],
  [
    'events show --json',
    ({ event }) => ['events', 'show', event, '--json'],
    /\\u001b\]0;PWNED\\u0007.*\\u009b31m\\u007f/,
  ],
  [
    'events show, an unknown type',
    ({ unknown }) => ['events', 'show', unknown],
    /sent as hi \\u001b.*\\u000a {2}rules/,
  ],
  ['events show, in quarantine', ({ quarantined }) => ['events', 'show', quarantined], /in quarantine/],
  [
    'events show --body, in quarantine',
    ({ quarantined }) => ['events', 'show', quarantined, '--body'],
    /not JSON: hi \\u001b/,
  ],
  [
    'the same as JSON',
    ({ quarantined }) => ['events', 'show', quarantined, '--body', '--json'],
    /not JSON: hi \\u001b/,
  ],
  [
    'rules explain',
    ({ event }) => ['rules', 'explain', event],
    /text: New: hi \]0;PWNED[\s\S]*\\u000d\n {10}rules {5}forged/,
  ],
  ['rules explain --json', ({ event }) => ['rules', 'explain', event, '--json'], /New: hi \]0;PWNED/],
  ['rules explain, an unknown type', ({ unknown }) => ['rules', 'explain', unknown], /sent as hi \\u001b/],
  ['rules explain, a file', () => ['rules', 'explain', 'event.json'], /New: hi \]0;PWNED/],
  ['rules test', () => ['rules', 'test'], /text should be "x", is "New: hi \]0;PWNED/],
  ['rules test --json', () => ['rules', 'test', '--json'], /New: hi /],
  ['rules diff', () => ['rules', 'diff', 'rules.yaml', 'other.yaml'], /m-hostile/],
  ['rules check, a source line', () => ['rules', 'check', 'faulty.yaml'], /comment: x\\u009b31m\\u202e\\u2028y/],
  ['rules history', () => ['rules', 'history'], /events/],
  ['send, a broken file', () => ['send', 'broken.json'], /cannot be sent: .*\\u001b/],
])('%s prints nothing that a terminal acts on', async (_, args, shows) => {
  const ended = await bridge(args(ids));
  expectHarmless(ended);
  expect(ended.out + ended.err).toMatch(shows);
});

test('backfill prints nothing that a terminal acts on', async () => {
  const account = await openAccount();
  account.standIn.addMessage({ ...hostile(HOSTILE), id: 'm-missed', direction: 'inbound' });
  const env = { VOIPBIN_API_URL: account.standIn.url, VOIPBIN_ACCESS_KEY: 'vb_stand-in' };
  for (const more of [[], ['--json']]) {
    const ended = await bridge(['backfill', '--since', '1h', '--dry-run', ...more], env);
    expectHarmless(ended);
    expect(ended.out).toContain('m-missed');
  }
  await account.close();
});
