import type { ApiError } from '../../src/admin/api';
import { OwnNumbers } from '../../src/events/own-numbers';
import { Inbox } from '../../src/inbox/inbox';
import { Ingest } from '../../src/ingest/ingest';
import { Operations } from '../../src/operations/operations';
import { dataFolder, entryOf, inboxOptions, removeDataFolders, sentences } from '../inbox/entries';

let inbox: Inbox;
let operations: Operations;

beforeEach(async () => {
  const dataDir = dataFolder();
  inbox = await Inbox.open(inboxOptions(dataDir));
  const ruleSet = { hash: '0123456789ab', plan: () => null };
  operations = new Operations({
    dataDir,
    ruleSet: () => ruleSet,
    unitOf: () => null,
    forgetAfterMs: 86_400_000,
    country: null,
    inbox,
    ingest: new Ingest({ inbox, ruleSet: () => ruleSet, ownNumbers: new OwnNumbers([], null), log: sentences() }),
    forgetResults: () => undefined,
  });
});
afterEach(async () => {
  operations.close();
  await inbox.close();
  removeDataFolders();
});

const since = '2026-03-02T08:00:00Z';

test.each([{ ambiguous: ['*'] }, { ambiguous: ['*'], rule: 'crm' }, { ambiguous: ['crm/task'], since }])(
  'what may have happened is done for a narrow selection only: not for %j',
  async (request) => {
    const refused = expect.objectContaining({ status: 400, code: 'name_the_events' }) as ApiError;
    await expect(operations.planRetry(request, 'ann', true)).rejects.toEqual(refused);
    await expect(operations.planRerun(request, 'ann', true)).rejects.toEqual(refused);
  },
);

test('what may have happened is done for a rule and a time', async () => {
  const request = { ambiguous: ['*'], rule: 'crm', since };
  expect(await operations.planRetry(request, 'ann', true)).toMatchObject({ kind: 'retry', plan: { events: 0 } });
  expect(await operations.planRerun(request, 'ann', true)).toMatchObject({ kind: 'rerun', plan: { events: 0 } });
});

test('an event that is named without its type is not found, and named with it', async () => {
  await inbox.append(entryOf('call_hangup', 'a001', null));
  const request = { events: ['a001', 'a002'] };
  const refused = {
    code: 'unknown_event',
    message: 'this data folder has no event a001, a002; did you mean call_hangup/a001?',
  };
  await expect(operations.planRetry(request, 'ann', true)).rejects.toMatchObject(refused);
  await expect(operations.planRerun(request, 'ann', true)).rejects.toMatchObject(refused);
});
