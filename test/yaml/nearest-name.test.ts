import { didYouMean, nearest } from '../../src/yaml/nearest-name';

const KNOWN = ['direction', 'duration_s', 'call_hangup', 'call_hungup', 'live', 'shadow', 'day', 'peer.number'];

test.each([
  ['direciton', 'direction'],
  ['driectoin', 'direction'],
  ['Duration-S', 'duration_s'],
  ['call_hangpu', 'call_hangup'],
  ['lvie', 'live'],
  ['dya', 'day'],
  ['dai', 'day'],
  ['peer.numbr', 'peer.number'],
  ['shdw', null],
  ['campaign', null],
  ['x'.repeat(101), null],
])('the name nearest to %s is %s', (name, expected) => {
  expect(nearest(name, KNOWN)).toBe(expected);
});

test('the hint quotes the name', () => {
  expect(didYouMean('direciton', KNOWN)).toEqual({ hint: 'did you mean "direction"?' });
  expect(didYouMean('campaign', KNOWN)).toEqual({});
});
