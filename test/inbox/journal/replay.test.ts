import { copyFileSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { RunLog } from '../../../src/dispatch/run-log';
import { InboxReader } from '../../../src/inbox/archive/reader';
import { Inbox } from '../../../src/inbox/inbox';
import { journalFile } from '../../../src/inbox/journal/reader';
import { openDatabase } from '../../../src/storage/sqlite';
import { dataFolder, entryOf, inboxOptions, planOf, removeDataFolders, sentences } from '../entries';
import { journalRecordsOf, JournalWriter } from './write-journal';

const opened: { close(): unknown }[] = [];

afterEach(async () => {
  for (const each of opened.splice(0)) {
    await each.close();
  }
  removeDataFolders();
});

const events = ['c1', 'c2', 'c3'];

/** A data folder that version 0.1 left after a `kill -9`: some events are in the journal only. */
async function journaled(): Promise<string> {
  const dataDir = dataFolder();
  await (await Inbox.open(inboxOptions(dataDir))).close();
  const writer = new JournalWriter(dataDir, 7);
  for (const id of events) {
    writer.write(journalRecordsOf(entryOf('call_hangup', id, planOf('a'))));
  }
  return dataDir;
}

async function openInbox(dataDir: string, log = sentences()): Promise<{ inbox: Inbox; reader: InboxReader }> {
  const inbox = await Inbox.open(inboxOptions(dataDir, { log }));
  const reader = InboxReader.open(dataDir);
  opened.push(inbox, reader);
  return { inbox, reader };
}

/** Opens the inbox and appends an event. @returns the ids of all pending events. */
async function idsAfterOpening(dataDir: string, log = sentences()): Promise<string[]> {
  const { inbox, reader } = await openInbox(dataDir, log);
  await inbox.append(entryOf('call_hangup', 'after', planOf('a')));
  return reader.pendingAfter(0, 10).map(({ event }) => event.id);
}

const journalFiles = (dataDir: string) => readdirSync(dataDir).filter((name) => /^journal\.[01]$/.test(name));

test('brings the events of the journal into inbox.db once, and deletes the journal', async () => {
  const dataDir = await journaled();
  const log = sentences();
  expect(await idsAfterOpening(dataDir, log)).toEqual([...events, 'after']);
  expect(journalFiles(dataDir)).toEqual([]);
  for (const each of opened.splice(0)) {
    await each.close();
  }
  expect(await idsAfterOpening(dataDir, log)).toEqual([...events, 'after']);
  expect(log.said).toEqual([]);
});

test('a data folder of version 0.1.0 opens with everything that was acknowledged', async () => {
  const dataDir = dataFolder();
  const fixture = join(__dirname, '..', '..', 'fixtures', 'data-folder-0.1.0');
  for (const name of readdirSync(fixture)) {
    copyFileSync(join(fixture, name), join(dataDir, name));
  }
  const log = sentences();
  const { inbox, reader } = await openInbox(dataDir, log);
  expect(
    reader.pendingAfter(0, 10).map(({ seq, event_id, plan }) => [seq, event_id, plan.rules.map(({ name }) => name)]),
  ).toEqual([
    [1, 'call_hangup/archived', ['log-calls']],
    [2, 'message_created/m1', ['reply']],
    [3, 'call_hangup/journaled', ['log-calls']],
    [4, 'conversation_message_created/m1', ['log']],
  ]);
  expect(reader.counts()).toEqual({ received: 4, ignored: 1, quarantined: 1 });
  expect(reader.getQuarantined('795b6904e54f8241')?.body.toString()).toBe('garbage');
  expect(inbox.ownNumbers()).toEqual(['+15550001111']);
  expect(await inbox.append(entryOf('call_hangup', 'journaled', planOf('log-calls')))).toBe('duplicate');
  expect(await inbox.append(entryOf('message_created', 'm1', planOf('log')))).toBe('duplicate');
  expect(log.said).toEqual([]);
  expect(existsSync(join(dataDir, 'journal.0'))).toBe(false);
});

test('a replay that was interrupted continues where it was', async () => {
  const dataDir = await journaled();
  const journal = readFileSync(journalFile(dataDir, 7));
  const { inbox } = await openInbox(dataDir);
  await inbox.close();
  // As if the process had died before it deleted the journal.
  writeFileSync(journalFile(dataDir, 7), journal);
  expect(await idsAfterOpening(dataDir)).toEqual([...events, 'after']);
});

test('an event whose plan is in a damaged part of the journal is quarantined', async () => {
  const dataDir = await journaled();
  const writer = new JournalWriter(dataDir, 8);
  writer.write(journalRecordsOf(entryOf('call_hangup', 'c4', planOf('lost'))).slice(1));
  expect(await idsAfterOpening(dataDir)).toEqual([...events, 'after']);
  const [apart] = InboxReader.open(dataDir).listQuarantine();
  expect(apart?.reason).toMatch(/^damaged: /);
});

test('does not open the journal of a newer bridge, and leaves it as it is', async () => {
  const dataDir = await journaled();
  const path = journalFile(dataDir, 7);
  const file = readFileSync(path);
  // The second frame gets a record of an unknown kind.
  const begin = file.indexOf('VBJ1', 1);
  const frame = file.subarray(begin, begin + 28 + file.readUInt32LE(begin + 16));
  frame.write('"kind":"other"', frame.indexOf('"kind":"event"'), 'latin1');
  frame.writeUInt32LE(crc32(frame.subarray(8)), 4);
  writeFileSync(path, file);
  await expect(Inbox.open(inboxOptions(dataDir))).rejects.toThrow(
    'the journal holds events that a newer bridge wrote: start this data folder with that version, or a later one',
  );
  expect(readFileSync(path).equals(file)).toBe(true);
});

test('a lost inbox.db gets the events of the journal, except those that have a run', async () => {
  const dataDir = await journaled();
  writeFileSync(join(dataDir, 'inbox.db'), Buffer.alloc(20_000, 7));
  const dispatched = RunLog.open(dataDir);
  dispatched.markStarted([{ seq: 2, event_id: 'call_hangup/c2', run_id: 'r', started_at: new Date() }], 2);
  dispatched.close();
  expect(await idsAfterOpening(dataDir)).toEqual(['c1', 'c3', 'after']);
});

test('a lost inbox.db gets nothing older than the retention: it may have had a run that nobody remembers', async () => {
  const dataDir = await journaled();
  const days = (count: number) => ({ received_at: new Date(Date.now() - count * 86_400_000).toISOString() });
  new JournalWriter(dataDir, 8).write([
    ...journalRecordsOf(entryOf('call_hangup', 'old', planOf('a'), days(45))),
    ...journalRecordsOf(entryOf('call_hangup', 'young', planOf('a'), days(29))),
  ]);
  rmSync(join(dataDir, 'inbox.db'));
  expect(await idsAfterOpening(dataDir)).toEqual([...events, 'young', 'after']);
});

test('an inbox.db whose rebuild was interrupted gets the whole journal', async () => {
  const dataDir = await journaled();
  // As after a kill -9 right after the rescue: the new file has the position of the lost one.
  const database = openDatabase(join(dataDir, 'inbox.db'));
  database.exec(
    "INSERT INTO meta (name, value) VALUES ('journal_segment', 99); INSERT INTO meta (name, value) VALUES ('rebuilt', 1) ON CONFLICT (name) DO UPDATE SET value = 1",
  );
  database.close();
  expect(await idsAfterOpening(dataDir)).toEqual([...events, 'after']);
});

test('reports a damaged journal', async () => {
  const dataDir = await journaled();
  const path = journalFile(dataDir, 7);
  const bytes = readFileSync(path);
  bytes.fill(0, 100, 110);
  writeFileSync(path, bytes);
  const log = sentences();
  expect(await idsAfterOpening(dataDir, log)).toEqual(['c2', 'c3', 'after']);
  expect(log.said).toEqual([expect.stringMatching(/^a part of the journal was damaged .* "bridge backfill"\.$/)]);
  expect(readdirSync(dataDir).filter((name) => name.includes('journal.1.corrupt-'))).toHaveLength(1);
});
