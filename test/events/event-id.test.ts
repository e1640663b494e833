import { createHash } from 'node:crypto';
import type { JsonValue } from '../../src/events/json';
import { eventIdentity, isFitId, safeTypeName } from '../../src/events/event-id';

const UUID = '593555d2-787e-4b06-862f-407bb2e43be1';
const BODY = Buffer.from('{"type":"call_updated","data":{}}');
const HASH = createHash('sha256').update(BODY).digest('hex');

describe('event ids', () => {
  test('what happens once has no hash, so that a second emission with another body is the same event', () => {
    const expected = { id: UUID, event_id: `call_hangup/${UUID}` };
    expect(eventIdentity('call_hangup', UUID, BODY)).toEqual(expected);
    expect(eventIdentity('call_hangup', UUID, Buffer.from('{}'))).toEqual(expected);
  });

  test.each(['call_updated', 'aimessage_intermediate', 'no_such_type'])(
    '%s can repeat: the body is part of its id',
    (type) => {
      expect(eventIdentity(type, UUID, BODY)).toEqual({ id: UUID, event_id: `${type}/${UUID}/${HASH.slice(0, 16)}` });
      expect(eventIdentity(type, UUID, Buffer.from('{}')).event_id).not.toBe(eventIdentity(type, UUID, BODY).event_id);
    },
  );

  const fit: string[] = [
    UUID,
    '12345678-1234-1234-1234-123456789012',
    'test-call-id',
    'a',
    '123456',
    'A.b_c:d-e',
    'x'.repeat(128),
  ];
  test.each(fit)('%j is fit to be an id', (id) => {
    expect(isFitId(id)).toBe(true);
    expect(eventIdentity('call_hangup', id, BODY)).toEqual({ id, event_id: `call_hangup/${id}` });
  });

  const unfit: (JsonValue | undefined)[] = [
    undefined,
    null,
    7,
    15_551_234_567,
    {},
    ['x'],
    '',
    'x'.repeat(129),
    'a/b',
    'a b',
    'é',
    'x\n',
    '\ud800',
    '#2',
    '+15551234567',
    '15551234567',
    '1234567',
    '12345678901234567890',
    '1-555-123-4567',
    '555.123.4567',
    'tel:15551234567',
    'sip:1555-123-4567',
    'someone@example.com',
  ];
  test.each(unfit)('%j is replaced by a hash of the body', (id) => {
    expect(isFitId(id)).toBe(false);
    const identity = eventIdentity('call_hangup', id, BODY);
    expect(identity).toEqual({ id: HASH.slice(0, 32), event_id: `call_hangup/${HASH.slice(0, 32)}` });
    expect(eventIdentity('call_hangup', id, BODY)).toEqual(identity);
    expect(eventIdentity('call_updated', id, BODY).event_id).toBe(
      `call_updated/${HASH.slice(0, 32)}/${HASH.slice(0, 16)}`,
    );
  });

  test.each([
    ['call_hangup', 'call_hangup'],
    ['call.status', 'call.status'],
    ['call_parked', 'call_parked'],
    ['', 'unknown'],
    ['Call_Hangup', 'unknown'],
    ['call hangup', 'unknown'],
    ['a/b', 'unknown'],
    ['x'.repeat(65), 'unknown'],
    ['15551234567', 'unknown'],
    ['+15551234567', 'unknown'],
    ['\u0000', 'unknown'],
    ['__proto__', 'unknown'],
    ['.', 'unknown'],
    ['<script>', 'unknown'],
  ])('type %j stands as %s', (type, expected) => {
    expect(safeTypeName(type)).toBe(expected);
  });
});
