import { bareEvent } from '../../src/events/bare-event';
import type { CanonicalEvent } from '../../src/events/canonical-event';
import { headJson, readHead, type EventHead } from '../../src/inbox/stored-event';
import { openDatabase, oneNumber } from '../../src/storage/sqlite';
import { Inbox } from '../../src/inbox/inbox';
import { join } from 'node:path';
import { dataFolder, entryOf, inboxOptions, planOf, removeDataFolders } from './entries';

afterEach(removeDataFolders);

const full: Required<Omit<CanonicalEvent, 'data' | 'left_out'>> = {
  type: 'recording_finished',
  declared_type: 'recording_ended',
  event_id: 'recording_finished/r1',
  id: 'r1',
  customer_id: 'customer',
  occurred_at: '2026-03-02T15:02:10.654321Z',
  received_at: '2026-03-02T15:02:11.007Z',
  direction: 'inbound',
  peer: { type: 'tel', number: '+15551230001', name: 'Ada' },
  ours: { type: 'extension', number: null, name: null },
  answered: false,
  picked_up: true,
  ring_s: 0,
  talk_s: 1.5,
  duration_s: 2,
  hangup_by: 'remote',
  reason: 'normal',
  text: 'a text',
  status: 'ended',
  recording_ready: true,
  call_id: 'c1',
  root_call_id: 'c0',
  leg: 'customer',
  agent: { id: 'a1', name: null, username: 'ada' },
  call: { direction: null, peer: null, ours: null, answered: null, talk_s: null, duration_s: 3, reason: null },
  pending: ['answered'],
};
const { data: _payload, ...unknown } = bareEvent({ ...full, at: full.occurred_at, data: {} });
const bare: EventHead = { ...unknown, received_at: full.received_at };

function rowOf(event: EventHead, head: string): Parameters<typeof readHead>[0] {
  return { event_id: event.event_id, type: event.type, received_at: Date.parse(event.received_at), head };
}

test.each([
  ['everything', full, 'abc'],
  ['nothing', bare, null],
])('an event with %s is read as it was stored', (_, event, ruleset) => {
  expect(readHead(rowOf(event, headJson(event, ruleset)))).toEqual({ event, ruleset });
});

test('what is null, and what other columns have, is not stored', () => {
  expect(JSON.parse(headJson(bare, null))).toEqual({ id: 'r1', occurred_at: '2026-03-02T15:02:10.654321Z' });
});

test('the head of an earlier version, with all members, is read', () => {
  const { picked_up: _picked, leg: _leg, agent: _agent, call: _call, ...early } = bare;
  expect(readHead(rowOf(bare, JSON.stringify({ ...early, ruleset: null })))).toEqual({ event: bare, ruleset: null });
});

test.each([
  ['no JSON', '{', 'JSON'],
  ['no object', 'null', 'expected record'],
  ['a member of another type', '{"id":1,"occurred_at":"x"}', 'expected string'],
])('a damaged head is refused: %s', (_, head, message) => {
  expect(() => readHead(rowOf(bare, head))).toThrow(message);
});

test('two events of calls share a page of the file', async () => {
  const dataDir = dataFolder();
  const inbox = await Inbox.open(inboxOptions(dataDir));
  // As large as the live sender's bodies of ended calls are.
  const body = Buffer.from(JSON.stringify({ type: 'call_hangup', data: { filler: 'x'.repeat(1_150) } }));
  const ids = Array.from({ length: 200 }, (_, n) => `5b8311cd-82eb-45d0-a1ba-${String(n).padStart(12, '0')}`);
  await Promise.all(
    ids.map((id) => {
      const event = { ...full, event_id: `call_hangup/${id}`, call_id: id, root_call_id: id, agent: null, call: null };
      return inbox.append(entryOf('call_hangup', id, planOf('log'), { ...event, id, type: 'call_hangup', body }));
    }),
  );
  await inbox.close();
  const database = openDatabase(join(dataDir, 'inbox.db'));
  try {
    const pages = oneNumber(database, "SELECT count(*) FROM dbstat WHERE name = 'events' AND pagetype = 'leaf'");
    expect(pages).toBeGreaterThan(0);
    expect(pages).toBeLessThanOrEqual(102);
  } finally {
    database.close();
  }
});
