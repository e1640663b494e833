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
