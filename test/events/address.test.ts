import { readParty } from '../../src/events/address';

describe('addresses', () => {
  test.each([
    [
      { type: 'tel', target: '+15551234567', target_name: '', name: '', detail: '' },
      { type: 'tel', number: '+15551234567', name: null },
    ],
    [
      { type: 'tel', target: ' +15551234567 ', name: 'Ann', target_name: 'Other' },
      { type: 'tel', number: '+15551234567', name: 'Ann' },
    ],
    [
      { type: 'sip', target: '15551234567@example.com', target_name: 'Ann' },
      { type: 'sip', number: '15551234567@example.com', name: 'Ann' },
    ],
    [{ target: '+15551234567' }, { type: '', number: '+15551234567', name: null }],
    [{ type: 'tel' }, { type: 'tel', number: null, name: null }],
    [
      { type: 'tel', target: 15_551_234_567 },
      { type: 'tel', number: null, name: null },
    ],
    [{}, null],
    [null, null],
    [undefined, null],
    ['+15551234567', null],
    [[], null],
  ])('%j is %j', (address, party) => {
    expect(readParty(address)).toEqual(party);
  });
});

test.each([
  ['sip:+15551234567@carrier.example;user=phone', { type: 'tel', number: '+15551234567', name: null }],
  ['+15551234567@10.0.0.5:5060', { type: 'tel', number: '+15551234567', name: null }],
  ['sip:1001@pbx.example', { type: 'sip', number: 'sip:1001@pbx.example', name: null }],
  ['5551234567@pbx.example', { type: 'sip', number: '5551234567@pbx.example', name: null }],
])('a SIP address is a phone when its user part is a number with +: %s', (target, expected) => {
  expect(readParty({ type: 'sip', target })).toEqual(expected);
});
