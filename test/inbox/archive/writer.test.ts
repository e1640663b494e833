import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { InboxReader } from '../../../src/inbox/archive/reader';
import { Inbox } from '../../../src/inbox/inbox';
import { dataFolder, entryOf, inboxOptions, planOf, removeDataFolders, sentences } from '../entries';

const opened: { close(): unknown }[] = [];

afterEach(async () => {
  for (const each of opened.splice(0)) {
    await each.close();
  }
  removeDataFolders();
});

/** An inbox whose writer thread has the fault that the test sets. */
async function openFaulty() {
  const dataDir = dataFolder();
  const log = sentences();
  const inbox = await Inbox.open(
    inboxOptions(dataDir, { log, threadScript: join(__dirname, 'faulty-writer-thread.cjs') }),
  );
  const reader = InboxReader.open(dataDir);
  opened.push(reader, inbox);
  const fault = join(dataDir, 'fault');
  return {
    inbox,
    reader,
    log,
    fail: (how: 'end' | 'hang' | 'SQLITE_FULL' | 'SQLITE_IOERR_FSYNC') => writeFileSync(fault, how),
    heal: () => rmSync(fault),
  };
}

async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) {
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

test('a writer thread that ends is started again, and nothing that was acknowledged is lost', async () => {
  const { inbox, reader, log, fail, heal } = await openFaulty();
  expect(await inbox.append(entryOf('call_hangup', 'before', planOf('a')))).toBe('received');
  fail('end');
  const outcomes = await Promise.allSettled(['c1', 'c2'].map((id) => inbox.append(entryOf('call_hangup', id, null))));
  expect(outcomes).toMatchObject([{ reason: { code: 'writer_ended' } }, { reason: { code: 'writer_ended' } }]);
  expect(inbox.problem()).toMatchObject({ code: 'writer_ended' });
  await expect(inbox.append(entryOf('call_hangup', 'meanwhile', planOf('a')))).rejects.toMatchObject({
    code: 'writer_ended',
  });
  // A duplicate needs no write.
  expect(await inbox.append(entryOf('call_hangup', 'before', planOf('a')))).toBe('duplicate');
  heal();
  await until(() => inbox.problem() === null);
  expect(log.said).toContain('events can be kept again');
  expect(await inbox.append(entryOf('call_hangup', 'c1', planOf('a')))).toBe('received');
  expect(await inbox.append(entryOf('call_hangup', 'before', planOf('a')))).toBe('duplicate');
  expect(reader.pendingAfter(0, 10).map(({ event_id }) => event_id)).toEqual(['call_hangup/before', 'call_hangup/c1']);
});

test('a disk that does not answer keeps nobody waiting; what it stores later is a duplicate when it comes again', async () => {
  const { inbox, reader, fail, heal } = await openFaulty();
  fail('hang');
  expect(
    await Promise.allSettled([
      inbox.append(entryOf('call_hangup', 'c1', planOf('a'))),
      inbox.append(entryOf('call_hangup', 'c1', planOf('a'))),
    ]),
  ).toMatchObject([{ reason: { code: 'slow' } }, { reason: { code: 'slow' } }]);
  // From now on an event is refused before anything else happens.
  for (const id of ['c2', 'c1']) {
    const refused = inbox.append(entryOf('call_hangup', id, planOf('a')));
    const next = new Promise((resolve) => setImmediate(resolve, 'it waits'));
    await expect(Promise.race([refused, next])).rejects.toMatchObject({ code: 'slow' });
  }
  expect(inbox.backlog().depth).toBe(0);
  heal();
  await until(() => inbox.problem() === null);
  expect([reader.has('call_hangup/c1'), reader.has('call_hangup/c2')]).toEqual([true, false]);
  expect(await inbox.append(entryOf('call_hangup', 'c1', planOf('a')))).toBe('duplicate');
  expect(await inbox.append(entryOf('call_hangup', 'c2', planOf('a')))).toBe('received');
});

test.each(['SQLITE_FULL', 'SQLITE_IOERR_FSYNC'] as const)(
  'a commit that fails with %s takes its duplicates and its fired rules with it, and succeeds when it comes again',
  async (code) => {
    const { inbox, reader, log, fail, heal } = await openFaulty();
    expect(await inbox.append(entryOf('call_hangup', 'before', planOf('a')))).toBe('received');
    fail(code);
    const outcomes = await Promise.allSettled([
      inbox.append(entryOf('message_created', 'm1', planOf('reply'))),
      inbox.append(entryOf('message_created', 'm1', planOf('reply'))),
    ]);
    expect(outcomes).toMatchObject([{ reason: { code } }, { reason: { code } }]);
    expect(inbox.problem()?.code).toBe(code);
    expect(await inbox.append(entryOf('call_hangup', 'before', planOf('a')))).toBe('duplicate');
    expect(reader.has('message_created/m1')).toBe(false);
    heal();
    await until(() => inbox.problem() === null);
    expect(log.said.at(-1)).toBe('events can be kept again');
    expect(await inbox.append(entryOf('conversation_message_created', 'm1', planOf('reply')))).toBe('received');
    expect(await inbox.append(entryOf('message_created', 'm1', planOf('reply')))).toBe('ignored');
    expect(reader.pendingAfter(0, 10).map(({ event_id, plan }) => [event_id, plan.rules.length])).toEqual([
      ['call_hangup/before', 1],
      ['conversation_message_created/m1', 1],
    ]);
  },
);
