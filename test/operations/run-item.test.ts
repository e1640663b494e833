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

describe('when Temporal has deleted the earlier run', () => {
  const step = 'slack.post_message#1';
  const [rule] = planOf('a').rules;
  const planWith = (text: string) => {
    const [first] = rule?.steps ?? [];
    const second = { ...first, id: 'second', input: { channel: '#ops', text } };
    return JSON.stringify({ ...planOf(), rules: [{ ...rule, steps: [first, second] }] });
  };

  async function eventWithDoneStep(): Promise<Records> {
    const records = await eventOfTerminatedBatch(true);
    const rules = [
      { rule: 'a', outcome: 'done', steps: [{ step, action: 'slack.post_message', outcome: 'done', result: {} }] },
    ];
    const [runLog] = opened.flatMap((each) => (each instanceof RunLog ? [each] : []));
    const report = JSON.stringify({ rules });
    runLog?.markClosed([{ event_id: 'call_hangup/c1', closed_at: new Date(), outcome: 'done', report }]);
    return records;
  }

  const rerun = (text: string) => ({ ...retry, kind: 'rerun', plan: planWith(text) }) as const;

  it.each(["{{ steps['slack.post_message#1'].ts }}", '{{ steps.first.ts }}'])(
    'a rerun of a rule that uses results of its steps is refused: %s',
    async (text) => {
      const records = await eventWithDoneStep();
      expect(await remainingNow(records, nothing, rerun(text), request)).toMatchObject({ refused: 'impossible' });
    },
  );

  it('a rerun of one that does not is done', async () => {
    const records = await eventWithDoneStep();
    expect(await remainingNow(records, nothing, rerun('Next steps.'), request)).toMatchObject({
      earlier: { rules: { a: { steps: { [step]: { outcome: 'done' } } } } },
    });
  });
});
