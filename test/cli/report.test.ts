import { LaterRuns } from '../../src/dispatch/later-runs';
import { RunLog } from '../../src/dispatch/run-log';
import { join } from 'node:path';
import { Archive } from '../../src/inbox/archive/archive';
import { Inbox } from '../../src/inbox/inbox';
import type { Outcome, RunReport, StepReport } from '../../src/runs/run-contract';
import { openDatabase } from '../../src/storage/sqlite';
import { dataFolder, entryOf, inboxOptions, planOf, removeDataFolders } from '../inbox/entries';
import { runBridge } from './run-bridge';

// Each command is a process of its own.
jest.setTimeout(120_000);

afterEach(removeDataFolders);

const at = (quarter: number, second = 0) => new Date(Date.UTC(2026, 2, 2, 10, quarter * 15, second));

const done = (action: string): StepReport => ({ step: action, action, outcome: 'done', result: {} });
const skipped = (action: string, reason: string): StepReport => ({ step: action, action, outcome: 'skipped', reason });
const failed = (action: string, code: string): StepReport => ({
  step: action,
  action,
  outcome: 'failed',
  class: 'permanent',
  code,
  message: 'no',
  remedy: null,
});

function reportOf(event_id: string, outcome: Outcome, rule: string, steps: StepReport[], reason?: string): RunReport {
  const report = { rule, outcome, steps, ...(reason === undefined ? {} : { reason }) };
  return { event_id, ruleset: '0123456789ab', outcome, rules: [report] };
}

/** Eight events, one a quarter of an hour, of which six matched a rule. */
async function week(): Promise<string> {
  const dataDir = dataFolder();
  const inbox = await Inbox.open(inboxOptions(dataDir));
  const add = (quarter: number, type: string, id: string, rule: string | null, more: Parameters<typeof entryOf>[3]) =>
    inbox.append(
      entryOf(type, id, rule === null ? null : planOf(rule), { received_at: at(quarter).toISOString(), ...more }),
    );
  await add(0, 'call_hangup', 'c1', 'log', { direction: 'inbound', answered: true });
  await add(1, 'call_hangup', 'c2', 'log', { direction: 'outbound', answered: false });
  await add(2, 'call_hangup', 'c3', 'log', { direction: null, answered: false });
  await add(3, 'message_created', 'm1', 'answer', { direction: 'inbound' });
  await add(4, 'message_created', 'm2', 'answer', { direction: 'inbound' });
  await add(5, 'message_created', 'm3', 'answer', { direction: 'inbound' });
  await add(6, 'message_created', 'm4', null, { direction: 'outbound' });
  await add(7, 'recording_finished', 'r1', null, {});
  await inbox.close();
  const log = RunLog.open(dataDir);
  const ids = [
    'call_hangup/c1',
    'call_hangup/c2',
    'call_hangup/c3',
    'message_created/m1',
    'message_created/m2',
    'message_created/m3',
  ];
  log.markStarted(
    ids.map((event_id, index) => ({ seq: index + 1, event_id, run_id: 'r', started_at: at(index) })),
    8,
  );
  const end = (event_id: string, quarter: number, report: RunReport) => ({
    event_id,
    closed_at: at(quarter, 2),
    outcome: report.outcome,
    report: JSON.stringify(report),
  });
  log.markClosed([
    end(
      'call_hangup/c1',
      0,
      reportOf('call_hangup/c1', 'done', 'log', [done('hubspot.log_call'), done('slack.post_message')]),
    ),
    end('call_hangup/c2', 1, reportOf('call_hangup/c2', 'failed', 'log', [failed('hubspot.log_call', 'http_400')])),
    end('message_created/m1', 3, reportOf('message_created/m1', 'done', 'answer', [done('voipbin.send_message')])),
    end(
      'message_created/m2',
      4,
      reportOf('message_created/m2', 'skipped', 'answer', [skipped('voipbin.send_message', 'cooldown')]),
    ),
    end('message_created/m3', 5, reportOf('message_created/m3', 'skipped', 'answer', [], 'limit: within the cooldown')),
  ]);
  const later = new LaterRuns(dataDir);
  later.begin({ event_id: 'call_hangup/c2', number: 2, job: 'j1', kind: 'retry', plan: null });
  later.started('call_hangup/c2', 2);
  later.ended(
    'call_hangup/c2',
    2,
    'done',
    reportOf('call_hangup/c2', 'done', 'log', [done('hubspot.log_call'), done('slack.post_message')]),
  );
  later.close();
  log.close();
  return dataDir;
}

const reportOn = (dataDir: string, ...args: string[]) => runBridge(['report', ...args], { cwd: dataDir });
const ALL = ['--since', '2026-03-02T09:00:00Z', '--until', '2026-03-02T12:00:00Z'];

test('a report counts what came, and what was done, skipped, failed and retried by rule and action', async () => {
  const { out, err } = await reportOn(await week(), ...ALL);
  expect(err).toBe('');
  expect(out.trimEnd().split('\n')).toEqual([
    '2026-03-02T09:00:00.000Z to 2026-03-02T12:00:00.000Z',
    'The data folder has no events from before 2026-03-02T10:00:00.000Z: none came, or the retention deleted them.',
    '  events      8, of which rules matched 6',
    '  calls       1 in, 1 out, 1 in an unknown direction; 1 answered by a person',
    '  texts       3 received, 1 sent by rules',
    '  recordings  1',
    '',
    'answer: 3 events: 1 done, 0 partial, 0 failed, 2 skipped (limit: within the cooldown: 1), 0 open; took 2.00 s (half), 2.00 s (95 %), 2.00 s (longest)',
    '  voipbin.send_message: 1 done, 1 skipped (cooldown: 1), 0 failed, 0 retried',
    '',
    'log: 3 events: 2 done, 0 partial, 0 failed, 0 skipped, 1 open; took 2.00 s (half), 2.00 s (95 %), 2.00 s (longest)',
    '  hubspot.log_call: 2 done, 0 skipped, 0 failed, 1 retried',
    '  slack.post_message: 2 done, 0 skipped, 0 failed, 0 retried',
  ]);
});

test('a report has the events of its period only, in whole quarters of an hour', async () => {
  const dataDir = await week();
  const { out } = await reportOn(dataDir, '--json', '--since', '2026-03-02 11:20', '--until', '2026-03-02T11:40:00Z');
  expect(JSON.parse(out)).toMatchObject({
    since: '2026-03-02T11:15:00.000Z',
    until: '2026-03-02T11:45:00.000Z',
    complete_since: null,
    counted_since: null,
    events: { received: 2, matched: 1 },
    texts: { received: 1, sent: 0 },
    recordings: 0,
    rules: [{ rule: 'answer', events: 1, skipped: 1 }],
  });
});

test('a report for a spreadsheet has a line per rule and action', async () => {
  const { out } = await reportOn(await week(), '--csv', ...ALL);
  const period = '2026-03-02T09:00:00.000Z,2026-03-02T12:00:00.000Z';
  expect(out.trimEnd().split('\n')).toEqual([
    'since,until,rule,action,done,skipped,skipped_why,failed,failed_why,retried,events,open,p50_ms,p95_ms,max_ms',
    `${period},answer,voipbin.send_message,1,1,cooldown: 1,0,,0,3,0,2000,2000,2000`,
    `${period},log,hubspot.log_call,2,0,,0,,1,3,1,2000,2000,2000`,
    `${period},log,slack.post_message,2,0,,0,,0,3,1,2000,2000,2000`,
  ]);
});

test('calls, texts and recordings are counted once, whatever comes twice, and outlive what they said', async () => {
  const dataDir = await week();
  const inbox = await Inbox.open({
    ...inboxOptions(dataDir),
    retention: { ...inboxOptions(dataDir).retention, maxAgeMs: 1 },
  });
  const again = entryOf('call_hangup', 'c1', null, { received_at: at(0).toISOString(), direction: 'inbound' });
  expect(await inbox.append(again)).toBe('duplicate');
  await inbox.close();
  const archive = new Archive(dataDir, { ...inboxOptions(dataDir).retention, maxAgeMs: 1 }, inboxOptions(dataDir).log);
  while (archive.prune(new Date(Date.UTC(2026, 3, 2)))) {
    // Slice by slice.
  }
  archive.close();
  const { out } = await reportOn(dataDir, '--json', ...ALL);
  expect(JSON.parse(out)).toMatchObject({
    events: { received: 8 },
    calls: { inbound: 1, outbound: 1, unknown_direction: 1, answered: 1 },
    texts: { received: 3 },
    recordings: 1,
  });
});

test('a data folder of an earlier version says since when it counts', async () => {
  const dataDir = await week();
  const database = openDatabase(join(dataDir, 'inbox.db'));
  database.exec("DROP TABLE traffic; DELETE FROM meta WHERE name = 'traffic_since'");
  database.close();
  const before = JSON.parse((await reportOn(dataDir, '--json', ...ALL)).out) as object;
  expect(before).toMatchObject({ calls: { inbound: 0 }, rules: [{ rule: 'answer', events: 3 }, { rule: 'log' }] });
  const inbox = await Inbox.open(inboxOptions(dataDir));
  await inbox.close();
  const { out } = await reportOn(dataDir, ...ALL);
  expect(out).toMatch(/^Events, calls, texts and recordings are counted since 20.*: an earlier version ran before\.$/m);
});

test('a report of a folder without events is empty', async () => {
  const { code, out } = await reportOn(dataFolder(), '--json');
  expect([code, JSON.parse(out)]).toEqual([
    0,
    expect.objectContaining({ events: { received: 0, matched: 0 }, rules: [] }),
  ]);
});
