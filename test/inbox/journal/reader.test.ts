import { readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import type { JournalPosition, JournalRecord } from '../../../src/inbox/journal/frame';
import { journalFile, JournalReader, type JournalDamage } from '../../../src/inbox/journal/reader';
import { dataFolder, entryOf, planOf, removeDataFolders } from '../entries';
import { journalRecordsOf, JournalWriter } from './write-journal';

const opened: { close(): unknown }[] = [];

afterEach(() => {
  opened.splice(0).forEach((each) => each.close());
  removeDataFolders();
});

const START: JournalPosition = { segment: 1, offset: 0 };

function openReader(dataDir: string, damage: JournalDamage[] = []): JournalReader {
  const reader = new JournalReader(dataDir, (found) => damage.push(found));
  opened.push(reader);
  return reader;
}

function quarantined(id: string, bytes = Buffer.alloc(0)): JournalRecord {
  return { meta: { kind: 'quarantine', id, reason: 'r', received_at: 1, content_type: null }, text: '', bytes };
}

function idsIn(records: readonly JournalRecord[]): string[] {
  return records.map(({ meta }) => (meta.kind === 'quarantine' ? meta.id : meta.kind));
}

/** Everything that a new reader finds, and the damage that it reports. */
function rest(dataDir: string, from = START): { ids: string[]; damage: JournalDamage[] } {
  const damage: JournalDamage[] = [];
  const ids = [...openReader(dataDir, damage).rest(from)].flatMap(({ records }) => idsIn(records));
  return { ids, damage };
}

test('reads records of every kind byte for byte', () => {
  const dataDir = dataFolder();
  const records: JournalRecord[] = [
    ...journalRecordsOf(
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
        content_type: '"\\'.repeat(9),
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
  const end = new JournalWriter(dataDir).write(records);
  // As text: comparing ten megabytes number by number takes many seconds.
  const legible = (found: readonly JournalRecord[]) =>
    found.map((record) => ({ ...record, bytes: record.bytes.toString('latin1') }));
  expect([...openReader(dataDir).rest(START)].map((part) => [legible(part.records), part.end])).toEqual([
    [legible(records), end],
  ]);
});

test('reads segments of both files in order, and ignores what an earlier segment left in a file', () => {
  const dataDir = dataFolder();
  const writer = new JournalWriter(dataDir);
  const kilobyte = Buffer.alloc(1_024, 1);
  for (const ids of [['a', 'b', 'c'], ['d', 'e'], ['f']]) {
    ids.forEach((id) => writer.write([quarantined(id, kilobyte)]));
    writer.rotate();
  }
  expect(rest(dataDir, { segment: 2, offset: 0 })).toEqual({ ids: ['d', 'e', 'f'], damage: [] });
  const [first] = openReader(dataDir).rest({ segment: 2, offset: 0 });
  expect(rest(dataDir, first?.end)).toEqual({ ids: ['e', 'f'], damage: [] });
});

test('finds the plans of a segment before a position', () => {
  const dataDir = dataFolder();
  const writer = new JournalWriter(dataDir);
  const middle = writer.write(journalRecordsOf(entryOf('call_hangup', 'c1', planOf('a'))));
  writer.write(journalRecordsOf(entryOf('call_hangup', 'c2', planOf('b'))));
  expect([...openReader(dataDir).plansBefore(middle).values()]).toEqual([JSON.stringify(planOf('a'))]);
  expect(openReader(dataDir).plansBefore(START).size).toBe(0);
});

describe('after a crash', () => {
  /** A folder with a journal of three writes, and where each of them ends. */
  function written(): { dataDir: string; path: string; ends: JournalPosition[] } {
    const dataDir = dataFolder();
    const writer = new JournalWriter(dataDir);
    const ends = ['a', 'b', 'c'].map((id) => writer.write([quarantined(id, Buffer.from(`body of ${id}`))]));
    return { dataDir, path: journalFile(dataDir, 1), ends };
  }

  test('a last write that was interrupted anywhere is not damage', () => {
    const { dataDir, path, ends } = written();
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
  ])('a damaged part %s is skipped, and the file is copied aside', (_, broken, left) => {
    const { dataDir, path, ends } = written();
    const bytes = readFileSync(path);
    bytes.fill(0xaa, ends[broken - 1]?.offset ?? 0, (ends[broken - 1]?.offset ?? 0) + 30);
    writeFileSync(path, bytes);
    const found = rest(dataDir);
    expect(found.ids).toEqual(left);
    expect(found.damage.map(({ aside }) => readFileSync(aside ?? '').equals(bytes))).toEqual([true]);
  });

  /** Two segments, of four writes and of one, and where each write ends. */
  function twoSegments(): { dataDir: string; ends: JournalPosition[] } {
    const dataDir = dataFolder();
    const writer = new JournalWriter(dataDir);
    const ends = ['a', 'b', 'c', 'd'].map((id) => writer.write([quarantined(id, Buffer.alloc(1_024, 1))]));
    writer.rotate();
    ends.push(writer.write([quarantined('e')]));
    return { dataDir, ends };
  }

  test.each([
    [1, 'acde'],
    [3, 'abce'],
  ])('a damaged write (%d) is skipped and reported, also the last one of a segment', (broken, left) => {
    const { dataDir, ends } = twoSegments();
    const path = journalFile(dataDir, 1);
    const bytes = readFileSync(path);
    bytes.fill(0xaa, (ends[broken - 1]?.offset ?? 0) + 40, (ends[broken - 1]?.offset ?? 0) + 50);
    writeFileSync(path, bytes);
    const found = rest(dataDir);
    expect([found.ids.join(''), found.damage.length]).toEqual([left, 1]);
  });

  test('a missing file is not read', () => {
    const { dataDir } = twoSegments();
    rmSync(journalFile(dataDir, 1));
    expect(rest(dataDir).ids).toEqual(['e']);
  });
});
