import fs, { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Inbox } from '../../../src/inbox/inbox';
import { InboxReader } from '../../../src/inbox/archive/reader';
import { dataFolder, entryOf, inboxOptions, planOf, removeDataFolders, sentences } from '../entries';

const opened: { close(): unknown }[] = [];

afterEach(async () => {
  jest.restoreAllMocks();
  for (const each of opened.splice(0)) {
    await each.close();
  }
  removeDataFolders();
});

async function openFaulty() {
  const dataDir = dataFolder();
  const log = sentences();
  const inbox = await Inbox.open(
    inboxOptions(dataDir, { log, threadScript: join(__dirname, '..', 'archive', 'faulty-indexer-thread.cjs') }),
  );
  const reader = InboxReader.open(dataDir);
  opened.push(reader, inbox);
  const fault = join(dataDir, 'fault');
  return { inbox, reader, log, let: (what: 'end' | 'hang') => writeFileSync(fault, what), heal: () => rmSync(fault) };
}

async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) {
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

test('an indexer that ends is started again, and loses nothing that was acknowledged', async () => {
  const faulty = await openFaulty();
  expect(await faulty.inbox.append(entryOf('call_hangup', 'before', planOf('a')))).toBe('received');
  await faulty.inbox.indexed();
  faulty.let('end');
  expect(
    await Promise.all(['c1', 'c2'].map((id) => faulty.inbox.append(entryOf('call_hangup', id, planOf('a'))))),
  ).toEqual(['received', 'received']);
  await until(() => faulty.inbox.problem() !== null);
  expect(faulty.inbox.problem()).toMatchObject({ code: 'indexer_ended' });
  await expect(faulty.inbox.append(entryOf('call_hangup', 'meanwhile', planOf('a')))).rejects.toMatchObject({
    code: 'indexer_ended',
  });
  expect(await faulty.inbox.append(entryOf('call_hangup', 'c1', planOf('a')))).toBe('duplicate');
  faulty.heal();
  await until(() => faulty.inbox.problem() === null);
  await faulty.inbox.indexed();
  expect(faulty.log.said).toContain('events can be kept again');
  expect(faulty.reader.pendingAfter(0, 10).map(({ event_id, plan }) => [event_id, plan])).toEqual(
    ['before', 'c1', 'c2'].map((id) => [`call_hangup/${id}`, planOf('a')]),
  );
  expect(await faulty.inbox.append(entryOf('call_hangup', 'before', planOf('a')))).toBe('duplicate');
  expect(await faulty.inbox.append(entryOf('call_hangup', 'meanwhile', planOf('a')))).toBe('received');
}, 20_000);

test('while the indexer hangs events are taken and judged all the same, and wait in the backlog', async () => {
  const faulty = await openFaulty();
  faulty.let('hang');
  const { inbox } = faulty;
  expect(
    await inbox.append(entryOf('call_hangup', 'c1', planOf('a'), { received_at: '2026-03-02T01:00:00.000Z' })),
  ).toBe('received');
  expect(await inbox.append(entryOf('call_hangup', 'c1', planOf('a')))).toBe('duplicate');
  expect(await inbox.append(entryOf('message_created', 'm1', planOf('reply', 'log')))).toBe('received');
  expect(await inbox.append(entryOf('conversation_message_created', 'm1', planOf('reply')))).toBe('ignored');
  expect(inbox.backlog(new Date('2026-03-02T01:00:10.000Z'))).toEqual({ depth: 2, oldestAgeMs: 10_000 });
  expect(faulty.reader.counts().received).toBe(0);
  faulty.heal();
  await inbox.indexed();
  expect(faulty.reader.counts()).toEqual({ received: 2, ignored: 1, quarantined: 0 });
  expect(faulty.reader.firedBy('m1').sort()).toEqual(['log', 'reply']);
  expect(inbox.backlog(new Date('2026-03-02T01:00:10.000Z')).depth).toBe(2);
}, 20_000);

/** Until `goOn`, nothing is written to files; then what waits is. With an error, that is what came of the writes. */
function holdWrites(): { isHolding: () => boolean; goOn: (error?: NodeJS.ErrnoException) => void } {
  const held: ((error?: NodeJS.ErrnoException) => void)[] = [];
  const write = fs.write;
  const spy = jest.spyOn(fs, 'write').mockImplementation((...args: unknown[]) => {
    held.push((error) => {
      if (error === undefined) {
        Reflect.apply(write, fs, args);
      } else {
        const answer = args.at(-1);
        if (typeof answer === 'function') {
          answer(error, 0);
        }
      }
    });
  });
  return {
    isHolding: () => held.length > 0,
    goOn: (error) => {
      spy.mockRestore();
      held.forEach((go) => go(error));
    },
  };
}

test('a disk that hangs keeps nobody waiting; what it takes after all is a duplicate when it comes again', async () => {
  const { inbox, reader, log } = await openFaulty();
  const { goOn } = holdWrites();
  const first = inbox.append(entryOf('call_hangup', 'c1', planOf('a')));
  const twice = inbox.append(entryOf('call_hangup', 'c1', planOf('a')));
  const began = performance.now();
  expect(await Promise.allSettled([first, twice])).toMatchObject([
    { reason: { code: 'slow' } },
    { reason: { code: 'slow' } },
  ]);
  expect(performance.now() - began).toBeLessThan(5_000);
  expect(inbox.problem()?.message).toContain('the disk has not answered');
  // Nothing is added to what waits for a disk that hangs.
  const again = performance.now();
  await expect(inbox.append(entryOf('call_hangup', 'c2', planOf('a')))).rejects.toMatchObject({ code: 'slow' });
  // Nor does who sends the same again wait for it.
  await expect(inbox.append(entryOf('call_hangup', 'c1', planOf('a')))).rejects.toMatchObject({ code: 'slow' });
  expect(performance.now() - again).toBeLessThan(1_000);
  goOn();
  await until(() => inbox.problem() === null);
  await inbox.indexed();
  expect([reader.has('call_hangup/c1'), reader.has('call_hangup/c2')]).toEqual([true, false]);
  expect(await inbox.append(entryOf('call_hangup', 'c1', planOf('a')))).toBe('duplicate');
  expect(log.said.filter((sentence) => sentence.includes('the disk has not answered'))).toHaveLength(1);
}, 20_000);

test('a disk that first refuses and then hangs keeps nobody waiting either', async () => {
  const { inbox } = await openFaulty();
  const refusing = holdWrites();
  const refused = inbox.append(entryOf('call_hangup', 'c1', planOf('a')));
  const settled = Promise.allSettled([refused]);
  await until(refusing.isHolding);
  refusing.goOn(Object.assign(new Error('original'), { code: 'EIO' }));
  expect(await settled).toMatchObject([{ reason: { code: 'EIO' } }]);
  // What finds out whether the disk is back hangs.
  const hanging = holdWrites();
  await until(hanging.isHolding);
  const began = performance.now();
  await expect(inbox.append(entryOf('call_hangup', 'c2', planOf('a')))).rejects.toMatchObject({ code: 'slow' });
  expect(performance.now() - began).toBeLessThan(5_000);
  hanging.goOn();
  await until(() => inbox.problem() === null);
  expect(await inbox.append(entryOf('call_hangup', 'c2', planOf('a')))).toBe('received');
}, 20_000);

test('who comes while the disk is busy waits no longer than others', async () => {
  const { inbox } = await openFaulty();
  const { isHolding, goOn } = holdWrites();
  const first = Promise.allSettled([inbox.append(entryOf('call_hangup', 'c1', planOf('a')))]);
  await until(isHolding);
  await new Promise((resolve) => setTimeout(resolve, 3_000));
  const began = performance.now();
  const second = inbox.append(entryOf('call_hangup', 'c2', planOf('a')));
  await expect(second).rejects.toMatchObject({ code: 'slow' });
  expect(performance.now() - began).toBeLessThan(2_000);
  expect(await first).toMatchObject([{ reason: { code: 'slow' } }]);
  goOn();
  await until(() => inbox.problem() === null);
}, 20_000);

test('a write that fails takes its duplicates and its fired rules with it, and works when it is sent again', async () => {
  const { inbox, reader } = await openFaulty();
  const writes = holdWrites();
  const waiting = [
    inbox.append(entryOf('message_created', 'm1', planOf('reply'))),
    inbox.append(entryOf('message_created', 'm1', planOf('reply'))),
  ];
  const settled = Promise.allSettled(waiting);
  await until(writes.isHolding);
  writes.goOn(Object.assign(new Error('original'), { code: 'ENOSPC' }));
  expect(await settled).toMatchObject([{ reason: { code: 'ENOSPC' } }, { reason: { code: 'ENOSPC' } }]);
  expect(inbox.problem()?.message).toContain('the disk is full');
  expect(await inbox.append(entryOf('conversation_message_created', 'm1', planOf('reply')))).toBe('received');
  expect(await inbox.append(entryOf('message_created', 'm1', planOf('reply')))).toBe('ignored');
  expect(inbox.problem()).toBeNull();
  await inbox.indexed();
  expect(reader.pendingAfter(0, 10).map(({ event_id, plan }) => [event_id, plan.rules.length])).toEqual([
    ['conversation_message_created/m1', 1],
  ]);
});
