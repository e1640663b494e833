import { limitValueOf } from '../../src/worker/limit-value';
import { eventOf } from '../events/event-of';

const peer = (number: string) => eventOf({ peer: { type: 'tel', number, name: null } });

it('gives spellings of one number the same value', () => {
  expect(limitValueOf(peer('+1 555-123-4567'), 'peer.number')).toBe('+15551234567');
  expect(limitValueOf(peer('+15551234567'), 'peer.number')).toBe('+15551234567');
});

it('keeps other values as they are', () => {
  expect(limitValueOf(peer('sip:ada@example.com'), 'peer.number')).toBe('sip:ada@example.com');
  expect(limitValueOf(eventOf({ duration_s: 12 }), 'duration_s')).toBe('12');
});

it('is null for a missing value and an unknown field', () => {
  expect(limitValueOf(eventOf(), 'peer.number')).toBeNull();
  expect(limitValueOf(eventOf(), 'no.such.field')).toBeNull();
});

it('is not null for a field that was left out: it throws', () => {
  const event = { ...peer('+15551234567'), left_out: ['peer.name'] };
  expect(limitValueOf(event, 'peer.number')).toBe('+15551234567');
  expect(() => limitValueOf(event, 'peer.name')).toThrow(/left out: peer.name/);
});
