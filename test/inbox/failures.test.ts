import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { RunLog } from '../../src/dispatch/run-log';
import { Inbox } from '../../src/inbox/inbox';
import { InboxUnavailable } from '../../src/inbox/inbox-unavailable';
import { InboxReader } from '../../src/inbox/archive/reader';
import { setAside } from '../../src/inbox/archive/recovery';
import { openDatabase } from '../../src/storage/sqlite';
import { dataFolder, entryOf, inboxOptions, planOf, removeDataFolders, sentences } from './entries';

const opened: { close(): unknown }[] = [];
const children: ChildProcess[] = [];

afterEach(async () => {
  for (const each of opened.splice(0)) {
    await each.close();
  }
  for (const child of children.splice(0)) {
    child.kill('SIGKILL');
  }
  removeDataFolders();
});

async function open(dataDir: string, log = sentences()): Promise<Inbox> {
  const inbox = await Inbox.open(inboxOptions(dataDir, { log }));
  opened.push(inbox);
  return inbox;
}

function reading(dataDir: string): InboxReader {
  const reader = InboxReader.open(dataDir);
  opened.push(reader);
  return reader;
}

/**
 * Runs a script of this folder in a process of its own, under `wrap` if given, and collects the lines that it writes.
 */
function run(
  script: string,
  args: string[],
  wrap: string[] = [],
): { child: ChildProcess; lines: string[]; until: (enough: (lines: string[]) => boolean) => Promise<void> } {
  const command = [
    ...wrap,
    process.execPath,
    '-r',
    join(__dirname, '..', 'run-typescript.cjs'),
    join(__dirname, script),
    ...args,
  ];
  const child = spawn(command[0] ?? '', command.slice(1), { stdio: ['pipe', 'pipe', 'inherit'] });
  children.push(child);
  const lines: string[] = [];
  let rest = '';
  let check = (): void => undefined;
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    const parts = (rest + text).split('\n');
    rest = parts.pop() ?? '';
    lines.push(...parts);
    check();
  });
  return {
    child,
    lines,
    until: (enough) =>
      new Promise((resolve, reject) => {
        child.once('close', () => reject(new Error(`the child ended early after: ${lines.slice(-3).join(' ')}`)));
        check = () => {
          if (enough(lines)) {
            check = () => undefined;
            resolve();
          }
        };
        check();
      }),
  };
}

const acked = (lines: string[]): string[] =>
  lines.filter((line) => line.startsWith('+ ')).map((line) => `call_hangup/${line.slice(2)}`);

test('kill -9 at any moment loses nothing that was acknowledged', async () => {
  const dataDir = dataFolder();
  const promised: string[] = [];
  for (const [round, enough] of [150, 700, 2_000].entries()) {
    const { child, lines, until } = run('append-forever.ts', [dataDir, `r${round}`]);
    await until((seen) => acked(seen).length >= enough);
    const ended = new Promise((resolve) => child.once('close', resolve));
    child.kill('SIGKILL');
    await ended;
    promised.push(...acked(lines));
  }
  const log = sentences();
  const inbox = await open(dataDir, log);
  const reader = reading(dataDir);
  expect(promised.filter((id) => !reader.has(id))).toEqual([]);
  expect(promised.length).toBeGreaterThanOrEqual(2_850);
  expect(await inbox.append(entryOf('call_hangup', 'r0-0-0', planOf('a')))).toBe('duplicate');
  expect(log.said).toEqual([]);
}, 120_000);

test('a reader that ends while the inbox is written loses nothing of it, also after a restart', async () => {
  const dataDir = dataFolder();
  const promised: string[] = [];
  for (const round of [0, 1]) {
    const { child, lines, until } = run('append-on-demand.ts', [dataDir]);
    child.stdin?.write(`${round}-before\n`);
    await until((seen) => seen.length === 1);
    execFileSync(process.execPath, [
      '-r',
      join(__dirname, '..', 'run-typescript.cjs'),
      join(__dirname, 'read-once.ts'),
      dataDir,
    ]);
    child.stdin?.write(`${round}-after\n`);
    await until((seen) => seen.length === 2);
    const ended = new Promise((resolve) => child.once('close', resolve));
    child.kill('SIGKILL');
    await ended;
    promised.push(...acked(lines));
  }
  await open(dataDir);
  const reader = reading(dataDir);
  expect(promised.filter((id) => !reader.has(id))).toEqual([]);
}, 120_000);

test('a second bridge is rejected while the first runs, and not after its kill -9', async () => {
  const dataDir = dataFolder();
  const { child, until } = run('append-forever.ts', [dataDir, 'first']);
  await until((lines) => lines.length > 0);
  await expect(open(dataDir)).rejects.toThrow(`process ${child.pid}`);
  const ended = new Promise((resolve) => child.once('close', resolve));
  child.kill('SIGKILL');
  await ended;
  await open(dataDir);
});

/**
 * A limit on the size of files stands in for a disk that takes no more: the write fails in the middle, as it does
 * there.
 */
(existsSync('/usr/bin/prlimit') ? describe : describe.skip)('a disk that is full', () => {
  test('appends are rejected, and succeed again without a restart once it accepts writes', async () => {
    const dataDir = dataFolder();
    const { child, lines, until } = run(
      'append-forever.ts',
      [dataDir, 'f'],
      ['/usr/bin/prlimit', '--fsize=400000:unlimited'],
    );
    await until((seen) => seen.some((line) => line.startsWith('- SQLITE_')));
    const before = lines.length;
    execFileSync('/usr/bin/prlimit', ['--pid', String(child.pid), '--fsize=unlimited:unlimited']);
    await until((seen) => seen.slice(before).filter((line) => line.startsWith('+ ')).length > 100);
    const ended = new Promise((resolve) => child.once('close', resolve));
    child.kill('SIGKILL');
    await ended;
    const log = sentences();
    await open(dataDir, log);
    const reader = reading(dataDir);
    expect(acked(lines).filter((id) => !reader.has(id))).toEqual([]);
    expect(log.said).toEqual([]);
  }, 120_000);

  test('the inbox reports the reason, stores nothing of the batch, and recovers without traffic', async () => {
    const dataDir = dataFolder();
    const { child, lines, until } = run('wait-out-a-problem.ts', [dataDir]);
    const limit = (fsize: string) =>
      execFileSync('/usr/bin/prlimit', ['--pid', String(child.pid), `--fsize=${fsize}:unlimited`]);
    await until((seen) => seen.length === 1);
    limit('1000');
    child.stdin?.write('go\n');
    await until((seen) => seen.length === 2);
    limit('unlimited');
    await until((seen) => seen.length === 4);
    const [refused, said, kept] = lines.slice(1).map((line): unknown => JSON.parse(line));
    const why = expect.stringContaining('events cannot be kept: the d');
    expect(refused).toEqual({ outcomes: [why, why], problem: why });
    expect(said).toEqual({ said: 'events can be kept again' });
    expect(kept).toEqual({ outcomes: ['received', 'received'], problem: null });
    expect(reading(dataDir).get('call_hangup/c2')?.plan).toEqual(planOf('rule-c2'));
  });
});

describe('inbox.db with errors', () => {
  test('an entry that SQLite rejects does not affect others; it is quarantined and acknowledged, and its plan is not taken for stored', async () => {
    const dataDir = dataFolder();
    const log = sentences();
    const inbox = await open(dataDir, log);
    await inbox.append(entryOf('call_hangup', 'before', planOf('a')));
    const other = openDatabase(join(dataDir, 'inbox.db'));
    opened.push(other);
    other.exec(
      `CREATE TRIGGER refuse BEFORE INSERT ON events WHEN new.event_id LIKE '%bad%' BEGIN SELECT raise(ABORT, 'refused'); END`,
    );
    const outcomes = await Promise.allSettled(
      ['good-1', 'bad', 'good-2'].map((id) => inbox.append(entryOf('call_hangup', id, planOf(id)))),
    );
    expect(outcomes.map((outcome) => outcome.status)).toEqual(['fulfilled', 'fulfilled', 'fulfilled']);
    const reader = reading(dataDir);
    expect(reader.list({ limit: 10 }).map(({ event }) => event.id)).toEqual(['good-2', 'good-1', 'before']);
    const [apart] = reader.listQuarantine();
    expect(reader.getQuarantined(apart?.id ?? '')?.body.toString()).toBe('{"type":"call_hangup","data":{"id":"bad"}}');
    expect([log.said.length, log.said[0]]).toEqual([1, expect.stringContaining('bridge events list --quarantine')]);
    expect(inbox.problem()).toBeNull();
    other.exec('DROP TRIGGER refuse');
    expect(await inbox.append(entryOf('call_hangup', 'bad', planOf('bad')))).toBe('received');
    expect(reading(dataDir).get('call_hangup/bad')?.plan).toEqual(planOf('bad'));
  });

  test('closes even when the last write fails, and opens again with everything', async () => {
    const dataDir = dataFolder();
    const log = sentences();
    const inbox = await open(dataDir, log);
    await inbox.append(entryOf('call_hangup', 'before', planOf('a')));
    const other = openDatabase(join(dataDir, 'inbox.db'));
    opened.push(other);
    other.exec(
      `CREATE TRIGGER refuse BEFORE UPDATE ON meta BEGIN SELECT raise(ABORT, 'refused'); END; CREATE TRIGGER refuse_new BEFORE INSERT ON meta BEGIN SELECT raise(ABORT, 'refused'); END`,
    );
    await inbox.close();
    expect(log.said).toEqual(['the inbox could not be closed cleanly; it is checked at the next start']);
    other.exec('DROP TRIGGER refuse; DROP TRIGGER refuse_new');
    expect(await (await open(dataDir)).append(entryOf('call_hangup', 'before', planOf('a')))).toBe('duplicate');
  });

  test.each([
    ['SQLITE_FULL', 'disk is full'],
    ['SQLITE_READONLY', 'read-only'],
    ['SQLITE_READONLY_DIRECTORY', 'read-only'],
    ['SQLITE_IOERR_WRITE', 'does not accept writes'],
    ['SQLITE_CANTOPEN', 'cannot be opened'],
    ['SQLITE_CORRUPT', 'damaged'],
    ['SQLITE_NOTADB', 'damaged'],
    ['SQLITE_BUSY', 'locked'],
  ])('%s is explained', (code, words) => {
    const unavailable = InboxUnavailable.of(Object.assign(new Error('original'), { code }));
    expect([unavailable.code, unavailable.message.includes(words)]).toEqual([code, true]);
  });
});

describe('a damaged inbox.db', () => {
  /**
   * A folder whose store looks as after a `kill -9` with `count` events in it, as copied under the feet of its writer.
   */
  async function torn(count: number): Promise<string> {
    const live = dataFolder();
    const inbox = await open(live);
    await Promise.all(
      Array.from({ length: count }, (_, n) =>
        inbox.append(
          entryOf('call_hangup', `c${n}`, planOf('a'), {
            body: Buffer.from(JSON.stringify({ type: 'call_hangup', data: { id: `c${n}`, filler: 'x'.repeat(700) } })),
          }),
        ),
      ),
    );
    await inbox.append(entryOf('message_created', 'm1', planOf('reply')));
    await inbox.quarantine({
      reason: 'not_json',
      received_at: new Date(),
      content_type: null,
      body: Buffer.from('garbage'),
    });
    await inbox.learnOwnNumbers(['+15551112222']);
    await inbox.close();
    // Open once more, so that the end is not a clean one.
    const again = await open(live);
    const copy = join(dataFolder(), 'copy');
    mkdirSync(copy, { mode: 0o700 });
    for (const file of readdirSync(live).filter((name) => name.startsWith('inbox.db') && !name.endsWith('-shm'))) {
      copyFileSync(join(live, file), join(copy, file));
    }
    await again.close();
    return copy;
  }

  const setAsideFiles = (dataDir: string) =>
    readdirSync(dataDir).filter((name) => name.includes('.corrupt-') && name.endsWith('Z'));

  test('an undamaged copy opens as it is', async () => {
    const dataDir = await torn(300);
    const log = sentences();
    await open(dataDir, log);
    expect(reading(dataDir).counts()).toEqual({ received: 301, ignored: 0, quarantined: 1 });
    expect([log.said, setAsideFiles(dataDir)]).toEqual([[], []]);
  });

  test('a page overwritten: readable rows are kept, the file is set aside, with a message', async () => {
    const dataDir = await torn(300);
    const path = join(dataDir, 'inbox.db');
    const bytes = readFileSync(path);
    const pages = bytes.length / 4_096;
    const hit = Math.floor(pages / 2);
    bytes.fill(0xaa, hit * 4_096, (hit + 1) * 4_096);
    writeFileSync(path, bytes);

    const log = sentences();
    const inbox = await open(dataDir, log);
    expect(setAsideFiles(dataDir)).toHaveLength(1);
    expect(log.said.join()).toMatch(/was damaged: \d+ events could be read/);
    const reader = reading(dataDir);
    const { received, quarantined } = reader.counts();
    expect(received).toBeGreaterThan(280);
    expect(received).toBeLessThanOrEqual(301);
    expect(quarantined).toBe(1);
    const kept = [...reader.iterate({ since: new Date(0) })];
    expect(kept.every((stored) => stored.plan?.rules.length === 1)).toBe(true);
    expect(kept.at(0)?.event.event_id).toBe('call_hangup/c0');
    // It works: known ones are duplicates, twins are remembered, new ones get numbers of their own.
    expect(await inbox.append(entryOf('call_hangup', 'c0', planOf('a')))).toBe('duplicate');
    expect(await inbox.append(entryOf('conversation_message_created', 'm1', planOf('reply')))).toBe('ignored');
    expect(await inbox.append(entryOf('call_hangup', 'new', planOf('a')))).toBe('received');
    expect(reader.get('call_hangup/new')?.seq).toBeGreaterThan(301);
    expect(inbox.ownNumbers()).toEqual(['+15551112222']);
  });

  test('a lost plan: its events are reported, and never get the plan of others', async () => {
    const dataDir = dataFolder();
    const first = await open(dataDir);
    await first.append(entryOf('call_hangup', 'c1', planOf('kept')));
    await first.append(entryOf('call_hangup', 'c2', planOf('lost')));
    await first.close();
    const store = openDatabase(join(dataDir, 'inbox.db'));
    store.exec(
      "DELETE FROM plans WHERE id = 2; DELETE FROM sqlite_sequence WHERE name = 'plans'; UPDATE meta SET value = 0 WHERE name = 'clean'",
    );
    store.close();
    setAside(join(dataDir, 'inbox.db'), dataDir, new Date());
    const inbox = await open(dataDir);
    await inbox.append(entryOf('call_hangup', 'c3', planOf('new')));
    const unreadable: string[] = [];
    const pending = reading(dataDir).pendingAfter(0, 10, ({ event_id }) => unreadable.push(event_id));
    expect(pending.map(({ event_id, plan }) => [event_id, plan.rules[0]?.name])).toEqual([
      ['call_hangup/c1', 'kept'],
      ['call_hangup/c3', 'new'],
    ]);
    expect(unreadable).toEqual(['call_hangup/c2']);
  });

  test('a file cut off in the middle', async () => {
    const dataDir = await torn(300);
    const path = join(dataDir, 'inbox.db');
    truncateSync(path, Math.floor(statSync(path).size / 2 / 4_096) * 4_096);
    const log = sentences();
    await open(dataDir, log);
    expect(log.said.join()).toContain('was damaged');
    expect(reading(dataDir).counts().received).toBeGreaterThan(50);
  });

  test('a file that is not a database, and a run log that is ahead of it', async () => {
    const dataDir = await torn(3);
    writeFileSync(join(dataDir, 'inbox.db'), Buffer.alloc(20_000, 7));
    const dispatched = RunLog.open(dataDir);
    opened.push(dispatched);
    dispatched.markStarted([], 4);
    const log = sentences();
    const inbox = await open(dataDir, log);
    expect(log.said.join()).toContain('0 events could be read');
    await inbox.append(entryOf('call_hangup', 'new', planOf('a')));
    expect(reading(dataDir).pendingAfter(dispatched.watermark(), 10)).toHaveLength(1);
  });

  test('a rebuilt file that was not moved into place yet is moved, without the log of the damaged file', async () => {
    const dataDir = dataFolder();
    const path = join(dataDir, 'inbox.db');
    const inbox = await open(dataDir);
    await inbox.append(entryOf('call_hangup', 'kept', planOf('a')));
    await inbox.close();
    renameSync(path, `${path}.new`);
    writeFileSync(`${path}-wal`, Buffer.alloc(5_000, 3));
    await (await open(dataDir)).append(entryOf('call_hangup', 'after', planOf('a')));
    expect(
      reading(dataDir)
        .pendingAfter(0, 10)
        .map(({ event }) => event.id),
    ).toEqual(['kept', 'after']);
  });

  test('a reader notices that the file under it was replaced', async () => {
    const dataDir = await torn(3);
    const reader = reading(dataDir);
    expect(reader.counts().received).toBe(4);
    writeFileSync(join(dataDir, 'inbox.db.new'), Buffer.alloc(20_000, 7));
    execFileSync('mv', [join(dataDir, 'inbox.db.new'), join(dataDir, 'inbox.db')]);
    const inbox = await open(dataDir);
    await inbox.append(entryOf('call_hangup', 'new', planOf('a')));
    while (!reader.has('call_hangup/new')) {
      await new Promise(setImmediate);
    }
  });
});
