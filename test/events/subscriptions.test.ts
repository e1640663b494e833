import { subscriptionCovers, subscriptionNames } from '../../src/events/subscriptions';

test('a type is subscribed under its names in both dialects, and under the dotted ones of the examples', () => {
  expect(subscriptionNames(new Set(['call_hangup']))).toEqual({
    all: ['call.completed', 'call.status', 'call_hangup', 'call_hungup'],
    documented: ['call_hungup'],
    dotted: ['call.status', 'call.completed'],
  });
});

test('a finished recording comes under the name of its progress, too', () => {
  expect(subscriptionNames(new Set(['recording_finished'])).documented).toEqual(['recording_updated']);
});

test('a type that nobody knows is subscribed under its own name', () => {
  expect(subscriptionNames(new Set(['call_parked'])).all).toEqual(['call.status', 'call_parked']);
});

test.each([
  ['call_hungup', 'call_hangup', true],
  ['call_hangup', 'call_hangup', true],
  ['recording_updated', 'recording_finished', true],
  ['*', 'queue_created', true],
  ['call_*', 'call_hangup', true],
  ['message.received', 'message_created', true],
  ['call.completed', 'call_created', false],
  ['call_hungup', 'queue_created', false],
])('%s covers %s: %s', (name, type, covers) => {
  expect(subscriptionCovers(name, type)).toBe(covers);
});
