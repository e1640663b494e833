import { LaterRuns } from '../../src/dispatch/later-runs';
import { RunLog } from '../../src/dispatch/run-log';
import { InboxReader } from '../../src/inbox/archive/reader';
import { Inbox } from '../../src/inbox/inbox';
import type { Records } from '../../src/operations/event-history';
import { rerunRequest, retryRequest } from '../../src/operations/job';
import { planRerun, planRetry } from '../../src/operations/plan-job';
import { dataFolder, entryOf, inboxOptions, planOf, removeDataFolders } from '../inbox/entries';

const opened: { close(): void }[] = [];

afterEach(() => {
  opened.splice(0).forEach((each) => each.close());
  removeDataFolders();
});

/** Events of a rule, with how their runs ended. */
async function eventsThatEnded(...outcomes: string[]): Promise<Records> {
  const dataDir = dataFolder();
  const inbox = await Inbox.open(inboxOptions(dataDir));
  const runLog = RunLog.open(dataDir);
  for (const [index, outcome] of outcomes.entries()) {
    const event_id = `call_hangup/c${index}`;
    await inbox.append(entryOf('call_hangup', `c${index}`, planOf('old')));
    runLog.markStarted([{ seq: index + 1, event_id, run_id: 'r', started_at: new Date() }], index + 1);
    runLog.markClosed([{ event_id, closed_at: new Date(), outcome, report: null }]);
  }
  await inbox.close();
  const laterRuns = new LaterRuns(dataDir);
  const reader = InboxReader.open(dataDir);
  opened.push(laterRuns, runLog, reader);
  return { inbox: reader, runLog, laterRuns, jobs: { lastNumber: () => 1 } };
}

async function plannedFor(records: Records, request: object): Promise<string[]> {
  const rules = { plan: () => planOf('new') };
  const parsed = rerunRequest.parse({ since: '2000-01-01T00:00:00Z', ...request });
  const { items } = await planRerun(records, parsed, rules, () => null, new Date());
  return items.map(({ event_id }) => event_id);
}

test('a rerun is for all events, or for those with a failed step', async () => {
  const records = await eventsThatEnded('done', 'failed', 'skipped', 'partial');
  const all = ['call_hangup/c0', 'call_hangup/c1', 'call_hangup/c2', 'call_hangup/c3'];
  expect(await plannedFor(records, {})).toEqual(all);
  expect(await plannedFor(records, { failed: true })).toEqual(['call_hangup/c1', 'call_hangup/c3']);
});

test('a job does the oldest event first, whatever the order in which events are named or found', async () => {
  const records = await eventsThatEnded('failed', 'done', 'failed', 'failed');
  const inOrder = ['call_hangup/c0', 'call_hangup/c2', 'call_hangup/c3'];
  const { plan, items } = await planRetry(
    records,
    retryRequest.parse({ since: '2000-01-01T00:00:00Z' }),
    () => null,
    new Date(),
  );
  expect(items.map(({ event_id }) => event_id)).toEqual(inOrder);
  expect(plan.sample).toEqual(inOrder);
  expect(await plannedFor(records, { since: undefined, events: inOrder.toReversed() })).toEqual(inOrder);
});
