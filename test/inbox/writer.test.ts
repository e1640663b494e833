import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Inbox } from '../../src/inbox/inbox';
import { InboxReader } from '../../src/inbox/reader';
import { dataFolder, entryOf, inboxOptions, planOf, removeDataFolders, sentences } from './entries';

const opened: { close(): unknown }[] = [];

afterEach(async () => {
  for (const each of opened.splice(0)) {
    await each.close();
  }
  removeDataFolders();
});

async function openFaulty() {
  const dataDir = dataFolder();
  const log = sentences();
  const inbox = await Inbox.open(inboxOptions(dataDir, { log, threadScript: join(__dirname, 'faulty-writer-thread.cjs') }));
  const reader = InboxReader.open(dataDir);
  opened.push(reader, inbox);
  const fault = join(dataDir, 'fault');
  return { inbox, reader, log, let: (what: 'end' | 'hang') => writeFileSync(fault, what), heal: () => rmSync(fault) };
}

async function untilWell(inbox: Inbox): Promise<void> {
  while (inbox.problem() !== null) {
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

test('a thread that ends refuses what it had, is started again, and loses nothing that was acknowledged', async () => {
  const faulty = await openFaulty();
  expect(await faulty.inbox.append(entryOf('call_hangup', 'before', planOf('a')))).toBe('received');
  faulty.let('end');
  const outcomes = await Promise.allSettled(['c1', 'c2'].map((id) => faulty.inbox.append(entryOf('call_hangup', id, planOf('a')))));
  expect(outcomes.map((outcome) => outcome.status === 'rejected' && String(outcome.reason))).toEqual(Array(2).fill(expect.stringContaining('the thread that writes them ended')));
  expect(faulty.inbox.problem()).toMatchObject({ code: 'writer_ended' });
  await expect(faulty.inbox.append(entryOf('call_hangup', 'meanwhile', planOf('a')))).rejects.toMatchObject({ code: 'writer_ended' });
  faulty.heal();
  await untilWell(faulty.inbox);
  expect(faulty.log.said).toContain('events can be kept again');
  expect(await faulty.inbox.append(entryOf('call_hangup', 'c1', planOf('a')))).toBe('received');
  expect(await faulty.inbox.append(entryOf('call_hangup', 'before', planOf('a')))).toBe('duplicate');
  expect(faulty.reader.counts().received).toBe(2);
}, 20_000);

test('a disk that hangs keeps nobody waiting; what it takes after all is a duplicate when it comes again', async () => {
  const faulty = await openFaulty();
  faulty.let('hang');
  const first = faulty.inbox.append(entryOf('call_hangup', 'c1', planOf('a')));
  const began = performance.now();
  const refused = await first.catch((error: unknown) => error);
  expect(refused).toMatchObject({ code: 'slow' });
  expect(performance.now() - began).toBeLessThan(5_000);
  expect(faulty.inbox.problem()?.message).toContain('the disk has not answered');
  // Nothing is added to what waits for a disk that hangs.
  const again = performance.now();
  await expect(faulty.inbox.append(entryOf('call_hangup', 'c2', planOf('a')))).rejects.toMatchObject({ code: 'slow' });
  expect(performance.now() - again).toBeLessThan(1_000);
  faulty.heal();
  await untilWell(faulty.inbox);
  expect(faulty.reader.has('call_hangup/c2')).toBe(false);
  expect(await faulty.inbox.append(entryOf('call_hangup', 'c1', planOf('a')))).toBe('duplicate');
  expect(faulty.log.said.filter((sentence) => sentence.includes('the disk has not answered'))).toHaveLength(1);
}, 20_000);
