import { statSync } from 'node:fs';
import { join } from 'node:path';
import { DataFolderInUse } from '../../src/storage/data-folder';
import { RunLog } from '../../src/dispatch/run-log';
import { Inbox } from '../../src/inbox/inbox';
import { InboxReader } from '../../src/inbox/archive/reader';
import { openDatabase } from '../../src/storage/sqlite';
import { dataFolder, entryOf, inboxOptions, planOf, removeDataFolders, sentences } from './entries';

const opened: { close(): unknown }[] = [];

async function open(dataDir: string, more: Parameters<typeof inboxOptions>[1] = {}): Promise<Inbox> {
  const inbox = await Inbox.open(inboxOptions(dataDir, more));
  opened.push(inbox);
  return inbox;
}

function reading(dataDir: string): InboxReader {
  const reader = InboxReader.open(dataDir);
  opened.push(reader);
  return reader;
}

afterEach(async () => {
  for (const each of opened.splice(0)) {
    await each.close();
  }
  removeDataFolders();
});

describe('append', () => {
  test('keeps the event whole, with its plan, for any reader', async () => {
    const dataDir = dataFolder();
    const plan = planOf('missed-call');
    const body = Buffer.from('{ "type": "call_hangup", "data": {"id":"c1","deep":{"list":[1,null,"ä"]}} }\n');
    const entry = entryOf('call_hangup', 'c1', plan, {
      declared_type: 'call_hungup',
      peer: { type: 'tel', number: '+15551230000', name: null },
      talk_s: 12.5,
      body,
    });
    expect(await (await open(dataDir)).append(entry)).toBe('received');

    const stored = reading(dataDir).get('call_hangup/c1');
    expect(stored).toEqual({
      seq: 1,
      event: { ...entry.event, data: { id: 'c1', deep: { list: [1, null, 'ä'] } } },
      body,
      content_type: 'application/json',
      plan,
      ruleset: plan.ruleset,
    });
  });

  test('answers received, ignored or duplicate', async () => {
    const dataDir = dataFolder();
    const inbox = await open(dataDir);
    expect(await inbox.append(entryOf('call_hangup', 'c1', planOf('a')))).toBe('received');
    expect(await inbox.append(entryOf('call_created', 'c1', null))).toBe('ignored');
    expect(await inbox.append(entryOf('call_ringing', 'c1', planOf()))).toBe('ignored');
    expect(await inbox.append(entryOf('call_hangup', 'c1', planOf('a')))).toBe('duplicate');
    expect(await inbox.append(entryOf('call_created', 'c1', planOf('a')))).toBe('duplicate');
    expect(reading(dataDir).counts()).toEqual({ received: 1, ignored: 2, quarantined: 0 });
  });

  test('gives one received and otherwise duplicates when one id comes many times at once', async () => {
    const inbox = await open(dataFolder());
    const outcomes = await Promise.all(
      Array.from({ length: 200 }, (_, n) => inbox.append(entryOf('call_hangup', `c${n % 5}`, planOf('a')))),
    );
    expect(outcomes.filter((outcome) => outcome === 'received')).toHaveLength(5);
    expect(outcomes.filter((outcome) => outcome === 'duplicate')).toHaveLength(195);
  });

  test('commits what arrived together in one transaction, bounded in number', async () => {
    const commits: number[] = [];
    const inbox = await open(dataFolder(), { onCommit: (jobs) => commits.push(jobs) });
    await Promise.all(Array.from({ length: 600 }, (_, n) => inbox.append(entryOf('call_hangup', `c${n}`, null))));
    expect(commits).toEqual([512, 88]);
  });

  test('is visible to other readers when it resolves, and reports how many events have something to do', async () => {
    const dataDir = dataFolder();
    const reader = reading(dataDir);
    const pending: number[] = [];
    const inbox = await open(dataDir, { onPending: (events) => pending.push(events) });
    await Promise.all(
      Array.from({ length: 50 }, (_, n) => inbox.append(entryOf('call_hangup', `c${n}`, n < 20 ? planOf('a') : null))),
    );
    expect(reader.counts()).toEqual({ received: 20, ignored: 30, quarantined: 0 });
    expect(pending.reduce((sum, events) => sum + events, 0)).toBe(20);
  });

  test.each([
    [
      'odd characters in every text',
      // Event ids and types have none (event-id.ts).
      entryOf('x', 'y', planOf("it's; DROP TABLE events --"), {
        event_id: 'x/y',
        declared_type: 'x\0y\ud800',
        id: 'id\0\u{1F600}',
        text: 'a\0b\ud800',
        body: Buffer.from('{"type":"x","data":{}}'),
      }),
    ],
    [
      'a body of ten megabytes',
      entryOf('activeflow_updated', 'a', null, {
        body: Buffer.from(JSON.stringify({ type: 'x', data: { text: 'x'.repeat(10_000_000) } })),
      }),
    ],
    ['no payload at all', entryOf('x', '', null, { body: Buffer.from('{"type":"x","data":{}}') })],
  ])('keeps %s', async (_, entry) => {
    const dataDir = dataFolder();
    const inbox = await open(dataDir);
    await inbox.append(entry);
    expect(await inbox.append(entry)).toBe('duplicate');
    const [stored] = [...reading(dataDir).iterate({ since: new Date(0) })];
    expect(stored?.event.event_id).toBe(entry.event.event_id);
    expect(stored?.event.id).toBe(entry.event.id);
    expect(stored?.event.declared_type).toBe(entry.event.declared_type);
    expect(stored?.event.text).toBe(entry.event.text);
    expect(stored?.body.equals(entry.body)).toBe(true);
    expect(stored?.plan).toEqual(entry.plan);
  });

  test('stores equal plans once', async () => {
    const dataDir = dataFolder();
    const inbox = await open(dataDir);
    await inbox.append(entryOf('call_hangup', 'c1', planOf('a')));
    await inbox.append(entryOf('call_hangup', 'c2', planOf('a')));
    await inbox.append(entryOf('call_hangup', 'c3', planOf('b')));
    const store = openDatabase(join(dataDir, 'inbox.db'));
    opened.push(store);
    expect(store.prepare('SELECT count(*) AS n FROM plans').get([])).toMatchObject({ n: 2 });
    expect(reading(dataDir).get('call_hangup/c3')?.plan).toEqual(planOf('b'));
  });

  test('keeps the order of many events, each with its plan, while plans change', async () => {
    const dataDir = dataFolder();
    const inbox = await open(dataDir);
    const filler = 'x'.repeat(4_000);
    const entryNo = (n: number) =>
      entryOf('call_hangup', `c${n}`, planOf(`rule-${Math.floor(n / 350)}`), {
        body: Buffer.from(JSON.stringify({ type: 'call_hangup', data: { id: `c${n}`, filler } })),
      });
    for (let n = 0; n < 3_000; n += 200) {
      const outcomes = await Promise.all(Array.from({ length: 200 }, (_, lane) => inbox.append(entryNo(n + lane))));
      expect(new Set(outcomes)).toEqual(new Set(['received']));
    }
    const reader = reading(dataDir);
    const seen = reader.pendingAfter(0, 2_000);
    expect(
      [...seen, ...reader.pendingAfter(seen.at(-1)?.seq ?? 0, 2_000)].map(({ event, plan }) => [
        event.id,
        plan.rules[0]?.name,
      ]),
    ).toEqual(Array.from({ length: 3_000 }, (_, n) => [`c${n}`, `rule-${Math.floor(n / 350)}`]));
  });

  test('rejects after close, and close stores what is pending', async () => {
    const dataDir = dataFolder();
    const inbox = await open(dataDir);
    const waiting = inbox.append(entryOf('call_hangup', 'c1', null));
    await inbox.close();
    expect(await waiting).toBe('ignored');
    await expect(inbox.append(entryOf('call_hangup', 'c2', null))).rejects.toMatchObject({ code: 'closed' });
    expect(reading(dataDir).has('call_hangup/c1')).toBe(true);
  });
});

describe('twins of a message', () => {
  const pairs = [
    ['message_created', 'conversation_message_created'],
    ['conversation_message_created', 'message_created'],
  ] as const;

  test.each(pairs)('%s before %s: a rule fires once', async (first, second) => {
    const dataDir = dataFolder();
    const inbox = await open(dataDir);
    expect(await inbox.append(entryOf(first, 'm1', planOf('reply', 'log')))).toBe('received');
    expect(await inbox.append(entryOf(second, 'm1', planOf('reply', 'other')))).toBe('received');
    expect(await inbox.append(entryOf(second, 'm1', planOf('reply')))).toBe('duplicate');
    const plans = reading(dataDir)
      .pendingAfter(0, 10)
      .map((event) => event.plan.rules.map((rule) => rule.name));
    expect(plans).toEqual([['reply', 'log'], ['other']]);
  });

  test.each(pairs)('%s before %s, at the same moment, with nothing left: ignored', async (first, second) => {
    const inbox = await open(dataFolder());
    expect(
      await Promise.all([
        inbox.append(entryOf(first, 'm1', planOf('reply'))),
        inbox.append(entryOf(second, 'm1', planOf('reply'))),
      ]),
    ).toEqual(['received', 'ignored']);
  });

  test('other types and other messages are not twins', async () => {
    const inbox = await open(dataFolder());
    for (const entry of [
      entryOf('message_created', 'm1', planOf('reply')),
      entryOf('conversation_message_created', 'm2', planOf('reply')),
      entryOf('call_hangup', 'm1', planOf('reply')),
      entryOf('message_deleted', 'm1', planOf('reply')),
    ]) {
      expect(await inbox.append(entry)).toBe('received');
    }
  });
});

describe('the data folder', () => {
  test('rejects a second bridge, with the process id of the first', async () => {
    const dataDir = dataFolder();
    const first = await open(dataDir);
    await expect(open(dataDir)).rejects.toThrow(new DataFolderInUse(dataDir, process.pid));
    await expect(open(dataDir)).rejects.toThrow(`process ${process.pid}`);
    await first.close();
    await open(dataDir);
  });

  test('is readable by its owner only', async () => {
    const dataDir = join(dataFolder(), 'new');
    await (await open(dataDir)).append(entryOf('call_hangup', 'c1', null));
    expect(statSync(dataDir).mode & 0o077).toBe(0);
    for (const file of ['inbox.db', 'inbox.db-wal']) {
      expect(statSync(join(dataDir, file)).mode & 0o077).toBe(0);
    }
  });

  test('written by a bridge that kept no journal opens', async () => {
    const dataDir = dataFolder();
    const first = await open(dataDir);
    await first.append(entryOf('call_hangup', 'c1', planOf('a')));
    await first.close();
    const store = openDatabase(join(dataDir, 'inbox.db'));
    store.exec("PRAGMA user_version = 1; DELETE FROM meta WHERE name LIKE 'journal%'");
    store.close();
    expect(reading(dataDir).has('call_hangup/c1')).toBe(true);
    expect(await (await open(dataDir)).append(entryOf('call_hangup', 'c1', planOf('a')))).toBe('duplicate');
  });

  test('written by a newer bridge is refused, untouched', async () => {
    const dataDir = dataFolder();
    await (await open(dataDir)).close();
    const store = openDatabase(join(dataDir, 'inbox.db'));
    store.exec('PRAGMA user_version = 99');
    store.close();
    await expect(open(dataDir)).rejects.toThrow('newer bridge');
  });
});

describe('reopening', () => {
  test('recognises events and twins again, and has our numbers', async () => {
    const dataDir = dataFolder();
    const first = await open(dataDir);
    await first.append(entryOf('message_created', 'm1', planOf('reply')));
    await first.learnOwnNumbers(['+15550001111', '+15550001111']);
    await first.close();
    const log = sentences();
    const second = await open(dataDir, { log });
    expect(await second.append(entryOf('message_created', 'm1', planOf('reply')))).toBe('duplicate');
    expect(await second.append(entryOf('conversation_message_created', 'm1', planOf('reply')))).toBe('ignored');
    expect(second.ownNumbers()).toEqual(['+15550001111']);
    expect(reading(dataDir).ownNumbers()).toEqual(['+15550001111']);
    expect(log.said).toEqual([]);
  });

  test('a new inbox numbers its events after the last one in the run log', async () => {
    const dataDir = dataFolder();
    const log = RunLog.open(dataDir);
    opened.push(log);
    log.markStarted([{ seq: 70, event_id: 'call_hangup/old', run_id: 'r', started_at: new Date() }], 70);
    await (await open(dataDir)).append(entryOf('call_hangup', 'c1', planOf('a')));
    expect(
      reading(dataDir)
        .pendingAfter(log.watermark(), 10)
        .map((event) => event.seq),
    ).toEqual([71]);
  });
});

describe('quarantine', () => {
  const request = (body: string, at = '2026-03-02T01:00:00Z') => ({
    reason: 'not_json: the body is not JSON',
    received_at: new Date(at),
    content_type: null,
    body: Buffer.from(body),
  });

  test('keeps a body once and counts how often it came', async () => {
    const dataDir = dataFolder();
    const inbox = await open(dataDir);
    const id = await inbox.quarantine(request('garbage'));
    expect(await inbox.quarantine(request('garbage', '2026-03-02T02:00:00Z'))).toBe(id);
    const empty = await inbox.quarantine(request('', '2026-03-02T03:00:00Z'));
    const reader = reading(dataDir);
    expect(reader.listQuarantine().map((each) => [each.id, each.times, each.received_at, each.bytes])).toEqual([
      [empty, 1, '2026-03-02T03:00:00.000Z', 0],
      [id, 2, '2026-03-02T02:00:00.000Z', 7],
    ]);
    expect(reader.getQuarantined(id)?.body.toString()).toBe('garbage');
    expect(reader.getQuarantined(empty)?.body).toHaveLength(0);
    expect(reader.getQuarantined('0000000000000000')).toBeNull();
  });

  test.each([
    ['count', { count: 3, bytes: 1_000_000 }],
    ['bytes', { count: 100, bytes: 35 }],
  ])('is bounded by %s, the oldest making room, also after a restart', async (_, quarantine) => {
    const dataDir = dataFolder();
    const retention = { maxAgeMs: 86_400_000, maxBytes: 1e9, quarantine };
    const first = await open(dataDir, { retention });
    for (const n of [1, 2, 3, 4, 5]) {
      await first.quarantine(request(`garbage no ${n}`));
    }
    await first.close();
    await (await open(dataDir, { retention })).quarantine(request('garbage no 6'));
    const reader = reading(dataDir);
    const kept = reader.listQuarantine();
    const expected =
      quarantine.count === 3 ? ['garbage no 6', 'garbage no 5', 'garbage no 4'] : ['garbage no 6', 'garbage no 5'];
    expect(kept.map((each) => reader.getQuarantined(each.id)?.body.toString())).toEqual(expected);
  });
});

describe('backlog', () => {
  test('counts what is not started yet, and its oldest age', async () => {
    const dataDir = dataFolder();
    const log = RunLog.open(dataDir);
    opened.push(log);
    const inbox = await open(dataDir);
    const at = (second: number) => ({ received_at: new Date(Date.UTC(2026, 2, 2, 1, 0, second)).toISOString() });
    for (const n of [1, 2, 3, 4]) {
      await inbox.append(entryOf('call_hangup', `c${n}`, n === 2 ? null : planOf('a'), at(n)));
    }
    const now = new Date(Date.UTC(2026, 2, 2, 1, 0, 10));
    expect(inbox.backlog(now)).toEqual({ depth: 3, oldestAgeMs: 9_000 });
    log.markStarted(
      [
        { seq: 1, event_id: 'call_hangup/c1', run_id: 'r1', started_at: now },
        { seq: 4, event_id: 'call_hangup/c4', run_id: 'r4', started_at: now },
      ],
      2,
    );
    expect(inbox.backlog(now)).toEqual({ depth: 1, oldestAgeMs: 7_000 });
    log.markStarted([], 4);
    expect(inbox.backlog(now)).toEqual({ depth: 0, oldestAgeMs: 0 });
  });
});
