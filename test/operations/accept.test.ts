import { OwnNumbers } from '../../src/events/own-numbers';
import { Inbox } from '../../src/inbox/inbox';
import { InboxReader } from '../../src/inbox/archive/reader';
import { Ingest } from '../../src/ingest/ingest';
import { Operations } from '../../src/operations/operations';
import { dataFolder, inboxOptions, removeDataFolders, sentences } from '../inbox/entries';

let inbox: Inbox;
let reader: InboxReader;
let operations: Operations;

beforeEach(async () => {
  const dataDir = dataFolder();
  inbox = await Inbox.open(inboxOptions(dataDir));
  reader = InboxReader.open(dataDir);
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
  reader.close();
  await inbox.close();
  removeDataFolders();
});

const quarantined = (body: string): Promise<string> =>
  inbox.quarantine({ reason: 'no_envelope', received_at: new Date(), content_type: null, body: Buffer.from(body) });

test('a request that is accepted as another type keeps the digits of its numbers', async () => {
  const id = await quarantined('{"id":"c1","n":12345678901234567890,"price":19.90,"__proto__":{"x":1}}');
  expect(await operations.accept(id, { as: 'call_hangup' }, 'ann')).toEqual({
    event_id: 'call_hangup/c1',
    outcome: 'ignored',
  });
  expect(reader.get('call_hangup/c1')?.body.toString()).toBe(
    '{"type":"call_hangup","data":{"id":"c1","n":12345678901234567890,"price":19.90}}',
  );
  expect(reader.listQuarantine()).toEqual([]);
});

test.each([
  ['too deep', `{"a":${'['.repeat(100_000)}${']'.repeat(100_000)}}`, 'too_deep'],
  ['no JSON', '{"number": +15551234567', 'not_json'],
  ['a list', '[1]', 'not_an_object'],
  ['empty', '', 'empty'],
])('one that is %s stays in quarantine, and nothing of it is repeated', async (_case, body, code) => {
  const id = await quarantined(body);
  const refused = operations.accept(id, { as: 'call_hangup' }, 'ann');
  await expect(refused).rejects.toMatchObject({ name: 'ApiError', status: 409, code });
  await expect(refused).rejects.not.toThrow('1555');
  expect(reader.listQuarantine()).toHaveLength(1);
});
