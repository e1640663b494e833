import { createdAt, resourceState, type Resource } from '../../src/backfill/resource-event';
import { canonicalize } from '../../src/events/canonicalize';
import { parseEnvelope } from '../../src/events/envelope';
import { parseExactly } from '../../src/events/exact-number';
import type { JsonObject } from '../../src/events/json';

const times = { tm_create: '2026-03-02T01:00:00.123456Z', tm_update: '2026-03-02T01:09:00Z' };

describe('the event that a listed resource stands for', () => {
  test.each<[string, Resource, JsonObject, string, string]>([
    ['a text', 'messages', { id: 'r', ...times }, 'message_created', '2026-03-02T01:00:00.123Z'],
    [
      'a call that was hung up',
      'calls',
      { id: 'r', ...times, status: 'hangup', tm_hangup: '2026-03-02T01:05:00Z' },
      'call_hangup',
      '2026-03-02T01:05:00.000Z',
    ],
    [
      'one whose status lags',
      'calls',
      { id: 'r', ...times, status: 'terminating', tm_hangup: '2026-03-02T01:05:00Z' },
      'call_hangup',
      '2026-03-02T01:05:00.000Z',
    ],
    [
      'one without the time',
      'calls',
      { id: 'r', ...times, status: 'hangup' },
      'call_hangup',
      '2026-03-02T01:09:00.000Z',
    ],
    [
      'a recording that has ended',
      'recordings',
      { id: 'r', ...times, status: 'ended', tm_end: '2026-03-02T01:06:00Z' },
      'recording_finished',
      '2026-03-02T01:06:00.000Z',
    ],
    [
      'one in the words of the page',
      'recordings',
      { id: 'r', ...times, status: 'done', tm_end: '2026-03-02 01:06:00.000000' },
      'recording_finished',
      '2026-03-02T01:06:00.000Z',
    ],
    [
      'one without status',
      'recordings',
      { id: 'r', ...times, tm_end: '2026-03-02T01:06:00Z' },
      'recording_finished',
      '2026-03-02T01:06:00.000Z',
    ],
  ])('%s', (_, resource, item, type, occurred) => {
    const found = resourceState(resource, item);
    if (found.state !== 'ended') {
      throw new Error(found.state);
    }
    expect(new Date(found.event.occurredAt).toISOString()).toBe(occurred);
    expect(found.event.body.toString()).toBe(JSON.stringify({ type, data: item }));
    const parsed = parseEnvelope(found.event.body);
    if (!parsed.ok) {
      throw new Error(parsed.message);
    }
    expect(canonicalize(parsed.envelope, found.event.body, new Date(), { has: () => false })).toMatchObject({
      type,
      event_id: `${type}/r`,
    });
  });

  test('has the digits of its numbers', () => {
    const item = '{"id":"r","tm_create":"2026-03-02T01:00:00Z","metadata":{"deal":9007199254740993}}';
    const found = resourceState('messages', { ...Object(parseExactly(item)) });
    expect(found.state === 'ended' ? found.event.body.toString() : null).toBe(
      `{"type":"message_created","data":${item}}`,
    );
  });

  test.each<[string, Resource, JsonObject, string]>([
    ['a call under way', 'calls', { id: 'r', ...times, status: 'progressing' }, 'open'],
    [
      'a call whose hang-up is "not yet"',
      'calls',
      { id: 'r', ...times, tm_hangup: '9999-01-01 00:00:00.000000' },
      'open',
    ],
    ['a recording that goes on', 'recordings', { id: 'r', ...times, status: 'recording' }, 'open'],
    [
      'a recording that is being stopped',
      'recordings',
      { id: 'r', ...times, status: 'stopping', tm_end: '2026-03-02T01:06:00Z' },
      'open',
    ],
    ['what was deleted', 'messages', { id: 'r', ...times, tm_delete: '2026-03-02T01:06:00Z' }, 'none'],
    ['what has no id', 'messages', { ...times }, 'none'],
    [
      'what has a phone number for an id',
      'calls',
      { id: '+15551234567', ...times, tm_hangup: '2026-03-02T01:05:00Z' },
      'none',
    ],
  ])('none for %s', (_, resource, item, state) => {
    expect(resourceState(resource, item)).toEqual({ state });
  });

  test('creation is read in either dialect, and may be missing', () => {
    expect(createdAt({ tm_create: '2026-03-02 01:00:00.123456' })).toBe(Date.parse('2026-03-02T01:00:00.123Z'));
    expect(createdAt({ tm_create: null })).toBeNull();
  });
});
