import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { RunLog } from '../../src/dispatch/run-log';
import type { JsonObject } from '../../src/events/json';
import { Inbox } from '../../src/inbox/inbox';
import type { PlannedStep } from '../../src/rules/plan';
import type { Outcome, StepReport } from '../../src/runs/run-contract';
import { dataFolder, entryOf, inboxOptions, planOf, removeDataFolders } from '../inbox/entries';
import { runBridge } from './run-bridge';

// Each command is a process of its own.
jest.setTimeout(120_000);

afterEach(removeDataFolders);

const PEER = { type: 'tel', number: '+15551234567', name: 'Ada' };
const OURS = { type: 'tel', number: '+15550001111', name: null };
const TEXT = 'voipbin.send_message';
const at = (minute: number, second = 0) => new Date(Date.UTC(2026, 2, 2, 14, minute, second));

const RULES = `version: 1
defaults: { timezone: UTC }
rules:
  - name: answer
    on: message_created
    when: { text: { contains: price } }
    do: [{ voipbin.send_message: { text: hi } }]
`;

function step(id: string, action: string): PlannedStep {
  return {
    id,
    action,
    effect: 'verifiable',
    input: { text: action === TEXT ? 'Hello {{ peer.name }}' : "{{ 'now' | date: '%H:%M' }}", cooldown: '10m' },
    on_error: 'stop',
    retry: { for_ms: 1_000, every_ms: 1_000, max_every_ms: 1_000 },
    attempt_timeout_ms: 1_000,
  };
}

interface Message {
  minute: number;
  id: string;
  outcome?: Outcome;
  steps?: StepReport[];
  /** What the run looked up. */
  calls?: JsonObject;
}

/** A folder with messages of one person; those with an outcome were run by the rule `answer`. */
async function folderOf(...messages: Message[]): Promise<string> {
  const dataDir = dataFolder();
  mkdirSync(join(dataDir, 'config'));
  writeFileSync(join(dataDir, 'config', 'rules.yaml'), RULES);
  const inbox = await Inbox.open(inboxOptions(dataDir));
  const log = RunLog.open(dataDir);
  for (const [index, { minute, id, outcome, steps = [], calls }] of messages.entries()) {
    const plan = planOf('answer');
    const [rule] = plan.rules;
    const planned = {
      ...plan,
      rules: rule === undefined ? [] : [{ ...rule, steps: [step('text', TEXT), step('task', 'hubspot.create_task')] }],
    };
    const entry = entryOf('message_created', id, outcome === undefined ? null : planned, {
      received_at: at(minute).toISOString(),
      direction: 'inbound',
      peer: PEER,
      ours: OURS,
      text: 'hello',
    });
    await inbox.append(entry);
    if (outcome !== undefined) {
      const event_id = `message_created/${id}`;
      log.markStarted([{ seq: index + 1, event_id, run_id: 'r', started_at: at(minute) }], index + 1);
      const report = JSON.stringify({
        event_id,
        ruleset: '0123456789ab',
        outcome,
        rules: [{ rule: 'answer', outcome, steps }],
        calls,
      });
      log.markClosed([{ event_id, closed_at: at(minute, 2), outcome, report }]);
    }
  }
  await inbox.close();
  log.close();
  return dataDir;
}

const done: StepReport = { step: 'text', action: TEXT, outcome: 'done', result: {} };
const task = { step: 'task', action: 'hubspot.create_task', outcome: 'done', result: {} } satisfies StepReport;

function why(cwd: string, ...args: string[]): ReturnType<typeof runBridge> {
  return runBridge(['why', '(555) 123-4567', '--at', '2026-03-02 14:05', ...args], {
    cwd,
    env: { BRIDGE_COUNTRY: 'US' },
  });
}

test('a reply that a cooldown held back: answered when, by which event, until when', async () => {
  const cwd = await folderOf(
    { minute: 1, id: 'm1', outcome: 'done', steps: [done, task] },
    {
      minute: 5,
      id: 'm2',
      outcome: 'done',
      steps: [{ step: 'text', action: TEXT, outcome: 'skipped', reason: 'cooldown' }, task],
    },
  );
  const { out, err, code } = await why(cwd);
  expect([code, err]).toEqual([0, '']);
  expect(out).toContain('message_created/m2 came: done');
  expect(out).toContain('text (voipbin.send_message): not done: the person got a text from that number shortly before');
  expect(out).toContain(
    'message_created/m1 came: done\n  answer: done\n    text (voipbin.send_message): done\n      text:\n        Hello Ada\n',
  );
  expect(out).toContain(
    'answer: text: held back by the cooldown: message_created/m1 was answered at 2026-03-02T14:01:02.000Z, so until about 2026-03-02T14:11:02.000Z',
  );
});

test('a step that failed: why, what to do, the command to run, and what it held back', async () => {
  const failed: StepReport = {
    step: 'text',
    action: TEXT,
    outcome: 'failed',
    class: 'permanent',
    code: 'number_not_owned',
    message: 'VoIPBIN refuses the sender',
    remedy: 'Correct `from:`.',
  };
  const cwd = await folderOf({ minute: 5, id: 'm1', outcome: 'failed', steps: [failed] });
  const { out } = await why(cwd);
  expect(out).toMatch(
    /failed: VoIPBIN refuses the sender \(number_not_owned\)\n +what to do: Correct `from:`\.\n +then: bridge events retry message_created\/m1 \(.*--late\)\n +answer: task \(hubspot\.create_task\) not done: a step before it failed/,
  );
  const shown = await runBridge(['events', 'show', 'message_created/m1'], { cwd });
  expect(shown.out).toMatch(/^ {4}peer: \+15551234567, Ada$/m);
  expect(shown.out).toMatch(/^ {4}direction: inbound$/m);
  expect(shown.out).toContain('answer: task (hubspot.create_task) not done: a step before it failed');
});

/** No Temporal is there. */
const ALONE = { TEMPORAL_ADDRESS: '127.0.0.1:1' };

test('events show has what a step sent, as of when it began, and says what it does not know', async () => {
  const cwd = await folderOf(
    { minute: 5, id: 'm1', outcome: 'done', steps: [done, { ...task, began_at: at(5, 1).toISOString() }] },
    { minute: 6, id: 'm2', outcome: 'done', steps: [task] },
  );
  const { out } = await runBridge(['events', 'show', 'message_created/m1'], { cwd, env: ALONE });
  expect(out).toMatch(/text \(voipbin\.send_message\) done\n +sent text: Hello Ada\n +sent cooldown: 10m\n/);
  expect(out).toMatch(/task \(hubspot\.create_task\) done\n +sent text: 14:05\n/);
  const { out: unknown } = await runBridge(['events', 'show', 'message_created/m2'], { cwd, env: ALONE });
  expect(unknown).toMatch(
    /task \(hubspot\.create_task\) done\n +inputs not shown: Temporal or a worker does not answer/,
  );
  const { out: json } = await runBridge(['events', 'show', 'message_created/m1', '--json'], { cwd, env: ALONE });
  expect(JSON.parse(json)).toMatchObject({
    inputs: [
      { rule: 'answer', step: 'text', outcome: 'done', input: { text: 'Hello Ada', cooldown: '10m' } },
      { rule: 'answer', step: 'task', outcome: 'done', input: { text: '14:05', cooldown: '10m' } },
    ],
    inputs_not_shown: [],
  });
});

test('a call that was looked up and not found is named, where the rules ran without it', async () => {
  const calls = { calls: { 'c-gone': null, 'c-here': { id: 'c-here' } }, references: {}, agents: {} };
  const cwd = await folderOf({ minute: 5, id: 'm1', outcome: 'done', steps: [done], calls });
  const line = 'VoIPBIN has no call c-gone: the rules took what they read of it as absent\n';
  const { out } = await why(cwd);
  expect(out).toContain(`  ${line}`);
  const shown = await runBridge(['events', 'show', 'message_created/m1'], { cwd, env: ALONE });
  expect(shown.out).toContain(`  not found ${line}`);
  expect(shown.out).not.toContain('c-here');
});

test('an event that is named without its type is named with it', async () => {
  const cwd = await folderOf({ minute: 5, id: 'm1' });
  const { code, err } = await runBridge(['events', 'show', 'm1'], { cwd });
  expect([code, err]).toEqual([1, 'no event m1 in this data folder; did you mean message_created/m1?\n']);
  const other = await runBridge(['events', 'show', 'm9'], { cwd });
  expect(other.err).toBe('no event m9 in this data folder; bridge events list shows the latest\n');
});

test('an event that no rule wanted: the condition of the nearest rule with its value', async () => {
  const cwd = await folderOf({ minute: 5, id: 'm1' });
  const { out } = await why(cwd);
  expect(out).toMatch(
    /No rule wanted it.*\n.*\n +answer: one condition is not met\n +✗ text: containing "price", is "hello" .*\n +what to do: .*bridge events rerun message_created\/m1$/m,
  );
});

test('an event that no rule wanted, and a rule file that is broken by now: says that, not that no rule listens', async () => {
  const cwd = await folderOf({ minute: 5, id: 'm1' });
  writeFileSync(join(cwd, 'config', 'rules.yaml'), RULES.replace('contains', 'contians'));
  const { out } = await why(cwd);
  expect(out).toMatch(/No rule wanted it when it came.*\n +The rule file has errors, .*: bridge rules check\n/);
  expect(out).not.toContain('listens');
});

test('a time that is a little ahead is about now, one that is far ahead is refused', async () => {
  const cwd = await folderOf();
  const inMinutes = (minutes: number) => new Date(Date.now() + minutes * 60_000).toISOString();
  const { code, out } = await runBridge(['why', '+15551234567', '--at', inMinutes(10)], { cwd });
  expect([code, out]).toEqual([0, expect.stringMatching(/^Nothing came from or for/)]);
  expect(await runBridge(['why', '+15551234567', '--at', inMinutes(20)], { cwd })).toMatchObject({
    code: 2,
    err: expect.stringContaining('--at expects'),
  });
});

test('an event that a rule wanted: why the other rules that send texts did not', async () => {
  const cwd = await folderOf({ minute: 5, id: 'm1', outcome: 'done', steps: [task] });
  const other = (name: string, action: string) => `  - name: ${name}
    on: message_created
    when: { text: { contains: ${name} } }
    do: [{ ${action} }]
`;
  writeFileSync(
    join(cwd, 'config', 'rules.yaml'),
    `${RULES}${other('closed', 'voipbin.send_message: { text: hi }')}${other('post', 'slack.post_message: { channel: "#x", text: x }')}`,
  );
  const { out } = await why(cwd);
  expect(out).toMatch(
    /task \(hubspot\.create_task\): done\n +Other rules that send texts, by the rule file as it is now:\n +closed: one condition is not met\n +✗ text: containing "closed", is "hello" .*\n$/,
  );
});

test('rules explain uses what the steps of the run returned, and says where that is not known', async () => {
  const contact = { id: '1', name: 'Ada Lovelace', created: false };
  const returned: StepReport = { ...task, result: { id: '2', contact } };
  const failed: StepReport = {
    step: 'text',
    action: TEXT,
    outcome: 'failed',
    class: 'permanent',
    code: 'http_400',
    message: 'x',
    remedy: null,
  };
  const cwd = await folderOf(
    { minute: 5, id: 'm1', outcome: 'done', steps: [returned] },
    { minute: 6, id: 'm2', outcome: 'partial', steps: [task, failed] },
  );
  writeFileSync(
    join(cwd, 'config', 'rules.yaml'),
    `version: 1
rules:
  - name: answer
    on: message_created
    do:
      - { id: task, hubspot.create_task: { subject: x } }
      - { id: text, voipbin.send_message: { text: "Hello {{ steps.task.contact.name | default: 'there' }}" } }
`,
  );
  const known = await runBridge(['rules', 'explain', 'message_created/m1'], { cwd });
  expect(known.out).toContain('text: Hello Ada Lovelace\n');
  expect(known.out).not.toContain('not known here');
  const { out } = await runBridge(['rules', 'explain', 'message_created/m2'], { cwd });
  expect(out).toMatch(/without the results of task, which are not known here:\n +text: Hello there\n/);
});

test('nothing came: says so, and what to look at', async () => {
  const cwd = await folderOf({ minute: 45, id: 'm1' });
  const { out } = await why(cwd);
  expect(out).toMatch(/^Nothing came from or for \(555\) 123-4567 between 2026-03-02T13:50.* and 2026-03-02T14:20/);
  expect(out).toMatch(/what to do: bridge webhook status .*bridge backfill --since/);
});

test('a number that is not whole is wrong use', async () => {
  const { code, err } = await runBridge(['why', '4567'], { cwd: await folderOf() });
  expect([code, err]).toEqual([2, expect.stringMatching(/is not a whole phone number: .*BRIDGE_COUNTRY/)]);
});

test("a number without its country code is read as the rule file's defaults say", async () => {
  const cwd = await folderOf();
  writeFileSync(join(cwd, 'config', 'rules.yaml'), RULES.replace('timezone: UTC', 'timezone: UTC, country: US'));
  expect((await runBridge(['why', '(555) 123-4567'], { cwd })).out).toMatch(/^Nothing came/);
});

test('a number of another country is found as people there write it, and what was read is said when nothing came', async () => {
  const cwd = await folderOf({ minute: 5, id: 'm1' });
  const rules = (country: string) =>
    RULES.replace('timezone: UTC', 'timezone: UTC, country: DE').replace('    on:', `    country: ${country}\n    on:`);
  writeFileSync(join(cwd, 'config', 'rules.yaml'), rules('US'));
  const at = ['--at', '2026-03-02 14:05'];
  const { out } = await runBridge(['why', '(555) 123-4567', ...at], { cwd });
  expect(out).toMatch(/message_created\/m1 came: ignored \(\+15551234567\)/);
  writeFileSync(join(cwd, 'config', 'rules.yaml'), rules('KR'));
  const none = await runBridge(['why', '010-3333-4444', ...at], { cwd });
  expect(none.out).toMatch(/^Nothing came from or for 010-3333-4444 between/);
  // No example: the country of one may be among those that were tried.
  expect(none.out).toContain(
    'read as +491033334444 or +821033334444. If it is of another country, write it with a + and its country code.\n',
  );
});
