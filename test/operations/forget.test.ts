import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { LaterRunsReader } from '../../src/dispatch/later-runs';
import { RunLog, RunLogReader } from '../../src/dispatch/run-log';
import { InboxReader } from '../../src/inbox/archive/reader';
import { Inbox } from '../../src/inbox/inbox';
import { forget } from '../../src/operations/forget';
import { OperationsStore } from '../../src/operations/store';
import { actionKey } from '../../src/runs/names';
import { EffectMemory, forgetResults } from '../../src/worker/effect-memory';
import { dataFolder, entryOf, inboxOptions, planOf, removeDataFolders } from '../inbox/entries';

const NUMBER = '15551234567';
const AT = new Date('2026-03-02T01:00:00Z');
let dataDir: string;
let inbox: Inbox;
let runLog: RunLog;
let effects: EffectMemory;
let records: {
  inbox: InboxReader;
  runLog: RunLogReader;
  laterRuns: LaterRunsReader;
  jobs: OperationsStore;
};

beforeEach(async () => {
  dataDir = dataFolder();
  inbox = await Inbox.open(inboxOptions(dataDir));
  runLog = RunLog.open(dataDir);
  const log = { error: () => undefined, info: () => undefined };
  effects = EffectMemory.open(dataDir, { log, onNotKept: () => undefined });
  records = {
    inbox: InboxReader.open(dataDir),
    runLog: new RunLogReader(dataDir),
    laterRuns: new LaterRunsReader(dataDir),
    jobs: new OperationsStore(dataDir),
  };
});
afterEach(async () => {
  Object.values(records).forEach((each) => each.close());
  effects.close();
  runLog.close();
  await inbox.close();
  removeDataFolders();
});

const body = (data: object): Buffer => Buffer.from(JSON.stringify({ type: 'x_noted', data }));
const forgetHer = (isDry = false) =>
  forget(
    { dataDir, country: null, records, inbox, forgetResults: (keys) => forgetResults(dataDir, keys) },
    { number: `+${NUMBER}` },
    isDry,
  );
/** Files that hold a text, those being written included. */
const filesWith = (text: string): string[] =>
  readdirSync(dataDir).filter((name) => readFileSync(join(dataDir, name)).includes(text));

test.each([
  ['a text', { id: 'one', note: `call +${NUMBER}` }],
  ['a number of JSON', { id: 'one', from: Number(NUMBER) }],
  ['the name of a member', { id: 'one', [NUMBER]: 'hers' }],
  ['an item of a list', { id: 'one', all: [['x', NUMBER]] }],
])('a number is found as %s', async (_case, data) => {
  await inbox.append(entryOf('x_noted', 'one', null, { body: body(data) }));
  await inbox.append(entryOf('x_noted', 'two', null, { body: body({ id: 'two', from: '15557654321' }) }));
  expect(await forgetHer()).toMatchObject({ events: 1, quarantined: 0 });
  expect(filesWith(NUMBER)).toEqual([]);
  expect(filesWith('15557654321')).toEqual(expect.arrayContaining([expect.stringContaining('inbox.db')]));
});

test('nothing of a request in quarantine is left in a file', async () => {
  await inbox.quarantine({
    reason: 'json',
    received_at: AT,
    content_type: null,
    body: Buffer.from(`number ${NUMBER}, text HELLO ${'x'.repeat(20_000)}`),
  });
  expect(filesWith('HELLO')).not.toEqual([]);
  expect(await forgetHer(true)).toMatchObject({ quarantined: 1 });
  expect(filesWith('HELLO')).not.toEqual([]);
  expect(await forgetHer()).toMatchObject({ events: 0, quarantined: 1 });
  expect([filesWith('HELLO'), filesWith(NUMBER)]).toEqual([[], []]);
});

test('a request in quarantine with the same digits in another country stays', async () => {
  const other = Buffer.from(`number +44${NUMBER.slice(1)}, text HELLO`);
  await inbox.quarantine({ reason: 'json', received_at: AT, content_type: null, body: other });
  expect(await forgetHer()).toMatchObject({ events: 0, quarantined: 0 });
  expect(filesWith('HELLO')).not.toEqual([]);
});

test('nothing is left of what steps returned, of what failed attempts kept, and of calls that were looked up', async () => {
  const event = entryOf('x_noted', 'one', planOf('rule'), { body: body({ id: 'one', from: NUMBER }) });
  await inbox.append(event);
  const { event_id } = event.event;
  const step = 'slack.post_message#1';
  const report = {
    outcome: 'done',
    calls: { calls: { c1: { source: 'ANSWER' } } },
    rules: [
      {
        rule: 'rule',
        outcome: 'done',
        steps: [{ step, action: 'slack.post_message', outcome: 'done', result: { to: 'ANSWER' } }],
      },
    ],
  };
  runLog.markStarted([{ seq: 1, event_id, run_id: 'run', started_at: AT }], 1);
  runLog.markClosed([{ event_id, closed_at: AT, outcome: 'done', report: JSON.stringify(report) }]);
  await effects.remember(actionKey(event_id, 'rule', step), { to: 'ANSWER' });
  await effects.rememberProgress(actionKey(event_id, 'rule', step), { attempt: 1, saved: { to: 'ANSWER' } });
  expect(filesWith('ANSWER')).not.toEqual([]);
  expect(await forgetHer()).toMatchObject({ events: 1, runs_at_temporal: 1, at_providers: { slack: 1 } });
  expect(filesWith('ANSWER')).toEqual([]);
});
