import { Inbox } from '../../../src/inbox/inbox';
import { InboxReader } from '../../../src/inbox/archive/reader';
import { dataFolder, entryOf, inboxOptions, planOf, removeDataFolders } from '../entries';

const opened: { close(): unknown }[] = [];

afterEach(async () => {
  for (const each of opened.splice(0)) {
    await each.close();
  }
  removeDataFolders();
});

async function openBoth(dataDir = dataFolder()): Promise<{ inbox: Inbox; reader: InboxReader }> {
  const reader = InboxReader.open(dataDir);
  const inbox = await Inbox.open(inboxOptions(dataDir));
  opened.push(inbox, reader);
  return { inbox, reader };
}

test('is empty before there is an inbox', () => {
  const reader = InboxReader.open(dataFolder());
  opened.push(reader);
  expect([
    reader.pendingAfter(0, 10),
    reader.get('x'),
    reader.list({ limit: 5 }),
    reader.listQuarantine(),
    [...reader.iterate({ since: new Date(0) })],
    reader.newestAt(),
    reader.dispatchedThrough(),
  ]).toEqual([[], null, [], [], [], null, 0]);
  expect(reader.counts()).toEqual({ received: 0, ignored: 0, quarantined: 0 });
});

test('gives what is to do in the order of arrival, in pages', async () => {
  const { inbox, reader } = await openBoth();
  for (let n = 1; n <= 6; n += 1) {
    await inbox.append(entryOf('call_hangup', `c${n}`, n % 2 === 0 ? planOf(`r${n}`) : null));
  }
  const first = reader.pendingAfter(0, 2);
  expect(first.map((event) => [event.event_id, event.plan.rules[0]?.name, event.event.data])).toEqual([
    ['call_hangup/c2', 'r2', { id: 'c2' }],
    ['call_hangup/c4', 'r4', { id: 'c4' }],
  ]);
  expect(reader.pendingAfter(first.at(-1)?.seq ?? 0, 2).map((event) => event.event_id)).toEqual(['call_hangup/c6']);
});

test('lists newest first, by type, by outcome and page by page', async () => {
  const { inbox, reader } = await openBoth();
  for (const [type, id, plan] of [
    ['call_hangup', '1', planOf('a')],
    ['call_created', '2', null],
    ['call_hangup', '3', null],
    ['call_hangup', '4', planOf('a')],
  ] as const) {
    await inbox.append(entryOf(type, id, plan));
  }
  const ids = (options: Parameters<InboxReader['list']>[0]) => reader.list(options).map((event) => event.event.id);
  expect(ids({ limit: 10 })).toEqual(['4', '3', '2', '1']);
  expect(ids({ limit: 2 })).toEqual(['4', '3']);
  expect(ids({ limit: 2, before: reader.list({ limit: 2 })[1]?.seq ?? 0 })).toEqual(['2', '1']);
  expect(ids({ limit: 10, types: ['call_hangup'] })).toEqual(['4', '3', '1']);
  expect(ids({ limit: 10, outcome: 'ignored' })).toEqual(['3', '2']);
  expect(ids({ limit: 10, types: ['call_hangup'], outcome: 'received' })).toEqual(['4', '1']);
  expect(reader.list({ limit: 1 })[0]).toMatchObject({ outcome: 'received', bytes: 40 });
});

test('lists what came between two times, also where the order of arrival is another one', async () => {
  const { inbox, reader } = await openBoth();
  const at = (minute: number) => ({ received_at: new Date(Date.UTC(2026, 2, 2, 0, minute)).toISOString() });
  for (let n = 0; n < 200; n += 1) {
    // Neighbours are swapped, the clock is once set back by ten minutes, and one event was kept for an hour before.
    const minute = n === 150 ? 90 : (n ^ 1) + (n > 100 ? -10 : 0);
    await inbox.append(entryOf('call_hangup', `c${n}`, null, at(minute)));
  }
  const between = (from: number, to: number) => {
    const [since, until] = [new Date(at(from).received_at), new Date(at(to).received_at)];
    return reader.list({ limit: 500, since, until }).map(({ event }) => Date.parse(event.received_at));
  };
  const all = reader.list({ limit: 500 }).map(({ event }) => Date.parse(event.received_at));
  for (const [from, to] of [
    [0, 200],
    [30, 40],
    [88, 101],
    [120, 121],
    [189, 300],
    [300, 400],
  ] as const) {
    const [since, until] = [Date.parse(at(from).received_at), Date.parse(at(to).received_at)];
    expect(between(from, to)).toEqual(all.filter((time) => time >= since && time < until));
  }
});

test('iterates over all since a time, across pages, while more arrives', async () => {
  const { inbox, reader } = await openBoth();
  const at = (n: number) => ({ received_at: new Date(Date.UTC(2026, 2, 2, 0, 0, n)).toISOString() });
  await Promise.all(Array.from({ length: 250 }, (_, n) => inbox.append(entryOf('call_hangup', `c${n}`, null, at(n)))));
  const seen: string[] = [];
  for (const stored of reader.iterate({ since: new Date(Date.UTC(2026, 2, 2, 0, 0, 20)) })) {
    if (seen.length === 0) {
      await inbox.append(entryOf('call_hangup', 'late', null, at(300)));
    }
    seen.push(stored.event.id);
  }
  expect([seen[0], seen.at(-1), seen.length]).toEqual(['c20', 'late', 231]);
  expect(reader.newestAt()).toEqual(new Date(Date.UTC(2026, 2, 2, 0, 5, 0)));
});

test('a long read does not keep the log from being folded back, and the reader cannot write', async () => {
  const { inbox, reader } = await openBoth();
  await Promise.all(Array.from({ length: 300 }, (_, n) => inbox.append(entryOf('call_hangup', `c${n}`, null))));
  const slow = reader.iterate({ since: new Date(0) });
  slow.next();
  await inbox.close();
  expect([...slow]).toHaveLength(299);
});
