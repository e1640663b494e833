import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { RunLog } from '../../src/dispatch/run-log';
import { Inbox } from '../../src/inbox/inbox';
import type { RunReport } from '../../src/runs/run-contract';
import { dataFolder, entryOf, inboxOptions, planOf, removeDataFolders } from '../inbox/entries';
import { runBridge } from './run-bridge';

// Each command is a process of its own.
jest.setTimeout(120_000);

const ANNA = { type: 'tel', number: '+4930901820', name: 'Anna' };
const BERT = { type: 'tel', number: '+15551234567', name: null };
const OURS = { type: 'tel', number: '+15557654321', name: null };
const DAY = '2026-03-02';

let dataDir: string;

/** Times are those of the second of March, in UTC. */
beforeAll(async () => {
  dataDir = dataFolder();
  const inbox = await Inbox.open(inboxOptions(dataDir));
  const add = (type: string, id: string, time: string, more: Parameters<typeof entryOf>[3], ...rules: string[]) =>
    inbox.append(
      entryOf(type, id, rules.length === 0 ? null : planOf(...rules), {
        received_at: `${DAY}T${time}Z`,
        ours: OURS,
        ...more,
      }),
    );
  await add('call_hangup', 'c1', '09:00:00.000', { peer: ANNA, direction: 'inbound' }, 'log-calls');
  await add(
    'message_created',
    'm1',
    '10:00:00.000',
    { peer: BERT, direction: 'inbound', text: 'Your QUOTE für 10%?' },
    'prices',
    'ops',
  );
  await add('call_hangup', 'c2', '11:00:00.000', { peer: BERT, direction: 'outbound' }, 'log-calls');
  await add('queuecall_abandoned', 'q1', '12:00:00.000', {
    ours: null,
    call: { direction: 'inbound', peer: ANNA, ours: OURS, answered: false, talk_s: 0, duration_s: 1, reason: null },
  });
  await add('message_created', 'm2', '13:00:00.000', { peer: ANNA, direction: 'inbound', text: 'STOP' });
  await inbox.close();
  const log = RunLog.open(dataDir);
  const ids = ['call_hangup/c1', 'message_created/m1', 'call_hangup/c2'];
  const at = new Date(`${DAY}T10:00:01Z`);
  log.markStarted(
    ids.map((event_id, index) => ({ seq: index + 1, event_id, run_id: 'r', started_at: at })),
    3,
  );
  const failed: RunReport = {
    event_id: 'message_created/m1',
    ruleset: '0123456789ab',
    outcome: 'failed',
    rules: [
      { rule: 'prices', outcome: 'failed', steps: [step('channel_not_found')] },
      { rule: 'ops', outcome: 'failed', steps: [step('http_500')] },
    ],
  };
  log.markClosed([
    { event_id: 'call_hangup/c1', closed_at: at, outcome: 'done', report: null },
    { event_id: 'message_created/m1', closed_at: at, outcome: 'failed', report: JSON.stringify(failed) },
    { event_id: 'call_hangup/c2', closed_at: at, outcome: 'done', report: null },
  ]);
  log.close();
});

afterAll(removeDataFolders);

function step(code: string): RunReport['rules'][0]['steps'][0] {
  return {
    step: 'slack.post_message#1',
    action: 'slack.post_message',
    outcome: 'failed',
    class: 'permanent',
    code,
    message: 'no',
    remedy: null,
  };
}

const list = (...args: string[]) => runBridge(['events', 'list', ...args], { cwd: dataDir });

async function idsOf(...args: string[]): Promise<string[]> {
  const { out, err } = await list(...args, '--json');
  expect(err).toBe('');
  return (JSON.parse(out) as { event_id: string }[]).map(({ event_id: id }) => id.split('/')[1] ?? '');
}

test('a list shows who called or wrote, the rules, and what failed first', async () => {
  const { out } = await list();
  expect(out.trimEnd().split('\n')).toEqual([
    '2026-03-02T13:00:00.000Z  ignored    message_created/m2  +4930901820 > +15557654321',
    '2026-03-02T12:00:00.000Z  ignored    queuecall_abandoned/q1  +4930901820 > +15557654321',
    '2026-03-02T11:00:00.000Z  done       call_hangup/c2  +15557654321 > +15551234567  log-calls',
    '2026-03-02T10:00:00.000Z  failed     message_created/m1  +15551234567 > +15557654321  prices, ops  prices/slack.post_message#1 failed: channel_not_found and 1 more',
    '2026-03-02T09:00:00.000Z  done       call_hangup/c1  +4930901820 > +15557654321  log-calls',
  ]);
});

test.each([
  [
    ['--number', '+49 30 901820'],
    ['m2', 'q1', 'c1'],
  ],
  [
    ['--number', '(555) 123-4567'],
    ['c2', 'm1'],
  ],
  [
    ['--number', '901820'],
    ['m2', 'q1', 'c1'],
  ],
  [['--text', 'quote FÜR 10%'], ['m1']],
  [['--text', '10_'], []],
  [
    ['--rule', 'log-calls'],
    ['c2', 'c1'],
  ],
  [['--rule', 'nobody'], []],
  [['--step', 'slack.post_message', '--rule', 'ops'], ['m1']],
  [['--code', 'http_500'], ['m1']],
  [['--code', 'http_500', '--rule', 'prices'], []],
  [['--code', 'channel_not_found', '--step', 'slack.post_message#1', '--type', 'message_created'], ['m1']],
  [
    ['--since', `${DAY}T10:00:00Z`, '--until', `${DAY}T12:00:00Z`],
    ['c2', 'm1'],
  ],
  [
    ['--since', `${DAY} 20:00`, '--timezone', 'Asia/Seoul'],
    ['m2', 'q1', 'c2'],
  ],
  [['--until', '2026-03-02 05:00', '--timezone', 'America/New_York'], ['c1']],
  [
    ['--limit', '2', '--before', '4'],
    ['c2', 'm1'],
  ],
])('list %j', async (args, ids) => {
  expect(await idsOf(...args)).toEqual(ids);
});

test('times are read and shown in the time zone of the rule file', async () => {
  const rules = join(dataDir, 'rules.yaml');
  writeFileSync(rules, 'version: 1\ndefaults: { timezone: Europe/Berlin }\nrules: []\n');
  const { out } = await runBridge(['events', 'list', '--since', '2026-03-02 13:30'], {
    cwd: dataDir,
    env: { BRIDGE_RULES: rules },
  });
  expect(out).toBe(
    '2026-03-02 14:00:00  ignored    message_created/m2  +4930901820 > +15557654321\nTimes are those of Europe/Berlin.\n',
  );
});

test('filters that cannot be read are wrong use', async () => {
  const answers = await Promise.all([
    list('--number', 'Anna'),
    list('--timezone', 'Berlin'),
    list('--before', 'c2'),
    list('--until', '2026-02-30 10:00'),
  ]);
  expect(answers.map(({ code, err }) => [code, err.split(';')[0]])).toEqual([
    [2, expect.stringContaining('--number expects a phone number')],
    [2, expect.stringContaining('--timezone expects a time zone')],
    [2, expect.stringContaining('--before expects')],
    [2, expect.stringContaining('--until expects')],
  ]);
});
