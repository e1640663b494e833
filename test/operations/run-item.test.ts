import { LaterRuns } from '../../src/dispatch/later-runs';
import { RunLog } from '../../src/dispatch/run-log';
import type { RunReports } from '../../src/dispatch/run-starter';
import { InboxReader } from '../../src/inbox/archive/reader';
import { Inbox } from '../../src/inbox/inbox';
import { remainingNow } from '../../src/operations/run-item';
import type { Records } from '../../src/operations/event-history';
import { dataFolder, entryOf, inboxOptions, planOf, removeDataFolders } from '../inbox/entries';

const BATCH = 'batch/1-2/0123456789abcdef';
const opened: { close(): void }[] = [];

afterEach(() => {
  opened.splice(0).forEach((each) => each.close());
  removeDataFolders();
});

/** An event that was started in a batch, which was terminated; `ownRun`: after the event had gone on in its own run. */
async function eventOfTerminatedBatch(ownRun: boolean): Promise<Records> {
  const dataDir = dataFolder();
  const inbox = await Inbox.open(inboxOptions(dataDir));
  await inbox.append(entryOf('call_hangup', 'c1', planOf('a')));
  await inbox.close();
  const runLog = RunLog.open(dataDir);
  const laterRuns = new LaterRuns(dataDir);
  const reader = InboxReader.open(dataDir);
  opened.push(laterRuns, runLog, reader);
  const at = new Date();
  const event_id = 'call_hangup/c1';
  runLog.markStarted([{ seq: 1, event_id, run_id: 'r', started_at: at, batch: BATCH }], 1);
  runLog.markClosed([
    { event_id, closed_at: at, outcome: 'terminated', report: null, ...(ownRun ? {} : { in_batch: true }) },
  ]);
  return { inbox: reader, runLog, laterRuns, jobs: { lastNumber: () => 1 } };
}

const asked: [string, string | undefined][] = [];
const nothing: RunReports = {
  report: (workflowId, eventId) => {
    asked.push([workflowId, eventId]);
    return Promise.resolve(null);
  },
};
const retry = { event_id: 'call_hangup/c1', number: 2, job: 'retry-1', kind: 'retry', plan: null } as const;
const request = { ambiguous: [], late: false, again: false };

test('a retry does all of an event whose batch was terminated before the event was over', async () => {
  const records = await eventOfTerminatedBatch(false);
  asked.length = 0;
  expect(await remainingNow(records, nothing, retry, request)).toMatchObject({
    event: { event_id: 'call_hangup/c1' },
    earlier: { run: BATCH, rules: { a: { steps: {}, attempts: {}, passed: false } } },
  });
  expect(asked).toEqual([[BATCH, 'call_hangup/c1']]);
});

test('a retry of an event that had gone on in its own run asks that run', async () => {
  const records = await eventOfTerminatedBatch(true);
  asked.length = 0;
  expect(await remainingNow(records, nothing, retry, request)).toMatchObject({ refused: 'impossible' });
  expect(asked).toEqual([['call_hangup/c1', undefined]]);
});
