import fs, {
  copyFileSync,
  existsSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { RunLog } from '../../../src/dispatch/run-log';
import { Inbox } from '../../../src/inbox/inbox';
import { Journal, journalFile } from '../../../src/inbox/journal/journal';
import { encodeFrame, frameBound, type JournalPosition, type JournalRecord } from '../../../src/inbox/journal/frame';
import { JournalReader, type JournalDamage } from '../../../src/inbox/journal/reader';
import { InboxReader } from '../../../src/inbox/archive/reader';
import { openStore } from '../../../src/storage/sqlite';
import { dataFolder, entryOf, inboxOptions, planOf, recordsOf, removeDataFolders, sentences } from '../entries';

const opened: { close(): unknown }[] = [];

afterEach(async () => {
  jest.restoreAllMocks();
  for (const each of opened.splice(0)) {
    await each.close();
  }
  removeDataFolders();
});

function openJournal(dataDir: string, segment = 1): Journal {
  const journal = new Journal(dataDir, segment);
  opened.push(journal);
  return journal;
}

function openReader(dataDir: string, damage: JournalDamage[] = []): JournalReader {
  const reader = new JournalReader(dataDir, (found) => damage.push(found));
  opened.push(reader);
  return reader;
}

const START: JournalPosition = { segment: 1, offset: 0 };

function quarantined(id: string, bytes = Buffer.alloc(0)): JournalRecord {
  return { meta: { kind: 'quarantine', id, reason: 'r', received_at: 1, content_type: null }, text: '', bytes };
}

function idsIn(records: readonly JournalRecord[]): string[] {
  return records.map(({ meta }) => (meta.kind === 'quarantine' ? meta.id : meta.kind));
}

/** All that a new reader finds, and the damage that it tells of. */
function rest(dataDir: string, from = START): { ids: string[]; damage: JournalDamage[] } {
  const damage: JournalDamage[] = [];
  const ids = [...openReader(dataDir, damage).rest(from)].flatMap(({ records }) => idsIn(records));
  return { ids, damage };
}

test('gives back what was written, of every kind, byte for byte', async () => {
  const dataDir = dataFolder();
  const records: JournalRecord[] = [
    ...recordsOf(
      entryOf('call_hangup', 'c1', planOf('ä\u0000"\u{1F600}'), {
        text: 'a\0b"\\ä\u{1F600}',
        body: Buffer.from([0, 255, 10, 13]),
      }),
    ),
    {
      meta: {
        kind: 'quarantine',
        id: 'q',
        reason: '\u0001'.repeat(600),
        received_at: 5,
        content_type: '"\\'.repeat(300),
      },
      text: '',
      bytes: Buffer.alloc(0),
    },
    {
      meta: { kind: 'our_numbers', numbers: Array.from({ length: 500 }, (_, n) => `\u0001+1555${n}`), learned_at: 7 },
      text: '',
      bytes: Buffer.alloc(0),
    },
    quarantined('large', Buffer.alloc(10_000_000, 7)),
  ];
  const end = await openJournal(dataDir).write(records);
  // As text: comparing ten megabytes number by number takes many seconds.
  const legible = (found: readonly JournalRecord[]) =>
    found.map((record) => ({ ...record, bytes: record.bytes.toString('latin1') }));
  const next = openReader(dataDir).next(START, end);
  expect([legible(next?.records ?? []), next?.end]).toEqual([legible(records), end]);
  expect([...openReader(dataDir).rest(START)].map((part) => [legible(part.records), part.end])).toEqual([
    [legible(records), end],
  ]);
});

test('a frame never outgrows its bound', () => {
  const worst: JournalRecord = {
    meta: { kind: 'event', plan: 'f'.repeat(64), content_type: '\u0001'.repeat(200) },
    text: '\uffff'.repeat(1_000),
    bytes: Buffer.alloc(10),
  };
  const room = Buffer.alloc(frameBound([worst]));
  expect(encodeFrame([worst], START, room).length).toBeLessThanOrEqual(room.length);
});

test('its files take turns once what stands in the other may be overwritten, and what an earlier segment left is not taken for kept', async () => {
  const dataDir = dataFolder();
  const journal = openJournal(dataDir);
  const megabyte = Buffer.alloc(1_048_576, 1);
  const ends: JournalPosition[] = [];
  const write = async (id: string): Promise<void> => void ends.push(await journal.write([quarantined(id, megabyte)]));
  for (const id of ['a', 'b', 'c', 'd', 'e', 'f']) {
    await write(id);
  }
  expect(ends.map(({ segment }) => segment)).toEqual([1, 1, 1, 1, 2, 2]);
  for (const id of ['g', 'h', 'i', 'j']) {
    await write(id);
  }
  // The first segment is not released: the second grows.
  expect(ends.at(-1)?.segment).toBe(2);
  expect(rest(dataDir).ids.join('')).toBe('abcdefghij');
  journal.release(1);
  await write('k');
  expect(ends.at(-1)?.segment).toBe(3);
  expect(rest(dataDir, { segment: 2, offset: 0 })).toEqual({ ids: ['e', 'f', 'g', 'h', 'i', 'j', 'k'], damage: [] });
  // From segment to segment, each by itself.
  const reader = openReader(dataDir);
  const second = reader.next({ segment: 2, offset: 0 }, ends.at(-1) ?? START);
  expect([idsIn(second?.records ?? []).join(''), second?.end.segment]).toEqual(['efghij', 2]);
  expect(idsIn(reader.next(second?.end ?? START, ends.at(-1) ?? START)?.records ?? [])).toEqual(['k']);
});

test('a write that fails leaves nothing, and the next one takes its place', async () => {
  const dataDir = dataFolder();
  const journal = openJournal(dataDir);
  await journal.write([quarantined('a')]);
  const write = fs.write;
  let calls = 0;
  jest.spyOn(fs, 'write').mockImplementation((...args: unknown[]) => {
    // The first half of the frame reaches the disk, the second does not.
    calls += 1;
    const [fd, bytes, , length, position, answer] = args;
    if (calls === 1 && typeof length === 'number') {
      Reflect.apply(write, fs, [fd, bytes, 0, Math.floor(length / 2), position, answer]);
    } else if (typeof answer === 'function') {
      answer(Object.assign(new Error('full'), { code: 'ENOSPC' }), 0);
    }
  });
  await expect(journal.write([quarantined('lost', Buffer.alloc(500, 2))])).rejects.toMatchObject({ code: 'ENOSPC' });
  expect(rest(dataDir)).toEqual({ ids: ['a'], damage: [] });
  jest.restoreAllMocks();
  await journal.write([quarantined('b')]);
  expect(rest(dataDir)).toEqual({ ids: ['a', 'b'], damage: [] });
});

describe('after a crash', () => {
  /** A folder with a journal of three writes, and where each of them ends. */
  async function written(): Promise<{ dataDir: string; path: string; ends: JournalPosition[] }> {
    const dataDir = dataFolder();
    const journal = openJournal(dataDir);
    const ends: JournalPosition[] = [];
    for (const id of ['a', 'b', 'c']) {
      ends.push(await journal.write([quarantined(id, Buffer.from(`body of ${id}`))]));
    }
    return { dataDir, path: journalFile(dataDir, 1), ends };
  }

  test('a last write that was cut off anywhere is no damage', async () => {
    const { dataDir, path, ends } = await written();
    const whole = readFileSync(path);
    for (let cut = (ends[1]?.offset ?? 0) + 1; cut < (ends[2]?.offset ?? 0); cut += 7) {
      writeFileSync(path, whole.subarray(0, cut));
      expect(rest(dataDir)).toEqual({ ids: ['a', 'b'], damage: [] });
    }
    truncateSync(path, 0);
    expect(rest(dataDir)).toEqual({ ids: [], damage: [] });
  });

  test.each([
    ['in the middle', 1, ['a', 'c']],
    ['at the beginning', 0, ['b', 'c']],
  ])('a broken part %s is passed over, and the file put aside', async (_, broken, left) => {
    const { dataDir, path, ends } = await written();
    const bytes = readFileSync(path);
    bytes.fill(0xaa, ends[broken - 1]?.offset ?? 0, (ends[broken - 1]?.offset ?? 0) + 30);
    writeFileSync(path, bytes);
    const found = rest(dataDir);
    expect(found.ids).toEqual(left);
    expect(found.damage.map(({ aside }) => readFileSync(aside ?? '').equals(bytes))).toEqual([true]);
  });
});

describe('while it is written', () => {
  const megabyte = Buffer.alloc(1_048_576, 1);

  /** Two segments, of five writes and of one, and where each write ends. */
  async function twoSegments(): Promise<{ dataDir: string; ends: JournalPosition[] }> {
    const dataDir = dataFolder();
    const journal = openJournal(dataDir);
    const ends: JournalPosition[] = [];
    for (const id of ['a', 'b', 'c', 'd', 'e']) {
      ends.push(await journal.write([quarantined(id, megabyte)]));
    }
    expect(ends.map(({ segment }) => segment)).toEqual([1, 1, 1, 1, 2]);
    return { dataDir, ends };
  }

  /** All that comes from part to part, and the damage told of. */
  function read(dataDir: string, through: JournalPosition): { ids: string; damage: number } {
    const damage: JournalDamage[] = [];
    const reader = openReader(dataDir, damage);
    let ids = '';
    for (let part = reader.next(START, through); part !== null; part = reader.next(part.end, through)) {
      ids += idsIn(part.records).join('');
    }
    return { ids, damage: damage.length };
  }

  test.each([
    [1, 'acde'],
    [3, 'abce'],
  ])('a broken write (%d) is passed over and told of, also the last one of a segment', async (broken, left) => {
    const { dataDir, ends } = await twoSegments();
    const path = journalFile(dataDir, 1);
    const bytes = readFileSync(path);
    bytes.fill(0xaa, (ends[broken - 1]?.offset ?? 0) + 40, (ends[broken - 1]?.offset ?? 0) + 50);
    writeFileSync(path, bytes);
    expect(read(dataDir, ends[4] ?? START)).toEqual({ ids: left, damage: 1 });
    expect(rest(dataDir).ids.join('')).toBe(left);
    expect(rest(dataDir).damage).toHaveLength(1);
  });

  test('a file that is gone is told of', async () => {
    const { dataDir, ends } = await twoSegments();
    rmSync(journalFile(dataDir, 1));
    expect(read(dataDir, ends[4] ?? START)).toEqual({ ids: 'e', damage: 1 });
  });

  test('a file that was removed under writer and reader is read on; one that replaced it, too', async () => {
    const dataDir = dataFolder();
    const journal = openJournal(dataDir);
    const reader = openReader(dataDir);
    const first = await journal.write([quarantined('a')]);
    expect(idsIn(reader.next(START, first)?.records ?? [])).toEqual(['a']);
    rmSync(journalFile(dataDir, 1));
    const second = await journal.write([quarantined('b')]);
    expect(idsIn(reader.next(first, second)?.records ?? [])).toEqual(['b']);
    await journal.close();
    const third = await journal.write([quarantined('c')]);
    expect(idsIn(reader.next(second, third)?.records ?? [])).toEqual(['c']);
    expect(() => reader.next(third, { segment: 1, offset: third.offset + 100 })).toThrow(
      'the journal lacks what was just written',
    );
  });
});

describe('the inbox', () => {
  const events = ['c1', 'c2', 'c3'];

  /** A data folder as a `kill -9` leaves it at worst: everything in the journal, nothing of it in `inbox.db`. */
  async function unindexed(): Promise<string> {
    const dataDir = dataFolder();
    await (await Inbox.open(inboxOptions(dataDir))).close();
    const journal = openJournal(dataDir, 7);
    for (const id of events) {
      await journal.write(recordsOf(entryOf('call_hangup', id, planOf('a'))));
    }
    return dataDir;
  }

  async function openInbox(dataDir: string, log = sentences()): Promise<InboxReader> {
    const inbox = await Inbox.open(inboxOptions(dataDir, { log }));
    const reader = InboxReader.open(dataDir);
    opened.push(inbox, reader);
    await inbox.append(entryOf('call_hangup', 'after', planOf('a')));
    await inbox.indexed();
    return reader;
  }

  const ids = (reader: InboxReader) => reader.pendingAfter(0, 10).map(({ event }) => event.id);

  test('takes up what it had not indexed, once', async () => {
    const dataDir = await unindexed();
    const log = sentences();
    const reader = await openInbox(dataDir, log);
    expect(ids(reader)).toEqual([...events, 'after']);
    for (const each of opened.splice(0)) {
      await each.close();
    }
    expect(ids(await openInbox(dataDir, log))).toEqual([...events, 'after']);
    expect(log.said).toEqual([]);
  });

  test('that a power loss threw back takes up the rest again, in its old order and place', async () => {
    const dataDir = dataFolder();
    const earlier = dataFolder();
    const inbox = await Inbox.open(inboxOptions(dataDir));
    await inbox.append(entryOf('call_hangup', 'c0', planOf('a')));
    await inbox.close();
    const again = await Inbox.open(inboxOptions(dataDir));
    // What was committed to inbox.db from here on was never synced.
    for (const name of readdirSync(dataDir).filter((file) => file.startsWith('inbox.db') && !file.endsWith('-shm'))) {
      copyFileSync(join(dataDir, name), join(earlier, name));
    }
    await again.append(entryOf('message_created', 'm1', planOf('reply')));
    await Promise.all(
      Array.from({ length: 100 }, (_, n) =>
        again.append(entryOf('call_hangup', `c${n + 1}`, n % 2 === 0 ? planOf('a', String(n)) : null)),
      ),
    );
    await again.indexed();
    const before = InboxReader.open(dataDir);
    const expected = before.pendingAfter(0, 1_000).map(({ seq, event_id, plan }) => ({ seq, event_id, plan }));
    before.close();
    for (const name of ['journal.0', 'journal.1'].filter((file) => existsSync(join(dataDir, file)))) {
      copyFileSync(join(dataDir, name), join(earlier, name));
    }
    await again.close();

    const thrownBack = await Inbox.open(inboxOptions(earlier));
    const reader = InboxReader.open(earlier);
    opened.push(thrownBack, reader);
    expect(reader.pendingAfter(0, 1_000).map(({ seq, event_id, plan }) => ({ seq, event_id, plan }))).toEqual(expected);
    expect(expected).toHaveLength(52);
    expect(await thrownBack.append(entryOf('conversation_message_created', 'm1', planOf('reply')))).toBe('ignored');
    expect(await thrownBack.append(entryOf('call_hangup', 'c2', null))).toBe('duplicate');
  });

  test('does not start on a journal of a newer bridge, and leaves it as it is', async () => {
    const dataDir = await unindexed();
    const path = journalFile(dataDir, 7);
    const file = readFileSync(path);
    // What its second frame holds is of a kind that this bridge does not know.
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

  test('of a store that is lost takes up what the journal has, but for events that have a run', async () => {
    const dataDir = await unindexed();
    writeFileSync(join(dataDir, 'inbox.db'), Buffer.alloc(20_000, 7));
    const dispatched = RunLog.open(dataDir);
    dispatched.markStarted([{ seq: 2, event_id: 'call_hangup/c2', run_id: 'r', started_at: new Date() }], 2);
    dispatched.close();
    expect(ids(await openInbox(dataDir))).toEqual(['c1', 'c3', 'after']);
  });

  test('of a store that is lost takes up nothing older than its retention: a run may have been, and be forgotten', async () => {
    const dataDir = await unindexed();
    const days = (count: number) => ({ received_at: new Date(Date.now() - count * 86_400_000).toISOString() });
    await openJournal(dataDir, 8).write([
      ...recordsOf(entryOf('call_hangup', 'old', planOf('a'), days(45))),
      ...recordsOf(entryOf('call_hangup', 'young', planOf('a'), days(29))),
    ]);
    rmSync(join(dataDir, 'inbox.db'));
    expect(ids(await openInbox(dataDir))).toEqual([...events, 'young', 'after']);
  });

  test('that was ended while it rebuilt its store begins that anew', async () => {
    const dataDir = await unindexed();
    const path = join(dataDir, 'inbox.db');
    // As after a kill -9 right behind the rescue: the new store knows how far the lost one had come.
    const store = openStore(path);
    store.exec(
      "UPDATE meta SET value = 99 WHERE name = 'journal_segment'; INSERT INTO meta (name, value) VALUES ('rebuilt', 1) ON CONFLICT (name) DO UPDATE SET value = 1",
    );
    store.close();
    expect(ids(await openInbox(dataDir))).toEqual([...events, 'after']);
  });

  test('a rebuilt store that did not get into its place is put there, without the log of the damaged one', async () => {
    const dataDir = dataFolder();
    const path = join(dataDir, 'inbox.db');
    const inbox = await Inbox.open(inboxOptions(dataDir));
    await inbox.append(entryOf('call_hangup', 'kept', planOf('a')));
    await inbox.close();
    renameSync(path, `${path}.new`);
    writeFileSync(`${path}-wal`, Buffer.alloc(5_000, 3));
    expect(ids(await openInbox(dataDir))).toEqual(['kept', 'after']);
  });

  test('tells of a journal that is damaged', async () => {
    const dataDir = await unindexed();
    const path = journalFile(dataDir, 7);
    const bytes = readFileSync(path);
    bytes.fill(0, 100, 110);
    writeFileSync(path, bytes);
    const log = sentences();
    expect(ids(await openInbox(dataDir, log))).toEqual(['c2', 'c3', 'after']);
    expect(log.said).toEqual([expect.stringMatching(/^a part of the journal was damaged .* "bridge backfill"\.$/)]);
    expect(readdirSync(dataDir).filter((name) => name.includes('journal.1.corrupt-'))).toHaveLength(1);
  });

  test('brings everything into its store while the files take turns, also with the plans of rules that change', async () => {
    const dataDir = dataFolder();
    const inbox = await Inbox.open(inboxOptions(dataDir));
    const reader = InboxReader.open(dataDir);
    opened.push(inbox, reader);
    const filler = 'x'.repeat(4_000);
    const of = (n: number) =>
      entryOf('call_hangup', `c${n}`, planOf(`rule-${Math.floor(n / 700)}`), {
        body: Buffer.from(JSON.stringify({ type: 'call_hangup', data: { id: `c${n}`, filler } })),
      });
    for (let n = 0; n < 6_000; n += 200) {
      expect(new Set(await Promise.all(Array.from({ length: 200 }, (_, lane) => inbox.append(of(n + lane)))))).toEqual(
        new Set(['received']),
      );
    }
    await inbox.indexed();
    const seen = reader
      .pendingAfter(0, 2_000)
      .concat(reader.pendingAfter(2_000, 2_000), reader.pendingAfter(4_000, 2_000));
    expect(
      seen
        .map(({ event, plan }) => [event.id, plan.rules[0]?.name])
        .filter(([id, rule], index) => id !== `c${index}` || rule !== `rule-${Math.floor(index / 700)}`),
    ).toEqual([]);
    expect(
      readdirSync(dataDir)
        .filter((name) => name.startsWith('journal.'))
        .sort(),
    ).toEqual(['journal.0', 'journal.1']);
    for (const name of ['journal.0', 'journal.1']) {
      expect(statSync(join(dataDir, name)).size).toBeLessThan(24_000_000);
    }
  }, 30_000);

  test('keeps its journal from others', async () => {
    const dataDir = dataFolder();
    await openInbox(dataDir);
    expect(
      readdirSync(dataDir)
        .filter((name) => name.startsWith('journal.'))
        .map((name) => statSync(join(dataDir, name)).mode & 0o077),
    ).toEqual([0]);
  });
});
