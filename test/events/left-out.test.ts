import { assertNotLeftOut, guardLeftOut, LeftOutError } from '../../src/events/left-out';
import { eventOf } from './event-of';

const WHOLE = eventOf({ id: '1', peer: { type: 'tel', number: '+15551234567', name: null }, data: { id: '1', a: 2 } });
const guarded = guardLeftOut(WHOLE, ['text', 'peer.name', 'data.long', 'data.other']);

test('without a list, the event itself is returned', () => {
  expect(guardLeftOut(WHOLE, undefined)).toBe(WHOLE);
});

test('what is there can be read', () => {
  expect([guarded.status, guarded.peer?.number, guarded.data['a'], Object.hasOwn(guarded.data, 'long')]).toEqual([
    null,
    '+15551234567',
    2,
    true,
  ]);
});

test.each<[string, string, () => unknown]>([
  ['a text', 'text', () => guarded.text],
  ['a name', 'peer.name', () => guarded.peer?.name],
  ['a member', 'data.other', () => guarded.data['other']],
  ['a party as JSON', 'peer.name', () => JSON.stringify(guarded.peer)],
  ['data as JSON', 'data.long', () => JSON.stringify(guarded.data)],
  ['the members in turn', 'data.long', () => Object.entries(guarded.data)],
  ['a copy', 'data.long', () => ({ ...guarded.data })],
  ['data that is left out as a whole', 'data', () => guardLeftOut(WHOLE, ['data']).data['id']],
])('reading %s throws', (_, path, read) => {
  expect(read).toThrow(new LeftOutError(path));
});

test.each<[string[], string | null]>([
  [['data', 'long'], 'data.long'],
  [['data', 'long', 'deeper'], 'data.long'],
  [['data'], 'data.long'],
  [['data', 'a'], null],
  [['text'], 'text'],
  [['text', 'deeper'], 'text'],
  [['peer'], 'peer.name'],
  [['peer', 'number'], null],
  [['steps', 'long'], null],
])('a reference to %j reads %j', (reference, path) => {
  const assert = (): void => assertNotLeftOut([['id'], reference], ['text', 'peer.name', 'data.long']);
  expect(thrownBy(assert)).toEqual(path === null ? null : new LeftOutError(path));
});

function thrownBy(call: () => void): unknown {
  try {
    call();
    return null;
  } catch (error) {
    return error;
  }
}

test('a reference into data that is left out as a whole reads it', () => {
  expect(() => assertNotLeftOut([['data', 'id']], ['data'])).toThrow(new LeftOutError('data'));
  expect(() => assertNotLeftOut([['data', 'id']])).not.toThrow();
});
