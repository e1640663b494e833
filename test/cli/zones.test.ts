import { createServer, type Server } from 'node:http';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { RunLog } from '../../src/dispatch/run-log';
import { Inbox } from '../../src/inbox/inbox';
import { publishApi } from '../../src/operations/api-access';
import type { Plan, PlannedStep } from '../../src/rules/plan';
import { dataFolder, entryOf, inboxOptions, planOf, removeDataFolders } from '../inbox/entries';
import { runBridge } from './run-bridge';

// Each command is a process of its own.
jest.setTimeout(120_000);

const AT = '2026-03-02T10:00:00.000Z';
const IN_SEOUL = '2026-03-02 19:00:00';

const job = {
  id: 'j1',
  who: 'ann',
  created_at: AT,
  state: 'done',
  request: {},
  progress: { total: 1, under_way: 0, ended: { done: 1 } },
};

/** What the running bridge answers, by a part of the path. */
const ANSWERS: readonly [path: string, answer: object][] = [
  ['/audit', [{ at: AT, who: 'ann', operation: 'retry', count: 1, detail: {} }]],
  [
    '/alerts?',
    {
      alerts: [
        { id: 1, kind: 'step_failed', count: 1, since: AT, last_at: AT, ended_at: AT, acked_by: null, summary: 'x' },
      ],
      silences: [{ kind: 'all', until: AT, who: 'ann' }],
      routes: ['team'],
      not_told: [],
    },
  ],
  ['/jobs?', [job]],
  ['/jobs/j1', job],
  ['/stand-ins', { stand_ins: [{ connection: 'voipbin', items: [{ at: AT, what: 'text', to: null, lines: [] }] }] }],
  [
    '/connections',
    {
      mode: 'all',
      connections: [
        {
          connection: 'slack',
          uses: 'credentials',
          read_from: [],
          missing: [],
          state: 'parked',
          parked: {
            since: AT,
            problem: { message: 'refused', code: 'http_401', remedy: null },
            line: { waiting: 1, next_probe_at: AT },
          },
        },
      ],
    },
  ],
];

const RULES = `version: 1
defaults: { timezone: Asia/Seoul }
windows: { office: { days: sun, from: "09:00", to: "10:00" } }
rules:
  - name: closed
    on: message_created
    when: { during: office, occurred_at: { gt: "2026-03-03" } }
    do: [{ http.request: { url: "https://example.com/" } }]
  - name: remind
    on: message_created
    do: [{ hubspot.create_task: { subject: x, due: "2026-03-02 19:00" } }]
`;

let folder: string;
let api: Server;

/** A rule whose step has a time. */
function planWithTask(): Plan {
  const plan = planOf('remind');
  const task: PlannedStep = {
    id: 'task',
    action: 'hubspot.create_task',
    effect: 'repeatable',
    input: { subject: 'x', due: '2026-03-02 10:00' },
    on_error: 'stop',
    retry: { for_ms: 1_000, every_ms: 1_000, max_every_ms: 1_000 },
    attempt_timeout_ms: 1_000,
  };
  return { ...plan, rules: plan.rules.map((rule) => ({ ...rule, steps: [task] })) };
}

beforeAll(async () => {
  api = createServer((request, response) => {
    const answer = ANSWERS.find(([path]) => request.url?.includes(path) === true)?.[1] ?? {};
    response.setHeader('content-type', 'application/json').end(JSON.stringify(answer));
  });
  await new Promise<void>((resolve) => api.listen(0, '127.0.0.1', resolve));
  folder = dataFolder();
  const address = api.address();
  publishApi(folder, `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`, 'token');
  writeFileSync(join(folder, 'rules.yaml'), RULES);
  const peer = { type: 'tel', number: '+15551234567', name: null };
  const inbox = await Inbox.open(inboxOptions(folder));
  await inbox.append(entryOf('message_created', 'm1', null, { occurred_at: AT, received_at: AT, peer }));
  await inbox.append(entryOf('message_created', 'm2', planWithTask(), { occurred_at: AT, received_at: AT }));
  await inbox.close();
  const log = RunLog.open(folder);
  const [event_id, ended_at] = ['message_created/m2', new Date(AT)];
  log.markStarted([{ seq: 2, event_id, run_id: 'r', started_at: ended_at }], 2);
  const task = { step: 'task', action: 'hubspot.create_task', outcome: 'done', result: {}, began_at: AT };
  const rules = [{ rule: 'remind', outcome: 'done', steps: [task] }];
  const report = JSON.stringify({ event_id, ruleset: '0123456789ab', outcome: 'done', rules });
  log.markClosed([{ event_id, closed_at: ended_at, outcome: 'done', report }]);
  log.close();
});

afterAll(async () => {
  await new Promise((resolve) => api.close(resolve));
  removeDataFolders();
});

test.each([
  'events list',
  'events show message_created/m1',
  'why +15551234567 --at 2026-03-02T10:00:00Z',
  'events show message_created/m2',
  'rules explain message_created/m1',
  'rules history',
  'audit',
  'alerts list',
  'jobs list',
  'jobs show j1',
  'stand-ins show',
  'connections list',
])('%s shows times in the zone of the rule file, and names it', async (command) => {
  const { out, err } = await runBridge(command.split(' '), { cwd: folder, env: { BRIDGE_RULES: 'rules.yaml' } });
  expect(err).toBe('');
  expect(out).toContain(IN_SEOUL);
  expect(out).toMatch(/^Times are those of Asia\/Seoul\.$/m);
  // A time in UTC. Not the letter alone: the paths in it have random letters.
  expect(out).not.toMatch(/:\d\d(\.\d+)?Z/);
});

test('times of conditions and inputs are in the same zone', async () => {
  const env = { BRIDGE_RULES: 'rules.yaml' };
  const explained = await runBridge(['rules', 'explain', 'message_created/m1'], { cwd: folder, env });
  expect(explained.out).toContain(`during: office, is outside, at ${IN_SEOUL}  (line`);
  expect(explained.out).toContain(`occurred_at: more than 2026-03-03 00:00:00, is "${IN_SEOUL}"  (line`);
  expect(explained.out).toContain(`due: ${IN_SEOUL}\n`);
  const shown = await runBridge(['events', 'show', 'message_created/m2'], { cwd: folder, env });
  expect(shown.out).toContain(`sent due: ${IN_SEOUL}\n`);
});

test('the zone stays while the YAML of the rule file is wrong', async () => {
  writeFileSync(join(folder, 'broken.yaml'), `${RULES}  - [ "\n`);
  const { out } = await runBridge(['events', 'list'], { cwd: folder, env: { BRIDGE_RULES: 'broken.yaml' } });
  expect(out).toContain(IN_SEOUL);
  expect(out).toMatch(/^Times are those of Asia\/Seoul\.$/m);
});

test('--timezone shows them in another, and --json in UTC', async () => {
  const env = { BRIDGE_RULES: 'rules.yaml' };
  const other = await runBridge(['audit', '--timezone', 'Europe/Berlin'], { cwd: folder, env });
  expect(other.out).toMatch(/^2026-03-02 11:00:00 [^]*\nTimes are those of Europe\/Berlin\.\n$/);
  const json = await runBridge(['audit', '--json'], { cwd: folder, env });
  expect(JSON.parse(json.out)).toMatchObject([{ at: AT }]);
});
