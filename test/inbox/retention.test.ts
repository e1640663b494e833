import { statSync } from 'node:fs';
import { join } from 'node:path';
import { DispatchLog } from '../../src/inbox/dispatch-log';
import { Inbox } from '../../src/inbox/inbox';
import { InboxReader } from '../../src/inbox/reader';
import type { Retention } from '../../src/inbox/retention';
import { openStore } from '../../src/inbox/sqlite';
import { dataFolder, entryOf, inboxOptions, planOf, removeDataFolders } from './entries';

const opened: { close(): void }[] = [];

afterEach(() => {
  for (const each of opened.splice(0)) {
    each.close();
  }
  removeDataFolders();
});

const DAY = 86_400_000;
const NOW = new Date('2026-03-10T00:00:00Z');

function open(retention: Partial<Retention>): { dataDir: string; inbox: Inbox; reader: InboxReader; dispatched: DispatchLog } {
  const dataDir = dataFolder();
  const inbox = Inbox.open(inboxOptions(dataDir, { retention: { maxAgeMs: 7 * DAY, maxBytes: 1e9, quarantine: { count: 100, bytes: 1e6 }, ...retention } }));
  const reader = InboxReader.open(dataDir);
  const dispatched = DispatchLog.open(dataDir);
  opened.push(inbox, reader, dispatched);
  return { dataDir, inbox, reader, dispatched };
}

/** Prunes to the end of a pass. @returns the number of slices. */
function prune(inbox: Inbox): number {
  let slices = 1;
  while (inbox.pruneSlice(NOW)) {
    slices += 1;
  }
  return slices;
}

const daysAgo = (days: number) => ({ received_at: new Date(NOW.getTime() - days * DAY).toISOString() });

test('drops what is too old, but nothing that is still to be dispatched', async () => {
  const { inbox, reader, dispatched } = open({});
  await inbox.append(entryOf('call_created', 'old-ignored', null, daysAgo(8)));
  await inbox.append(entryOf('call_hangup', 'old-dispatched', planOf('a'), daysAgo(8)));
  await inbox.append(entryOf('call_hangup', 'old-waiting', planOf('b'), daysAgo(8)));
  await inbox.append(entryOf('call_created', 'old-ignored-2', null, daysAgo(8)));
  await inbox.append(entryOf('call_hangup', 'young', planOf('c'), daysAgo(6)));
  dispatched.markStarted([], 2);
  prune(inbox);
  expect(reader.list({ limit: 10 }).map((event) => event.event.id)).toEqual(['young', 'old-waiting']);
  expect(reader.dispatchedThrough()).toBe(2);
  dispatched.markStarted([], 5);
  prune(inbox);
  expect(reader.list({ limit: 10 }).map((event) => event.event.id)).toEqual(['young']);
});

test('drops the oldest beyond the size, in bounded slices, and gives the space back', async () => {
  const { dataDir, inbox, reader } = open({ maxBytes: 2_000_000 });
  const filler = 'x'.repeat(9_000);
  await Promise.all(Array.from({ length: 1_000 }, (_, n) => inbox.append(entryOf('call_created', `c${n}`, null, { ...daysAgo(1), body: Buffer.from(JSON.stringify({ type: 'call_created', data: { id: `c${n}`, filler } })) }))));
  const before = inbox.heldBytes();
  expect(before).toBeGreaterThan(9_000_000);
  expect(prune(inbox)).toBeGreaterThan(4);
  expect(inbox.heldBytes()).toBeLessThan(2_100_000);
  const kept = reader.counts().ignored;
  expect(kept).toBeGreaterThan(100);
  expect(reader.list({ limit: 1 })[0]?.event.id).toBe('c999');
  expect(reader.has('call_created/c0')).toBe(false);
  while (inbox.pruneSlice(NOW)) {
    // Until nothing is left to do.
  }
  inbox.close();
  expect(statSync(join(dataDir, 'inbox.db')).size).toBeLessThan(before / 2);
});

test('forgets quarantined bodies, fired twins and plans nobody refers to', async () => {
  const { dataDir, inbox, reader, dispatched } = open({});
  await inbox.append(entryOf('message_created', 'm1', planOf('old'), daysAgo(8)));
  await inbox.append(entryOf('message_created', 'm2', planOf('new'), daysAgo(1)));
  await inbox.quarantine({ reason: 'not_json', received_at: new Date(NOW.getTime() - 8 * DAY), content_type: null, body: Buffer.from('old') });
  await inbox.quarantine({ reason: 'not_json', received_at: NOW, content_type: null, body: Buffer.from('new') });
  dispatched.markStarted([], 2);
  prune(inbox);
  expect(reader.counts()).toEqual({ received: 1, ignored: 0, quarantined: 1 });
  const store = openStore(join(dataDir, 'inbox.db'));
  opened.push(store);
  expect(store.prepare('SELECT count(*) AS n FROM plans').get([])).toMatchObject({ n: 1 });
  expect(store.prepare('SELECT count(*) AS n FROM fired').get([])).toMatchObject({ n: 1 });
  // A plan that was dropped is stored again when it is needed again.
  await inbox.append(entryOf('message_created', 'm3', planOf('old'), daysAgo(0)));
  expect(reader.get('message_created/m3')?.plan).toEqual(planOf('old'));
});

test('a slice keeps its bounds whatever there is to drop', async () => {
  const { inbox, reader } = open({});
  await Promise.all(Array.from({ length: 500 }, (_, n) => inbox.append(entryOf('call_created', `c${n}`, null, daysAgo(9)))));
  expect(inbox.pruneSlice(NOW)).toBe(true);
  expect(reader.counts().ignored).toBe(300);
  expect(inbox.pruneSlice(NOW)).toBe(true);
  expect(inbox.pruneSlice(NOW)).toBe(false);
  expect(reader.counts().ignored).toBe(0);
});
