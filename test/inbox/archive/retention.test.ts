import { statSync } from 'node:fs';
import { join } from 'node:path';
import { RunLog, RunLogReader } from '../../../src/dispatch/run-log';
import { Archive } from '../../../src/inbox/archive/archive';
import { quarantineId } from '../../../src/inbox/archive/quarantine';
import type { InboxRecord } from '../../../src/inbox/archive/record';
import { InboxReader } from '../../../src/inbox/archive/reader';
import type { Retention } from '../../../src/inbox/archive/retention';
import { openDatabase } from '../../../src/storage/sqlite';
import { dataFolder, entryOf, planOf, recordOf, removeDataFolders, sentences } from '../entries';

const opened: { close(): unknown }[] = [];

afterEach(async () => {
  for (const each of opened.splice(0)) {
    await each.close();
  }
  removeDataFolders();
});

const DAY = 86_400_000;
const NOW = new Date('2026-03-10T00:00:00Z');

interface Opened {
  dataDir: string;
  archive: Archive;
  reader: InboxReader;
  dispatched: RunLog;
}

function open(retention: Partial<Retention>): Opened {
  const dataDir = dataFolder();
  const archive = new Archive(
    dataDir,
    { maxAgeMs: 7 * DAY, maxBytes: 1e9, quarantine: { count: 100, bytes: 1e6 }, ...retention },
    sentences(),
  );
  const reader = InboxReader.open(dataDir);
  const dispatched = RunLog.open(dataDir);
  opened.push(reader, dispatched, archive);
  return { dataDir, archive, reader, dispatched };
}

function quarantined(text: string, days: number): InboxRecord {
  const body = Buffer.from(text);
  return {
    meta: {
      kind: 'quarantine',
      id: quarantineId(body),
      reason: 'not_json',
      received_at: NOW.getTime() - days * DAY,
      content_type: null,
    },
    body,
  };
}

/** Prunes to the end of a pass. @returns the number of slices. */
function prune(archive: Archive): number {
  let slices = 1;
  while (archive.prune(NOW)) {
    slices += 1;
  }
  return slices;
}

const daysAgo = (days: number) => ({ received_at: new Date(NOW.getTime() - days * DAY).toISOString() });

test('drops what is too old, but nothing that is still to be dispatched', async () => {
  const { archive, reader, dispatched } = open({});
  archive.commit([recordOf(entryOf('call_created', 'old-ignored', null, daysAgo(8)))]);
  archive.commit([recordOf(entryOf('call_hangup', 'old-dispatched', planOf('a'), daysAgo(8)))]);
  archive.commit([recordOf(entryOf('call_hangup', 'old-waiting', planOf('b'), daysAgo(8)))]);
  archive.commit([recordOf(entryOf('call_created', 'old-ignored-2', null, daysAgo(8)))]);
  archive.commit([recordOf(entryOf('call_hangup', 'young', planOf('c'), daysAgo(6)))]);
  dispatched.markStarted([], 2);
  prune(archive);
  expect(reader.list({ limit: 10 }).map((event) => event.event.id)).toEqual(['young', 'old-waiting']);
  expect(reader.dispatchedThrough()).toBe(2);
  dispatched.markStarted([], 5);
  prune(archive);
  expect(reader.list({ limit: 10 }).map((event) => event.event.id)).toEqual(['young']);
});

test('drops the oldest beyond the size, in bounded slices, and gives the space back', async () => {
  const { dataDir, archive, reader } = open({ maxBytes: 2_000_000 });
  const filler = 'x'.repeat(9_000);
  archive.commit(
    Array.from({ length: 1_200 }, (_, n) =>
      recordOf(
        entryOf('call_created', `c${n}`, null, {
          ...daysAgo(1),
          body: Buffer.from(JSON.stringify({ type: 'call_created', data: { id: `c${n}`, filler } })),
        }),
      ),
    ),
  );
  const before = reader.heldBytes();
  expect(before).toBeGreaterThan(9_000_000);
  expect(prune(archive)).toBeGreaterThan(4);
  expect(reader.heldBytes()).toBeLessThan(2_100_000);
  const kept = reader.counts().ignored;
  expect(kept).toBeGreaterThan(100);
  expect(reader.list({ limit: 1 })[0]?.event.id).toBe('c1199');
  expect(reader.has('call_created/c0')).toBe(false);
  while (archive.prune(NOW)) {
    // Until nothing is left to do.
  }
  reader.close();
  archive.close();
  opened.splice(0, 3);
  expect(statSync(join(dataDir, 'inbox.db')).size).toBeLessThan(before / 2);
});

test('forgets quarantined bodies, fired twins and plans nobody refers to', async () => {
  const { dataDir, archive, reader, dispatched } = open({});
  archive.commit([recordOf(entryOf('message_created', 'm1', planOf('old'), daysAgo(8)))]);
  archive.commit([recordOf(entryOf('message_created', 'm2', planOf('new'), daysAgo(1)))]);
  archive.commit([quarantined('old', 8)]);
  archive.commit([quarantined('new', 0)]);
  dispatched.markStarted([], 2);
  prune(archive);
  expect(reader.counts()).toEqual({ received: 1, ignored: 0, quarantined: 1 });
  const raw = openDatabase(join(dataDir, 'inbox.db'));
  opened.push(raw);
  expect(raw.prepare('SELECT count(*) AS n FROM plans').get([])).toMatchObject({ n: 1 });
  expect(raw.prepare('SELECT count(*) AS n FROM fired').get([])).toMatchObject({ n: 1 });
  // A plan that was dropped is stored again when it is needed again.
  archive.commit([recordOf(entryOf('message_created', 'm3', planOf('old'), daysAgo(0)))]);
  expect(reader.get('message_created/m3')?.plan).toEqual(planOf('old'));
});

test('a slice keeps its bounds whatever there is to drop', async () => {
  const { archive, reader } = open({});
  archive.commit(Array.from({ length: 500 }, (_, n) => recordOf(entryOf('call_created', `c${n}`, null, daysAgo(9)))));
  expect(archive.prune(NOW)).toBe(true);
  expect(reader.counts().ignored).toBe(300);
  expect(archive.prune(NOW)).toBe(true);
  expect(archive.prune(NOW)).toBe(false);
  expect(reader.counts().ignored).toBe(0);
});

test('what the retention takes out of the quarantine makes room there', async () => {
  const { archive, reader } = open({ quarantine: { count: 3, bytes: 1e6 } });
  archive.commit([quarantined('old 1', 9), quarantined('old 2', 9), quarantined('young 1', 1)]);
  prune(archive);
  archive.commit([quarantined('young 2', 1), quarantined('young 3', 1)]);
  expect(reader.listQuarantine()).toHaveLength(3);
});

test('an event after a pass that failed at its end keeps its plan', () => {
  const openWithOldEvent = (): Opened => {
    const opening = open({});
    opening.archive.commit([recordOf(entryOf('call_hangup', 'old', planOf('a'), daysAgo(8)))]);
    opening.dispatched.markStarted([], 1);
    return opening;
  };
  const passing = openWithOldEvent();
  const watermark = jest.spyOn(RunLogReader.prototype, 'watermark');
  prune(passing.archive);
  const callsOfAPass = watermark.mock.calls.length;
  watermark.mockRestore();

  const { archive, reader } = openWithOldEvent();
  let calls = 0;
  // The last call comes after the plan was deleted.
  const failing = jest.spyOn(RunLogReader.prototype, 'watermark').mockImplementation(() => {
    calls += 1;
    if (calls === callsOfAPass) {
      throw Object.assign(new Error('disk I/O error'), { code: 'SQLITE_IOERR' });
    }
    return 1;
  });
  expect(() => prune(archive)).toThrow('disk I/O error');
  failing.mockRestore();
  archive.commit([recordOf(entryOf('call_hangup', 'new', planOf('a'), daysAgo(0)))]);
  expect(reader.pendingAfter(1, 10).map(({ event, plan }) => [event.id, plan.rules[0]?.name])).toEqual([['new', 'a']]);
});
